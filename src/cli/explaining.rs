//! The option that prints the plan of an answer instead of the answer, as typed.

use clap::Args;

/// Whether the plan is printed.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which sockets")]
pub struct Explaining {
    /// Show the parsed filter, the plan, and which part of the filter the kernel evaluates; list no sockets
    #[arg(long, conflicts_with_all = ["json", "format", "watch"])]
    pub explain: bool,
}
