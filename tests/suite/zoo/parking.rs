//! Brings kernel sockets into a state, with a peer of the right behaviour.
//!
//! Must not sleep: where the next step depends on the previous one, it reads until the peer's FIN;
//! the caller waits for the final counts.

use super::behaviour::Behaviour;
use super::peer::Peer;
use super::sockets::{Listening, begin_connection, open_connection, open_listener};
use super::state::{Family, State};
use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

/// Listens at the kernel's address in the peer network.
pub(crate) fn open_local_listener(family: Family) -> TcpListener {
    open_listener((Peer::local_address(family), 0).into(), Listening::Plain)
}

/// Puts one socket into `state` by connecting to `peer_address(behaviour)`, which may be the
/// v4-mapped form. `None` where the process does not hold it any more.
///
/// # Panics
/// For LISTEN and SYN_RECV, which are not reached by connecting, and CLOSE, which is not listed.
pub(crate) fn park(
    state: State,
    peer_address: impl Fn(Behaviour) -> SocketAddr,
) -> Option<OwnedFd> {
    if state == State::SynSent {
        return Some(begin_connection(peer_address(Behaviour::NoReply)));
    }
    park_connected(state, |behaviour| open_connection(peer_address(behaviour)))
}

/// The same for a socket that `connected` connects to a peer of the given behaviour.
///
/// # Panics
/// As above, and for SYN_SENT.
pub(crate) fn park_connected(
    state: State,
    connected: impl Fn(Behaviour) -> TcpStream,
) -> Option<OwnedFd> {
    Some(match state {
        State::Established => connected(Behaviour::HandshakeOnly).into(),
        State::FinWait1 => send_fin(connected(Behaviour::HandshakeOnly)).into(),
        State::FinWait2 => send_fin(connected(Behaviour::AckFin)).into(),
        State::CloseWait => connected(Behaviour::SendFin).into(),
        State::Closing => send_fin(connected(Behaviour::SimultaneousClose)).into(),
        State::LastAck => send_fin(read_peer_fin(connected(Behaviour::SendFin))).into(),
        State::TimeWait => {
            read_peer_fin(send_fin(connected(Behaviour::NormalClose)));
            return None;
        }
        State::Listen | State::SynSent | State::SynRecv | State::Close => {
            panic!("{} is not reached by a connected socket", state.name())
        }
    })
}

/// Sends the FIN. The socket stays open: closing it would leave an orphan, which ends sooner.
fn send_fin(stream: TcpStream) -> TcpStream {
    stream.shutdown(Shutdown::Write).unwrap();
    stream
}

/// Waits for the peer's FIN.
fn read_peer_fin(mut stream: TcpStream) -> TcpStream {
    let read = stream.read(&mut [0]).expect("the peer's FIN");
    assert_eq!(read, 0, "peers send no data");
    stream
}
