//! Real kernel sockets, parked in every state on purpose, and how many of them there are.
//!
//! A TUN device and a scripted peer behind it (`peer`) hold the sockets where they are; what
//! exists besides the ten ordinary states is in `odd`. Must not use the program under test: the
//! zoo is what the program is measured against. Only inside `in_namespace!`.

mod inhabitants;
mod manner;
pub(crate) mod odd;
mod parking;
mod peer;
mod proc_table;
mod segment;
mod sockets;
mod state;
pub(crate) mod sysctl;
mod tests;

pub(crate) use inhabitants::Inhabitants;
pub(crate) use manner::Manner;
pub(crate) use peer::Peer;
pub(crate) use proc_table::read_inhabitants;
pub(crate) use sockets::{new_connection, raise_file_limit};
pub(crate) use state::{Family, State};

use crate::skip::skip;
use std::os::fd::OwnedFd;

/// A namespace full of parked sockets, held until the drop. TIME_WAIT ends 60 seconds after
/// opening; the rest stays for minutes.
#[derive(Debug)]
pub(crate) struct Zoo {
    expected: Inhabitants,
    _sockets: Vec<OwnedFd>,
    peer: Peer,
}

impl Zoo {
    /// Parks as many sockets as `wanted` says, and returns when the kernel shows all of them.
    ///
    /// # Panics
    /// When SYN_RECV is wanted without a LISTEN of the same family to be called, or CLOSE at all.
    pub(crate) fn open(wanted: &Inhabitants) -> Self {
        sockets::raise_file_limit();
        let peer = Peer::open();
        if wanted.clone().only(Family::V6).total() > 0 && !peer.has_ipv6() {
            skip("this test needs IPv6, and net.ipv6.conf.default.disable_ipv6 is not 0");
        }
        let before = read_inhabitants();
        let mut sockets = Vec::new();
        for family in Family::ALL {
            sockets.extend(open_doors(&peer, family, wanted));
            for state in State::ALL {
                if !matches!(state, State::Listen | State::SynRecv) {
                    let park = || parking::park(state, |manner| Peer::service(manner, family));
                    let count = wanted.count(family, state);
                    sockets.extend((0..count).filter_map(|_| park()));
                }
            }
        }
        proc_table::wait_for(&(before + wanted));
        Self {
            expected: wanted.clone(),
            _sockets: sockets,
            peer,
        }
    }

    /// How many sockets of each family and state the zoo holds.
    pub(crate) fn expected(&self) -> &Inhabitants {
        &self.expected
    }

    /// The peers, for odd ones on top.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }
}

/// The listeners of one family, and the half-open requests at the first of them.
fn open_doors(peer: &Peer, family: Family, wanted: &Inhabitants) -> Vec<OwnedFd> {
    let doors: Vec<_> = (0..wanted.count(family, State::Listen))
        .map(|_| parking::listener_at_home(family))
        .collect();
    for _ in 0..wanted.count(family, State::SynRecv) {
        let door = doors
            .first()
            .expect("SYN_RECV needs a LISTEN of its family");
        peer.call(manner::Manner::Silent, door.local_addr().unwrap(), b"");
    }
    doors.into_iter().map(OwnedFd::from).collect()
}
