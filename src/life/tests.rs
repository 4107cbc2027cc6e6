//! Streams of events as the kernel was seen to record them, and what they come to.

use std::time::Duration;

use super::testing::Script;
use super::{Connections, Stories};
use crate::model::State;
use crate::model::trace::{
    Acknowledged, Connection, EventKind, FirstClose, Opened, ResetReason, Shape, Side, Story,
};

const CLIENT: &str = "10.0.0.1:40000";
const SERVER: &str = "10.0.0.2:80";

fn client() -> Script {
    Script::new(1, CLIENT, SERVER)
}

/// An established client, 100 µs after it began to connect.
fn established(connections: &mut Connections) -> Script {
    let script = client();
    connections.event(&script.transition(State::Close, State::SynSent));
    let script = script.after(100).received(1, false);
    connections.event(&script.transition(State::SynSent, State::Established));
    script
}

fn only(connections: &mut Connections) -> Connection {
    let mut ended = connections.ended(None);
    assert_eq!(ended.len(), 1);
    ended.remove(0).0
}

/// Plays a close by the client from FIN_WAIT1 on: `fin_after` segments after the ACK the FIN comes,
/// if it comes at all.
fn closed_by_client(fin_after: Option<u32>) -> Connection {
    let mut connections = Connections::default();
    let script = established(&mut connections).after(50);
    connections.event(&script.transition(State::Established, State::FinWait1));
    let script = script.after(20).received(1, fin_after == Some(0));
    connections.event(&script.transition(State::FinWait1, State::FinWait2));
    let script = script.after(5);
    let script = match fin_after {
        Some(segments) => script.received(segments, true),
        None => script,
    };
    let last = connections.event(&script.transition(State::FinWait2, State::Close));
    // A minisocket in the same state is no transition.
    let parked = fin_after.map(|_| State::TimeWait);
    assert_eq!(last.map(|last| last.to), parked);
    only(&mut connections)
}

#[test]
fn the_ack_of_the_first_fin_on_the_second_makes_three_segments() {
    let connection = closed_by_client(Some(0));
    let close = connection.close.as_ref().unwrap();
    assert_eq!(close.shape, Shape::Three);
    assert_eq!(close.acknowledged, Some(Acknowledged::WithFin));
    assert_eq!(close.first, FirstClose::By(Side::Local));
    assert_eq!(close.parked, Some(State::TimeWait));
    assert_eq!(connection.opened, Opened::By(Side::Local));
    assert_eq!(connection.closed_by.unwrap().text(), "web");
    assert_eq!(connection.lifetime(), Some(Duration::from_micros(175)));
    let us = |us| Some(Duration::from_micros(us));
    let states = [
        (State::SynSent, us(100)),
        (State::Established, us(50)),
        (State::FinWait1, us(20)),
        (State::FinWait2, us(5)),
    ];
    assert_eq!(connection.states, states);
    let steps: Vec<State> = close.steps.iter().map(|step| step.1).collect();
    assert_eq!(steps, [State::FinWait1, State::FinWait2, State::TimeWait]);
}

#[test]
fn an_ack_that_came_before_the_fin_makes_four_segments() {
    for fin_after in [Some(1), None] {
        let close = closed_by_client(fin_after).close.unwrap();
        assert_eq!(close.shape, Shape::Four);
        assert_eq!(close.acknowledged, Some(Acknowledged::Alone));
    }
    assert_eq!(
        closed_by_client(None).close.unwrap().parked,
        Some(State::FinWait2)
    );
}

#[test]
fn the_second_closer_knows_whether_its_fin_carries_the_ack() {
    for (acknowledged, shape) in [(0, Shape::Three), (1, Shape::Four)] {
        let mut connections = Connections::default();
        let mut script = Script::new(2, SERVER, CLIENT);
        connections.event(&script.transition(State::Listen, State::SynRecv));
        connections.event(&script.transition(State::SynRecv, State::Established));
        script.event.counters.receive_next = 1;
        let script = script.after(30);
        connections.event(&script.transition(State::Established, State::CloseWait));
        let mut script = script.after(10);
        script.event.counters.receive_acknowledged = acknowledged;
        script.event.counters.segments_out = acknowledged;
        connections.event(&script.transition(State::CloseWait, State::LastAck));
        connections.event(&script.transition(State::LastAck, State::Close));
        let connection = only(&mut connections);
        assert_eq!(connection.shape(), Some(shape));
        assert_eq!(connection.first_close(), Some(FirstClose::By(Side::Remote)));
        assert_eq!(connection.opened, Opened::By(Side::Remote));
        assert!(connection.opened_by.is_none() && connection.closed_by.is_some());
    }
}

#[test]
fn fins_that_cross_are_nobodys_first() {
    let mut connections = Connections::default();
    let script = established(&mut connections);
    connections.event(&script.transition(State::Established, State::FinWait1));
    connections.event(&script.transition(State::FinWait1, State::Closing));
    let last = connections.event(&script.transition(State::Closing, State::Close));
    assert_eq!(last.unwrap().to, State::TimeWait);
    let close = only(&mut connections).close.unwrap();
    assert_eq!(
        (close.shape, close.first),
        (Shape::Crossed, FirstClose::Both)
    );
}

#[test]
fn a_reset_explains_an_end_also_when_it_is_recorded_after_it() {
    let reason = Some(ResetReason::UnreadData);
    for is_late in [false, true] {
        let mut connections = Connections::default();
        let script = established(&mut connections);
        let reset = script.happening(EventKind::ResetSent { reason });
        let end = script.transition(State::Established, State::Close);
        let events = if is_late { [end, reset] } else { [reset, end] };
        for event in &events {
            connections.event(event);
        }
        assert!(connections.ended(Some(script.event.time_ns)).is_empty());
        let close = only(&mut connections).close.unwrap();
        let reset = close.reset.unwrap();
        assert_eq!(
            (close.shape, close.first),
            (Shape::Reset, FirstClose::Nobody)
        );
        assert_eq!((reset.by, reset.reason), (Side::Local, reason));
    }
    let mut connections = Connections::default();
    let script = established(&mut connections);
    connections.event(&script.happening(EventKind::ResetReceived));
    connections.event(&script.failing(State::Established, State::Close, 104));
    let connection = only(&mut connections);
    assert_eq!(connection.close.unwrap().reset.unwrap().by, Side::Remote);
    assert_eq!(connection.error, Some(104));
}

#[test]
fn a_fin_that_is_never_acknowledged_times_out_and_its_repetitions_are_counted() {
    let mut connections = Connections::default();
    let script = established(&mut connections);
    connections.event(&script.happening(EventKind::Retransmit));
    connections.event(&script.transition(State::Established, State::FinWait1));
    for _ in 0..3 {
        connections.event(&script.happening(EventKind::Retransmit));
    }
    connections.event(&script.failing(State::FinWait1, State::Close, 110));
    let close = only(&mut connections).close.unwrap();
    assert_eq!((close.shape, close.retransmits), (Shape::Timeout, 3));
}

#[test]
fn what_existed_before_has_a_state_and_no_duration() {
    let mut connections = Connections::default();
    let script = client();
    let ends = script.event.ends;
    connections.add_existing(1, vec![(1, State::Established, ends)]);
    let script = script.after(500);
    let first = connections.event(&script.transition(State::Established, State::CloseWait));
    assert_eq!(first.unwrap().after, None);
    // An event that was recorded before the socket was listed is known better.
    connections.add_existing(1, vec![(1, State::Established, ends)]);
    let script = script.after(500);
    let second = connections.event(&script.transition(State::CloseWait, State::LastAck));
    assert_eq!(second.unwrap().after, Some(Duration::from_micros(500)));
    connections.event(&script.transition(State::LastAck, State::Close));
    let connection = only(&mut connections);
    assert_eq!(
        (connection.opened, connection.opened_ns),
        (Opened::Before, None)
    );
    assert_eq!(connections.gaps(), super::Gaps::default());
}

#[test]
fn of_a_close_that_began_before_only_what_was_seen_is_reported() {
    let seen = |from: State, path: &[State], fin: bool| {
        let mut connections = Connections::default();
        let script = client().received(5, fin);
        connections.add_existing(1, vec![(1, from, script.event.ends)]);
        let mut before = from;
        for to in path {
            connections.event(&script.transition(before, *to));
            before = *to;
        }
        let close = only(&mut connections).close.unwrap();
        (close.shape, close.acknowledged, close.first)
    };
    let (local, remote) = (FirstClose::By(Side::Local), FirstClose::By(Side::Remote));
    let three = (Shape::Three, Some(Acknowledged::WithFin), local);
    let of_fin_wait1 = seen(State::FinWait1, &[State::FinWait2, State::Close], true);
    assert_eq!(of_fin_wait1, three);
    let of_fin_wait2 = seen(State::FinWait2, &[State::Close], true);
    assert_eq!(of_fin_wait2, (Shape::Unknown, None, local));
    let of_close_wait = seen(State::CloseWait, &[State::LastAck, State::Close], false);
    assert_eq!(of_close_wait, (Shape::Four, None, remote));
}

#[test]
fn a_transition_that_was_not_recorded_is_a_gap() {
    let mut connections = Connections::default();
    let script = established(&mut connections);
    let next = connections.event(&script.transition(State::FinWait1, State::FinWait2));
    assert_eq!(next.unwrap().after, None);
    assert_eq!(connections.gaps().gaps, 1);
    // MPTCP reports a state that stays.
    let same = script.transition(State::FinWait2, State::FinWait2);
    assert_eq!(connections.event(&same), None);
    assert_eq!(connections.gaps().gaps, 1);
}

#[test]
fn only_a_call_of_its_own_is_a_process_s_doing() {
    let script = client();
    for (from, to, is_call) in [
        (State::Close, State::SynSent, true),
        (State::Close, State::Listen, true),
        (State::Established, State::FinWait1, true),
        (State::CloseWait, State::LastAck, true),
        (State::Listen, State::Close, true),
        (State::Established, State::CloseWait, false),
        (State::SynRecv, State::Established, false),
        (State::FinWait1, State::FinWait2, false),
    ] {
        let transition = Connections::default().event(&script.transition(from, to));
        assert_eq!(transition.unwrap().by.is_some(), is_call, "{from} {to}");
    }
}

#[test]
fn listeners_are_no_connections() {
    let mut connections = Connections::default();
    let script = client();
    connections.event(&script.transition(State::Close, State::Listen));
    connections.event(&script.transition(State::Listen, State::Close));
    assert!(connections.ended(None).is_empty() && connections.is_empty());
}

#[test]
fn the_oldest_connections_are_forgotten_and_counted_where_there_are_too_many() {
    let mut connections = Connections::with_most(100);
    for cookie in 0..250 {
        let script = Script::new(cookie, CLIENT, SERVER);
        connections.event(&script.transition(State::Close, State::SynSent));
        connections.event(&script.transition(State::SynSent, State::Established));
    }
    assert_eq!(
        (connections.len(), connections.gaps().forgotten),
        (100, 150)
    );
    let last = Script::new(249, CLIENT, SERVER);
    connections.event(&last.transition(State::Established, State::CloseWait));
    assert_eq!(connections.gaps().gaps, 0);
}

#[test]
fn both_ends_of_a_connection_are_one_story_however_they_end() {
    let mut connections = Connections::default();
    let mut stories = Stories::new(None);
    let (one, two) = (
        Script::new(1, CLIENT, SERVER),
        Script::new(2, SERVER, CLIENT),
    );
    for script in [&one, &two] {
        let ends = script.event.ends;
        let cookie = script.event.cookie;
        connections.add_existing(1, vec![(cookie, State::Established, ends)]);
    }
    connections.event(&one.transition(State::Established, State::FinWait1));
    connections.event(&two.transition(State::Established, State::CloseWait));
    connections.event(&one.transition(State::FinWait1, State::FinWait2));
    connections.event(&one.transition(State::FinWait2, State::Close));
    let second = 1_000_000_000;
    for (connection, other_lives) in connections.ended(Some(second)) {
        assert!(other_lives);
        stories.add(connection, other_lives);
    }
    assert!(stories.take(Some(second)).is_empty());
    let two = two.after(1_500_000);
    connections.event(&two.transition(State::CloseWait, State::LastAck));
    connections.event(&two.transition(State::LastAck, State::Close));
    for (connection, other_lives) in connections.ended(Some(2 * second)) {
        assert!(!other_lives);
        stories.add(connection, other_lives);
    }
    let story = stories.take(Some(2 * second)).remove(0);
    assert_eq!(story.first_actor(), Some(Side::Local));
    assert_eq!((story.first.cookie, story.other.unwrap().cookie), (1, 2));
    assert!(stories.take(None).is_empty());
}

#[test]
fn an_end_waits_for_its_other_end_until_the_trace_ends_or_patience_does() {
    let ended = closed_by_client(None);
    let late = ended.ended_ns + 3_600_000_000_000;
    let mut stories = Stories::new(None);
    stories.add(ended.clone(), true);
    assert!(stories.take(Some(late)).is_empty());
    assert_eq!(stories.take(None), [Story::alone(ended.clone())]);
    let mut stories = Stories::new(Some(2_000_000_000));
    let ended_ns = ended.ended_ns;
    stories.add(ended, true);
    assert!(stories.take(Some(ended_ns + 1_999_000_000)).is_empty());
    assert_eq!(stories.take(Some(ended_ns + 2_000_000_000)).len(), 1);
}

#[test]
fn a_later_connection_between_the_same_ports_is_another_story() {
    let first = closed_by_client(None);
    let mut other = first.clone();
    (other.ends.local, other.ends.remote) = (first.ends.remote, first.ends.local);
    other.opened_ns = Some(first.ended_ns + 1);
    let mut stories = Stories::new(None);
    stories.add(first.clone(), true);
    stories.add(other.clone(), false);
    let expected = [Story::alone(first), Story::alone(other)];
    assert_eq!(stories.take(None), expected);
}

#[test]
fn where_too_many_ends_wait_the_oldest_are_alone() {
    let mut stories = Stories::new(None).with_most(10);
    for port in 0..25 {
        let mut end = closed_by_client(None);
        end.ends.local.set_port(port);
        stories.add(end, true);
    }
    assert_eq!(stories.take(Some(0)).len(), 15);
    assert_eq!(stories.take(None).len(), 10);
}

#[test]
fn an_unknown_socket_is_a_gap_only_once_all_that_existed_are_listed() {
    for (is_listed, gaps) in [(false, 0), (true, 1)] {
        let mut connections = Connections::default();
        if is_listed {
            connections.all_are_listed();
        }
        connections.event(&client().transition(State::Established, State::FinWait1));
        assert_eq!(connections.gaps().gaps, gaps);
        // Its first event was one without a name.
        let accepted = Script::new(2, SERVER, CLIENT);
        connections.event(&accepted.transition(State::SynRecv, State::Established));
        assert_eq!(connections.gaps().gaps, gaps);
    }
}

#[test]
fn a_socket_that_has_no_peer_yet_is_not_remembered() {
    let mut connections = Connections::default();
    let unnamed = Script::new(3, SERVER, "0.0.0.0:0");
    connections.event(&unnamed.transition(State::Listen, State::SynRecv));
    assert!(connections.is_empty());
    let accepted = Script::new(4, SERVER, CLIENT);
    connections.event(&accepted.transition(State::SynRecv, State::Established));
    connections.event(&accepted.failing(State::Established, State::Close, 0));
    assert_eq!(only(&mut connections).opened, Opened::By(Side::Remote));
}

#[test]
fn a_socket_that_changed_or_ended_without_an_event_is_a_gap() {
    let mut connections = Connections::default();
    established(&mut connections);
    let later = Script::new(2, SERVER, CLIENT).after(900);
    connections.event(&later.transition(State::Listen, State::SynRecv));
    connections.compare(&[(1, State::Established)].into(), 500_000);
    assert_eq!((connections.len(), connections.gaps().gaps), (2, 0));
    connections.compare(&[(1, State::CloseWait)].into(), 500_000);
    assert_eq!((connections.len(), connections.gaps().gaps), (1, 1));
}
