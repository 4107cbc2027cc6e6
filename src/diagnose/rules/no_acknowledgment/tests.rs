//! The rule at, below and above its limits.

use std::time::Duration;

use super::*;
use crate::diagnose::testing::{host, seen, socket};
use crate::model::{Field, Label, Setting, SourceName, Timer, TimerKind};

/// Towards port 5432 of a host, retransmitting so often.
fn waiting(number: u64, retransmits: u32) -> Socket {
    let local = format!("192.0.2.1:{}", 40_000 + number);
    Socket {
        timer: Some(Timer {
            kind: TimerKind::Retransmit,
            remaining: Duration::ZERO,
        }),
        retransmits: Some(retransmits),
        send_queue: 90,
        inode: 100 + number,
        cookie: Some(number),
        ..socket(State::Established, &local, "192.0.2.9:5432")
    }
}

/// One towards another port, or one that a client opened, on which nothing waits.
fn healthy(number: u64, remote: &str) -> Socket {
    let local = if remote.ends_with(":5432") {
        "192.0.2.1:39999"
    } else {
        "192.0.2.1:80"
    };
    Socket {
        cookie: Some(10_000 + number),
        ..socket(State::Established, local, remote)
    }
}

fn quiet() -> Host {
    host()
        .listening_at(&["0.0.0.0:80"])
        .with_setting(Setting::Retries2, "15")
}

/// What is found where these are seen `first` and `last`.
fn examined(host: &mut Host, sockets: &[Socket], first: &[Socket], last: &[Socket]) -> Examined {
    let rule: NoAcknowledgment = host.read(sockets, sockets);
    host.see(&rule, first);
    host.see(&rule, last);
    host.examine(&rule)
}

#[test]
fn all_connections_to_a_destination_are_critical_beside_any_number_of_others() {
    let stalled: Vec<Socket> = (0..3).map(|number| waiting(number, 6)).collect();
    let clients = (0..400).map(|number| healthy(number, "192.0.2.7:1"));
    let mut sockets: Vec<Socket> = stalled.iter().cloned().chain(clients).collect();
    let measures = [(Metric::BytesAcked, 77), (Metric::LastAckReceived, 8_250)];
    let stalled: Vec<Socket> = stalled
        .into_iter()
        .map(|one| seen(one, &measures))
        .collect();
    let found = examined(&mut quiet(), &sockets, &stalled, &stalled)
        .findings
        .remove(0);
    assert_eq!(found.severity, Severity::Critical);
    assert_eq!(
        found.title,
        "no acknowledgment on 3 of 3 outbound connections to 192.0.2.9:5432"
    );
    assert_eq!(
        found.evidence,
        [
            "nothing was acknowledged in 5.0 s: 270 bytes in all, retransmitted 6 times in a row",
            "of 3 measured, the peer was last heard from 8.2 s ago",
            "net.ipv4.tcp_retries2 is 15: the kernel gives up about 924 s after the first retransmission",
        ]
    );
    assert_eq!(found.subject[1], (Field::RemotePort, Label::Number(5432)));
    assert_eq!(found.inodes, [100, 101, 102]);
    // One that works makes them 3 of 4.
    sockets.push(healthy(900, "192.0.2.9:5432"));
    let found = examined(&mut quiet(), &sockets, &stalled, &stalled).findings;
    assert_eq!(found[0].severity, Severity::Warning);
}

#[test]
fn three_that_are_a_tenth_of_a_destination_warn_beside_any_number_of_others() {
    let some = |number| (0..number).map(|number| waiting(number, 3));
    for (number, healthy_ones, others, severity) in [
        (3, 27, 1_500, Some(Severity::Warning)),
        (3, 28, 1_500, None),
        (10, 10, 1_500, Some(Severity::Warning)),
        (2, 2, 1_500, None),
        // A hundredth of all, or less.
        (2, 2, 196, Some(Severity::Info)),
        (2, 2, 197, None),
    ] {
        let same = (0..healthy_ones).map(|number| healthy(number, "192.0.2.9:5432"));
        let clients = (500..500 + others).map(|number| healthy(number, "192.0.2.7:1"));
        let sockets: Vec<Socket> = some(number).chain(same).chain(clients).collect();
        let found = examined(&mut quiet(), &sockets, &sockets, &sockets).findings;
        let found = found.first().map(|one| one.severity);
        assert_eq!(found, severity, "{number} {healthy_ones} {others}");
    }
}

#[test]
fn two_of_two_are_all_and_a_single_one_warns_where_it_is_one_in_a_hundred() {
    let stalled = |number| (0..number).map(|number| waiting(number, 3));
    for (number, others, severity) in [
        (2, 900, Some(Severity::Critical)),
        (1, 99, Some(Severity::Warning)),
        (1, 100, None),
    ] {
        let clients = (0..others).map(|number| healthy(number, "192.0.2.7:1"));
        let sockets: Vec<Socket> = stalled(number).chain(clients).collect();
        let found = examined(&mut quiet(), &sockets, &sockets, &sockets).findings;
        assert_eq!(found.first().map(|one| one.severity), severity, "{number}");
    }
}

#[test]
fn what_is_acknowledged_or_ends_while_it_is_watched_is_no_suspect() {
    let one = waiting(1, 9);
    let at = |acknowledged| seen(one.clone(), &[(Metric::BytesAcked, acknowledged)]);
    for (then, found) in [(vec![at(7)], 1), (vec![at(8)], 0), (vec![], 0)] {
        let sockets = std::slice::from_ref(&one);
        let examined = examined(&mut quiet(), sockets, &[at(7)], &then);
        assert_eq!(examined.findings.len(), found, "{then:?}");
        assert!(examined.lacking.is_empty());
    }
}

#[test]
fn two_retransmissions_in_a_row_or_a_stall_that_is_new_are_no_suspects() {
    let mut host = quiet();
    let two = [waiting(1, 2)];
    assert!(examined(&mut host, &two, &[], &[]).findings.is_empty());
    let rule: NoAcknowledgment = host.read(&[waiting(1, 0)], &[waiting(1, 3)]);
    assert!(rule.0.watched(&host).is_empty());
}

#[test]
fn many_are_counted_though_some_are_watched_and_unless_one_of_these_moved() {
    let sockets: Vec<Socket> = (0..100).map(|number| waiting(number, 4)).collect();
    let mut host = quiet();
    let rule: NoAcknowledgment = host.read(&sockets, &sockets);
    host.see(&rule, &sockets);
    host.see(&rule, &sockets);
    let found = host.examine(&rule).findings.remove(0);
    assert_eq!(found.value, 100.0);
    let watched = rule.0.watched(&host);
    let gone: Vec<Socket> = sockets
        .iter()
        .filter(|one| one.internet() != watched.first())
        .cloned()
        .collect();
    host.see(&rule, &gone);
    let examined = host.examine(&rule);
    assert_eq!(examined.findings[0].value, 15.0);
    assert!(
        examined.lacking[0].contains("84 connections"),
        "{examined:?}"
    );
}

#[test]
fn clients_that_vanish_are_information_and_from_three_on_a_warning_that_names_them() {
    let inbound = |number| Socket {
        ends: socket(
            State::Established,
            "192.0.2.1:80",
            &format!("192.0.2.7:{number}"),
        )
        .ends,
        ..waiting(number, 4)
    };
    for (number, severity) in [
        (1, Severity::Info),
        (2, Severity::Info),
        (3, Severity::Warning),
    ] {
        let sockets: Vec<Socket> = (1..=number).map(inbound).collect();
        let found = examined(&mut quiet(), &sockets, &sockets, &sockets)
            .findings
            .remove(0);
        assert_eq!(found.severity, severity, "{number}");
        let title = format!("no acknowledgment on {number} of {number} inbound connection");
        assert!(found.title.starts_with(&title), "{found:?}");
        let named = format!("{number} of them to 192.0.2.7");
        assert_eq!(found.evidence[1], named);
    }
}

#[test]
fn over_proc_queues_that_change_have_moved_and_a_copied_tree_is_not_examined() {
    let mut host = quiet();
    host.source = SourceName::Proc;
    let one = [waiting(1, 4)];
    let mut less = one.clone();
    less[0].send_queue -= 1;
    assert_eq!(examined(&mut host, &one, &one, &one).findings.len(), 1);
    let mut host = quiet();
    assert!(examined(&mut host, &one, &one, &less).findings.is_empty());
    host.still = Some("a copied tree");
    assert!(examined(&mut host, &one, &one, &one).lacking[0].contains("copied tree"));
}

#[test]
fn the_kernel_gives_up_after_the_time_in_its_documentation() {
    // 924.6 s for 15, ip-sysctl.rst.
    for (retries, ms) in [(0, 200), (3, 3_000), (9, 204_600), (15, 924_600)] {
        assert_eq!(given_up_after(retries), ms);
    }
    assert!(given_up_after(u64::MAX) > given_up_after(255));
}

/// The finding about these connections of a service, with these bytes acknowledged on each and these
/// segments acknowledged selectively, beside others that work.
fn full_segments_lost(
    sockets: &[Socket],
    acknowledged: &[u64],
    others: u64,
    sacked: u64,
) -> Finding {
    let long = sockets.iter().zip(acknowledged).map(|(one, acknowledged)| {
        let measures = [
            (Metric::Mss, 1_448),
            (Metric::Unacked, 5),
            (Metric::BytesAcked, *acknowledged),
            (Metric::BytesReceived, 0),
            (Metric::LastDataSent, 1_000),
            (Metric::LastAckReceived, 9_000),
            (Metric::Sacked, sacked),
        ];
        let one = Socket {
            send_queue: 6_000,
            ..one.clone()
        };
        seen(one, &measures)
    });
    let long: Vec<Socket> = long.collect();
    let others = (0..others).map(|number| healthy(number, "192.0.2.9:5432"));
    let all: Vec<Socket> = sockets.iter().cloned().chain(others).collect();
    let mut host = quiet().with_setting(Setting::MtuProbing, "0");
    examined(&mut host, &all, &long, &long).findings.remove(0)
}

#[test]
fn where_full_segments_alone_are_lost_on_all_that_were_watched_it_is_the_path() {
    for (acknowledged, is_path) in [([3, 3], true), ([3, 1_448], false), ([1, 1], false)] {
        let two: Vec<Socket> = (0..2).map(|number| waiting(number, 4)).collect();
        let found = full_segments_lost(&two, &acknowledged, 0, 1);
        let evidence = found.evidence.join("; ");
        let line =
            "no segment of up to 1,448 bytes was ever acknowledged, and small ones get through";
        assert_eq!(
            evidence.contains(line),
            is_path,
            "{acknowledged:?} {evidence}"
        );
        let id = if is_path {
            "path-mtu"
        } else {
            "no-acknowledgment"
        };
        assert_eq!((found.id, found.severity), (id, Severity::Critical));
    }
    let one = full_segments_lost(&[waiting(0, 4)], &[3], 0, 1);
    assert_eq!(
        one.title,
        "path MTU: full segments are not acknowledged and small ones are, on 1 of 1 outbound connection to 192.0.2.9:5432"
    );
    assert_eq!(one.severity, Severity::Warning);
    let gone = full_segments_lost(&[waiting(0, 4)], &[3], 0, 0);
    assert_eq!(gone.id, "no-acknowledgment");
    let line = "small ones got through before: if the peer answers `ping PEER`, the path may lose";
    assert!(gone.evidence.join("; ").contains(line), "{gone:?}");
    assert!(
        one.evidence
            .iter()
            .any(|line| line.ends_with("smaller segments are not tried"))
    );
}

#[test]
fn a_black_hole_is_critical_where_nothing_of_a_service_works_and_single_clients_vanish() {
    let client = |number: u64| Socket {
        ends: socket(
            State::Established,
            "192.0.2.1:80",
            &format!("192.0.2.7:{}", 5_000 + number),
        )
        .ends,
        ..waiting(number, 4)
    };
    let clients = |number| (0..number).map(client).collect::<Vec<Socket>>();
    for (sockets, id, severity) in [
        (clients(2), "no-acknowledgment", Severity::Info),
        (clients(3), "path-mtu", Severity::Critical),
    ] {
        let found = full_segments_lost(&sockets, &[3; 3], 0, 1);
        assert_eq!((found.id, found.severity), (id, severity), "{found:?}");
    }
    let three: Vec<Socket> = (0..3).map(|number| waiting(number, 4)).collect();
    let found = full_segments_lost(&three, &[3; 3], 1, 1);
    assert_eq!((found.id, found.severity), ("path-mtu", Severity::Warning));
}
