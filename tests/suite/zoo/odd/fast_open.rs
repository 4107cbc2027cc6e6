//! TCP fast open children whose handshake never ends: full sockets in SYN_RECV.
//!
//! They look like half-open requests, but the kernel counts them in `inuse`, and accept(2) gives
//! them out. RFC 7413; `net/ipv4/tcp_fastopen.c`. Must not leave fast open switched on.

use super::{Guests, callers};
use crate::zoo::Inhabitants;
use crate::zoo::manner::Manner;
use crate::zoo::parking::listener_at_home;
use crate::zoo::peer::Peer;
use crate::zoo::proc_table::{read_inhabitants, wait_for};
use crate::zoo::state::{Family, State};
use crate::zoo::sysctl::Changed;

/// TFO_SERVER_ENABLE, TFO_SERVER_COOKIE_NOT_REQD and TFO_SERVER_WO_SOCKOPT1 of
/// `include/net/tcp.h`: every listener made meanwhile takes data in a SYN, without a cookie.
const SERVE_EVERYBODY: &str = "1538";

/// `count` in the accept queue (inode 0), and their LISTEN.
pub(crate) fn unaccepted(peer: &Peer, family: Family, count: usize) -> Guests {
    receive(peer, family, count, 0)
}

/// `count` accepted by this process, and their LISTEN.
pub(crate) fn accepted(peer: &Peer, family: Family, count: usize) -> Guests {
    receive(peer, family, count, count)
}

fn receive(peer: &Peer, family: Family, count: usize, accepts: usize) -> Guests {
    let before = read_inhabitants();
    let _served = Changed::to("ipv4/tcp_fastopen", SERVE_EVERYBODY);
    let listener = listener_at_home(family);
    let door = listener.local_addr().unwrap();
    (0..count).for_each(|_| peer.call(Manner::Silent, door, b"early data"));
    let added =
        Inhabitants::none()
            .with(family, State::Listen, 1)
            .with(family, State::SynRecv, count);
    // The kernel reads its switch when the SYN arrives, not only when listening began.
    wait_for(&(before.clone() + &added));
    callers::hold(listener, accepts, before, added)
}
