//! The options of `doctor`, as typed.

use std::time::Duration;

use clap::Args;

use super::values::{kinds, parse_duration};
use super::{ColorWhen, KindLetters, MessageOptions, Sourcing};
use crate::model::KindSet;

/// Diagnose what is wrong, with the evidence and the remedy
///
/// Samples the sockets, the kernel's counters and its limits twice, with a window between, and
/// reports what is wrong now. Exit status: 4 with warnings, 5 with critical findings, else
/// as without a command. The manual has every rule with its thresholds.
#[derive(Debug, Args)]
#[command(help_template = examples!(
    "  tcpstates doctor                what is wrong now
  tcpstates doctor --window 10    find rare drops
  tcpstates doctor --json         for scripts"
))]
pub struct Doctor {
    /// Only findings about sockets that match, in the expression language of ss
    ///
    /// Rules about limits of the network namespace or of the host are applied to all of it, and
    /// say so.
    #[arg(value_name = "FILTER", help_heading = "Selection")]
    pub words: Vec<String>,

    /// Only these kinds of sockets, separated by commas (default: all that rules are about); repeatable
    #[arg(
        short = 'A',
        long = "kind",
        visible_alias = "query",
        value_name = "LIST"
    )]
    #[arg(value_delimiter = ',', value_parser = kinds(), help_heading = "Selection")]
    pub kinds: Vec<KindSet>,

    /// Every kind that rules are about, which is the default; no effect with a kind
    #[arg(short, long, help_heading = "Selection")]
    pub all: bool,

    /// Those of ss that name kinds.
    #[command(flatten)]
    pub letters: KindLetters,

    /// How long to wait between the two samples (0.05s to 24h, as in 2, 500ms, 5m)
    ///
    /// The growth of the kernel's counters in this time is compared with thresholds, so that
    /// findings are about now and not about the time since boot.
    #[arg(long, value_name = "DURATION", default_value = "1")]
    #[arg(value_parser = parse_duration, allow_hyphen_values = true)]
    pub window: Duration,

    /// Give up after this time, not counting --window and --owner-timeout (0.05s to 24h)
    #[arg(long, value_name = "DURATION", default_value = "120")]
    #[arg(value_parser = parse_duration, allow_hyphen_values = true)]
    #[arg(help_heading = "Sources")]
    pub timeout: Duration,

    /// Print one line per finding
    #[arg(long, conflicts_with = "json", help_heading = "Output")]
    pub brief: bool,

    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// When to use colour; NO_COLOR in the environment turns `auto` off
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorWhen::Auto)]
    #[arg(help_heading = "Output")]
    pub color: ColorWhen,

    /// How much to print on standard error.
    #[command(flatten)]
    pub messages: MessageOptions,

    /// Which sources are used.
    #[command(flatten)]
    pub sourcing: Sourcing,
}
