//! Sockets with attributes: bound to an interface, with a firewall mark, with another owner, or
//! with queued bytes.
//!
//! Their remote end is the peer behind the TUN device. socket(7): SO_BINDTODEVICE, SO_MARK;
//! tcp(7); RFC 6298 for when unacknowledged bytes are sent again.

use super::{ExtraSockets, incoming};
use crate::syscall;
use crate::zoo::SocketCounts;
use crate::zoo::behaviour::Behaviour;
use crate::zoo::parking::{open_local_listener, park_connected};
use crate::zoo::peer::Peer;
use crate::zoo::proc_table::read_counts;
use crate::zoo::sockets::{Listening, new_connection, open_connection, open_listener};
use crate::zoo::state::{Family, State};
use rustix::fs::{Uid, fchown};
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};

/// The attributes of one socket.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attributes {
    /// The interface it is bound to.
    pub(crate) device: Option<&'static str>,
    /// Its firewall mark; 0 for none.
    pub(crate) mark: u32,
    /// Number of bytes written to a peer that acknowledges none.
    pub(crate) sent_bytes: usize,
}

impl Attributes {
    fn apply_to(self, socket: impl AsFd) {
        if let Some(device) = self.device {
            syscall::bind_to_device(&socket, device).unwrap();
        }
        syscall::set_mark(&socket, self.mark).unwrap();
    }
}

/// One socket in any state reached by connecting, except SYN_SENT.
pub(crate) fn connected(
    _: &Peer,
    state: State,
    family: Family,
    attributes: Attributes,
) -> ExtraSockets {
    let before = read_counts();
    let connect = |behaviour: Behaviour| {
        let address = Peer::address(behaviour, family);
        let socket = new_connection(address, |socket| attributes.apply_to(socket));
        let mut stream = TcpStream::from(socket);
        stream.write_all(&vec![0; attributes.sent_bytes]).unwrap();
        stream
    };
    let held = park_connected(state, connect);
    let added = SocketCounts::none().with(family, state, 1);
    ExtraSockets::wait(before, added, held.into_iter().collect())
}

/// A LISTEN with these attributes at the local address of the peer network, and one half-open
/// request at it.
pub(crate) fn half_open(peer: &Peer, family: Family, attributes: Attributes) -> ExtraSockets {
    let before = read_counts();
    let listener = open_local_listener(family);
    attributes.apply_to(&listener);
    peer.send_syn(Behaviour::NoReply, listener.local_addr().unwrap(), b"");
    let added = SocketCounts::none()
        .with(family, State::Listen, 1)
        .with(family, State::SynRecv, 1);
    incoming::accept_and_wait(listener, 0, before, added)
}

/// A LISTEN at the loopback address; port 0 lets the kernel choose.
pub(crate) fn listening(family: Family, port: u16, attributes: Attributes) -> ExtraSockets {
    let before = read_counts();
    let address = match family {
        Family::V4 => ([127, 0, 0, 1], port).into(),
        Family::V6 => ([0, 0, 0, 0, 0, 0, 0, 1], port).into(),
    };
    let listener = open_listener(address, Listening::Plain);
    attributes.apply_to(&listener);
    let added = SocketCounts::none().with(family, State::Listen, 1);
    ExtraSockets::wait(before, added, vec![listener.into()])
}

/// Makes a socket belong to another user; false where that is not allowed.
pub(crate) fn change_owner(socket: &OwnedFd, user: u32) -> bool {
    fchown(socket, Some(Uid::from_raw(user)), None).is_ok()
}

/// A connection whose send queue is full, to a peer that acknowledges nothing; and the number of
/// bytes written, more than may be in flight at a time.
pub(crate) fn full_send_queue(_: &Peer, family: Family) -> (TcpStream, usize) {
    let mut stream = open_connection(Peer::address(Behaviour::HandshakeOnly, family));
    stream.set_nonblocking(true).unwrap();
    let mut written = 0;
    loop {
        match stream.write(&[b'x'; 4096]) {
            Ok(bytes) => written += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return (stream, written),
            Err(error) => panic!("{error}"),
        }
    }
}
