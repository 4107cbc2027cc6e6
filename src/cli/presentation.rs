//! The options that say how an answer is shown, as typed.

use clap::{Args, ValueEnum};

/// How answers are shown.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "How to show them")]
pub struct Presentation {
    /// Print JSON; short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = FormatName::Table)]
    format: FormatName,

    /// When to use colour; NO_COLOR in the environment turns `auto` off
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorWhen::Auto)]
    pub color: ColorWhen,

    /// Say on stderr how the answer was come by, why so, and what it took
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,

    /// No notes and warnings on stderr; errors remain, and so does the exit status
    #[arg(short, long)]
    pub quiet: bool,
}

impl Presentation {
    /// The format asked for, in either way.
    pub fn format(&self) -> FormatName {
        if self.json {
            FormatName::Json
        } else {
            self.format
        }
    }
}

/// An output format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// Columns for people and awk
    #[default]
    Table,
    /// JSON, one object a line
    Json,
    /// CSV with a header (RFC 4180)
    Csv,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal that can
    #[default]
    Auto,
    /// Even into a pipe
    Always,
    /// Not at all
    Never,
}
