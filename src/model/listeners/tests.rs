//! Which listener takes a connection, and when its queue is full.

use super::*;
use crate::model::Kind;
use crate::model::State;
use crate::model::testing::ends;

fn socket(local: &str, v6only: Option<bool>, number: u64) -> Socket {
    let ends = ends(local, local);
    Socket {
        full: Some(true),
        v6only,
        inode: number,
        cookie: Some(number),
        ..Socket::bare(
            Kind::Tcp,
            State::Listen,
            InetEnds::listening(ends.family, ends.local),
        )
    }
}

fn listeners(all: &[(&str, Option<bool>)]) -> Listeners {
    let mut listeners = Listeners::default();
    for ((local, v6only), number) in all.iter().zip(1..) {
        assert!(
            listeners
                .socket(&socket(local, *v6only, number))
                .is_continue()
        );
    }
    listeners
}

fn inodes(listeners: &Listeners, netns: Netns, local: &str) -> Vec<u64> {
    let mut connection = socket(local, None, 0);
    connection.netns = netns;
    let ends = *connection.internet().unwrap();
    let takers = listeners.takers(&Arrival::of(&connection).unwrap());
    let is_in = listeners.direction(Kind::Tcp, netns, &ends) == Direction::In;
    assert_eq!(is_in, !takers.is_empty(), "{local}");
    takers.iter().map(|listener| listener.inode).collect()
}

#[test]
fn a_connection_is_taken_on_its_address_before_all_addresses_and_by_its_family() {
    let listeners = listeners(&[
        ("0.0.0.0:80", None),
        ("10.0.0.1:80", None),
        ("[::]:80", Some(true)),
        ("[::]:81", Some(false)),
        ("[::]:81", Some(false)),
        ("[::]:82", None),
        ("[2001:db8::1]:22", None),
        ("[::ffff:10.0.0.1]:22", None),
        ("[::ffff:0.0.0.0]:23", None),
    ]);
    for (local, takers) in [
        ("10.0.0.1:80", &[2][..]),
        ("10.0.0.2:80", &[1]),
        ("[2001:db8::1]:80", &[3]),
        ("[::ffff:10.0.0.2]:80", &[]),
        ("[::ffff:10.0.0.1]:80", &[]),
        ("[::ffff:10.0.0.2]:81", &[4, 5]),
        ("10.0.0.2:81", &[]),
        ("[::ffff:10.0.0.2]:82", &[6]),
        ("[2001:db8::9]:82", &[6]),
        ("[2001:db8::1]:22", &[7]),
        ("[2001:db8::9]:22", &[]),
        ("[::ffff:10.0.0.1]:22", &[8]),
        ("10.0.0.1:22", &[]),
        ("[::ffff:10.0.0.9]:23", &[9]),
        ("[2001:db8::9]:23", &[]),
        // Listeners themselves.
        ("0.0.0.0:80", &[1]),
        ("[::]:80", &[3]),
    ] {
        assert_eq!(inodes(&listeners, Netns::CALLER, local), takers, "{local}");
    }
}

#[test]
fn listeners_of_two_network_namespaces_do_not_mix() {
    let mut listeners = listeners(&[("0.0.0.0:80", None)]);
    let other = Netns(4_026_532_272);
    let mut there = socket("10.0.0.1:80", None, 2);
    there.netns = other;
    assert!(listeners.socket(&there).is_continue());
    assert_eq!(inodes(&listeners, Netns::CALLER, "10.0.0.1:80"), [1]);
    assert_eq!(inodes(&listeners, other, "10.0.0.1:80"), [2]);
    assert!(inodes(&listeners, other, "10.0.0.2:80").is_empty());
}

#[test]
fn a_connection_is_bound_to_the_interface_of_its_listener() {
    let bound = |local: &str, interface, number| Socket {
        interface,
        ..socket(local, None, number)
    };
    let mut listeners = Listeners::default();
    for listener in [
        bound("0.0.0.0:80", Some(1), 1),
        bound("0.0.0.0:80", Some(2), 2),
        bound("0.0.0.0:80", Some(0), 3),
        bound("10.0.0.1:80", Some(2), 4),
    ] {
        assert!(listeners.socket(&listener).is_continue());
    }
    for (local, interface, takers) in [
        ("10.0.0.9:80", Some(1), &[1][..]),
        ("10.0.0.9:80", Some(2), &[2]),
        ("10.0.0.9:80", Some(0), &[3]),
        ("10.0.0.9:80", Some(3), &[]),
        ("10.0.0.9:80", None, &[1, 2, 3]),
        ("10.0.0.1:80", Some(1), &[1]),
        ("10.0.0.1:80", Some(2), &[4]),
    ] {
        let arrival = Arrival::of(&bound(local, interface, 0)).unwrap();
        let found = listeners.takers(&arrival).into_iter();
        let inodes: Vec<u64> = found.map(|listener| listener.inode).collect();
        assert_eq!(inodes, takers, "{local} {interface:?}");
    }
}

#[test]
fn beyond_the_room_only_the_place_is_known() {
    let mut listeners = Listeners::at_most(1);
    for port in 80..83 {
        let one = socket(&format!("0.0.0.0:{port}"), None, port);
        assert!(listeners.socket(&one).is_continue());
    }
    assert_eq!((listeners.iter().count(), listeners.beyond()), (1, 2));
    let connection = socket("10.0.0.1:82", None, 0);
    let ends = *connection.internet().unwrap();
    assert_eq!(
        listeners.direction(Kind::Tcp, Netns::CALLER, &ends),
        Direction::In
    );
    let arrival = Arrival::of(&connection).unwrap();
    assert!(listeners.takers(&arrival).is_empty());
    assert_eq!(listeners.ports().count(), 3);
}

#[test]
fn a_queue_is_full_beyond_its_limit_and_connections_have_none() {
    let mut one = socket("0.0.0.0:80", None, 1);
    let mut listeners = Listeners::default();
    for (state, waiting, limit) in [
        (State::Listen, 2, 2),
        (State::Listen, 3, 2),
        (State::Listen, 1, 0),
        (State::Established, 9, 0),
    ] {
        (one.state, one.receive_queue, one.send_queue) = (state, waiting, limit);
        assert!(listeners.socket(&one).is_continue());
    }
    let full: Vec<bool> = listeners.iter().map(Listener::is_full).collect();
    assert_eq!(full, [false, true, true]);
    assert!(listeners.iter().all(Listener::is_at_limit));
}

#[test]
fn drops_grow_from_what_they_were_or_from_nothing_and_may_wrap_around() {
    let with = |drops: &[(u64, u32)]| {
        let mut listeners = Listeners::default();
        for (number, drops) in drops {
            let mut one = socket("0.0.0.0:80", None, *number);
            one.drops = Some(*drops);
            assert!(listeners.socket(&one).is_continue());
        }
        listeners
    };
    let before = with(&[(1, 5), (2, u32::MAX)]);
    let grown = with(&[(1, 8), (2, 1), (3, 4)]).since(&before);
    let drops: Vec<_> = grown.iter().map(|listener| listener.drops).collect();
    assert_eq!(drops, [Some(3), Some(2), Some(4)]);
}
