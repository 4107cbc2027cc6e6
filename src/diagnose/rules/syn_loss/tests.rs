//! The rule on hosts whose SYNs are retransmitted.

use super::*;
use crate::diagnose::testing::{host, socket};
use crate::model::{Sink, Timer, TimerKind};

fn waiting(state: State, port: u16, remaining_ms: u64, retransmits: u32) -> Socket {
    Socket {
        retransmits: Some(retransmits),
        timer: Some(Timer {
            kind: TimerKind::Retransmit,
            remaining: Duration::from_millis(remaining_ms),
        }),
        ..socket(state, &format!("192.0.2.9:{port}"), "192.0.2.1:80")
    }
}

fn client(again: u64, opened: u64) -> Host {
    host()
        .with_growth(Counter::SynRetrans, 1, 1 + again)
        .with_growth(Counter::ActiveOpens, 1, 1 + opened)
        .with_growth(Counter::AttemptFails, 1, 1)
}

fn found(host: &Host, sockets: &[Socket]) -> Option<Finding> {
    host.examine::<SynLoss>(&host.read(sockets, sockets))
        .findings
        .pop()
}

#[test]
fn five_lost_syns_that_are_a_hundredth_of_all_warn() {
    let late = [
        waiting(State::SynSent, 1, 500, 0),
        waiting(State::SynSent, 2, 400, 0),
    ];
    assert!(found(&client(4, 20), &late).is_none());
    let five = found(&client(5, 95), &late).unwrap();
    let title = "5.0 % of the SYNs sent in 1.0 s were retransmissions: 5 of 100";
    assert_eq!((five.severity, &*five.title), (Severity::Warning, title));
    assert_eq!(five.evidence[2], "such SYNs: 4 to 192.0.2.1:80");
    assert!(found(&client(10, 990), &late).is_some());
    assert!(found(&client(10, 991), &late).is_none());
    assert!(found(&client(10, 30), &late).is_some());
    assert!(found(&client(10, 29), &late).is_none());
    let mut connected = late.to_vec();
    connected.push(waiting(State::TimeWait, 9, 900, 0));
    assert!(found(&client(10, 29), &connected).is_some());
}

#[test]
fn retransmitted_syn_acks_are_subtracted_by_their_part_of_the_late_handshakes() {
    let mut late = vec![waiting(State::SynSent, 1, 100, 0)];
    late.extend(vec![waiting(State::SynRecv, 80, 900, 1); 4]);
    assert!(found(&client(24, 100), &late).is_none());
    assert!(found(&client(25, 100), &late).is_some());
    assert!(found(&client(99, 100), &late[1..]).is_none());
    let new = [waiting(State::SynSent, 1, 501, 0)];
    assert!(found(&client(99, 100), &new).is_none(), "nothing is late");
}

#[test]
fn in_step_none_is_late_at_either_time_and_all_handshakes_divide() {
    let young: Vec<Socket> = (1..11)
        .map(|port| waiting(State::SynSent, port, 900, 0))
        .collect();
    let made = |state: State| (1..11).map(move |port| waiting(state, port, 900, 0));
    let connected: Vec<Socket> = made(State::Established).collect();
    let found = |host: &Host, before: &[Socket], after: &[Socket]| {
        let rule: SynLoss = host.read(before, after);
        host.examine(&rule).findings.pop()
    };
    assert!(found(&client(4, 0), &young, &connected).is_none());
    let five = found(&client(5, 0), &young, &connected).unwrap();
    assert!(five.evidence[1].starts_with("of the handshakes that were under way, "));
    let mut served = young.clone();
    served.extend((1..11).map(|port| waiting(State::SynRecv, 100 + port, 900, 0)));
    assert!(found(&client(9, 0), &served, &connected).is_none(), "half");
    assert!(found(&client(10, 0), &served, &connected).is_some());
}

#[test]
fn syns_that_are_retransmitted_while_attempts_are_watched_count() {
    let late: Vec<Socket> = (1..11)
        .map(|port| waiting(State::SynSent, port, 400, 0))
        .collect();
    for (again, is_found) in [(4, false), (5, true)] {
        let mut host = client(0, 10);
        let rule: SynLoss = host.read(&[], &late);
        assert!(host.examine(&rule).findings.is_empty());
        let attempts: NoAnswer = host.read(&[], &late);
        host.see(&attempts, &late);
        let connected = waiting(State::Established, 1, 0, 0);
        host.see(&attempts, &[connected]);
        let later = client(again, 10);
        host.later = Some((later.after, Duration::from_secs(2)));
        let found = host.examine(&rule).findings.pop();
        assert_eq!(found.is_some(), is_found);
        let title = "33.3 % of the SYNs sent in 2.0 s were retransmissions: 5 of 15";
        assert!(found.is_none_or(|one| one.title == title));
    }
}

#[test]
fn syns_to_one_destination_without_a_connection_are_its_silence() {
    let at = |ports: std::ops::Range<u16>| -> Vec<Socket> {
        let late = |port| waiting(State::SynSent, port, 100, 1);
        ports.map(late).collect()
    };
    let id = |before: &[Socket], after: &[Socket]| {
        let rule: SynLoss = host().read(before, after);
        let mut found = client(5, 100).examine(&rule).findings;
        found.pop().map(|finding| (finding.id, finding.severity))
    };
    let silent = Some(("no-answer", Severity::Warning));
    let lossy = Some(("syn-loss", Severity::Warning));
    // Two at a time, of which one is another one.
    assert_eq!(id(&at(1..3), &at(2..4)), silent);
    assert_eq!(id(&at(1..3), &at(1..3)), lossy);
    // And one that follows them while they are watched.
    let rule: SynLoss = host().read(&at(1..3), &at(1..3));
    let mut watched = client(5, 100);
    assert!(watched.watch.attempts.socket(&at(3..4)[0]).is_continue());
    assert_eq!(watched.examine(&rule).findings[0].id, "no-answer");
    let mut connected = at(2..4);
    connected.push(waiting(State::Established, 9, 900, 0));
    assert_eq!(id(&at(1..3), &connected), lossy);
    let mut others = at(2..4);
    others.push(Socket {
        ends: socket(State::SynSent, "192.0.2.9:9", "192.0.2.2:80").ends,
        ..waiting(State::SynSent, 9, 100, 1)
    });
    assert_eq!(id(&at(1..3), &others), lossy);
}

#[test]
fn attempts_without_any_answer_are_not_lost_syns() {
    let dead: Vec<Socket> = (1..4)
        .map(|port| waiting(State::SynSent, port, 900, 1))
        .collect();
    assert!(found(&client(50, 100), &dead).is_none());
}
