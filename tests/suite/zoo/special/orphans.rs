//! Connections closed by their process: inode 0, and in FIN_WAIT2 two kinds of sockets.
//!
//! A FIN_WAIT2 orphan becomes a timewait minisocket at once, unless its timeout is longer than
//! TIME_WAIT's 60 seconds: then it stays a full socket for the difference (`__tcp_close` in
//! `net/ipv4/tcp.c`). Must not hold a socket. tcp(7): tcp_fin_timeout.

use super::ExtraSockets;
use crate::zoo::SocketCounts;
use crate::zoo::parking::park;
use crate::zoo::peer::Peer;
use crate::zoo::proc_table::{read_counts, wait_for};
use crate::zoo::state::{Family, State};
use crate::zoo::sysctl::ScopedSysctl;

/// `count` full sockets in FIN_WAIT2, for 120 seconds.
pub(crate) fn full_fin_wait2(peer: &Peer, family: Family, count: usize) -> ExtraSockets {
    let _long = ScopedSysctl::set("ipv4/tcp_fin_timeout", "180");
    closed(peer, family, State::FinWait2, count)
}

/// `count` minisockets with the substate FIN_WAIT2, for 60 seconds.
pub(crate) fn fin_wait2_minisockets(peer: &Peer, family: Family, count: usize) -> ExtraSockets {
    let _short = ScopedSysctl::set("ipv4/tcp_fin_timeout", "60");
    closed(peer, family, State::FinWait2, count)
}

/// `count` full sockets in FIN_WAIT1, CLOSING or LAST_ACK.
pub(crate) fn full(peer: &Peer, family: Family, state: State, count: usize) -> ExtraSockets {
    assert!(
        matches!(state, State::FinWait1 | State::Closing | State::LastAck),
        "an orphan does not stay a full socket in {}",
        state.name()
    );
    closed(peer, family, state, count)
}

fn closed(_: &Peer, family: Family, state: State, count: usize) -> ExtraSockets {
    let before = read_counts();
    let added = SocketCounts::none().with(family, state, count);
    let held: Vec<_> = (0..count)
        .map(|_| park(state, |behaviour| Peer::address(behaviour, family)))
        .collect();
    // Closed before that, a socket could still be in the previous state and end differently.
    wait_for(&(before.clone() + &added));
    drop(held);
    ExtraSockets::wait(before, added, Vec::new())
}
