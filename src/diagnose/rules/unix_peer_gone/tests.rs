//! The rule on hosts made for it.

use std::time::Duration;

use super::*;
use crate::diagnose::testing::host;
use crate::model::{Descriptors, Finding, Holders, ProcessName, Severity};

/// A socket with this inode and the name of its listener, whose peer is gone.
fn one(kind: Kind, inode: u64, name: &str) -> Socket {
    let ends = UnixEnds {
        name: UnixName::parse(name.as_bytes()),
        peer: Some(UnixPeer::Gone),
        ..UnixEnds::default()
    };
    Socket {
        inode,
        ..Socket::bare(kind, State::Established, ends)
    }
}

/// Those with these inodes.
fn many(kind: Kind, inodes: std::ops::Range<u64>, name: &str) -> Vec<Socket> {
    inodes.map(|inode| one(kind, inode, name)).collect()
}

/// Holders of these: the process with the pid that is returned.
fn held(sockets: &[Socket], pid: impl Fn(u64) -> u64) -> Holders {
    let mut holders = Holders::default();
    for socket in sockets {
        let pid = u32::try_from(pid(socket.inode)).unwrap();
        holders.set(socket.inode, ProcessName::new(b"app"), pid);
        let (open, limit) = (sockets.len() as u64 + 5, 100_000);
        holders.set_descriptors(pid, Ok(Descriptors { open, limit }));
    }
    holders
}

/// What is found of sockets that all stayed, one of which is left by the watch for each of `left`.
fn found_with(sockets: &[Socket], left: usize, holders: &Holders) -> (Vec<Finding>, Vec<String>) {
    let mut host = host();
    let rule: UnixPeerGone = host.read(sockets, sockets);
    let still = sockets.iter().skip(left).map(|socket| socket.inode);
    host.watch.see_unix(still.collect(), Duration::from_secs(5));
    let examined = host.examine_with(&rule, holders);
    assert_eq!(examined.searched.is_empty(), sockets.len() < 10);
    (examined.findings, examined.lacking)
}

fn found(sockets: &[Socket], pid: impl Fn(u64) -> u64) -> Vec<Finding> {
    let (findings, lacking) = found_with(sockets, 0, &held(sockets, pid));
    assert!(lacking.is_empty(), "{lacking:?}");
    findings
}

#[test]
fn ten_that_stay_in_one_process_or_service_are_a_warning_and_nine_are_not() {
    for name in ["", "/run/app.sock", "\0app"] {
        for kind in [Kind::UnixStream, Kind::UnixSeqpacket] {
            assert!(found(&many(kind, 1..10, name), |_| 7).is_empty());
            let found = found(&many(kind, 1..11, name), |_| 7);
            assert_eq!(found.len(), 1, "{name}");
            assert_eq!(found[0].severity, Severity::Warning);
            assert_eq!(found[0].value, 10.0);
        }
    }
}

#[test]
fn one_in_each_process_of_a_service_is_no_finding_and_several_are() {
    let name = "/run/php.sock";
    let sockets = many(Kind::UnixStream, 1..61, name);
    // A process for each socket, as with a request in each worker; then three in each.
    assert!(found(&sockets, |inode| inode).is_empty());
    let found = found(&sockets, |inode| 1 + inode % 20);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].processes.len(), 20);
    let title = "60 UNIX-stream sockets of /run/php.sock stay open, and their peers have closed";
    assert_eq!(found[0].title, title);
    let command = found[0].commands[0].filter();
    assert_eq!(command, Some("peer = gone and name = /run/php.sock"));
}

#[test]
fn nine_each_of_several_processes_without_a_name_are_no_finding() {
    let sockets = many(Kind::UnixStream, 1..91, "");
    assert!(found(&sockets, |inode| inode / 9).is_empty());
    // Names that no other socket has are those of clients.
    let named = (1..13).map(|inode| one(Kind::UnixStream, inode, &format!("/tmp/{inode}")));
    let found = found(&named.collect::<Vec<_>>(), |_| 7);
    assert_eq!(
        found[0].title,
        "12 UNIX-stream sockets of app (pid 7) stay open, and their peers have closed"
    );
}

#[test]
fn the_command_of_a_process_leaves_out_those_of_services() {
    let mut sockets = many(Kind::UnixStream, 1..21, "");
    sockets.extend(many(Kind::UnixStream, 21..36, "@a b"));
    sockets.extend(many(Kind::UnixStream, 36..38, "\0x\n"));
    let found = found(&sockets, |_| 7);
    let filters = found.iter().map(|one| one.commands[0].filter().unwrap());
    assert_eq!(
        filters.collect::<Vec<_>>(),
        [
            "peer = gone and pid = 7 and name != \\x40a\\x20b and name != @x\\x0a",
            "peer = gone and name = \\x40a\\x20b",
        ]
    );
}

#[test]
fn those_that_are_closed_a_little_later_are_no_finding() {
    for (all, left, findings) in [
        (100, 0, 1),
        (100, 19, 1),
        (100, 20, 0),
        (12, 2, 1),
        (11, 2, 0),
    ] {
        let sockets = many(Kind::UnixStream, 1..all + 1, "");
        let (found, _) = found_with(&sockets, left, &held(&sockets, |_| 7));
        assert_eq!(found.len(), findings, "{all} {left}");
    }
    let sockets = many(Kind::UnixStream, 1..101, "");
    let (found, _) = found_with(&sockets, 19, &held(&sockets, |_| 7));
    assert_eq!(
        found[0].evidence[..2],
        [
            "100 stayed through the window of 1.0 s, 0 were added",
            "after 5.0 s, 19 of these were closed and 81 were left"
        ]
    );
}

#[test]
fn those_that_were_added_in_the_window_do_not_count() {
    let host = host();
    let after = many(Kind::UnixStream, 1..100, "");
    let rule: UnixPeerGone = host.read(&after[..9], &after);
    let holders = held(&after, |_| 7);
    assert!(host.examine_with(&rule, &holders).findings.is_empty());
    let rule: UnixPeerGone = host.read(&after[..10], &after);
    let found = host.examine_with(&rule, &holders).findings;
    assert_eq!(found[0].value, 99.0);
    let reached = &found[0].evidence.last().unwrap();
    assert!(
        reached.contains("89 more a second, app (pid 7)"),
        "{reached}"
    );
}

#[test]
fn a_few_sockets_for_datagrams_are_information() {
    use Severity::{Critical, Info, Warning};
    for (sockets, open, limit, severity) in [
        (10, 20, 1_000, Info),
        (99, 110, 1_000, Info),
        (100, 110, 1_000, Warning),
        (60, 70, 100, Warning),
        (90, 95, 100, Critical),
    ] {
        let sockets = many(Kind::UnixDgram, 1..sockets + 1, "");
        let mut holders = held(&sockets, |_| 7);
        holders.set_descriptors(7, Ok(Descriptors { open, limit }));
        let (found, _) = found_with(&sockets, 0, &holders);
        assert_eq!(found[0].severity, severity, "{}", sockets.len());
        assert!(
            found[0]
                .title
                .ends_with("connected to sockets that were closed")
        );
    }
    // That grow.
    let host = host();
    let after = many(Kind::UnixDgram, 1..16, "");
    let rule: UnixPeerGone = host.read(&after[..12], &after);
    let found = host.examine_with(&rule, &held(&after, |_| 7)).findings;
    assert_eq!(found[0].severity, Warning);
}

#[test]
fn unknown_processes_are_reported_as_not_examined() {
    let sockets = many(Kind::UnixStream, 1..31, "");
    let mut holders = Holders::default();
    let (found, lacking) = found_with(&sockets, 0, &holders);
    assert!(found.is_empty());
    let expected = "which programs keep 30 UNIX sockets whose peers are gone is unknown: ";
    assert_eq!(
        lacking,
        [format!("{expected}no process was found that holds them")]
    );
    holders.unknown = Some("no permission".to_owned());
    let (_, lacking) = found_with(&sockets, 0, &holders);
    assert_eq!(lacking, [format!("{expected}no permission")]);
    let (_, lacking) = found_with(&sockets[..9], 0, &holders);
    assert!(lacking.is_empty());
}

#[test]
fn sockets_are_watched_as_long_as_ten_may_stay() {
    let watched = UnixPeerGone::WATCHED_UNIX.unwrap();
    let mut host = host();
    let sockets = many(Kind::UnixStream, 1..13, "");
    let rule: UnixPeerGone = host.read(&sockets, &sockets);
    assert_eq!(watched(&rule, &host).len(), 12);
    host.watch
        .see_unix((1..11).collect(), Duration::from_secs(1));
    assert_eq!(watched(&rule, &host).len(), 10);
    // One that comes back is another one.
    host.watch
        .see_unix((2..13).collect(), Duration::from_secs(2));
    assert!(watched(&rule, &host).is_empty());
}
