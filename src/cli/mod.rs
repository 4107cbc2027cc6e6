//! What a person can type, as typed: flags, values and verbs, with their help.
//!
//! Knows no kernel, no terminal and no clock; what the words mean on this machine is for
//! `command` to say. Doc comments here are the text of `--help`.

mod check;
mod doctor;
mod explaining;
mod grouping;
mod keys;
mod list;
mod owning;
mod presentation;
mod repetition;
mod selection;
mod sourcing;
mod summary;
mod thresholds;
mod usage;
mod values;

pub use check::Check;
pub use doctor::Doctor;
pub use explaining::Explaining;
pub use grouping::{Grouping, Keys};
pub use list::List;
pub use owning::Owning;
pub use presentation::{ColorWhen, FormatName, Presentation};
pub use repetition::Repetition;
pub use selection::Selection;
pub use sourcing::{SourceChoice, Sourcing};
pub use summary::Summary;
pub use usage::{Parsed, command_meant, is_check, parse};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

/// Count this host's TCP sockets per state
///
/// Asks the kernel over NETLINK_SOCK_DIAG, or reads /proc/net/tcp and tcp6 where the kernel
/// refuses, adds up per state, and prints a table or JSON. It observes and never changes anything.
#[derive(Debug, Default, Parser)]
#[command(
    name = "tcpstates",
    version,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = EXIT_STATUS,
)]
pub struct Arguments {
    /// The verb; without one, the summary.
    #[command(subcommand)]
    pub verb: Option<Verb>,

    /// What the summary is asked.
    #[command(flatten)]
    pub summary: Summary,
}

const EXIT_STATUS: &str = "\
Exit status: 0 answered in full, 1 could not observe or could not write,
2 usage, 3 answered but incomplete; doctor: 4 warnings, 5 critical findings.
The manual is tcpstates(1).";

/// What to do instead of printing the summary.
// A verb's arguments are made when it is meant: made for each start, they would take longer than
// a count.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Verb {
    /// List the sockets themselves, one a row
    ///
    /// State, queues and addresses of each, and what --columns asks for; the accept queue and its
    /// limit for listeners. Rows are written as the kernel tells them, unless they are sorted.
    List(Box<List>),
    /// Hold counts, shares and rates against thresholds, for monitoring
    ///
    /// One line, performance data and an exit status as the monitoring plugins have them: 0 OK,
    /// 1 WARNING, 2 CRITICAL, 3 UNKNOWN, which is also the status of a command line that makes no
    /// sense, of an incomplete answer and of this text.
    #[command(version, display_name = "tcpstates")]
    Check(Box<Check>),
    /// Say what is wrong, with the evidence and what to do
    ///
    /// Looks at the sockets, the kernel's counters and its limits twice, with a window between, and
    /// says what speaks of trouble now. Exit status: 4 with warnings, 5 with critical findings, else
    /// as elsewhere. The manual has every rule with its thresholds.
    Doctor(Doctor),
    /// Print a completion script for a shell
    Completions {
        /// The shell to complete in
        shell: Shell,
    },
}

/// The whole command line as clap knows it, for completions and for the test of the manual. What
/// is inside a verb is known after `clap::Command::build` only.
pub fn definition() -> clap::Command {
    Arguments::command()
}
