//! What counts as unanswered, and what does not.

use super::*;
use crate::diagnose::testing::{host, socket};
use crate::model::Listeners;

/// An attempt from a port to one destination.
fn attempt(port: u16, retransmits: u32) -> Socket {
    Socket {
        retransmits: Some(retransmits),
        ..socket(State::SynSent, &format!("192.0.2.9:{port}"), "192.0.2.1:80")
    }
}

fn connection(port: u16, state: State) -> Socket {
    socket(state, &format!("192.0.2.9:{port}"), "192.0.2.1:80")
}

fn attempts(ports: std::ops::Range<u16>, retransmits: u32) -> Vec<Socket> {
    ports.map(|port| attempt(port, retransmits)).collect()
}

/// A host on which these numbers of attempts began, failed and were retransmitted in the window.
fn counted(opened: u64, failed: u64, again: u64) -> Host {
    host()
        .with_growth(Counter::ActiveOpens, 7, 7 + opened)
        .with_growth(Counter::AttemptFails, 7, 7 + failed)
        .with_growth(Counter::SynRetrans, 7, 7 + again)
}

fn silence(host: &Host, before: &[Socket], after: &[Socket]) -> Option<Silence> {
    let mut earlier = Earlier::default();
    before
        .iter()
        .for_each(|socket| earlier.add(socket, socket.internet().unwrap()));
    let mut attempts = Attempts::after(earlier);
    for socket in after {
        let ends = socket.internet().unwrap();
        let service = Listeners::default().service(socket.netns, ends);
        attempts.add(&Sampled {
            socket,
            ends,
            service,
        });
    }
    let unanswered = attempts.unanswered(host);
    unanswered.first().map(|(_, _, silence)| *silence)
}

#[test]
fn attempts_that_last_into_the_second_second_count_by_their_part() {
    let host = counted(10, 0, 9);
    let mut after = attempts(20..25, 0);
    after.extend(attempts(30..32, 1));
    let repeated = Some(Silence::Repeated);
    assert_eq!(silence(&host, &attempts(1..4, 0), &after), repeated);
    assert_eq!(silence(&host, &attempts(1..3, 0), &after), None);
    let new = attempts(40..45, 0);
    let failed = counted(10, 5, 9);
    assert_eq!(silence(&failed, &attempts(1..6, 1), &new), repeated);
    after.push(attempt(40, 0));
    let busy = counted(1_000, 0, 50);
    assert_eq!(
        silence(&busy, &attempts(1..20, 0), &after),
        None,
        "a tenth of the SYNs lost"
    );
}

#[test]
fn an_attempt_that_became_a_connection_is_an_answer() {
    let host = counted(10, 0, 9);
    for state in [State::Established, State::TimeWait, State::CloseWait] {
        let mut after = attempts(20..30, 2);
        after.push(connection(99, state));
        assert_eq!(
            silence(&host, &attempts(1..5, 0), &after),
            Some(Silence::Retransmitted)
        );
        after.push(connection(1, state));
        assert_eq!(silence(&host, &attempts(1..5, 0), &after), None);
    }
}

#[test]
fn attempts_that_end_within_a_second_count_without_connections_failures_and_retransmissions() {
    let (before, after) = (attempts(1..4, 0), attempts(11..14, 0));
    let given_up = Some(Silence::GivenUp);
    assert_eq!(silence(&counted(9, 0, 0), &before, &after), given_up);
    assert_eq!(
        silence(&counted(900, 2, 2), &before, &after),
        given_up,
        "a busy host"
    );
    assert_eq!(
        silence(&counted(900, 3, 0), &before, &after),
        None,
        "refused"
    );
    assert_eq!(
        silence(&counted(900, 0, 3), &before, &after),
        None,
        "SYNs were lost, and answered when they were sent again"
    );
    assert_eq!(
        silence(&counted(6, 0, 3), &before, &after),
        given_up,
        "too long for lost SYNs"
    );
    assert_eq!(silence(&counted(9, 0, 0), &before, &before), None);
    let mut connected = after.clone();
    connected.push(connection(99, State::Established));
    assert_eq!(silence(&counted(9, 0, 0), &before, &connected), None);
    let mut short = counted(9, 0, 0);
    short.window = Duration::from_millis(499);
    assert_eq!(silence(&short, &before, &after), None, "a long round trip");
}

#[test]
fn one_sample_of_a_copied_tree_shows_only_retransmissions() {
    let mut host = counted(9, 0, 0);
    host.copied = true;
    let same = attempts(1..9, 1);
    assert_eq!(silence(&host, &same, &same), None);
    let often = attempts(1..9, 2);
    assert_eq!(silence(&host, &often, &often), Some(Silence::Retransmitted));
}
