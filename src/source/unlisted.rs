//! Sockets that exist and are not in the TCP tables of one network namespace: those of Multipath TCP,
//! and those of other network namespaces. Lists none of them.
//!
//! `net/protocols` of proc(5) counts sockets by protocol and network namespace (`proto_seq_show`,
//! net/core/sock.c). The inode number of `/proc/PID/net/tcp` is one for all processes in a network
//! namespace, and any user may read it, unlike that of `/proc/PID/ns/net`.

use std::collections::HashMap;

use super::counters::SocketCounters;
use super::kinds::Protocols;
use super::{ProcNet, Sources};
use crate::model::{Kind, Namespaces, Unlisted};
use crate::proc_root::ProcRoot;

/// How many processes are searched for namespaces; each takes 10 µs.
const MOST_PROCESSES: usize = 2_000;

/// Reads what exists in addition to the sockets that these sources report.
pub fn read_unlisted(sources: &Sources) -> Unlisted {
    let tables = sources.tables();
    Unlisted {
        mptcp: read_mptcp(sources),
        // In a copy the numbers of inodes mean nothing, and a record is of one namespace.
        namespaces: match tables.is_copied() || sources.record().is_some() {
            true => Namespaces::default(),
            false => ProcRoot::of(tables.place())
                .map(|root| find_namespaces(&root, tables.inode()))
                .unwrap_or_default(),
        },
    }
}

/// How many sockets of MPTCP there are, listeners included.
///
/// # Errors
/// The file, and why it cannot be read.
pub fn read_mptcp(sources: &Sources) -> Result<u64, String> {
    let read = |tables: &ProcNet| {
        let protocols = Protocols::read(tables)?;
        Ok(protocols.sockets(Kind::Mptcp).unwrap_or(0))
    };
    let Sources::Several(several) = sources else {
        return read(sources.tables());
    };
    // Those that cannot be read are reported with the sockets.
    let members = several.find().members;
    let sockets = members.iter().filter_map(|member| {
        let mut doors = member.doors.iter();
        doors.find_map(|door| read(&ProcNet::of(door).ok()?).ok())
    });
    Ok(sockets.sum())
}

/// The network namespaces of processes, without the one whose table `tcp` has the inode `own`, and how
/// many have TCP sockets. One without processes is not found, nor one with hidden processes only.
fn find_namespaces(root: &ProcRoot, own: Option<u64>) -> Namespaces {
    let pids = root.numbers("").unwrap_or_default();
    let unchecked = pids.len().saturating_sub(MOST_PROCESSES);
    let mut directories: HashMap<u64, Option<String>> = HashMap::new();
    directories.extend(own.map(|inode| (inode, None)));
    for pid in pids.into_iter().take(MOST_PROCESSES) {
        let net = format!("{pid}/net");
        if let Ok(status) = root.stat(&format!("{net}/tcp")) {
            directories.entry(status.st_ino).or_insert(Some(net));
        }
    }
    let others = directories.values().flatten();
    Namespaces {
        with_tcp: others.filter(|net| has_tcp(root, net)).count() as u64,
        unchecked: unchecked as u64,
        hiding: root.query_hiding_here(),
    }
}

/// Whether a namespace has TCP sockets, by its own counters: `orphan` is the host's in every one.
fn has_tcp(root: &ProcRoot, net: &str) -> bool {
    SocketCounters::read_in(root, net).is_ok_and(|counters| counters.total() > 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_namespace_uses_tcp_if_one_of_its_own_counters_is_not_zero() {
        let folder = tempfile::tempdir().unwrap();
        let net = folder.path().join("1/net");
        fs::create_dir_all(&net).unwrap();
        let root = ProcRoot::open(folder.path()).unwrap();
        assert!(!has_tcp(&root, "1/net"));
        for (v4, v6, expected) in [
            ("inuse 0 orphan 9 tw 0 alloc 7 mem 5", 0, false),
            ("inuse 0 orphan 9 tw 1 alloc 7 mem 5", 0, true),
            ("inuse 2 orphan 0 tw 0 alloc 7 mem 5", 0, true),
            ("inuse 0 orphan 0 tw 0 alloc 7 mem 5", 1, true),
        ] {
            fs::write(net.join("sockstat"), format!("TCP: {v4}\n")).unwrap();
            let v6 = format!("TCP6: inuse {v6}\n");
            fs::write(net.join("sockstat6"), v6).unwrap();
            assert_eq!(has_tcp(&root, "1/net"), expected, "{v4}");
        }
    }
}
