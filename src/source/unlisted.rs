//! Sockets that exist and are not in the TCP tables of one network namespace: those of Multipath TCP,
//! and those of other network namespaces. Lists none of them.
//!
//! `net/protocols` of proc(5) counts sockets by protocol and network namespace (`proto_seq_show`,
//! net/core/sock.c). The inode number of `/proc/PID/net/tcp` is one for all processes in a network
//! namespace, and any user may read it, unlike that of `/proc/PID/ns/net`.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::counters::{SocketCounters, read_whole};
use super::{ProcNet, Sources};
use crate::model::{Namespaces, Unlisted};

/// In so many processes namespaces are looked for; 10 µs each.
const MOST_PROCESSES: u64 = 2_000;

/// Reads what is beside the sockets that these sources report.
pub fn read_unlisted(sources: &Sources) -> Unlisted {
    let own = ProcNet::own();
    let tables = match sources {
        Sources::Auto(tables) | Sources::Proc(tables) => tables,
        Sources::Netlink | Sources::NetlinkAndCounters => &own,
    };
    let directory = tables.directory();
    Unlisted {
        mptcp: read_mptcp(&directory.join("protocols")),
        // In a copy the numbers of inodes mean nothing.
        namespaces: match tables.is_copied() {
            true => Namespaces::default(),
            false => find_namespaces(tables.place().proc_root(), directory),
        },
    }
}

/// How many sockets of MPTCP there are, listeners included.
fn read_mptcp(path: &Path) -> Result<u64, String> {
    let text = read_whole(path);
    let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(parse_mptcp(&text))
}

/// The third word of the lines of both protocols: name, size, sockets.
fn parse_mptcp(text: &str) -> u64 {
    let lines = text.lines().map(str::split_ascii_whitespace);
    let sockets = lines.filter_map(|mut words| {
        let is_mptcp = matches!(words.next()?, "MPTCP" | "MPTCPv6");
        words.nth(1).filter(|_| is_mptcp)?.parse::<u64>().ok()
    });
    sockets.sum()
}

/// The network namespaces of processes, without the one of the tables in `own`, and how many have TCP
/// sockets. What no process is in, or hides its processes, is not found.
fn find_namespaces(root: &Path, own: &Path) -> Namespaces {
    let inode = |net: &Path| fs::metadata(net.join("tcp")).map(|file| file.ino()).ok();
    let (mut found, mut processes) = (Namespaces::default(), 0);
    let mut directories: HashMap<u64, Option<PathBuf>> = HashMap::new();
    directories.extend(inode(own).map(|inode| (inode, None)));
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        if !name.as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        processes += 1;
        if processes > MOST_PROCESSES {
            found.unchecked += 1;
            continue;
        }
        let net = entry.path().join("net");
        if let Some(inode) = inode(&net) {
            directories.entry(inode).or_insert(Some(net));
        }
    }
    let others = directories.values().flatten();
    found.with_tcp = others.filter(|net| has_tcp(net)).count() as u64;
    found
}

/// Whether a namespace has TCP sockets, by its own counters: `orphan` is the host's in every one.
fn has_tcp(net: &Path) -> bool {
    SocketCounters::read_in(net).is_ok_and(|counters| counters.total() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_both_mptcp_protocols_are_counted() {
        let text = "protocol  size sockets  memory press maxhdr\n\
            MPTCPv6   2064      3     436   no       0   yes\n\
            TCPv6     2432      9     436   no     192   yes\n\
            MPTCP     1936    117     436   no       0   yes\n";
        assert_eq!(parse_mptcp(text), 120);
        assert_eq!(parse_mptcp("protocol size sockets\nTCP 1 2\n"), 0);
        assert_eq!(parse_mptcp("MPTCP 1936"), 0);
    }

    #[test]
    fn a_namespace_has_tcp_where_one_of_its_own_counters_says_so() {
        let net = tempfile::tempdir().unwrap();
        assert!(!has_tcp(net.path()));
        for (v4, v6, expected) in [
            ("inuse 0 orphan 9 tw 0 alloc 7 mem 5", 0, false),
            ("inuse 0 orphan 9 tw 1 alloc 7 mem 5", 0, true),
            ("inuse 2 orphan 0 tw 0 alloc 7 mem 5", 0, true),
            ("inuse 0 orphan 0 tw 0 alloc 7 mem 5", 1, true),
        ] {
            fs::write(net.path().join("sockstat"), format!("TCP: {v4}\n")).unwrap();
            let v6 = format!("TCP6: inuse {v6}\n");
            fs::write(net.path().join("sockstat6"), v6).unwrap();
            assert_eq!(has_tcp(net.path()), expected, "{v4}");
        }
    }
}
