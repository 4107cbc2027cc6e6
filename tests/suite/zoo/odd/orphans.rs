//! Connections whose process has closed them: inode 0, and in FIN_WAIT2 two kinds of sockets.
//!
//! A FIN_WAIT2 orphan becomes a timewait minisocket at once, unless its timeout is longer than
//! TIME_WAIT's 60 seconds: then it stays a full socket for the time by which it is longer
//! (`__tcp_close` in `net/ipv4/tcp.c`). Must not hold a socket. tcp(7): tcp_fin_timeout.

use super::Guests;
use crate::zoo::Inhabitants;
use crate::zoo::parking::park;
use crate::zoo::peer::Peer;
use crate::zoo::proc_table::{read_inhabitants, wait_for};
use crate::zoo::state::{Family, State};
use crate::zoo::sysctl::Changed;

/// `count` full sockets in FIN_WAIT2, for 120 seconds.
pub(crate) fn full_fin_wait2(peer: &Peer, family: Family, count: usize) -> Guests {
    let _long = Changed::to("ipv4/tcp_fin_timeout", "180");
    closed(peer, family, State::FinWait2, count)
}

/// `count` minisockets with the sub-state FIN_WAIT2, for 60 seconds.
pub(crate) fn fin_wait2_minisockets(peer: &Peer, family: Family, count: usize) -> Guests {
    let _short = Changed::to("ipv4/tcp_fin_timeout", "60");
    closed(peer, family, State::FinWait2, count)
}

/// `count` full sockets in FIN_WAIT1, CLOSING or LAST_ACK.
pub(crate) fn unfinished(peer: &Peer, family: Family, state: State, count: usize) -> Guests {
    assert!(
        matches!(state, State::FinWait1 | State::Closing | State::LastAck),
        "{} is not a state an orphan keeps as a full socket",
        state.name()
    );
    closed(peer, family, state, count)
}

fn closed(_: &Peer, family: Family, state: State, count: usize) -> Guests {
    let before = read_inhabitants();
    let added = Inhabitants::none().with(family, state, count);
    let held: Vec<_> = (0..count)
        .map(|_| park(state, |manner| Peer::service(manner, family)))
        .collect();
    // Closed any sooner it might still be in the state before, which a close can end otherwise.
    wait_for(&(before.clone() + &added));
    drop(held);
    Guests::settle(before, added, Vec::new())
}
