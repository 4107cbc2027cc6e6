//! Connections that peers began, each kind at a listener of its own.
//!
//! What nobody has accepted yet has inode 0, whatever its state. Must not be asked for more than
//! an accept queue holds (4,096).

use super::Guests;
use crate::zoo::Inhabitants;
use crate::zoo::manner::Manner;
use crate::zoo::parking::listener_at_home;
use crate::zoo::peer::Peer;
use crate::zoo::proc_table::read_inhabitants;
use crate::zoo::sockets::accept_next;
use crate::zoo::state::{Family, State};
use std::net::TcpListener;

/// `count` half-open requests (SYN_RECV, no full sockets), and their LISTEN.
pub(crate) fn half_open(peer: &Peer, family: Family, count: usize) -> Guests {
    receive(peer, family, count, Manner::Silent, State::SynRecv, false)
}

/// `count` ESTABLISHED in an accept queue, and their LISTEN.
pub(crate) fn unaccepted(peer: &Peer, family: Family, count: usize) -> Guests {
    receive(peer, family, count, Manner::Deaf, State::Established, false)
}

/// `count` CLOSE_WAIT in an accept queue, and their LISTEN.
pub(crate) fn unaccepted_and_left(peer: &Peer, family: Family, count: usize) -> Guests {
    receive(peer, family, count, Manner::Hasty, State::CloseWait, false)
}

/// `count` ESTABLISHED that this process accepted, and their LISTEN.
pub(crate) fn accepted(peer: &Peer, family: Family, count: usize) -> Guests {
    receive(peer, family, count, Manner::Deaf, State::Established, true)
}

fn receive(
    peer: &Peer,
    family: Family,
    count: usize,
    manner: Manner,
    state: State,
    accept: bool,
) -> Guests {
    let before = read_inhabitants();
    let listener = listener_at_home(family);
    let door = listener.local_addr().unwrap();
    (0..count).for_each(|_| peer.call(manner, door, b""));
    let added = Inhabitants::none()
        .with(family, State::Listen, 1)
        .with(family, state, count);
    hold(listener, if accept { count } else { 0 }, before, added)
}

/// Accepts the first few, then waits for the whole.
pub(super) fn hold(
    listener: TcpListener,
    accepts: usize,
    before: Inhabitants,
    added: Inhabitants,
) -> Guests {
    let children: Vec<_> = (0..accepts)
        .map(|_| accept_next(&listener).into())
        .collect();
    let mut sockets = vec![listener.into()];
    sockets.extend(children);
    Guests::settle(before, added, sockets)
}
