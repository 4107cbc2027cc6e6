//! What stays, is added and ends, of sockets made for it.

use super::*;
use crate::diagnose::testing::{host, sampled, socket};
use crate::model::State;

/// A socket of this cookie, towards a host of this number.
fn one(cookie: u64, host: u8) -> Socket {
    let remote = format!("192.0.2.{host}:80");
    let mut one = socket(State::CloseWait, "192.0.2.200:40000", &remote);
    (one.cookie, one.inode, one.receive_queue) = (Some(cookie), cookie, 3);
    one
}

fn changes(before: &[Socket], after: &[Socket], least: u64) -> Vec<Change> {
    let mut previous = Standing::default();
    for socket in before {
        previous.add(socket, socket.internet().unwrap());
    }
    let mut lingering = Lingering::after(previous);
    let listeners = Listeners::default();
    for socket in after {
        lingering.add(&sampled(socket, &listeners));
    }
    lingering.changes(&listeners, least)
}

#[test]
fn what_stayed_was_added_and_ended_is_counted_for_each_service() {
    let before = [one(1, 1), one(2, 1), one(3, 1), one(4, 2), one(5, 2)];
    let after = [one(1, 1), one(2, 1), one(4, 2), one(5, 2), one(6, 2)];
    let changes = super::tests::changes(&before, &after, 2);
    let numbers: Vec<_> = changes
        .iter()
        .map(|change| change.counts)
        .map(|counts| {
            (
                counts.sockets,
                counts.stayed,
                counts.ended,
                counts.unread_bytes,
            )
        })
        .collect();
    assert_eq!(numbers, [(2, 2, 1, 4), (3, 2, 0, 6)]);
    assert_eq!(changes[0].counts.unfinished, 2);
    assert_eq!(
        changes[1].text(&host()),
        "2 stayed through the window of 1.0 s, 1 was added and none ended: the number only grows"
    );
    assert_eq!(
        changes[0].text(&host()),
        "2 stayed through the window of 1.0 s, 0 were added and 1 ended"
    );
}

#[test]
fn small_groups_are_reported_together_where_they_are_enough() {
    let some: Vec<Socket> = (1..=4).map(|n| one(n.into(), n)).collect();
    let together = changes(&some, &some, 4);
    assert_eq!((together.len(), together[0].groups.len()), (1, 4));
    assert_eq!(
        (together[0].counts.stayed, together[0].counts.ended),
        (4, 0)
    );
    assert!(changes(&some, &some, 5).is_empty());
}

#[test]
fn without_cookies_connections_are_identified_by_their_addresses() {
    let mut here = one(1, 1);
    here.cookie = None;
    let mut there = one(2, 1);
    there.cookie = None;
    let changes = super::tests::changes(&[here.clone()], &[here, there], 1);
    assert_eq!(
        (changes[0].counts.sockets, changes[0].counts.stayed),
        (2, 1)
    );
}

#[test]
fn beyond_the_limit_the_number_that_stayed_is_a_minimum() {
    let many: Vec<Socket> = (0..ROOM as u64 + 5).map(|n| one(n + 1, 1)).collect();
    let changes = super::tests::changes(&many, &many, 1);
    assert_eq!(changes[0].counts.sockets, ROOM as u64 + 5);
    assert_eq!(
        (changes[0].counts.stayed, changes[0].is_whole),
        (ROOM as u64, false)
    );
    assert_eq!(
        changes[0].text(&host()),
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
    let changes = super::tests::changes(&many, &many, 10);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].groups.len(), MOST_GROUPS);
    assert_eq!(changes[0].counts.sockets, MOST_GROUPS as u64 + 5);
    assert_eq!(changes[0].counts.unread_bytes, 2 * (MOST_GROUPS as u64 + 5));
}

#[test]
fn what_was_added_and_ended_after_the_window_is_counted_if_all_were_kept() {
    let mut lingering = Lingering::default();
    let listeners = Listeners::default();
    let now = [one(1, 1), one(2, 1), one(3, 2)];
    now.iter()
        .for_each(|socket| lingering.add(&sampled(socket, &listeners)));
    let groups = [lingering.kept[0].group];
    let later = |sockets: &[Socket]| {
        let mut later = Standing::default();
        for socket in sockets {
            assert!(later.socket(socket).is_continue());
        }
        later
    };
    let then = later(&[one(1, 1), one(4, 1), one(5, 1), one(6, 2)]);
    let expected = Turnover { added: 2, ended: 1 };
    assert_eq!(
        lingering.turnover(&groups, &then, &listeners),
        Some(expected)
    );
    let many: Vec<Socket> = (0..ROOM as u64 + 1).map(|n| one(n + 1, 1)).collect();
    assert_eq!(lingering.turnover(&groups, &later(&many), &listeners), None);
}
