//! The options that say how often, as typed.

use std::num::NonZeroU64;
use std::time::Duration;

use clap::Args;

use super::values::{parse_samples, parse_seconds};

/// How often.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "How often")]
pub struct Repetition {
    /// Repeat every so many seconds (0.05 to 86400, fractions allowed)
    ///
    /// On a terminal counts are shown in place, and `?` tells the keys; elsewhere, and with list,
    /// samples follow each other. They keep to the clock: a sample that takes longer than this
    /// skips the ones it misses.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_hyphen_values = true
    )]
    pub watch: Option<Duration>,

    /// Stop after so many samples
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_samples,
        allow_hyphen_values = true
    )]
    pub samples: Option<NonZeroU64>,
}
