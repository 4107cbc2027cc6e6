//! The options of `check`, as typed.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use super::keys::parse_keys;
use super::thresholds::parse_threshold;
use super::values::{fields, parse_count, parse_duration, parse_window};
use super::{Keys, KindOption, Selection, Sourcing};
use crate::model::{Threshold, Use};

pub(super) const EXIT_STATUS: &str = "\
Exit status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, also for a usage error or an incomplete answer.
The manual is tcpstates-check(1).";

/// Compare counts, shares and rates with thresholds, for monitoring
///
/// Prints one line with performance data, and exits as monitoring plugins do: 0 OK,
/// 1 WARNING, 2 CRITICAL, 3 UNKNOWN, which is also the status of an invalid command line,
/// of an incomplete answer and of this text.
#[derive(Debug, Args)]
#[command(next_help_heading = "Thresholds", help_template = examples!(
    "  tcpstates check -w close-wait=100 -c close-wait=1000
  tcpstates check -w accept-queue=80%,listen-drops=0/s
  tcpstates check --by remote-addr -c total=5000 sport = :443"
))]
pub struct Check {
    /// Which sockets.
    #[command(flatten)]
    pub selection: Selection,

    /// Which kinds.
    #[command(flatten)]
    pub kinds: KindOption,

    /// Warning ranges: NAME=RANGE, separated by commas; repeatable
    ///
    /// NAME is a state or `total`, and RANGE a number of sockets, a share of all that are selected
    /// (close-wait=50%), or a net change per second (established=-100/s:). 10 or 0:10 alerts
    /// outside 0 to 10, 10: below 10, ~:10 above 10, 10:20 outside, @10:20 inside.
    /// Other names: accept-queue (% of its limit, each listener), listen-drops (/s), retransmission
    /// (% of segments), receive-queue and send-queue (bytes, the longest; of UDP, receive-queue also
    /// % of its limit), drops (/s), orphans and memory (bytes) of the host (a number or %),
    /// ephemeral-ports (the fullest destination).
    #[arg(short, long, value_name = "NAME=RANGE", value_delimiter = ',')]
    #[arg(value_parser = parse_threshold, allow_hyphen_values = true)]
    pub warning: Vec<Threshold>,

    /// Critical ranges: NAME=RANGE, likewise
    #[arg(short, long, value_name = "NAME=RANGE", value_delimiter = ',')]
    #[arg(value_parser = parse_threshold, allow_hyphen_values = true)]
    pub critical: Vec<Threshold>,

    /// Measure rates and retransmission over this time (0.05s to 1h; default 1)
    ///
    /// Only valid with such a threshold. Two samples are then taken.
    #[arg(long, value_name = "DURATION")]
    #[arg(value_parser = parse_window, allow_hyphen_values = true)]
    pub window: Option<Duration>,

    /// Compare each group: by one key, or by several separated by commas; the keys of the summary
    #[arg(long, value_name = "KEYS", value_parser = fields(Use::Group, parse_keys))]
    pub by: Option<Keys>,

    /// Check repeatedly until OK three times in a row; no check begins later than this (30, 500ms, 5m, 1h)
    ///
    /// One that has begun is completed, with its window. The last result is printed, and decides the exit status. --timeout limits each check.
    #[arg(long, value_name = "DURATION", help_heading = "Waiting")]
    #[arg(value_parser = parse_duration, allow_hyphen_values = true)]
    pub wait: Option<Duration>,

    /// With --wait, check this often (0.05s to 24h; default 1)
    #[arg(long, value_name = "DURATION", help_heading = "Waiting")]
    #[arg(value_parser = parse_duration, allow_hyphen_values = true)]
    pub interval: Option<Duration>,

    /// List the N worst groups, and the N worst accept queues (default 10)
    #[arg(long, value_name = "N", help_heading = "Output")]
    #[arg(value_parser = parse_count::<NonZeroUsize>, allow_hyphen_values = true)]
    pub top: Option<NonZeroUsize>,

    /// Print one JSON object instead of the line for monitoring
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// Report also which method was used, why, and its cost
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,

    /// Give up after this time (0.05s to 24h); the result is then UNKNOWN
    #[arg(short, long, value_name = "DURATION", default_value = "10")]
    #[arg(value_parser = parse_duration, allow_hyphen_values = true)]
    #[arg(help_heading = "Sources")]
    pub timeout: Duration,

    /// Which sources are used.
    #[command(flatten)]
    pub sourcing: Sourcing,
}
