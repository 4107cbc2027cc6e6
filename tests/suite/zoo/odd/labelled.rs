//! Sockets bound to an interface, with a firewall mark, of another owner, or with bytes waiting.
//!
//! What they are connected to or called by is the peer behind the TUN device. socket(7):
//! SO_BINDTODEVICE, SO_MARK.

use super::{Guests, callers};
use crate::syscall;
use crate::zoo::Inhabitants;
use crate::zoo::manner::Manner;
use crate::zoo::parking::{listener_at_home, park_connected};
use crate::zoo::peer::Peer;
use crate::zoo::proc_table::read_inhabitants;
use crate::zoo::sockets::{Listening, new_connection, open_listener};
use crate::zoo::state::{Family, State};
use rustix::fs::{Uid, fchown};
use std::io::Write;
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};

/// What is put on a socket.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Label {
    /// The interface it is bound to.
    pub(crate) device: Option<&'static str>,
    /// Its firewall mark; 0 for none.
    pub(crate) mark: u32,
    /// Bytes written to a peer that acknowledges none.
    pub(crate) sends: usize,
}

impl Label {
    fn put_on(self, socket: impl AsFd) {
        if let Some(device) = self.device {
            syscall::bind_to_device(&socket, device).unwrap();
        }
        syscall::set_mark(&socket, self.mark).unwrap();
    }
}

/// One socket in any state reached by connecting, but SYN_SENT.
pub(crate) fn connected(_: &Peer, state: State, family: Family, label: Label) -> Guests {
    let before = read_inhabitants();
    let connect = |manner: Manner| {
        let socket = new_connection(Peer::service(manner, family), |socket| label.put_on(socket));
        let mut stream = TcpStream::from(socket);
        stream.write_all(&vec![0; label.sends]).unwrap();
        stream
    };
    let held = park_connected(state, connect);
    let added = Inhabitants::none().with(family, state, 1);
    Guests::settle(before, added, held.into_iter().collect())
}

/// A labelled LISTEN at the home address, and one half-open request at it.
pub(crate) fn half_open(peer: &Peer, family: Family, label: Label) -> Guests {
    let before = read_inhabitants();
    let listener = listener_at_home(family);
    label.put_on(&listener);
    peer.call(Manner::Silent, listener.local_addr().unwrap(), b"");
    let added = Inhabitants::none()
        .with(family, State::Listen, 1)
        .with(family, State::SynRecv, 1);
    callers::hold(listener, 0, before, added)
}

/// A LISTEN at a loopback address; at a port, or with 0 at one that the kernel chooses.
pub(crate) fn listening(family: Family, port: u16, label: Label) -> Guests {
    let before = read_inhabitants();
    let address = match family {
        Family::V4 => ([127, 0, 0, 1], port).into(),
        Family::V6 => ([0, 0, 0, 0, 0, 0, 0, 1], port).into(),
    };
    let listener = open_listener(address, Listening::Plain);
    label.put_on(&listener);
    let added = Inhabitants::none().with(family, State::Listen, 1);
    Guests::settle(before, added, vec![listener.into()])
}

/// Gives a socket to another user; false where that is not allowed.
pub(crate) fn give_away(socket: &OwnedFd, user: u32) -> bool {
    fchown(socket, Some(Uid::from_raw(user)), None).is_ok()
}
