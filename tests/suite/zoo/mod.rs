//! The zoo: real kernel sockets parked in every state, and the number of them.
//!
//! A TUN device with a scripted peer behind it (`peer`) keeps the sockets in their states; sockets
//! other than those of the ten listed states are in `special`. Must not use the program under
//! test, whose results are compared with the zoo. Only inside `in_namespace!`.

mod behaviour;
mod counts;
mod parking;
mod peer;
mod proc_table;
pub(crate) mod segment;
mod sockets;
pub(crate) mod special;
mod state;
pub(crate) mod sysctl;
mod tests;

pub(crate) use behaviour::Behaviour;
pub(crate) use counts::SocketCounts;
pub(crate) use parking::open_local_listener;
pub(crate) use peer::Peer;
pub(crate) use proc_table::read_counts;
pub(crate) use segment::Segment;
pub(crate) use sockets::{begin_connection, new_connection, raise_file_limit};
pub(crate) use state::{Family, State};

use crate::skip::skip;
use std::os::fd::OwnedFd;

/// A namespace full of parked sockets, held until the drop. TIME_WAIT ends 60 seconds after
/// opening; the other states last for minutes.
#[derive(Debug)]
pub(crate) struct Zoo {
    expected: SocketCounts,
    _sockets: Vec<OwnedFd>,
    peer: Peer,
}

impl Zoo {
    /// Parks the sockets in `wanted`, and returns when the kernel shows all of them.
    ///
    /// # Panics
    /// When SYN_RECV is wanted without a LISTEN of the same family, or CLOSE at all.
    pub(crate) fn open(wanted: &SocketCounts) -> Self {
        sockets::raise_file_limit();
        let peer = Peer::open();
        if wanted.clone().only(Family::V6).total() > 0 && !peer.has_ipv6() {
            skip("this test needs IPv6, and net.ipv6.conf.default.disable_ipv6 is not 0");
        }
        let before = read_counts();
        let mut sockets = Vec::new();
        for family in Family::ALL {
            sockets.extend(open_listeners(&peer, family, wanted));
            for state in State::ALL {
                if !matches!(state, State::Listen | State::SynRecv) {
                    let park =
                        || parking::park(state, |behaviour| Peer::address(behaviour, family));
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

    /// The number of sockets of each family and state in the zoo.
    pub(crate) fn expected(&self) -> &SocketCounts {
        &self.expected
    }

    /// The peers, for special sockets in addition.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }
}

/// The listeners of one family, and the half-open requests at the first of them.
fn open_listeners(peer: &Peer, family: Family, wanted: &SocketCounts) -> Vec<OwnedFd> {
    let listeners: Vec<_> = (0..wanted.count(family, State::Listen))
        .map(|_| parking::open_local_listener(family))
        .collect();
    for _ in 0..wanted.count(family, State::SynRecv) {
        let listener = listeners
            .first()
            .expect("SYN_RECV needs a LISTEN of its family");
        peer.send_syn(Behaviour::NoReply, listener.local_addr().unwrap(), b"");
    }
    listeners.into_iter().map(OwnedFd::from).collect()
}
