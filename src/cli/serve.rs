//! The options of `serve`, as typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::{MessageOptions, Sourcing};

pub(super) const EXIT_STATUS: &str = "\
Exit status: 0 complete page, 1 cannot observe or cannot write, 2 usage error,
3 incomplete page. The manual is tcpstates-serve(1).";

/// Make metrics for Prometheus, OpenMetrics and the textfile collector
///
/// The sockets in each state, the accept queue of each listener, and the kernel's counters and
/// limits of TCP, each with a name that stays the same. What is unknown is absent, and
/// tcpstates_complete is 0 for a part of which something was lost.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output", help_template = examples!(
    "  tcpstates serve --once                         the page, once
  tcpstates serve --once --format openmetrics    the same as OpenMetrics
  tcpstates serve --once --source proc           from /proc, without limits of accept queues"
))]
pub struct Serve {
    /// Print the page once, and exit
    #[arg(long, required = true)]
    pub once: bool,

    /// Write the page to FILE, for the textfile collector of node_exporter
    ///
    /// It is written beside FILE and renamed, so that no reader sees half of it, with mode 0644. FILE
    /// must not be a symbolic link.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "once")]
    pub output: Option<PathBuf>,

    /// The format of the page
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = PageFormatName::Classic)]
    #[arg(requires = "once")]
    pub format: PageFormatName,

    /// How much to print on standard error.
    #[command(flatten)]
    pub messages: MessageOptions,

    /// Which sources are used.
    #[command(flatten)]
    pub sourcing: Sourcing,
}

/// A format of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PageFormatName {
    /// Prometheus text format 0.0.4; the textfile collector reads no other
    Classic,
    /// OpenMetrics 1.0
    Openmetrics,
}
