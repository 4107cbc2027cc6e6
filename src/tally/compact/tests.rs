//! Round trips of sockets that have everything, nothing, and each thing alone.

use super::*;
use crate::model::{Metric, NetlinkEnds, TcpInfo, UnixEnds, UnixName};

/// Every field that is kept only on request.
pub(in crate::tally) fn all_extras() -> Vec<Field> {
    let fields = [
        Field::Timer,
        Field::Retransmits,
        Field::Cookie,
        Field::Mark,
        Field::Cgroup,
        Field::Drops,
        Field::ReceiveLimit,
        Field::CongestionControl,
    ];
    let metrics = Metric::ALL.iter().copied().map(Field::Metric);
    fields.into_iter().chain(metrics).collect()
}

/// Sockets that have everything, nothing, and each thing alone or not, with the largest and
/// the least of each; and sockets without internet addresses.
pub(in crate::tally) fn sockets() -> Vec<Socket> {
    let (plain, everything) = (plain(), everything());
    let mut sockets = vec![plain.clone(), everything.clone()];
    let changes: [fn(&mut Socket, &Socket); 14] = [
        |to, from| to.state = from.state,
        |to, from| to.ends = from.ends.clone(),
        |to, from| to.full = from.full,
        |to, from| to.timer = from.timer,
        |to, from| to.interface = from.interface,
        |to, from| to.cookie = from.cookie,
        |to, from| to.mark = from.mark,
        |to, from| to.cgroup = from.cgroup,
        |to, from| to.drops = from.drops,
        |to, from| to.v6only = from.v6only,
        |to, from| to.info = from.info.clone(),
        |to, from| to.congestion_control = from.congestion_control,
        |to, from| to.inode = from.inode,
        |to, from| to.retransmits = from.retransmits,
    ];
    for change in changes {
        let (mut with, mut without) = (plain.clone(), everything.clone());
        change(&mut with, &everything);
        change(&mut without, &plain);
        sockets.extend([with, without]);
    }
    sockets.extend(State::named().map(|state| Socket {
        state,
        ..plain.clone()
    }));
    sockets.extend(odd(&everything));
    sockets
}

/// Values between the largest and the least, those that do not fit, and sockets without
/// internet addresses.
fn odd(everything: &Socket) -> Vec<Socket> {
    let timer = |kind, milliseconds| {
        Some(Timer {
            kind,
            remaining: Duration::from_millis(milliseconds),
        })
    };
    let some_info = TcpInfo::default()
        .with(Metric::Mss, 0)
        .with(Metric::Lost, 300);
    let named = |name| {
        Ends::from(UnixEnds {
            name,
            ..UnixEnds::default()
        })
    };
    let ends = [
        Ends::Netlink(NetlinkEnds::default()),
        named(UnixName::Unnamed),
        named(UnixName::Path(b"/run/\xff".as_slice().into())),
        named(UnixName::Abstract(b"\0a".as_slice().into())),
    ];
    let without_addresses = ends.map(|ends| Socket {
        ends,
        ..everything.clone()
    });
    let between = [
        Socket {
            timer: timer(TimerKind::Persist, 1),
            info: Some(Box::new(some_info)),
            congestion_control: CongestionControl::new("bbr"),
            cookie: Some(ABSENT),
            interface: Some(0),
            ..plain()
        },
        Socket {
            netns: Netns(u32::MAX),
            ..plain()
        },
        Socket {
            timer: timer(TimerKind::Retransmit, 0),
            cgroup: Some(ABSENT),
            retransmits: Some(u32::MAX),
            congestion_control: CongestionControl::new("cubic"),
            inode: 1 << 32,
            ..plain()
        },
    ];
    without_addresses.into_iter().chain(between).collect()
}

fn plain() -> Socket {
    let local = ([127, 0, 0, 1], 80).into();
    Socket {
        send_queue: 128,
        ..Socket::bare(
            Kind::Tcp,
            State::Listen,
            InetEnds::listening(Family::V4, local),
        )
    }
}

fn everything() -> Socket {
    let info = Metric::ALL.iter().fold(TcpInfo::default(), |info, metric| {
        info.with(*metric, u64::MAX)
    });
    Socket {
        state: State::Unknown(255),
        kind: Kind::Tcp,
        netns: Netns::CALLER,
        ends: Ends::Internet(InetEnds {
            family: Family::V6,
            local: "[2001:db8::1]:65535".parse().unwrap(),
            remote: "[::ffff:192.0.2.1]:1".parse().unwrap(),
        }),
        receive_queue: u32::MAX,
        send_queue: u32::MAX,
        uid: u32::MAX,
        full: Some(true),
        inode: u64::MAX,
        timer: Some(Timer {
            kind: TimerKind::Unknown(7),
            remaining: Duration::new(u64::MAX, 999_999_999),
        }),
        retransmits: None,
        interface: Some(u32::MAX - 1),
        cookie: Some(u64::MAX),
        mark: Some(u32::MAX),
        cgroup: Some(u64::MAX),
        drops: Some(u32::MAX),
        receive_limit: Some(u32::MAX),
        v6only: Some(true),
        info: Some(Box::new(info)),
        congestion_control: CongestionControl::new("sixteen_bytes_xx"),
    }
}

#[test]
fn a_socket_comes_out_as_it_went_in() {
    let extras = all_extras();
    let mut piece = Piece::default();
    sockets()
        .iter()
        .for_each(|socket| piece.push(socket, &extras));
    for (at, socket) in sockets().into_iter().enumerate() {
        assert_eq!(piece.get(at, &extras), Some(socket));
    }
    assert_eq!(piece.get(sockets().len(), &extras), None);
    let is_compact = |stored: &&Stored| matches!(stored, Stored::Compact(_));
    assert!(piece.sockets.iter().filter(is_compact).count() > 20);
}

#[test]
#[allow(clippy::wildcard_enum_match_arm, reason = "the others are numbers")]
fn each_field_that_is_asked_for_is_kept_alone() {
    for field in all_extras() {
        let mut piece = Piece::default();
        sockets()
            .iter()
            .for_each(|socket| piece.push(socket, &[field]));
        assert_eq!(piece.numbers.len(), sockets().len());
        for (at, socket) in sockets().into_iter().enumerate() {
            let kept = piece.get(at, &[field]).unwrap();
            match field {
                Field::Timer => assert_eq!(kept.timer, socket.timer),
                Field::Cgroup => assert_eq!(kept.cgroup, socket.cgroup),
                Field::CongestionControl => {
                    assert_eq!(kept.congestion_control, socket.congestion_control);
                }
                number => assert_eq!(kept.number(number), socket.number(number)),
            }
        }
    }
}

#[test]
fn a_socket_takes_60_bytes() {
    assert!(size_of::<Stored>() <= 60);
}
