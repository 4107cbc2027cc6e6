//! The options of `trace`, as typed.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::keys::parse_trace_keys;
use super::values::{fields, parse_count, parse_duration};
use super::{Keys, KindOption, Presentation, Selection, SsLetters};
use crate::model::Use;

pub(super) const EXIT_STATUS: &str = "\
Exit status: 0 complete, 1 could not trace or could not write, 2 usage,
3 something was lost. The manual is tcpstates-trace(1).";

/// What the options of bcc's tcpstates(8) are here.
const BCC: [(&str, &str); 8] = [
    ("-L", "a filter selects local ports: sport = :PORT"),
    ("-D", "a filter selects remote ports: dport = :PORT"),
    ("-s", "CSV is --format csv"),
    ("-p", "every row has its processes already: omit it"),
    ("--process", "every row has its processes already: omit it"),
    ("-T", "every row has its time already: omit it"),
    (
        "-Y",
        "for the journal, pipe the rows: tcpstates trace --json | systemd-cat",
    ),
    (
        "--samples",
        "trace takes no samples: --limit N stops after N rows",
    ),
];

/// What options of a selection mean for events.
const STATE: &str = "Only transitions into or out of these states, or connections that had one";
const LISTENING: &str =
    "Only transitions of listening sockets; needs --show transitions or summary";

/// An option with another first sentence of its help.
fn with_help(option: clap::Arg, first: &'static str) -> clap::Arg {
    let long = option.get_long_help().map(ToString::to_string);
    let further = long.as_deref().and_then(|long| long.split_once("\n\n"));
    match further {
        Some((_, further)) => option
            .help(first)
            .long_help(format!("{first}\n\n{further}")),
        None => option.help(first),
    }
}

/// What to type instead of an option that bcc's tool has.
pub(super) fn bcc_hint(option: &str) -> Option<&'static str> {
    let hint = BCC.iter().find(|(known, _)| *known == option);
    hint.map(|(_, hint)| *hint)
}

/// Record how connections live and close
///
/// Loads four programs into the kernel, which record each change of a TCP socket's state, and prints
/// one record for each closed connection: who closed first, and whether in three segments or four,
/// crossed, by a reset or a timeout. The programs are unloaded on exit. Without privileges, only the
/// end of each connection is reported, without its cause. Press Ctrl-C to stop and print a summary.
#[derive(Debug, Args)]
#[command(
    help_template = examples!(
    "  sudo tcpstates trace port = :8080                    how the connections of a port close
  sudo tcpstates trace --segments --limit 1            the next close, segment by segment
  sudo tcpstates trace --show summary --duration 1m    times in each state, who closes first"
),
    mut_arg("state", |state| with_help(state, STATE)),
    mut_arg("listening", |listening| with_help(listening, LISTENING)),
)]
pub struct Trace {
    /// Which sockets.
    #[command(flatten)]
    pub selection: Selection,

    /// Which kinds.
    #[command(flatten)]
    pub kinds: KindOption,

    /// Letters of ss.
    #[command(flatten)]
    pub letters: SsLetters,

    /// What to show: each close, each change of state, each connection at its end, or the summary
    ///
    /// Whatever is shown, the summary follows when the trace ends.
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        default_value_t = Show::Closes,
        help_heading = "What is shown"
    )]
    pub show: Show,

    /// Capture the segments of each close too; needs CAP_NET_RAW
    #[arg(long, help_heading = "What is shown")]
    pub segments: bool,

    /// Count who closes first by these keys in the summary (service unless given)
    #[arg(
        long,
        value_name = "KEYS",
        value_parser = fields(Use::TraceGroup, parse_trace_keys),
        help_heading = "What is shown"
    )]
    pub by: Option<Keys>,

    /// List the N connections that lived longest, and the N largest groups, in the summary
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_count::<NonZeroUsize>,
        allow_hyphen_values = true,
        help_heading = "What is shown"
    )]
    pub top: Option<NonZeroUsize>,

    /// Stop after this time (60, 500ms, 5m, 1h)
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = parse_duration,
        allow_hyphen_values = true,
        help_heading = "How long"
    )]
    pub duration: Option<Duration>,

    /// Stop after this many rows
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_count::<NonZeroUsize>,
        allow_hyphen_values = true,
        help_heading = "How long"
    )]
    pub limit: Option<NonZeroUsize>,

    /// Trace this network namespace in place of the own one, or `all`
    ///
    /// WHICH is a name of ip netns, a process (PID or pid:PID), a file (with a slash), net:INODE, host,
    /// the one of process 1, or all.
    #[arg(short = 'N', long, value_name = "WHICH", help_heading = "Where")]
    pub netns: Option<String>,

    /// Where events come from
    #[arg(
        long,
        value_enum,
        value_name = "SOURCE",
        default_value_t = TraceSource::Auto,
        help_heading = "Where"
    )]
    pub source: TraceSource,

    /// How they are shown.
    #[command(flatten)]
    pub presentation: Presentation,
}

/// What a trace shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Show {
    /// One record for each closed connection: who closed first, and how
    Closes,
    /// One record for each change of state
    Transitions,
    /// One record for each closed connection: its times, bytes and segments
    Connections,
    /// The summary only
    Summary,
}

/// Where events come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TraceSource {
    /// bpf, or destroy where bpf is not permitted
    Auto,
    /// Programs in the kernel: every change of state; needs CAP_BPF and CAP_PERFMON
    Bpf,
    /// The kernel's messages about destroyed sockets: one record for each closed connection of this
    /// network namespace, without its shape; needs no privilege
    Destroy,
}
