//! The command line as typed: options, values and commands, with their help.
//!
//! Knows no kernel, no terminal and no clock; `command` resolves what the words mean on this
//! machine. Doc comments here are the text of `--help`.

/// A help page: what the command does, then examples, then the options.
macro_rules! examples {
    ($lines:literal) => {
        concat!(
            "{about-with-newline}\nExamples:\n",
            $lines,
            "\n\n{usage-heading} {usage}\n\n{all-args}{after-help}"
        )
    };
}

mod check;
mod completion;
mod doctor;
mod help;
mod hints;
mod keys;
mod list;
mod options;
mod record;
mod serve;
mod state_help;
mod thresholds;
mod trace;
mod usage;
mod values;

pub use check::Check;
pub use completion::{candidates, script};
pub use doctor::Doctor;
pub use help::help;
pub use list::List;
pub use options::{
    ColorWhen, Explaining, FormatName, Keys, KindLetters, KindOption, MessageOptions, Namespaces,
    Presentation, Repetition, Selection, SourceChoice, Sourcing, SsLetters,
};
pub use record::Record;
pub use serve::{ListenOn, PageFormatName, Place, Serve};
pub use trace::{Show, Trace, TraceSource};
pub use usage::{Parsed, command_meant, is_check, parse};
pub use values::parse_time;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::model::Use;
use keys::parse_keys;
use values::{fields, parse_count};

/// Count this host's TCP sockets per state
///
/// Queries the kernel over NETLINK_SOCK_DIAG, or reads /proc/net/tcp and tcp6 where the kernel
/// refuses, adds up per state, and prints a table or JSON. It never changes anything.
#[derive(Debug, Default, Parser)]
#[command(
    name = "tcpstates",
    version,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = EXIT_STATUS,
    help_template = examples!(
        "  tcpstates --state close-wait --by process    which programs do not close connections
  tcpstates dport = :443 and dst 10.0.0.0/8    connections to one port of one network
  tcpstates --watch 1                          the live view"
    ),
)]
pub struct Arguments {
    /// The command; without one, the summary.
    #[command(subcommand)]
    pub verb: Option<Verb>,

    /// What is summarized.
    #[command(flatten)]
    pub summary: Summary,
}

/// What is summarized: sockets per state, and per group.
#[derive(Debug, Default, Args)]
pub struct Summary {
    /// Which sockets.
    #[command(flatten)]
    pub selection: Selection,

    /// Whether the filter is explained instead.
    #[command(flatten)]
    pub explaining: Explaining,

    /// Which kinds.
    #[command(flatten)]
    pub kinds: KindOption,

    /// Letters of ss.
    #[command(flatten)]
    pub letters: SsLetters,

    /// Count by group: by one key, or by several separated by commas
    ///
    /// Addresses take a prefix: remote-addr/24 folds IPv4 to /24 and IPv6 to /64;
    /// remote-addr/24,/56 sets both.
    #[arg(long, value_name = "KEYS", help_heading = "Grouping")]
    #[arg(value_parser = fields(Use::Group, parse_keys))]
    pub by: Option<Keys>,

    /// Show the N largest groups and add up the others
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    #[arg(value_parser = parse_count::<NonZeroUsize>, help_heading = "Grouping")]
    pub top: Option<NonZeroUsize>,

    /// Compare with an answer in FILE that was saved by --json (`-` is standard input)
    ///
    /// To the same question: the same filter, family, states and groups. The column CHANGE shows the
    /// difference; groups that are gone are shown too. Of several answers, the last is used.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    #[arg(conflicts_with_all = ["watch", "explain"])]
    pub compare: Option<PathBuf>,

    /// Show the states without sockets too (JSON and CSV always do)
    #[arg(long, help_heading = "Output")]
    pub zeros: bool,

    /// How they are shown.
    #[command(flatten)]
    pub presentation: Presentation,

    /// How often.
    #[command(flatten)]
    pub repetition: Repetition,

    /// Which sources are used.
    #[command(flatten)]
    pub sourcing: Sourcing,
}

impl Arguments {
    /// The command that prints the help of the command typed.
    pub fn help_command(&self) -> &'static str {
        match self.verb {
            Some(Verb::List(_)) => "tcpstates list --help",
            Some(Verb::Check(_)) => "tcpstates check --help",
            Some(Verb::Doctor(_)) => "tcpstates doctor --help",
            Some(Verb::Serve(_)) => "tcpstates serve --help",
            Some(Verb::Trace(_)) => "tcpstates trace --help",
            Some(Verb::Record(_)) => "tcpstates record --help",
            None | Some(Verb::Help { .. } | Verb::Completions { .. }) => "tcpstates --help",
        }
    }
}

const EXIT_STATUS: &str = "\
Exit status: 0 complete answer, 1 cannot observe or cannot write, 2 usage error,
3 incomplete answer; doctor: 4 warnings, 5 critical findings.
The manual is tcpstates(1).";

/// What is done instead of printing the summary.
// A command's arguments are built when it is used: built at each start, they would take longer than
// a count.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Verb {
    /// List the sockets, one per row
    List(Box<List>),
    /// Compare counts, shares and rates with thresholds, for monitoring
    #[command(version, display_name = "tcpstates", after_help = check::EXIT_STATUS)]
    Check(Box<Check>),
    /// Diagnose what is wrong, with the evidence and the remedy
    Doctor(Doctor),
    /// Record evidence in a file: sockets, processes, counters and settings, twice
    #[command(after_help = record::EXIT_STATUS)]
    Record(Box<Record>),
    /// Serve metrics to Prometheus, or write them for a textfile collector
    #[command(after_help = serve::EXIT_STATUS)]
    Serve(Box<Serve>),
    /// Record how connections live and close
    #[command(after_help = trace::EXIT_STATUS)]
    Trace(Box<Trace>),
    /// Explain a command, filters or a state: help list, help filter, help close-wait
    Help {
        /// A command, `filter`, or a state in any spelling; without it, the whole program
        topic: Option<String>,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell to complete in
        shell: Shell,
        /// The words typed behind the program's name, for the script: lists what may complete the last
        #[arg(last = true, allow_hyphen_values = true, hide = true)]
        typed: Vec<String>,
    },
}

/// The whole command line as clap knows it, for completions and for the test of the manual. What
/// is inside a verb is known after `clap::Command::build` only.
pub fn definition() -> clap::Command {
    Arguments::command()
}
