//! What counts as unanswered, and what does not.

mod ended;

use std::time::Duration;

use super::*;
use crate::diagnose::Measures;
use crate::diagnose::testing::{host, sampled, socket};
use crate::diagnose::watch::Sightings;
use crate::model::{Counter, Kind, Listeners, Sink, Timer, TimerKind};

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
    let unanswered = read(before, after).unanswered(host);
    unanswered.first().map(|(_, _, silence)| *silence)
}

fn read(before: &[Socket], after: &[Socket]) -> Attempts {
    let mut earlier = Earlier::default();
    before
        .iter()
        .for_each(|socket| earlier.add(socket, socket.internet().unwrap()));
    let mut attempts = Attempts::after(earlier);
    for socket in after {
        attempts.add(&sampled(socket, &Listeners::default()));
    }
    attempts
}

/// How many attempts to the destination can have succeeded.
fn succeeded(host: &Host, before: &[Socket], after: &[Socket]) -> Option<u64> {
    let attempts = read(before, after);
    let to = "192.0.2.1:80".parse().unwrap();
    attempts.succeeded_at_most(attempts.destinations.get(&to)?, host)
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
    let reset = |resets: u64| counted(900, 2, 2).with_growth(Counter::AbortOnData, 7, 7 + resets);
    assert_eq!(silence(&reset(2), &before, &after), given_up);
    assert_eq!(
        silence(&reset(3), &before, &after),
        None,
        "tested and reset"
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
    host.still = Some("a copied tree");
    let same = attempts(1..9, 1);
    assert_eq!(silence(&host, &same, &same), None);
    let often = attempts(1..9, 2);
    assert_eq!(silence(&host, &often, &often), Some(Silence::Retransmitted));
}

#[test]
fn no_more_succeeded_than_ended_without_failing_and_segments_arrived() {
    let received = |host: Host, segments: u64| host.with_growth(Counter::InSegs, 7, 7 + segments);
    let (before, after) = (attempts(1..11, 0), attempts(6..16, 0));
    // 5 of those before the window ended, 5 began and are there, others began and ended in it.
    for (opened, failed, segments, expected) in [
        (5, 0, 90, 5),
        (5, 0, 4, 4),
        (5, 0, 0, 0),
        (5, 3, 90, 2),
        (5, 5, 90, 0),
        (9, 0, 90, 9),
    ] {
        let host = received(counted(opened, failed, 0), segments);
        let host = host.with_growth(Counter::EmbryonicRsts, 0, 0);
        assert_eq!(succeeded(&host, &before, &after), Some(expected));
    }
    assert_eq!(succeeded(&counted(5, 0, 0), &before, &after), None);
}

#[test]
fn lost_syns_that_are_answered_later_are_not_unanswered() {
    let lossy = |again| counted(66, 0, again).with_growth(Counter::InSegs, 7, 900);
    let mut after = attempts(20..27, 0);
    after.extend(attempts(30..37, 2));
    let silence = |again| silence(&lossy(again), &attempts(1..15, 1), &after);
    // 21 of 28 were retransmitted: more than twice a third of all SYNs, less than twice a half.
    assert_eq!(silence(33), Some(Silence::Retransmitted));
    assert_eq!(silence(66), None);
}

#[test]
fn attempts_in_step_count_though_all_have_ended_if_none_can_have_succeeded() {
    let idle = |failed| counted(0, failed, 0).with_growth(Counter::InSegs, 7, 7);
    let often = attempts(1..4, 2);
    assert_eq!(silence(&idle(0), &often, &[]), Some(Silence::Retransmitted));
    let once = attempts(1..4, 1);
    assert_eq!(silence(&idle(3), &once, &[]), Some(Silence::Repeated));
    assert_eq!(silence(&idle(3), &attempts(1..3, 1), &[]), None);
    let new = attempts(1..4, 0);
    assert_eq!(silence(&idle(3), &new, &[]), Some(Silence::GivenUp));
    let busy = counted(0, 0, 0).with_growth(Counter::InSegs, 7, 9);
    assert_eq!(silence(&busy, &often, &[]), None);
}

#[test]
fn several_new_attempts_are_watched_until_they_are_retransmitted_twice_or_end() {
    let all = |sockets: &[Socket]| -> Vec<InetEnds> {
        sockets.iter().map(|one| *one.internet().unwrap()).collect()
    };
    let seen = |host: &mut Host, wanted: &[InetEnds], sockets: &[Socket], seconds| {
        let mut seen = Sightings::of(wanted);
        for socket in sockets {
            assert!(seen.socket(socket).is_continue());
        }
        host.watch
            .see(Kind::Tcp, seen, Duration::from_secs(seconds));
    };
    let mut host = counted(9, 0, 0);
    assert!(read(&[], &attempts(1..3, 0)).watched(&host).is_empty());
    let young = attempts(1..7, 0);
    let rule = read(&[], &young);
    let wanted = rule.watched(&host);
    assert_eq!(wanted, all(&young));
    seen(&mut host, &wanted, &young, 1);
    assert_eq!(rule.watched(&host).len(), 6);
    let mut later = attempts(1..3, 2);
    later.push(connection(3, State::Established));
    later.extend(attempts(4..7, 1));
    seen(&mut host, &wanted, &later, 2);
    assert_eq!(
        rule.watched(&host),
        all(&young[3..]),
        "those that may answer"
    );
    assert!(rule.unanswered(&host).is_empty());
    // One became a connection: the others are lost SYNs, however often they are retransmitted.
    let answered = [&later[..3], &attempts(4..7, 2)].concat();
    seen(&mut host, &wanted, &answered, 3);
    assert!(rule.unanswered(&host).is_empty() && rule.watched(&host).is_empty());
    let mut silent = counted(9, 0, 0);
    seen(&mut silent, &wanted, &young, 1);
    seen(&mut silent, &wanted, &attempts(1..7, 2), 3);
    assert_eq!(rule.unanswered(&silent)[0].2, Silence::Retransmitted);
    assert_eq!(rule.watched(&silent).len(), 6, "one may be answered yet");
}

#[test]
fn few_attempts_at_a_time_count_if_others_follow_them_while_they_are_watched() {
    let often = attempts(1..4, 1);
    let found = |host: &Host, before: &[Socket], later: &[Socket]| {
        let rule = read(before, &often[1..3]);
        let mut host = host.clone();
        assert!(!rule.open(&host).is_empty());
        for socket in [&often[1..3], later].concat() {
            assert!(host.watch.attempts.socket(&socket).is_continue());
        }
        let unanswered = rule.unanswered(&host);
        unanswered.first().map(|(_, tries, of)| (tries.seen, *of))
    };
    let host = counted(20, 0, 1);
    let two = [attempt(1, 0), often[1].clone()];
    let repeated = Some((6, Silence::Repeated));
    assert_eq!(found(&host, &two, &attempts(4..7, 0)), repeated);
    assert_eq!(found(&host, &two, &attempts(4..6, 1)), None, "five in all");
    let few = counted(20, 0, 20);
    assert_eq!(found(&few, &two, &attempts(4..7, 0)), None, "SYNs are lost");
    // Three of which were retransmitted, of 30 or of 31.
    assert!(found(&host, &two, &attempts(4..31, 0)).is_some());
    assert_eq!(found(&host, &two, &attempts(4..32, 0)), None);
    let gone = read(&often, &[]);
    assert!(!gone.open(&host).is_empty(), "in step, all have ended");
    let connected = read(&often, &[connection(9, State::Established)]);
    assert!(connected.open(&host).is_empty());
}

#[test]
fn a_destination_that_was_heard_from_lately_loses_syns_unless_none_can_have_succeeded() {
    let often = attempts(1..15, 2);
    let found = |host: &Host, connection: Socket| {
        let after = [&often[..], &[connection]].concat();
        let rule = read(&often, &after);
        assert!(rule.unanswered(host).is_empty() == rule.are_often_answered(host));
        rule.are_often_answered(host)
    };
    let busy = counted(3, 0, 0);
    let linked = Socket {
        inode: 7,
        ..connection(40, State::Established)
    };
    let closed = [connection(39, State::FinWait2), linked.clone()];
    assert_eq!(read(&often, &closed).linked().len(), 1, "held by a process");
    let ends = *linked.internet().unwrap();
    let heard = |ago| Host {
        measures: Measures::default().with(ends, Metric::LastAckReceived, ago),
        ..busy.clone()
    };
    assert_eq!(read(&often, std::slice::from_ref(&linked)).linked(), [ends]);
    assert!(
        read(&often[..2], std::slice::from_ref(&linked))
            .linked()
            .is_empty()
    );
    assert!(found(&heard(2_999), linked.clone()));
    assert!(!found(&heard(3_000), linked.clone()));
    assert!(!found(&busy, linked.clone()), "not measured");
    let closed = |left| Socket {
        timer: Some(Timer {
            kind: TimerKind::TimeWait,
            remaining: Duration::from_millis(left),
        }),
        ..connection(40, State::TimeWait)
    };
    assert!(found(&busy, closed(57_000)));
    assert!(!found(&busy, closed(56_999)));
    let dead = heard(0).with_growth(Counter::InSegs, 7, 7);
    let rule = read(&often, &[&often[..], &[linked]].concat());
    assert_eq!(rule.unanswered(&dead).len(), 1, "it has just died");
}

/// The same host this number of seconds after the window began, with these growths since then.
fn later(mut host: Host, seconds: u64, opened: u64, segments: u64) -> Host {
    let grown = counted(opened, 0, 0).with_growth(Counter::InSegs, 7, 7 + segments);
    host.later = Some((grown.after, Duration::from_secs(seconds)));
    host.with_growth(Counter::InSegs, 7, 7)
}

#[test]
fn attempts_that_were_watched_without_any_segment_are_unanswered() {
    let host = |seconds, segments| later(counted(9, 0, 0), seconds, 9, segments);
    let silence = |host, attempts| silence(&host, &[], attempts);
    let (two, three) = (attempts(1..3, 0), attempts(1..4, 0));
    let given_up = Some(Silence::GivenUp);
    assert_eq!(silence(host(2, 0), &two), None);
    assert_eq!(silence(host(2, 0), &three), given_up);
    assert_eq!(silence(host(2, 1), &three), None, "it may be an answer");
    assert_eq!(silence(host(1, 0), &three), None, "a long round trip");
    assert_eq!(silence(counted(9, 0, 0), &three), None, "not watched");
}

#[test]
fn a_destination_seems_dead_as_long_as_no_segment_arrives_or_its_attempts_stay() {
    let to = "192.0.2.1:80".parse().unwrap();
    let quiet = || counted(0, 0, 0).with_growth(Counter::InSegs, 7, 7);
    let many = attempts(1..11, 2);
    let rule = read(&many, &many);
    let tries = rule.destinations[&to];
    assert!(rule.is_dead(to, &tries, &quiet()));
    assert!(read(&many[1..], &many[1..]).watched(&quiet()).is_empty());
    let wanted = rule.watched(&quiet());
    assert_eq!(wanted.len(), 10);
    for (segments, stay, is_dead) in [
        (0, true, true),
        (0, false, true),
        (5, true, true),
        (5, false, false),
    ] {
        let mut host = later(quiet(), 5, 3, segments);
        for (seconds, sockets) in [(1, &many[..]), (5, if stay { &many[..] } else { &[] })] {
            let mut seen = Sightings::of(&wanted);
            sockets
                .iter()
                .for_each(|socket| assert!(seen.socket(socket).is_continue()));
            host.watch
                .see(Kind::Tcp, seen, Duration::from_secs(seconds));
        }
        assert_eq!(
            rule.is_dead(to, &tries, &host),
            is_dead,
            "{segments} {stay}"
        );
    }
}
