//! Sockets that differ in every field a filter can test.
//!
//! They last for 60 seconds, as long as TIME_WAIT does.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use crate::zoo::special::attributes::{self, Attributes, change_owner};
use crate::zoo::special::{ExtraSockets, fast_open, incoming, listeners, mapped, orphans};
use crate::zoo::{Family, SocketCounts, State, Zoo};

/// A user id other than this process's; any does.
const OTHER_UID: u32 = 4_321;

/// The sockets, held until the drop.
#[derive(Debug)]
pub(super) struct Population {
    _extra: Vec<ExtraSockets>,
    _loopback: Vec<OwnedFd>,
    _zoo: Zoo,
}

impl Population {
    pub(super) fn open() -> Population {
        let zoo = Zoo::open(&one_of_each());
        let peer = zoo.peer();
        let mut extra = vec![
            incoming::unaccepted(peer, Family::V4, 2),
            incoming::accepted(peer, Family::V6, 2),
            fast_open::unaccepted(peer, Family::V4, 1),
            fast_open::accepted(peer, Family::V6, 1),
            listeners::dual_stack(2),
            listeners::reuse_port(Family::V4, 2),
            mapped::accepted(peer, 2),
            mapped::half_open(peer, 1),
            mapped::connected(peer, State::CloseWait, 1),
            mapped::connected(peer, State::TimeWait, 1),
            orphans::fin_wait2_minisockets(peer, Family::V4, 1),
            orphans::full_fin_wait2(peer, Family::V6, 1),
            orphans::full(peer, Family::V4, State::LastAck, 1),
            listeners::bound_only(Family::V4, 1),
            listeners::bound_only(Family::V6, 1),
        ];
        extra.extend(with_attributes(&zoo));
        for at in [0, 3, 5] {
            change_owner(&extra[at].sockets()[0], OTHER_UID);
        }
        Population {
            _extra: extra,
            _loopback: loopback(),
            _zoo: zoo,
        }
    }
}

fn one_of_each() -> SocketCounts {
    let mut all = SocketCounts::none();
    for state in State::ALL {
        if state != State::Close {
            all = all.with(Family::V4, state, 2).with(Family::V6, state, 1);
        }
    }
    all
}

fn with_attributes(zoo: &Zoo) -> Vec<ExtraSockets> {
    let peer = zoo.peer();
    let with = |device, mark, sent_bytes| Attributes {
        device,
        mark,
        sent_bytes,
    };
    let lo = with(Some("lo"), 0, 0);
    let zoo = with(Some("zoo"), 0x10, 0);
    let marked = with(None, 0xff, 0);
    vec![
        attributes::listening(Family::V4, 0, lo),
        attributes::listening(Family::V6, 8_443, lo),
        attributes::listening(Family::V4, 443, marked),
        attributes::listening(Family::V6, 40_000, with(None, 0x11, 0)),
        attributes::half_open(peer, Family::V4, zoo),
        attributes::half_open(peer, Family::V6, zoo),
        attributes::half_open(peer, Family::V4, marked),
        attributes::connected(peer, State::Established, Family::V4, zoo),
        attributes::connected(peer, State::Established, Family::V6, with(None, 1, 300)),
        attributes::connected(peer, State::Established, Family::V4, with(None, 0, 7)),
        attributes::connected(peer, State::CloseWait, Family::V6, zoo),
        attributes::connected(peer, State::TimeWait, Family::V4, zoo),
        attributes::connected(peer, State::TimeWait, Family::V6, marked),
    ]
}

/// Connections over loopback, in both families and mapped, with unread bytes.
fn loopback() -> Vec<OwnedFd> {
    let mut held = Vec::new();
    for (at, unread) in [("127.0.0.1:0", 5_u8), ("[::1]:0", 0), ("[::]:0", 200)] {
        let listener = TcpListener::bind(at).unwrap();
        let port = listener.local_addr().unwrap().port();
        let to = if at.contains("::1") {
            "::1"
        } else {
            "127.0.0.1"
        };
        let mut client = TcpStream::connect((to, port)).unwrap();
        let (server, _) = listener.accept().unwrap();
        client.write_all(&vec![0; unread.into()]).unwrap();
        held.extend([listener.into(), client.into(), OwnedFd::from(server)]);
    }
    held
}
