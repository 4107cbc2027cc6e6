//! The options of the summary, as typed.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{parse_samples, parse_seconds, parse_state};
use crate::model::StateSet;

/// Options that select, show and repeat a summary.
#[derive(Debug, Args)]
pub struct Summary {
    /// Only IPv4 sockets (AF_INET)
    ///
    /// An IPv4 connection on a dual-stack listener is an IPv6 socket, as in ss.
    #[arg(short = '4', long, conflicts_with = "ipv6", help_heading = SELECT)]
    pub ipv4: bool,

    /// Only IPv6 sockets (AF_INET6)
    #[arg(short = '6', long, help_heading = SELECT)]
    pub ipv6: bool,

    /// Only sockets in these states, separated by commas
    ///
    /// Any spelling of ss or netstat in any case: established, estab, time-wait, TIME_WAIT,
    /// fin-wait-1, syn-recv, listening, closed, ...; or a group of ss: all, connected,
    /// synchronized, bucket, big. `bound` (bound, neither listening nor connected; Linux 6.8)
    /// must be asked for by name. May be repeated.
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        value_parser = parse_state,
        help_heading = SELECT
    )]
    pub state: Vec<StateSet>,

    /// Only listening sockets; the kernel then skips its table of connections
    #[arg(short, long, help_heading = SELECT)]
    pub listening: bool,

    /// Print one JSON object an observation; short for --format json
    #[arg(long, conflicts_with = "format", help_heading = SHOW)]
    pub json: bool,

    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = FormatName::Table, help_heading = SHOW)]
    pub format: FormatName,

    /// Show the states without sockets too (JSON always does)
    #[arg(long, help_heading = SHOW)]
    pub zeros: bool,

    /// When to use colour; NO_COLOR in the environment turns `auto` off
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorWhen::Auto, help_heading = SHOW)]
    pub color: ColorWhen,

    /// Say on stderr how the answer was come by, why so, and what it took
    #[arg(short, long, conflicts_with = "quiet", help_heading = SHOW)]
    pub verbose: bool,

    /// No notes and warnings on stderr; errors remain, and so does the exit status
    #[arg(short, long, help_heading = SHOW)]
    pub quiet: bool,

    /// Repeat every so many seconds (0.05 to 86400, fractions allowed)
    ///
    /// Samples keep to the clock: a sample that takes longer than this skips the ones it misses.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_hyphen_values = true,
        help_heading = REPEAT
    )]
    pub watch: Option<Duration>,

    /// Stop after so many samples
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_samples,
        allow_hyphen_values = true,
        help_heading = REPEAT
    )]
    pub samples: Option<NonZeroU64>,

    /// Where sockets come from
    #[arg(long, value_enum, value_name = "SOURCE", default_value_t = SourceChoice::Auto, help_heading = SOURCES)]
    pub source: SourceChoice,

    /// Read the tables of another proc file system: a host's, seen from a container
    ///
    /// Reads DIR/1/net/tcp and tcp6, or DIR/net/... in a copied tree, and says which. Implies
    /// --source proc.
    #[arg(long, value_name = "DIR", help_heading = SOURCES)]
    pub proc_root: Option<PathBuf>,
}

const SELECT: &str = "Which sockets";
const SHOW: &str = "How to show them";
const REPEAT: &str = "How often";
const SOURCES: &str = "Who is asked";

/// An output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// Columns for people and awk
    Table,
    /// One JSON object an observation
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal that can
    Auto,
    /// Even into a pipe
    Always,
    /// Not at all
    Never,
}

/// Which source may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SourceChoice {
    /// Netlink, with the kernel's counters for large tables; or /proc where netlink is refused
    Auto,
    /// Netlink or nothing, with every socket listed
    Netlink,
    /// Netlink or nothing, with the kernel's counters wherever they can serve
    #[value(name = "netlink+counters")]
    NetlinkAndCounters,
    /// The tables /proc/net/tcp and tcp6
    Proc,
}
