//! The table of hints: options of ss(8) and netstat(8), and what they are here. A hint is a row.
//!
//! Must only suggest commands that run with the words typed beside them.

/// The name of the command without a verb.
pub(super) const SUMMARY: &str = "";

/// Options that mean the same, alone or with their value; the reason; the command to type if it is
/// another one than the one typed; and what it gets. `{}` is the value typed.
pub(super) type Row = (
    &'static [&'static str],
    &'static str,
    Option<&'static str>,
    &'static str,
);

const PROCESSES: &str =
    "tcpstates --by process counts per process; a list shows the processes of each socket";

/// Options of ss and netstat, in the summary and in a list.
pub(super) const SS: [Row; 28] = [
    (
        &["--csv"],
        "a format is a value of --format",
        None,
        "--format csv",
    ),
    (
        &["-s", "--summary", "--statistics"],
        "every kind of sockets by state is",
        Some(SUMMARY),
        "-a",
    ),
    (&["-p", "--process"], PROCESSES, Some("list"), ""),
    (&["--processes", "--program"], PROCESSES, Some("list"), "-p"),
    (
        &["-i", "--info"],
        "measures of TCP are columns",
        Some("list"),
        "--columns rtt,cwnd,retransmits,delivery-rate",
    ),
    (
        &["-o", "--options", "--timers"],
        "timers are a column",
        Some("list"),
        "--columns timer",
    ),
    (
        &["-m", "--memory"],
        "every list shows the queues; drops are a column",
        Some("list"),
        "--columns drops",
    ),
    (
        &["-e", "--extended", "--extend"],
        "user, inode and cookie are columns",
        Some("list"),
        "--columns user,inode,cookie",
    ),
    (
        &["-r", "--resolve"],
        "addresses are never resolved into names",
        Some("list"),
        "",
    ),
    (
        &["-K", "--kill"],
        "tcpstates observes only and closes no socket; to list those selected",
        Some("list"),
        "",
    ),
    (
        &["--warning", "-c", "--critical"],
        "a threshold belongs to check (tcpstates check -w close-wait=100); repeated samples",
        None,
        "--watch 1",
    ),
    (&["--continuous"], "repeated samples", None, "--watch 1"),
    (
        &["-E", "--events"],
        "trace records sockets that close",
        Some("trace"),
        "",
    ),
    (
        &["-d", "--dccp", "-S", "--sctp", "--vsock", "--xdp", "--tipc"],
        "sockets of this kind are not supported",
        None,
        "",
    ),
    (
        &["--since", "--before"],
        "nothing was recorded; save an answer, to compare with it later by --compare FILE",
        Some(SUMMARY),
        "--json",
    ),
    (
        &["--net"],
        "a network namespace is selected by --netns",
        None,
        "--netns {}",
    ),
    (
        &["-Z", "--context", "-z", "--contexts"],
        "security contexts are not shown; processes are",
        Some("list"),
        "-p",
    ),
    (
        &["-T", "--threads"],
        "threads are not shown; processes are",
        Some("list"),
        "-p",
    ),
    (
        &["-b", "--bpf"],
        "filters attached to sockets are not shown",
        Some("list"),
        "",
    ),
    (
        &["-D", "--diag"],
        "the kernel's records are not dumped; each socket as JSON",
        Some("list"),
        "--json",
    ),
    (
        &["--listen"],
        "its name is --listening",
        None,
        "--listening",
    ),
    (
        &["--established"],
        "a state is a filter",
        None,
        "established",
    ),
    (
        &["--numeric-ports", "--numeric-hosts", "--numeric-users"],
        "ports and addresses are always numbers",
        None,
        "",
    ),
    (
        &["--connected"],
        "a group of states is a filter",
        None,
        "connected",
    ),
    (&["--inet"], "IPv4 only", None, "-4"),
    (&["--inet6"], "IPv6 only", None, "-6"),
    (&["-W", "--wide"], "addresses are printed in full", None, ""),
    (&["-C", "--cache"], "routes are not shown", None, ""),
];

/// Options that select sockets elsewhere, and letters of ss, in `doctor`.
pub(super) const DOCTOR: [Row; 6] = [
    (
        &["-4", "--ipv4"],
        "a filter selects the family",
        None,
        "family inet",
    ),
    (
        &["-6", "--ipv6"],
        "a filter selects the family",
        None,
        "family inet6",
    ),
    (
        &["-l", "--listening"],
        "a state is a filter",
        None,
        "listening",
    ),
    (&["--state"], "a state is a filter", None, "{}"),
    (
        &["-F", "--filter"],
        "doctor takes the filter as words",
        None,
        "sport = :443",
    ),
    NO_EFFECT,
];

/// Letters of ss in `check`.
pub(super) const CHECK: [Row; 2] = [
    (
        &["-s", "--summary"],
        "every kind of sockets by state is",
        Some(SUMMARY),
        "-a",
    ),
    NO_EFFECT,
];

/// Letters of ss where they would change nothing and are not accepted.
const NO_EFFECT: Row = (
    &[
        "-t",
        "--tcp",
        "-n",
        "--numeric",
        "-O",
        "--oneline",
        "-H",
        "--no-header",
    ],
    "it would change nothing here; omit it",
    None,
    "",
);
