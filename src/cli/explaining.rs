//! The option that explains a filter instead of answering, as typed.

use clap::Args;

/// Whether the filter is explained.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which sockets")]
pub struct Explaining {
    /// Print the filter as it is understood and what the kernel is told of it, and ask nobody
    #[arg(long, conflicts_with_all = ["json", "format", "watch"])]
    pub explain: bool,
}
