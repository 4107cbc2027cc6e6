//! Brings kernel sockets into a state, with a peer of the right manners.
//!
//! Must not wait by time: where the next step needs the last one done, it reads until the peer's
//! FIN; the caller waits for the whole.

use super::manner::Manner;
use super::peer::Peer;
use super::sockets::{Listening, begin_connection, open_connection, open_listener};
use super::state::{Family, State};
use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

/// Listens at the kernel's address in the peers' network.
pub(crate) fn listener_at_home(family: Family) -> TcpListener {
    open_listener((Peer::home(family), 0).into(), Listening::Plain)
}

/// Puts one socket into `state` by connecting to `peer_address(manner)`, which is free to be the
/// v4-mapped form. `None`: nobody holds it any more.
///
/// # Panics
/// For LISTEN and SYN_RECV, which nobody reaches by connecting, and CLOSE, which is not listed.
pub(crate) fn park(state: State, peer_address: impl Fn(Manner) -> SocketAddr) -> Option<OwnedFd> {
    if state == State::SynSent {
        return Some(begin_connection(peer_address(Manner::Silent)));
    }
    park_connected(state, |manner| open_connection(peer_address(manner)))
}

/// The same for a socket that `connected` has connected to a peer of these manners.
///
/// # Panics
/// As above, and for SYN_SENT.
pub(crate) fn park_connected(
    state: State,
    connected: impl Fn(Manner) -> TcpStream,
) -> Option<OwnedFd> {
    Some(match state {
        State::Established => connected(Manner::Deaf).into(),
        State::FinWait1 => finished(connected(Manner::Deaf)).into(),
        State::FinWait2 => finished(connected(Manner::Patient)).into(),
        State::CloseWait => connected(Manner::Hasty).into(),
        State::Closing => finished(connected(Manner::Crossing)).into(),
        State::LastAck => finished(left(connected(Manner::Hasty))).into(),
        State::TimeWait => {
            left(finished(connected(Manner::Polite)));
            return None;
        }
        State::Listen | State::SynSent | State::SynRecv | State::Close => {
            panic!("{} is not reached by being connected", state.name())
        }
    })
}

/// Sends the FIN. The socket stays open: closing would leave an orphan, which ends sooner.
fn finished(stream: TcpStream) -> TcpStream {
    stream.shutdown(Shutdown::Write).unwrap();
    stream
}

/// Waits for the peer's FIN.
fn left(mut stream: TcpStream) -> TcpStream {
    let read = stream.read(&mut [0]).expect("the peer's FIN");
    assert_eq!(read, 0, "a peer sends no data");
    stream
}
