//! The rule at, below and above its thresholds.

use std::time::Duration;

use super::*;
use crate::diagnose::testing::{host, seen, socket};
use crate::model::{Socket, Timer, TimerKind};

fn segments(again: u64, new: u64) -> Host {
    host()
        .with_growth(Counter::RetransSegs, 1, 1 + again)
        .with_growth(Counter::OutSegs, 5, 5 + new)
        .with_growth(Counter::SynRetrans, 3, 3)
}

fn waiting(retransmits: u32, peer: &str) -> Socket {
    Socket {
        timer: Some(Timer {
            kind: TimerKind::Retransmit,
            remaining: Duration::ZERO,
        }),
        retransmits: Some(retransmits),
        send_queue: 90,
        inode: 9,
        ..socket(State::Established, "192.0.2.1:80", peer)
    }
}

fn found(sockets: &[Socket], host: &Host) -> Option<Finding> {
    let rule: Retransmission = host.read(&[], sockets);
    host.examine(&rule).findings.pop()
}

#[test]
fn it_warns_from_one_in_a_hundred_on_and_not_for_a_few_segments() {
    for (again, new, warns) in [
        (9, 1, false),
        (10, 0, true),
        (10, 990, true),
        (10, 991, false),
        (1, 2, false),
        (1_000, 99_000, true),
    ] {
        let finding = found(&[], &segments(again, new));
        assert_eq!(finding.is_some(), warns, "{again} besides {new}");
    }
    let title = found(&[], &segments(30, 970)).unwrap().title;
    assert_eq!(
        title,
        "3.0 % of the segments sent in 1.0 s were retransmissions: 30 of 1,000"
    );
}

#[test]
fn retransmitted_syns_are_not_counted_as_loss() {
    for (syns, warns) in [(0, true), (1, true), (2, false), (11, false), (12, false)] {
        let host = segments(11, 0).with_growth(Counter::SynRetrans, 0, syns);
        assert_eq!(found(&[], &host).is_some(), warns, "{syns}");
    }
    let unknown = segments(11, 0).with_growth(Counter::SynRetrans, 9, 2);
    let examined = unknown.examine::<Retransmission>(&unknown.read(&[], &[]));
    assert!(examined.findings.is_empty() && !examined.lacking.is_empty());
}

#[test]
fn what_is_sent_again_to_peers_that_acknowledge_nothing_is_no_loss() {
    for state in [State::Established, State::LastAck, State::FinWait1] {
        for (vanished, warns) in [(11, true), (12, false)] {
            let one = Socket {
                state,
                ..waiting(4, "192.0.2.9:1")
            };
            let finding = found(&vec![one; vanished], &segments(21, 0));
            assert_eq!(finding.is_some(), warns, "{state:?} {vanished}");
        }
    }
}

#[test]
fn what_is_sent_again_before_servers_reset_connections_is_no_loss() {
    let restarted = |resets, accepted| {
        [
            (Counter::EstabResets, resets),
            (Counter::PassiveOpens, accepted),
            (Counter::AbortOnClose, 0),
            (Counter::AbortOnData, 0),
            (Counter::AbortOnTimeout, 0),
            (Counter::OutRsts, 0),
            (Counter::ActiveOpens, 0),
            (Counter::InSegs, 0),
        ]
        .into_iter()
        .fold(segments(40, 0), |host, (counter, growth)| {
            host.with_growth(counter, 5, 5 + growth)
        })
    };
    assert!(found(&[], &restarted(10, 0)).is_some());
    assert!(found(&[], &restarted(11, 0)).is_none());
    assert!(
        found(&[], &restarted(40, 40)).is_some(),
        "clients may have reset them"
    );
}

#[test]
fn counters_that_were_reset_give_no_finding() {
    let reset = segments(10, 0).with_growth(Counter::OutSegs, 50, 3);
    let examined = reset.examine::<Retransmission>(&reset.read(&[], &[]));
    assert!(examined.findings.is_empty());
    assert_eq!(examined.lacking, ["TcpOutSegs went back from 50 to 3"]);
}

/// Connections to two peers, and a finding after so many retransmissions to each.
fn to_two_peers(host: &mut Host, again: [u64; 2]) -> Finding {
    let peers = ["192.0.2.8:7", "192.0.2.9:7"];
    let sockets = peers.map(|peer| Socket {
        retransmits: Some(0),
        ..waiting(0, peer)
    });
    let rule: Retransmission = host.read(&[], &sockets);
    assert_eq!(rule.watched(host).len(), 2);
    for times in [[0, 0], again] {
        let now = sockets.iter().zip(times);
        let now: Vec<Socket> = now
            .map(|(one, times)| {
                let measures = [
                    (Metric::TotalRetrans, times),
                    (Metric::RoundTripTime, 40_950),
                ];
                seen(one.clone(), &measures)
            })
            .collect();
        host.see(&rule, &now);
    }
    let is_enough = again.iter().sum::<u64>() >= MIN_RETRANSMITTED;
    assert_eq!(rule.watched(host).is_empty(), is_enough);
    host.examine(&rule).findings.remove(0)
}

#[test]
fn the_peer_of_most_retransmissions_is_named_and_its_connections_are_shown() {
    let finding = to_two_peers(&mut segments(30, 970), [2, 8]);
    assert!(finding.title.ends_with("30 of 1,000, most to 192.0.2.9"));
    assert_eq!(
        finding.evidence[3..],
        [
            "10 retransmissions on 2 connections that were measured",
            "8 of them to 192.0.2.9 on 1 connection, rtt 40.9 ms",
            "2 of them to 192.0.2.8 on 1 connection, rtt 40.9 ms",
        ]
    );
    assert_eq!(
        finding.commands[0].filter(),
        Some("total-retrans > 0 and dst 192.0.2.9")
    );
    assert_eq!(finding.inodes, [9]);
    let finding = to_two_peers(&mut segments(30, 970), [3, 8]);
    assert!(finding.title.ends_with("30 of 1,000"), "{finding:?}");
    assert_eq!(finding.commands[0].filter(), Some("total-retrans > 0"));
    assert_eq!(finding.inodes, [9, 9]);
}

#[test]
fn without_connections_that_retransmitted_all_peers_are_shown() {
    let finding = to_two_peers(&mut segments(30, 970), [0, 0]);
    assert_eq!(finding.commands[0].filter(), None);
    assert_eq!(finding.evidence.len(), 3);
    let mut over_proc = segments(30, 970);
    over_proc.source = SourceName::Proc;
    assert_eq!(
        to_two_peers(&mut over_proc, [2, 8]).commands[0].filter(),
        None
    );
    // A host that loses little watches none.
    let quiet = segments(9, 970);
    let rule: Retransmission = quiet.read(&[], &[waiting(1, "192.0.2.9:1")]);
    assert!(rule.watched(&quiet).is_empty());
}
