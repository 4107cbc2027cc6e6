//! The rule on hosts made up for it.

use super::*;
use crate::diagnose::Measures;
use crate::diagnose::testing::{facts, listener, listening_at, service, socket};
use crate::model::{ProcessName, State};

/// As many that stay, held or not, on a host that listens at port 80.
fn judged(stay: u64, came: u64, held: bool) -> Vec<Finding> {
    let facts = facts().with_listeners(&[listener("0.0.0.0:80", 0, 1, 99)]);
    let (mut before, mut seen) = (Before::default(), CloseWaits::default());
    let mut holders = Holders::default();
    holders.set(99, ProcessName::new(b"listener"), 9);
    for number in 1..=stay + came {
        let mut one = socket(State::CloseWait, "192.0.2.9:80", "192.0.2.1:5000");
        one.cookie = Some(number);
        if held {
            one.inode = 1000 + number;
            holders.set(one.inode, ProcessName::new(b"leaky"), 7);
        }
        if number <= stay {
            before.add(&one);
        }
        seen.add(&one, service(&one, &facts));
    }
    examine(&before, &seen, &facts, &holders).findings
}

#[test]
fn it_warns_from_10_that_stay_and_a_thousand_of_one_process_are_critical() {
    assert!(judged(9, 500, true).is_empty());
    for (stay, severity) in [
        (10, Severity::Warning),
        (999, Severity::Warning),
        (1000, Severity::Critical),
    ] {
        let found = judged(stay, 0, true);
        assert_eq!((found.len(), found[0].severity), (1, severity), "{stay}");
    }
    let grows = &judged(10, 2, true)[0];
    assert!(grows.evidence[0].ends_with("2 came and none ended: it only grows"));
    assert_eq!(grows.subject, [(Field::LocalPort, Label::Number(80))]);
    assert_eq!(
        (grows.processes[0].pid, grows.processes[0].sockets),
        (7, 12)
    );
}

#[test]
fn a_process_is_taken_to_hold_as_much_of_those_that_were_not_looked_for() {
    let mut facts = facts();
    facts.listeners = listening_at(&["0.0.0.0:80", "0.0.0.0:81"]);
    let (mut before, mut seen) = (Before::default(), CloseWaits::default());
    let mut holders = Holders::default();
    // More than are kept, of which 600 are of port 80.
    for number in 1..=11_000 {
        let local = match number {
            9_401.. => "192.0.2.9:80",
            _ => "192.0.2.9:81",
        };
        let mut one = socket(State::CloseWait, local, "192.0.2.1:5000");
        (one.cookie, one.inode) = (Some(number), number);
        holders.set(
            number,
            ProcessName::new(b"leaky"),
            u32::from(number > 9_400),
        );
        before.add(&one);
        seen.add(&one, service(&one, &facts));
    }
    let found = examine(&before, &seen, &facts, &holders).findings;
    let found = found
        .iter()
        .find(|found| found.value == Some(1_600.0))
        .unwrap();
    assert_eq!(found.severity, Severity::Critical);
    assert_eq!(found.processes[0].sockets, 600);
    assert_eq!(
        found.evidence[2],
        "of 11,000 in this state, the holders of 10,000 were looked for"
    );
}

#[test]
fn what_still_sends_answers_a_peer_that_closed_one_direction() {
    let mut facts = facts();
    facts.listeners = listening_at(&["0.0.0.0:80"]);
    // So many connections, the first of which sent data 499 ms ago, the others long ago.
    let mut found = |sending: usize| {
        let (mut before, mut seen) = (Before::default(), CloseWaits::default());
        for number in 1..=12_u16 {
            let peer = format!("192.0.2.1:{number}");
            let mut one = socket(State::CloseWait, "192.0.2.9:80", &peer);
            (one.cookie, one.inode) = (Some(number.into()), number.into());
            before.add(&one);
            seen.add(&one, service(&one, &facts));
        }
        let asked = seen.suspects(&before, &facts).into_iter().enumerate();
        facts.measures = asked.fold(Measures::default(), |measures, (at, ends)| {
            let sent = if at < sending { 499 } else { 61_250 };
            let measures = measures.with(ends, Metric::LastDataSent, sent);
            measures.with(ends, Metric::LastDataReceived, 70_000)
        });
        let wanted = seen.wanted(&before, &facts).len();
        let found = examine(&before, &seen, &facts, &Holders::default());
        assert_eq!(wanted, found.findings.len() * 12);
        found.findings
    };
    assert_eq!(
        found(0)[0].evidence[2],
        "of 12 that were asked about, each has been silent for 61.2 s or longer"
    );
    assert_eq!(found(6).len(), 1);
    assert!(found(7).is_empty());
}

#[test]
fn what_was_never_accepted_is_blamed_on_its_listener() {
    let found = &judged(10, 0, false)[0];
    assert!(found.title.contains("never accepted"), "{}", found.title);
    assert_eq!(found.processes[0].name, "listener");
    assert!(judged(9, 0, false).is_empty());
}

#[test]
fn in_a_copied_tree_it_is_not_examined() {
    let copied = Facts {
        copied: true,
        ..facts()
    };
    let examined = examine(
        &Before::default(),
        &CloseWaits::default(),
        &copied,
        &Holders::default(),
    );
    assert!(examined.findings.is_empty() && examined.lacking.is_some());
}
