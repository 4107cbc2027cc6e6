//! The options and words that say which sockets, as typed.

use std::path::PathBuf;

use clap::Args;

use super::values::parse_state;
use crate::model::StateSet;

/// Which sockets.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which sockets")]
pub struct Selection {
    /// Only sockets that pass, in the expression language of ss
    ///
    /// As words or as one quoted string: dport = :443 and not src 10.0.0.0/8. Tests are state,
    /// src, dst, sport, dport, host and port (either side), dev, uid, user, cgroup, fwmark,
    /// autobound, family, inode, receive-queue, send-queue and others; they are joined by and, or,
    /// not and parentheses. The manual has them all.
    #[arg(value_name = "FILTER")]
    pub words: Vec<String>,

    /// Only sockets that pass the filter in FILE as well (`-` is standard input); may be repeated
    #[arg(short = 'F', long = "filter", value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Only IPv4 sockets (AF_INET)
    ///
    /// An IPv4 connection on a dual-stack listener is an IPv6 socket, as in ss.
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub ipv4: bool,

    /// Only IPv6 sockets (AF_INET6)
    #[arg(short = '6', long)]
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
        value_parser = parse_state
    )]
    pub state: Vec<StateSet>,

    /// Only listening sockets; the kernel then skips its table of connections
    #[arg(short, long)]
    pub listening: bool,
}
