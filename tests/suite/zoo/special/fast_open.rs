//! TCP fast open children whose handshake never completes: full sockets in SYN_RECV.
//!
//! They look like half-open requests, but the kernel counts them in `inuse`, and accept(2) returns
//! them. RFC 7413; `net/ipv4/tcp_fastopen.c`. Must not leave fast open switched on.

use super::{ExtraSockets, incoming};
use crate::zoo::SocketCounts;
use crate::zoo::behaviour::Behaviour;
use crate::zoo::parking::open_local_listener;
use crate::zoo::peer::Peer;
use crate::zoo::proc_table::{read_counts, wait_for};
use crate::zoo::state::{Family, State};
use crate::zoo::sysctl::ScopedSysctl;

/// TFO_SERVER_ENABLE, TFO_SERVER_COOKIE_NOT_REQD and TFO_SERVER_WO_SOCKOPT1 of
/// `include/net/tcp.h`: every listener opened meanwhile accepts data in a SYN, without a cookie.
const ACCEPT_WITHOUT_COOKIE: &str = "1538";

/// `count` in the accept queue (inode 0), and their LISTEN.
pub(crate) fn unaccepted(peer: &Peer, family: Family, count: usize) -> ExtraSockets {
    receive(peer, family, count, 0)
}

/// `count` accepted by this process, and their LISTEN.
pub(crate) fn accepted(peer: &Peer, family: Family, count: usize) -> ExtraSockets {
    receive(peer, family, count, count)
}

fn receive(peer: &Peer, family: Family, count: usize, accepts: usize) -> ExtraSockets {
    let before = read_counts();
    let _fast_open = ScopedSysctl::set("ipv4/tcp_fastopen", ACCEPT_WITHOUT_COOKIE);
    let listener = open_local_listener(family);
    let address = listener.local_addr().unwrap();
    (0..count).for_each(|_| peer.send_syn(Behaviour::NoReply, address, b"early data"));
    let added =
        SocketCounts::none()
            .with(family, State::Listen, 1)
            .with(family, State::SynRecv, count);
    // The kernel reads the sysctl when the SYN arrives, not only at listen().
    wait_for(&(before.clone() + &added));
    incoming::accept_and_wait(listener, accepts, before, added)
}
