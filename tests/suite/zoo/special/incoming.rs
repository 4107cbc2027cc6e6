//! Connections opened by peers, each kind at a listener of its own.
//!
//! A connection that was not accepted yet has inode 0, whatever its state. Must not open more than
//! an accept queue holds (4,096).

use super::ExtraSockets;
use crate::zoo::SocketCounts;
use crate::zoo::behaviour::Behaviour;
use crate::zoo::parking::open_local_listener;
use crate::zoo::peer::Peer;
use crate::zoo::proc_table::read_counts;
use crate::zoo::sockets::accept_next;
use crate::zoo::state::{Family, State};
use std::net::TcpListener;

/// `count` half-open requests (SYN_RECV, not full sockets), and their LISTEN.
pub(crate) fn half_open(peer: &Peer, family: Family, count: usize) -> ExtraSockets {
    receive(
        peer,
        family,
        count,
        Behaviour::NoReply,
        State::SynRecv,
        false,
    )
}

/// `count` ESTABLISHED in an accept queue, and their LISTEN.
pub(crate) fn unaccepted(peer: &Peer, family: Family, count: usize) -> ExtraSockets {
    let behaviour = Behaviour::HandshakeOnly;
    receive(peer, family, count, behaviour, State::Established, false)
}

/// `count` CLOSE_WAIT in an accept queue, and their LISTEN.
pub(crate) fn unaccepted_close_wait(peer: &Peer, family: Family, count: usize) -> ExtraSockets {
    receive(
        peer,
        family,
        count,
        Behaviour::SendFin,
        State::CloseWait,
        false,
    )
}

/// `count` ESTABLISHED that this process accepted, and their LISTEN.
pub(crate) fn accepted(peer: &Peer, family: Family, count: usize) -> ExtraSockets {
    let behaviour = Behaviour::HandshakeOnly;
    receive(peer, family, count, behaviour, State::Established, true)
}

fn receive(
    peer: &Peer,
    family: Family,
    count: usize,
    behaviour: Behaviour,
    state: State,
    accept: bool,
) -> ExtraSockets {
    let before = read_counts();
    let listener = open_local_listener(family);
    let address = listener.local_addr().unwrap();
    (0..count).for_each(|_| peer.send_syn(behaviour, address, b""));
    let added = SocketCounts::none()
        .with(family, State::Listen, 1)
        .with(family, state, count);
    accept_and_wait(listener, if accept { count } else { 0 }, before, added)
}

/// Accepts the first `accepts` connections, then waits until `added` is complete.
pub(super) fn accept_and_wait(
    listener: TcpListener,
    accepts: usize,
    before: SocketCounts,
    added: SocketCounts,
) -> ExtraSockets {
    let children: Vec<_> = (0..accepts)
        .map(|_| accept_next(&listener).into())
        .collect();
    let mut sockets = vec![listener.into()];
    sockets.extend(children);
    ExtraSockets::wait(before, added, sockets)
}
