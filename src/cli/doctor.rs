//! The options of `doctor`, as typed.

use std::time::Duration;

use clap::Args;

use super::values::parse_seconds;
use super::{ColorWhen, Owning, Sourcing};

/// What a diagnosis is asked.
#[derive(Debug, Args)]
pub struct Doctor {
    /// How long to wait between the two looks, in seconds (0.05 to 86400, fractions allowed)
    ///
    /// What the kernel counts is judged by how much it grew in this time, so that findings speak of
    /// now and not of since boot.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        default_value = "1",
        allow_hyphen_values = true
    )]
    pub window: Duration,

    /// Print JSON
    #[arg(long, help_heading = "How to show them")]
    pub json: bool,

    /// When to use colour; NO_COLOR in the environment turns `auto` off
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t = ColorWhen::Auto,
        help_heading = "How to show them"
    )]
    pub color: ColorWhen,

    /// Say on stderr how the answer was come by, why so, and what it took
    #[arg(
        short,
        long,
        conflicts_with = "quiet",
        help_heading = "How to show them"
    )]
    pub verbose: bool,

    /// No notes and warnings on stderr; errors remain, and so does the exit status
    #[arg(short, long, help_heading = "How to show them")]
    pub quiet: bool,

    /// Who is asked.
    #[command(flatten)]
    pub sourcing: Sourcing,

    /// How holders are looked for.
    #[command(flatten)]
    pub owning: Owning,
}
