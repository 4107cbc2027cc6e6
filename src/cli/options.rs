//! The options that several commands share, as typed.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use super::values::{kinds, parse_count, parse_duration, parse_state, parse_time, states};
use crate::model::{Family, GroupKey, Kind, KindSet, StateSet};
use crate::record::At;

/// Which sockets.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct Selection {
    /// Only sockets that match, in the expression language of ss
    ///
    /// As words or as one quoted string: dport = :443 and not src 10.0.0.0/8. Tests are joined by
    /// and, or, not and parentheses. A port, an address or a state is a test by itself: :443, :80,8000-8010,
    /// 10.0.0.0/8, close-wait. The manual describes each.
    #[arg(value_name = "FILTER")]
    pub words: Vec<String>,

    /// Only sockets that match the filter in FILE as well (`-` is standard input); repeatable
    #[arg(short = 'F', long = "filter", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,

    /// Only IPv4 sockets (AF_INET)
    ///
    /// An IPv4 connection on a dual-stack listener is an IPv6 socket, as in ss.
    #[arg(short = '4', long)]
    pub ipv4: bool,

    /// Only IPv6 sockets (AF_INET6); with -4, both
    #[arg(short = '6', long)]
    pub ipv6: bool,

    /// Only sockets in these states, separated by commas
    ///
    /// Any spelling of ss or netstat in any case: established, estab, time-wait, TIME_WAIT,
    /// fin-wait-1, syn-recv, listening, closed, ...; or a group of ss: all, connected,
    /// synchronized, bucket, big. `bound` (bound, neither listening nor connected; Linux 6.8)
    /// must be requested by name. Repeatable.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = states(parse_state))]
    pub state: Vec<StateSet>,

    /// Only listening sockets; the kernel then skips its table of connections
    #[arg(short, long)]
    pub listening: bool,
}

/// Which kinds of sockets.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct KindOption {
    /// Only sockets of these kinds, separated by commas (default tcp); repeatable
    #[arg(
        short = 'A',
        long = "kind",
        visible_alias = "query",
        alias = "socket",
        value_name = "LIST"
    )]
    #[arg(value_delimiter = ',', value_parser = kinds())]
    kind: Vec<KindSet>,

    /// Sockets of every kind; together with a kind, no effect, since every state is shown anyway
    #[arg(short, long)]
    all: bool,
}

impl KindOption {
    /// Those that are named, and `more`; where none is, every one if that is requested, and TCP if not.
    pub fn kinds(&self, more: KindSet) -> KindSet {
        let named = self.kind.iter().copied();
        match named.fold(more, KindSet::union) {
            KindSet::NONE if self.all => KindSet::ALL,
            KindSet::NONE => KindSet::TCP,
            kinds => kinds,
        }
    }
}

/// A family of sockets, in the words of ss(8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FamilyName {
    /// IPv4
    Inet,
    /// IPv6
    Inet6,
    /// UNIX
    Unix,
    /// PACKET
    Link,
    /// NETLINK
    Netlink,
}

/// Letters of ss(8) that name kinds of sockets.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Letters of ss")]
pub struct KindLetters {
    /// TCP sockets
    #[arg(short, long)]
    tcp: bool,

    /// UDP sockets
    #[arg(short, long)]
    udp: bool,

    /// MPTCP sockets, as programs hold them; their subflows are TCP sockets
    #[arg(short = 'M', long)]
    mptcp: bool,

    /// UNIX sockets
    #[arg(short = 'x', long)]
    unix: bool,

    /// RAW sockets
    #[arg(short = 'w', long)]
    raw: bool,

    /// PACKET sockets
    #[arg(short = '0', long)]
    packet: bool,
}

impl KindLetters {
    /// The kinds that they name.
    pub fn kinds(&self) -> KindSet {
        let of = |kind| KindSet::NONE.with(kind);
        let letters = [
            (self.tcp, KindSet::TCP),
            (self.udp, of(Kind::Udp)),
            (self.mptcp, of(Kind::Mptcp)),
            (self.unix, KindSet::UNIX),
            (self.raw, of(Kind::Raw)),
            (self.packet, of(Kind::Packet)),
        ];
        let named = letters.into_iter().filter(|(is_named, _)| *is_named);
        named.fold(KindSet::NONE, |kinds, (_, more)| kinds.union(more))
    }

    /// The kinds that they and these lists name; `None` if nothing is named.
    pub fn named(&self, lists: &[KindSet]) -> Option<KindSet> {
        let all = lists.iter().copied().fold(self.kinds(), KindSet::union);
        Some(all).filter(|all| !all.is_empty())
    }
}

/// Letters of ss(8). Most change nothing here, and are accepted for hands that type them.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Letters of ss")]
pub struct SsLetters {
    /// Leave out headings and TOTAL
    #[arg(short = 'H', long)]
    pub no_header: bool,

    /// Those that name kinds; without any, TCP.
    #[command(flatten)]
    kinds: KindLetters,

    /// Sockets of this family: inet and inet6 are -4 and -6, of every kind where none is named
    #[arg(short, long, value_enum, value_name = "FAMILY")]
    family: Option<FamilyName>,

    /// Numeric ports and addresses: no effect
    #[arg(short, long)]
    numeric: bool,

    /// One line for each socket: no effect
    #[arg(short = 'O', long)]
    oneline: bool,
}

impl SsLetters {
    /// The kinds that they name.
    pub fn kinds(&self) -> KindSet {
        let of_family = match self.family {
            Some(FamilyName::Unix) => KindSet::UNIX,
            Some(FamilyName::Link) => KindSet::NONE.with(Kind::Packet),
            Some(FamilyName::Netlink) => KindSet::NONE.with(Kind::Netlink),
            Some(FamilyName::Inet | FamilyName::Inet6) | None => KindSet::NONE,
        };
        let named = self.kinds.kinds().union(of_family);
        match named.is_empty() && self.of_internet().is_some() {
            true => KindSet::INTERNET,
            false => named,
        }
    }

    /// The family of internet sockets that they name.
    pub fn of_internet(&self) -> Option<Family> {
        match self.family? {
            FamilyName::Inet => Some(Family::V4),
            FamilyName::Inet6 => Some(Family::V6),
            FamilyName::Unix | FamilyName::Link | FamilyName::Netlink => None,
        }
    }
}

/// Whether the filter is explained instead.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct Explaining {
    /// Show the parsed filter and which part the kernel evaluates; do not run it
    #[arg(long, conflicts_with_all = ["json", "format", "watch"])]
    pub explain: bool,
}

/// The keys of `--by`, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys(pub Vec<GroupKey>);

/// How answers are shown.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct Presentation {
    /// Print JSON; short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// The output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = FormatName::Table)]
    format: FormatName,

    /// When to use colour; NO_COLOR in the environment turns `auto` off
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorWhen::Auto)]
    pub color: ColorWhen,

    /// How much to print on standard error.
    #[command(flatten)]
    pub messages: MessageOptions,
}

impl Presentation {
    /// The requested format, however it is given.
    pub fn format(&self) -> FormatName {
        if self.json {
            FormatName::Json
        } else {
            self.format
        }
    }
}

/// How much is printed on standard error.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct MessageOptions {
    /// Report on stderr which method was used, why, and its cost
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,

    /// Print no notes and warnings on stderr; errors and the exit status stay the same
    #[arg(short, long)]
    pub quiet: bool,
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
    /// On a terminal that supports it
    #[default]
    Auto,
    /// Also into a pipe
    Always,
    /// Never
    Never,
}

/// How often.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Repetition")]
pub struct Repetition {
    /// Repeat at this interval, as in 2, 500ms, 5m, 1h; without a value, every second
    ///
    /// On a terminal, counts are shown in place, and `?` shows the keys; elsewhere, and with list,
    /// samples are appended. The schedule is fixed: a sample that takes longer than this skips
    /// those that it misses. With --from, the live view goes through the record, and each sample is shown
    /// for this time while it plays; elsewhere, all samples are appended at once.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    pub watch: Option<Duration>,

    /// Stop after N samples
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    #[arg(value_parser = parse_count::<NonZeroU64>)]
    pub samples: Option<NonZeroU64>,
}

/// Which sources are used, and how long the processes that own sockets are searched for.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Sources")]
pub struct Sourcing {
    /// Where sockets are read from
    #[arg(long, value_enum, value_name = "SOURCE", default_value_t = SourceChoice::Auto)]
    pub source: SourceChoice,

    /// Read the tables of another proc file system: a host's, seen from a container
    ///
    /// Reads DIR/1/net/tcp and tcp6, or DIR/net/... in a copied tree, and reports which. Implies
    /// --source proc. With --netns, the namespaces of its processes: entered where that is
    /// permitted, or else read in DIR/PID/net.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub proc_root: Option<PathBuf>,

    /// Answer from a record that `tcpstates record` wrote, as if there and then
    ///
    /// Everything comes from the file: sockets, counters, processes and names. Where changes are
    /// measured, the window is the time between the two moments that were recorded. A record of several
    /// network namespaces answers for all of them; -N selects some, by their recorded names.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    #[arg(conflicts_with_all = ["source", "proc_root"])]
    pub from: Option<PathBuf>,

    /// Of the record, the moment or sample at this time, or the last one before it
    ///
    /// In UTC, as all times are printed: 2026-11-26T03:14:07Z, or 03:14 or 03:14:07 of the last day on
    /// which the record has it. Without it, the last moment with all sockets; or else the last sample.
    #[arg(long, value_name = "TIME", value_parser = parse_time, requires = "from")]
    pub at: Option<At>,

    /// Which network namespaces.
    #[command(flatten)]
    pub namespaces: Namespaces,

    /// Search for processes for at most this time (0.05s to 24h, as in 2, 500ms, 5m)
    ///
    /// Only valid if processes are requested. What was found by then is shown, and the answer is
    /// incomplete. Without it there is no limit: the search takes some 3 microseconds for each open
    /// file of the host.
    #[arg(long, value_name = "DURATION")]
    #[arg(value_parser = parse_duration, allow_hyphen_values = true)]
    pub owner_timeout: Option<Duration>,
}

/// Which network namespaces.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Sources")]
pub struct Namespaces {
    /// Only sockets of these network namespaces, separated by commas; repeatable
    ///
    /// WHICH is a name of ip netns, a process (PID or pid:PID), a file (with a slash), net:INODE,
    /// host (the one of process 1), a name that -v prints, or all. Entering another one needs
    /// CAP_SYS_ADMIN; without it, the tables in /proc/PID/net of a process in it are read.
    #[arg(short = 'N', long, value_name = "WHICH", value_delimiter = ',')]
    pub netns: Vec<String>,
}

/// Which source is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SourceChoice {
    /// Netlink, with the kernel's counters for large tables; or /proc where netlink is refused
    #[default]
    Auto,
    /// Netlink only, with every socket listed
    Netlink,
    /// Netlink only, with the kernel's counters wherever they apply
    #[value(name = "netlink+counters")]
    NetlinkAndCounters,
    /// The tables /proc/net/tcp and tcp6
    Proc,
    /// Counts only: a program in the kernel walks its tables once for all network namespaces (root)
    Bpf,
}
