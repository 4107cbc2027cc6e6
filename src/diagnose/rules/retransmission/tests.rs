//! The rule at, below and above its thresholds.

use std::time::Duration;

use super::*;
use crate::diagnose::Measures;
use crate::diagnose::testing::{host, socket};
use crate::model::{Socket, Timer};

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
fn counters_that_were_reset_give_no_finding() {
    let reset = segments(10, 0).with_growth(Counter::OutSegs, 50, 3);
    let examined = reset.examine::<Retransmission>(&reset.read(&[], &[]));
    assert!(examined.findings.is_empty());
    assert_eq!(examined.lacking, ["TcpOutSegs went back from 50 to 3"]);
}

#[test]
fn peers_are_suspect_from_the_third_try_of_one_connection_in_a_hundred_on() {
    for (retransmits, others, warns) in
        [(2, 9, false), (3, 9, true), (3, 99, true), (3, 100, false)]
    {
        let mut sockets = vec![waiting(retransmits, "192.0.2.9:1")];
        let other = socket(State::Established, "192.0.2.1:80", "192.0.2.8:1");
        sockets.resize(others + 1, other);
        let quiet = segments(0, 10);
        let rule: Retransmission = quiet.read(&[], &sockets);
        let found = quiet.examine(&rule).findings;
        assert_eq!(found.len(), usize::from(warns), "{retransmits}, {others}");
        assert_eq!(rule.suspects(&quiet).len(), usize::from(warns));
        assert!(found.iter().all(|found| found.inodes == [9]));
    }
}

#[test]
fn the_peers_are_named_with_the_measures_of_the_worst() {
    let mut sockets: Vec<Socket> = (1..100)
        .map(|number| waiting(number % 7, &format!("192.0.2.9:{number}")))
        .collect();
    sockets.push(waiting(200, "192.0.2.8:7"));
    let mut host = segments(20, 80);
    let rule: Retransmission = host.read(&[], &sockets);
    let suspects = rule.suspects(&host);
    assert_eq!(suspects.len(), MEASURED);
    assert_eq!(suspects[0].remote, "192.0.2.8:7".parse().unwrap());
    host.measures = Measures::default()
        .with(suspects[0], Metric::TotalRetrans, 9)
        .with(suspects[0], Metric::RoundTripTime, 40_950);
    let finding = found(&sockets, &host).unwrap();
    assert_eq!(
        finding.evidence[4],
        "1 of them to 192.0.2.8, one of them retransmitted 200 times in a row (total-retrans 9, rtt 40.9 ms)"
    );
    let next = "85 of them to 192.0.2.9, one of them retransmitted 6 times in a row";
    assert!(finding.evidence[3].starts_with(next));
    assert!(finding.commands[0].to_string().contains("total-retrans"));
    host.source = SourceName::Proc;
    let finding = found(&sockets, &host).unwrap();
    assert!(!finding.commands[0].to_string().contains("total-retrans"));
}
