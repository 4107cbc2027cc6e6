//! The options of the summary, as typed.

use clap::Args;

use super::{Explaining, Grouping, Owning, Presentation, Repetition, Selection, Sourcing};

/// What a summary is asked.
#[derive(Clone, Debug, Default, Args)]
pub struct Summary {
    /// Which sockets.
    #[command(flatten)]
    pub selection: Selection,

    /// Whether the filter is explained instead.
    #[command(flatten)]
    pub explaining: Explaining,

    /// Which groups.
    #[command(flatten)]
    pub grouping: Grouping,

    /// Show the states without sockets too (JSON and CSV always do)
    #[arg(long, help_heading = "How to show them")]
    pub zeros: bool,

    /// How they are shown.
    #[command(flatten)]
    pub presentation: Presentation,

    /// How often.
    #[command(flatten)]
    pub repetition: Repetition,

    /// Who is asked.
    #[command(flatten)]
    pub sourcing: Sourcing,

    /// How holders are looked for.
    #[command(flatten)]
    pub owning: Owning,
}
