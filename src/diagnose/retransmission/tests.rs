//! The rule at, below and above its thresholds.

use std::time::Duration;

use super::*;
use crate::diagnose::Measures;
use crate::diagnose::testing::{facts, socket};
use crate::model::Timer;

fn segments(again: u64, new: u64) -> Facts {
    facts()
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

fn found(seen: &Retransmitting, facts: &Facts) -> Option<Finding> {
    examine(seen, facts, &Holders::default()).findings.pop()
}

#[test]
fn it_warns_from_one_in_a_hundred_on_and_not_for_a_handful() {
    let none = Retransmitting::default();
    for (again, new, warns) in [
        (9, 1, false),
        (10, 0, true),
        (10, 990, true),
        (10, 991, false),
        (1, 2, false),
        (1_000, 99_000, true),
    ] {
        let finding = found(&none, &segments(again, new));
        assert_eq!(finding.is_some(), warns, "{again} besides {new}");
    }
    let title = found(&none, &segments(30, 970)).unwrap().title;
    assert_eq!(
        title,
        "3.0 % of what was sent in 1.0 s was sent again: 30 of 1,000 segments"
    );
}

#[test]
fn syns_that_are_sent_again_are_no_loss_on_the_way() {
    let none = Retransmitting::default();
    for (syns, warns) in [(0, true), (1, true), (2, false), (11, false), (12, false)] {
        let facts = segments(11, 0).with_growth(Counter::SynRetrans, 0, syns);
        assert_eq!(found(&none, &facts).is_some(), warns, "{syns}");
    }
    let unknown = segments(11, 0).with_growth(Counter::SynRetrans, 9, 2);
    let examined = examine(&none, &unknown, &Holders::default());
    assert!(examined.findings.is_empty() && examined.lacking.is_some());
}

#[test]
fn counters_that_were_reset_say_nothing() {
    let reset = segments(10, 0).with_growth(Counter::OutSegs, 50, 3);
    let examined = examine(&Retransmitting::default(), &reset, &Holders::default());
    assert!(examined.findings.is_empty());
    assert_eq!(
        examined.lacking.unwrap(),
        "TcpOutSegs went back from 50 to 3"
    );
}

#[test]
fn peers_are_suspect_from_the_third_try_of_one_connection_in_a_hundred_on() {
    for (retransmits, others, warns) in
        [(2, 9, false), (3, 9, true), (3, 99, true), (3, 100, false)]
    {
        let mut seen = Retransmitting::default();
        seen.add(&waiting(retransmits, "192.0.2.9:1"));
        for _ in 0..others {
            seen.add(&socket(State::Established, "192.0.2.1:80", "192.0.2.8:1"));
        }
        let quiet = segments(0, 10);
        assert_eq!(
            found(&seen, &quiet).is_some(),
            warns,
            "{retransmits}, {others}"
        );
        assert_eq!(suspects(&seen, &quiet).len(), usize::from(warns));
        assert_eq!(wanted(&seen, &quiet), vec![9; usize::from(warns)]);
    }
}

#[test]
fn the_peers_are_told_with_what_tcp_measures_of_the_worst() {
    let mut seen = Retransmitting::default();
    for number in 1..100 {
        seen.add(&waiting(number % 7, &format!("192.0.2.9:{number}")));
    }
    seen.add(&waiting(200, "192.0.2.8:7"));
    let mut facts = segments(20, 80);
    let suspects = suspects(&seen, &facts);
    assert_eq!(suspects.len(), ASKED);
    assert_eq!(suspects[0].remote, "192.0.2.8:7".parse().unwrap());
    facts.measures = Measures::default()
        .with(suspects[0], Metric::TotalRetrans, 9)
        .with(suspects[0], Metric::RoundTripTime, 40_950);
    let told = found(&seen, &facts).unwrap().evidence;
    assert_eq!(
        told[4],
        "1 of them to 192.0.2.8, one of them sent again 200 times in a row (total-retrans 9, rtt 40.9 ms)"
    );
    assert!(
        told[3].starts_with("85 of them to 192.0.2.9, one of them sent again 6 times in a row")
    );
}
