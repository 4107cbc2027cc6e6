//! Attempts that are followed until they end.

use super::*;

/// A host on which these numbers of attempts to one destination were followed and ended, the first as
/// connections and the others as nothing, while these numbers of attempts failed.
fn followed(connections: u16, nothing: u16, failed: u64) -> Host {
    let mut host = later(counted(9, 0, 0), 5, 9, 500);
    let (after, _) = host.later.as_mut().unwrap();
    after.set(Counter::AttemptFails, Ok(7 + failed));
    let young = |port| Socket {
        timer: Some(Timer {
            kind: TimerKind::Retransmit,
            remaining: Duration::from_millis(300),
        }),
        ..attempt(port, 0)
    };
    let all: Vec<Socket> = (1..=connections + nothing).map(young).collect();
    let made = (1..=connections).map(|port| connection(port, State::LastAck));
    look_up(&mut host, &all, &all, 2_000);
    look_up(&mut host, &all, &made.collect::<Vec<_>>(), 2_100);
    host
}

/// Looks these up at a time, in milliseconds from the start of the window.
fn look_up(host: &mut Host, wanted: &[Socket], found: &[Socket], at: u64) {
    let wanted: Vec<InetEnds> = wanted.iter().map(|one| *one.internet().unwrap()).collect();
    let mut seen = Sightings::of(&wanted);
    for socket in found {
        assert!(seen.socket(socket).is_continue());
    }
    let at = Duration::from_millis(at);
    host.watch.attempts.follow(seen, at, at);
}

/// What is found where this number of attempts was listed in all.
fn found(host: &Host, listed: u16, after: &[Socket]) -> Option<Silence> {
    let mut host = host.clone();
    for socket in attempts(1..1 + listed, 0) {
        assert!(host.watch.attempts.socket(&socket).is_continue());
    }
    silence(&host, &attempts(1..2, 0), after)
}

#[test]
fn attempts_that_end_one_after_the_other_without_a_connection_are_unanswered() {
    let ended = |nothing| {
        Some(Silence::Ended(Ends {
            connections: 0,
            nothing,
            youngest: Some(Duration::from_millis(700)),
        }))
    };
    assert_eq!(found(&followed(0, 3, 2), 7, &[]), ended(3));
    assert_eq!(found(&followed(0, 2, 0), 7, &[]), None, "few ended");
    assert_eq!(found(&followed(0, 3, 0), 6, &[]), None, "one at a time");
    assert_eq!(found(&followed(0, 3, 3), 7, &[]), None, "refused");
    assert_eq!(found(&followed(1, 3, 0), 7, &[]), None, "one is answered");
    let reset = |resets: u64| {
        let mut host = followed(0, 3, 0).with_growth(Counter::AbortOnData, 7, 7);
        let (after, _) = host.later.as_mut().unwrap();
        after.set(Counter::AbortOnData, Ok(7 + resets));
        found(&host, 7, &[])
    };
    assert_eq!(reset(2), ended(3));
    assert_eq!(reset(3), None, "this host may have reset connections");
    let connected = [connection(99, State::TimeWait)];
    assert_eq!(found(&followed(0, 3, 0), 7, &connected), None);
}

#[test]
fn a_destination_is_open_until_its_attempts_were_listed_twice_and_are_one() {
    let is_open = |host: &Host, before: &[Socket]| !read(before, &[]).open(host).is_empty();
    let mut host = counted(9, 0, 0);
    for (lists, one) in [(0, true), (1, true), (2, false)] {
        assert_eq!(is_open(&host, &attempts(1..2, 0)), one, "{lists} lists");
        assert!(is_open(&host, &attempts(1..3, 0)), "two");
        assert!(is_open(&host, &attempts(1..2, 1)), "retransmitted");
        host.watch.attempts.end_list();
    }
    assert!(host.watch.attempts.socket(&attempt(2, 0)).is_continue());
    assert!(is_open(&host, &attempts(1..2, 0)), "another one since");
    let answered = followed(1, 0, 0);
    assert!(!is_open(&answered, &attempts(1..3, 0)));
    host.still = Some("a copied tree");
    assert!(!is_open(&host, &attempts(1..3, 1)));
}
