//! Sockets that differ in everything a filter can ask about.
//!
//! Stands for 60 seconds, as long as TIME_WAIT does.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use crate::zoo::odd::labelled::{self, Label, give_away};
use crate::zoo::odd::{Guests, bound, callers, fast_open, listeners, mapped, orphans};
use crate::zoo::{Family, Inhabitants, State, Zoo};

/// A user id that is nobody's; any will do.
const STRANGER: u32 = 4_321;

/// The sockets, held until the drop.
#[derive(Debug)]
pub(super) struct Population {
    _guests: Vec<Guests>,
    _loopback: Vec<OwnedFd>,
    _zoo: Zoo,
}

impl Population {
    pub(super) fn open() -> Population {
        let zoo = Zoo::open(&one_of_each());
        let peer = zoo.peer();
        let mut guests = vec![
            callers::unaccepted(peer, Family::V4, 2),
            callers::accepted(peer, Family::V6, 2),
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
            orphans::unfinished(peer, Family::V4, State::LastAck, 1),
            bound::idle(Family::V4, 1),
            bound::idle(Family::V6, 1),
        ];
        guests.extend(all_labelled(&zoo));
        for at in [0, 3, 5] {
            give_away(&guests[at].sockets()[0], STRANGER);
        }
        Population {
            _guests: guests,
            _loopback: loopback(),
            _zoo: zoo,
        }
    }
}

fn one_of_each() -> Inhabitants {
    let mut all = Inhabitants::none();
    for state in State::ALL {
        if state != State::Close {
            all = all.with(Family::V4, state, 2).with(Family::V6, state, 1);
        }
    }
    all
}

fn all_labelled(zoo: &Zoo) -> Vec<Guests> {
    let peer = zoo.peer();
    let label = |device, mark, sends| Label {
        device,
        mark,
        sends,
    };
    let lo = label(Some("lo"), 0, 0);
    let zoo = label(Some("zoo"), 0x10, 0);
    let marked = label(None, 0xff, 0);
    vec![
        labelled::listening(Family::V4, 0, lo),
        labelled::listening(Family::V6, 8_443, lo),
        labelled::listening(Family::V4, 443, marked),
        labelled::listening(Family::V6, 40_000, label(None, 0x11, 0)),
        labelled::half_open(peer, Family::V4, zoo),
        labelled::half_open(peer, Family::V6, zoo),
        labelled::half_open(peer, Family::V4, marked),
        labelled::connected(peer, State::Established, Family::V4, zoo),
        labelled::connected(peer, State::Established, Family::V6, label(None, 1, 300)),
        labelled::connected(peer, State::Established, Family::V4, label(None, 0, 7)),
        labelled::connected(peer, State::CloseWait, Family::V6, zoo),
        labelled::connected(peer, State::TimeWait, Family::V4, zoo),
        labelled::connected(peer, State::TimeWait, Family::V6, marked),
    ]
}

/// Connections over loopback, in both families and mapped, with bytes that nobody reads.
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
        let mut caller = TcpStream::connect((to, port)).unwrap();
        let (callee, _) = listener.accept().unwrap();
        caller.write_all(&vec![0; unread.into()]).unwrap();
        held.extend([listener.into(), caller.into(), OwnedFd::from(callee)]);
    }
    held
}
