//! The options of `check`, as typed.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use super::thresholds::parse_threshold;
use super::values::{parse_keys, parse_seconds, parse_top, parse_window};
use super::{Keys, Owning, Selection, Sourcing};
use crate::model::Threshold;

/// What is checked.
#[derive(Debug, Args)]
pub struct Check {
    /// Which sockets.
    #[command(flatten)]
    pub selection: Selection,

    /// Which values are a warning: NAME=RANGE, separated by commas; may be repeated
    ///
    /// NAME is a state, `total`, or `accept-queue`. RANGE is a number of sockets, a share of all
    /// that are selected (close-wait=50%), or a net change per second (established=-100/s:). 10 or
    /// 0:10 alerts outside 0 to 10, 10: below 10, ~:10 above 10, 10:20 outside, @10:20 inside.
    /// accept-queue=80% judges each listener's queue by its limit; over 100% it is full.
    #[arg(
        short,
        long,
        value_name = "NAME=RANGE",
        value_delimiter = ',',
        value_parser = parse_threshold,
        allow_hyphen_values = true,
        help_heading = "What is judged"
    )]
    pub warning: Vec<Threshold>,

    /// Which values are critical: NAME=RANGE, likewise
    #[arg(
        short,
        long,
        value_name = "NAME=RANGE",
        value_delimiter = ',',
        value_parser = parse_threshold,
        allow_hyphen_values = true,
        help_heading = "What is judged"
    )]
    pub critical: Vec<Threshold>,

    /// Measure changes per second over so many seconds (0.05 to 3600; 1 unless given)
    ///
    /// Only where a threshold is a rate. Two samples are taken then.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = parse_window,
        allow_hyphen_values = true,
        help_heading = "What is judged"
    )]
    pub window: Option<Duration>,

    /// Judge each group: by one key, or by several separated by commas; the keys of the summary
    #[arg(
        long,
        value_name = "KEYS",
        value_parser = parse_keys,
        help_heading = "What is judged"
    )]
    pub by: Option<Keys>,

    /// List the N worst groups, and the N worst accept queues (10 unless given)
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_top,
        allow_hyphen_values = true,
        help_heading = "How to show it"
    )]
    pub top: Option<NonZeroUsize>,

    /// Print one JSON object instead of the line for monitoring
    #[arg(long, help_heading = "How to show it")]
    pub json: bool,

    /// Say how the answer was come by as well
    #[arg(short, long, help_heading = "How to show it")]
    pub verbose: bool,

    /// Give up after so many seconds (0.05 to 86400), which is UNKNOWN
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        default_value = "10",
        allow_hyphen_values = true,
        help_heading = "Who is asked"
    )]
    pub timeout: Duration,

    /// Who is asked.
    #[command(flatten)]
    pub sourcing: Sourcing,

    /// How holders are looked for.
    #[command(flatten)]
    pub owning: Owning,
}
