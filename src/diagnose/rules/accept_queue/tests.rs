//! The rule at, below and above its limits.

mod late;

use super::*;
use crate::diagnose::Measures;
use crate::diagnose::testing::{assert_names_settings, host, listener, socket};
use crate::model::{Descriptors, Holders, Metric, ProcessName, Setting};

fn examined(waiting: u32, limit: u32, host: &Host) -> Examined {
    dropping(waiting, limit, 0, host)
}

/// The same with this number of drops of the listener in the window.
fn dropping(waiting: u32, limit: u32, drops: u32, host: &Host) -> Examined {
    let mut one = listener("127.0.0.1:80", waiting, limit, 1);
    one.drops = Some(drops);
    let host = host.clone().with_listeners(&[one]);
    host.examine::<AcceptQueue>(&host.read(&[], &[]))
}

fn quiet() -> Host {
    host()
        .with_growth(Counter::ListenOverflows, 7, 7)
        .with_growth(Counter::ListenDrops, 9, 9)
        .with_setting(Setting::Somaxconn, "128")
}

#[test]
fn a_queue_warns_at_its_limit_and_is_full_above_it() {
    for (waiting, limit, severity) in [
        (0, 0, None),
        (1, 0, Some(Severity::Critical)),
        (127, 128, None),
        (128, 128, Some(Severity::Warning)),
        (129, 128, Some(Severity::Critical)),
    ] {
        let examined = examined(waiting, limit, &quiet());
        let found = examined.findings.first().map(|finding| finding.severity);
        assert_eq!(found, severity, "{waiting} of {limit}");
        assert!(examined.lacking.is_empty());
    }
}

#[test]
fn drops_in_the_window_are_critical_though_the_queue_has_room_again() {
    let host = quiet().with_growth(Counter::ListenOverflows, 7, 10);
    let finding = dropping(5, 128, 3, &host).findings.remove(0);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(
        finding.title,
        "3 drops at 127.0.0.1:80 in 1.0 s; 5 of 128 wait to be accepted"
    );
}

#[test]
fn drops_while_no_accept_queue_was_full_have_another_reason() {
    assert!(dropping(5, 128, 3, &quiet()).findings.is_empty());
    // Unknown which it was: as long as nothing else explains it, it is reported.
    let host = quiet().with_growth(Counter::ListenOverflows, 7, 0);
    let examined = dropping(5, 128, 3, &host);
    assert_eq!(examined.findings.len(), 1);
    assert!(examined.lacking[0].starts_with("TcpExtListenOverflows went back"));
    let host = host.with_growth(Counter::ReqQFullDrop, 0, 3);
    assert!(dropping(5, 128, 3, &host).findings.is_empty());
}

#[test]
fn a_limit_of_somaxconn_is_named_and_both_need_a_new_listen() {
    let at = examined(129, 128, &quiet()).findings.remove(0);
    assert!(
        at.evidence
            .contains(&"the limit is that of net.core.somaxconn".to_owned())
    );
    assert!(
        at.remedy[1].contains("raise net.core.somaxconn, then"),
        "{at:?}"
    );
    let below = examined(2, 1, &quiet()).findings.remove(0);
    assert!(
        below.remedy[1].contains("up to net.core.somaxconn, which is 128"),
        "{below:?}"
    );
    for finding in [at, below] {
        assert!(finding.remedy[1].contains("new listen()"), "{finding:?}");
        assert_names_settings(&finding);
    }
}

#[test]
fn the_longest_wait_of_those_that_were_measured_is_reported() {
    let waiting = |local: &str, peer: &str| socket(State::Established, local, peer);
    let mut host = quiet().with_listeners(&[
        listener("0.0.0.0:80", 2, 1, 1),
        listener("192.0.2.9:80", 0, 1, 2),
    ]);
    let rule: AcceptQueue = host.read(
        &[],
        &[
            waiting("192.0.2.1:80", "192.0.2.7:1"),
            waiting("192.0.2.1:80", "192.0.2.7:2"),
            // Waits at the other.
            waiting("192.0.2.9:80", "192.0.2.7:3"),
        ],
    );
    let ends = rule.suspects(&host);
    assert_eq!(ends.len(), 2);
    host.measures = ends
        .iter()
        .zip([400, 12_345])
        .fold(Measures::default(), |measures, (ends, wait)| {
            measures.with(*ends, Metric::LastDataSent, wait)
        });
    let evidence = host.examine(&rule).findings[0].evidence.join("; ");
    assert!(
        evidence.contains("the longest wait of 2 connections measured: 12.3 s"),
        "{evidence}"
    );
}

#[test]
fn over_proc_the_limits_are_unknown_but_the_counters_show_that_a_queue_was_full() {
    let mut row = listener("127.0.0.1:80", 3, 0, 1);
    (row.full, row.cookie) = (None, None);
    let mut host = quiet().with_listeners(&[row]);
    host.drops_unknown = Some("no netlink".to_owned());
    let rule: AcceptQueue = host.read(&[], &[]);
    let silent = host.examine(&rule);
    assert!(silent.findings.is_empty());
    assert!(silent.lacking[0].starts_with("/proc reports neither the limits"));
    let host = host.with_growth(Counter::ListenOverflows, 7, 9);
    let found = host.examine(&rule).findings;
    assert_eq!(found[0].title, "an accept queue was full 2 times in 1.0 s");
    assert!(found[0].evidence[1].contains("3 wait to be accepted at 127.0.0.1:80"));
    let reset = host.with_growth(Counter::ListenOverflows, 7, 0);
    assert!(reset.examine(&rule).findings.is_empty());
}

#[test]
fn the_worst_listeners_are_reported_and_how_many_there_are() {
    let full = (0..8).map(|number| listener("127.0.0.1:80", 2 + number, 1, number.into()));
    let host = quiet().with_listeners(&full.collect::<Vec<_>>());
    let examined = host.examine::<AcceptQueue>(&host.read(&[], &[]));
    assert_eq!(examined.findings.len(), REPORTED);
    assert_eq!(examined.findings[0].value, 9.0);
    assert!(examined.lacking[0].contains("the worst 5 of 8"));
    let inodes = examined.findings.iter().flat_map(|found| &found.inodes);
    assert_eq!(inodes.collect::<Vec<_>>(), [&7, &6, &5, &4, &3]);
}

/// What is found of a full queue at port 80 and of these listeners, held as `holders` says; inodes 7 and
/// 8 are accepted connections.
fn found(others: &[(u32, u64)], holders: &Holders) -> Finding {
    let one = |waiting, number| listener("0.0.0.0:80", waiting, 1, number);
    let mut listeners = vec![one(2, 1)];
    listeners.extend(
        others
            .iter()
            .map(|(waiting, number)| one(*waiting, *number)),
    );
    let host = quiet().with_listeners(&listeners);
    let accepted = [7, 8].map(|inode| {
        let mut one = socket(State::Established, "192.0.2.1:80", "192.0.2.7:1");
        one.inode = inode;
        one
    });
    let rule: AcceptQueue = host.read(&[], &accepted);
    let found = host.examine_with(&rule, holders).findings;
    found.into_iter().find(|found| found.inodes == [1]).unwrap()
}

#[test]
fn every_holder_is_named_with_the_connections_that_it_accepted() {
    let mut holders = Holders::default();
    for (inode, name, pid) in [
        (1, "master", 10),
        (1, "worker", 11),
        (1, "worker", 12),
        (7, "worker", 12),
        (8, "worker", 12),
    ] {
        holders.set(inode, ProcessName::new(name.as_bytes()), pid);
    }
    let finding = found(&[], &holders);
    assert_eq!(finding.searched, [7, 8]);
    assert_eq!(
        finding.evidence[..3],
        [
            "worker (pid 12) holds the listener, and 2 accepted connections",
            "master (pid 10) holds the listener, and 0 accepted connections",
            "worker (pid 11) holds the listener, and 0 accepted connections",
        ]
    );
    let pids: Vec<u32> = finding.processes.iter().map(|one| one.pid).collect();
    assert_eq!(pids, [10, 11, 12]);
    assert!(finding.remedy[0].contains("those without may only supervise"));
    assert!(finding.remedy[1].contains("larger backlog"), "{finding:?}");
}

#[test]
fn a_process_without_a_descriptor_left_fails_and_needs_no_larger_backlog() {
    let mut holders = Holders::default();
    holders.set(1, ProcessName::new(b"web"), 10);
    for (open, are_used_up) in [(64, true), (63, false)] {
        holders.set_descriptors(10, Ok(Descriptors { open, limit: 64 }));
        let finding = found(&[], &holders);
        let evidence =
            "web (pid 10) has 64 of 64 descriptors open: accept() and socket() fail with EMFILE";
        assert_eq!(finding.evidence[0] == evidence, are_used_up);
        assert_eq!(
            finding.remedy[0].starts_with("Close what web (pid 10)"),
            are_used_up
        );
        let remedy = finding.remedy.join(" ");
        assert_eq!(remedy.contains("larger backlog"), !are_used_up, "{remedy}");
    }
}

#[test]
fn beside_idle_listeners_at_the_address_one_process_hangs() {
    let finding = found(&[(0, 2), (1, 3), (0, 4)], &Holders::default());
    assert_eq!(
        finding.evidence[0],
        "2 other listeners at this address have room (SO_REUSEPORT): 0 wait there"
    );
    assert!(finding.remedy[0].contains("Restart that process alone"));
    assert!(!finding.remedy.join(" ").contains("larger backlog"));
}
