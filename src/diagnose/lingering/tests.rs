//! What stays, comes and ends, of sockets made up for it.

use super::*;
use crate::diagnose::testing::{facts, listening_at, socket};
use crate::model::State;

/// A socket of this cookie, towards a host of this number.
fn one(cookie: u64, host: u8) -> Socket {
    let remote = format!("192.0.2.{host}:80");
    let mut one = socket(State::CloseWait, "192.0.2.200:40000", &remote);
    (one.cookie, one.inode, one.receive_queue) = (Some(cookie), cookie, 3);
    one
}

fn moved(before: &[Socket], after: &[Socket], least: u64) -> Vec<Movement> {
    let listeners = listening_at(&[]);
    let (mut was, mut is) = (Before::default(), After::default());
    before.iter().for_each(|socket| was.add(socket));
    for socket in after {
        is.add(
            socket,
            listeners.service(socket.netns, socket.internet().unwrap()),
        );
    }
    movements(&was, &is, &listeners, least)
}

#[test]
fn what_stayed_came_and_ended_is_told_for_each_service() {
    let before = [one(1, 1), one(2, 1), one(3, 1), one(4, 2), one(5, 2)];
    let after = [one(1, 1), one(2, 1), one(4, 2), one(5, 2), one(6, 2)];
    let moved = moved(&before, &after, 2);
    let numbers: Vec<_> = moved
        .iter()
        .map(|m| (m.sockets, m.stayed, m.ended, m.unread_bytes))
        .collect();
    assert_eq!(numbers, [(2, 2, Some(1), 4), (3, 2, Some(0), 6)]);
    assert_eq!(moved[0].unfinished, 2);
    assert_eq!(
        moved[1].shown(&facts()),
        "2 stayed through the window of 1.0 s, 1 came and none ended: it only grows"
    );
    assert_eq!(
        moved[0].shown(&facts()),
        "2 stayed through the window of 1.0 s, 0 came and 1 ended"
    );
}

#[test]
fn small_groups_are_told_together_where_they_are_enough() {
    let some: Vec<Socket> = (1..=4).map(|n| one(n.into(), n)).collect();
    let together = moved(&some, &some, 4);
    assert_eq!((together.len(), together[0].groups.len()), (1, 4));
    assert_eq!((together[0].stayed, together[0].ended), (4, Some(0)));
    assert!(moved(&some, &some, 5).is_empty());
}

#[test]
fn without_cookies_connections_are_known_by_their_addresses() {
    let mut here = one(1, 1);
    here.cookie = None;
    let mut there = one(2, 1);
    there.cookie = None;
    let moved = moved(&[here.clone()], &[here, there], 1);
    assert_eq!((moved[0].sockets, moved[0].stayed), (2, 1));
}

#[test]
fn beyond_the_room_what_stayed_is_a_least_number() {
    let many: Vec<Socket> = (0..ROOM as u64 + 5).map(|n| one(n + 1, 1)).collect();
    let moved = moved(&many, &many, 1);
    assert_eq!(moved[0].sockets, ROOM as u64 + 5);
    assert_eq!((moved[0].stayed, moved[0].ended), (ROOM as u64, None));
    assert_eq!(
        moved[0].shown(&facts()),
        "at least 10,000 stayed through the window of 1.0 s"
    );
}

#[test]
fn beyond_the_room_for_groups_all_are_counted() {
    let many: Vec<Socket> = (0..MOST_GROUPS as u64 + 5)
        .map(|number| {
            let mut each = one(number + 1, 1);
            let ends = *each.internet().unwrap();
            let ip = std::net::Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into();
            let remote = std::net::SocketAddr::new(ip, ends.remote.port());
            each.ends = InetEnds { remote, ..ends }.into();
            each
        })
        .collect();
    let moved = moved(&many, &many, 10);
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].groups.len(), MOST_GROUPS);
    assert_eq!(moved[0].sockets, MOST_GROUPS as u64 + 5);
    assert_eq!(moved[0].unread_bytes, 2 * (MOST_GROUPS as u64 + 5));
}
