//! Which group a socket belongs to, and that no socket is lost between them.

use super::*;
use crate::model::testing::ends;
use crate::model::{Direction, FamilyClass, Field, Kind, PrefixLengths, Service, State, Use};

fn socket(state: State, local: &str, remote: &str) -> Socket {
    Socket {
        full: Some(true),
        inode: 7,
        interface: Some(0),
        ..Socket::bare(Kind::Tcp, state, ends(local, remote))
    }
}

fn key(field: Field) -> GroupKey {
    GroupKey {
        field,
        prefix: None,
    }
}

fn part(key: GroupKey, socket: &Socket) -> KeyPart {
    key.part(socket, &Listeners::default(), GroupHolders::default())
        .unwrap()
}

#[test]
fn every_field_to_group_by_is_a_part_of_the_key() {
    let socket = socket(State::Established, "10.0.0.1:1", "192.0.2.77:5");
    for name in Field::names(Use::Group) {
        let field = Field::parse(name, Use::Group).unwrap();
        let part = key(field).part(&socket, &Listeners::default(), GroupHolders::default());
        assert!(part.is_some(), "{name}");
    }
}

#[test]
fn addresses_fold_into_prefixes_and_v4_mapped_ones_are_ipv4() {
    let folded = GroupKey {
        field: Field::RemoteAddr,
        prefix: Some(PrefixLengths { v4: 24, v6: 64 }),
    };
    for (local, remote, expected) in [
        ("10.0.0.1:1", "192.0.2.77:5", "192.0.2.0/24"),
        (
            "[::ffff:10.0.0.1]:1",
            "[::ffff:192.0.2.77]:5",
            "192.0.2.0/24",
        ),
        (
            "[2001:db8::1]:1",
            "[2001:db8:0:7:8::9]:5",
            "2001:db8:0:7::/64",
        ),
    ] {
        let socket = socket(State::Established, local, remote);
        assert_eq!(part(folded, &socket), KeyPart::Addr(expected.parse().ok()));
    }
    let mapped = socket(
        State::Established,
        "[::ffff:10.0.0.1]:1",
        "[::ffff:192.0.2.77]:5",
    );
    let whole = part(key(Field::RemoteAddr), &mapped);
    assert_eq!(whole, KeyPart::Addr("192.0.2.77/32".parse().ok()));
    let listener = socket(State::Listen, "0.0.0.0:80", "0.0.0.0:0");
    assert_eq!(part(folded, &listener), KeyPart::Addr(None));
    assert_eq!(part(key(Field::RemotePort), &listener), KeyPart::Port(None));
    let class = part(key(Field::Family), &mapped);
    assert_eq!(class, KeyPart::Family(Some(FamilyClass::V4Mapped)));
}

#[test]
fn a_socket_without_a_holder_is_not_attributed_to_root() {
    let mut time_wait = socket(State::TimeWait, "10.0.0.1:1", "192.0.2.7:5");
    assert_eq!(part(key(Field::Uid), &time_wait), KeyPart::Owner(Some(0)));
    time_wait.inode = 0;
    assert_eq!(part(key(Field::Uid), &time_wait), KeyPart::Owner(None));
    assert_eq!(part(key(Field::User), &time_wait), KeyPart::Owner(None));
    assert_eq!(
        part(key(Field::Interface), &time_wait),
        KeyPart::Interface(None)
    );
}

fn listeners(sockets: &[(&str, Option<bool>)]) -> Listeners {
    let mut listeners = Listeners::default();
    for (local, v6only) in sockets {
        let remote = if local.starts_with('[') {
            "[::]:0"
        } else {
            "0.0.0.0:0"
        };
        let mut listener = socket(State::Listen, local, remote);
        listener.v6only = *v6only;
        assert!(listeners.socket(&listener).is_continue());
    }
    listeners
}

#[test]
fn a_connection_came_in_where_a_listener_could_have_accepted_it() {
    let listeners = listeners(&[
        ("0.0.0.0:80", None),
        ("10.0.0.1:81", None),
        ("[::]:82", Some(false)),
        ("[::]:83", Some(true)),
        ("[2001:db8::1]:84", Some(false)),
        ("[::ffff:10.0.0.1]:85", Some(false)),
        ("[::]:86", None),
    ]);
    for (local, came_in) in [
        ("10.0.0.9:80", true),
        ("[::ffff:10.0.0.9]:80", false),
        ("[2001:db8::9]:80", false),
        ("10.0.0.1:81", true),
        ("10.0.0.2:81", false),
        ("[2001:db8::9]:82", true),
        ("[::ffff:10.0.0.9]:82", true),
        ("10.0.0.9:82", false),
        ("[2001:db8::9]:83", true),
        ("[::ffff:10.0.0.9]:83", false),
        ("[2001:db8::1]:84", true),
        ("[2001:db8::2]:84", false),
        ("[::ffff:10.0.0.1]:85", true),
        ("[::ffff:10.0.0.9]:86", true),
        ("10.0.0.1:40000", false),
    ] {
        let remote = if local.starts_with('[') {
            "[2001:db8::5]:443"
        } else {
            "192.0.2.5:443"
        };
        let socket = socket(State::Established, local, remote);
        let expected = if came_in {
            Direction::In
        } else {
            Direction::Out
        };
        assert_eq!(
            listeners.direction(socket.kind, socket.netns, socket.internet().unwrap()),
            expected,
            "{local}"
        );
        match listeners.service(socket.kind, socket.netns, socket.internet().unwrap()) {
            Service::Served(port) => assert_eq!(
                (came_in, port),
                (true, socket.internet().unwrap().local.port())
            ),
            Service::Used(peer) => {
                assert_eq!((came_in, peer), (false, socket.internet().unwrap().remote))
            }
        }
    }
}

#[test]
fn sockets_beyond_the_limit_of_groups_are_counted_together() {
    let mut tally = GroupTally::new(vec![key(Field::RemotePort)], Listeners::default());
    tally.most = 10;
    for port in 1..=25 {
        for _ in 0..2 {
            let remote = format!("192.0.2.5:{port}");
            let socket = socket(State::CloseWait, "10.0.0.1:1", &remote);
            assert!(tally.socket(&socket).is_continue());
        }
    }
    assert_eq!(tally.all().total(), 50);
    let (groups, beyond) = tally.into_groups();
    assert_eq!(groups.len(), 10);
    assert_eq!(beyond.unwrap().counts.get(State::CloseWait), 30);
}

#[test]
fn parts_filled_side_by_side_add_up_unless_there_are_too_many_groups() {
    let peers = ["192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3"];
    for (most, is_exact) in [(3, true), (2, false), (1, false)] {
        let mut halved = GroupTally {
            most,
            ..GroupTally::new(vec![key(Field::RemotePort)], Listeners::default())
        };
        let (mut first, mut second) = (halved.split(), halved.split());
        for peer in &peers[..2] {
            let _ = first.socket(&socket(State::Established, "10.0.0.1:80", peer));
        }
        for peer in &peers[1..] {
            let _ = second.socket(&socket(State::TimeWait, "10.0.0.1:80", peer));
        }
        assert_eq!(halved.join([first, second]), is_exact, "{most}");
        if is_exact {
            assert_eq!(halved.all().total(), 4);
            let (groups, beyond) = halved.into_groups();
            assert_eq!(groups[&[KeyPart::Port(Some(2))][..]].total(), 2);
            assert!(groups.len() == 3 && beyond.is_none());
        }
    }
}
