//! Datagrams to and from the kernel's NETLINK_SOCK_DIAG, sock_diag(7), netlink(7).
//!
//! The one place that makes system calls on a netlink socket; knows nothing of what is in the
//! datagrams. A trait, so that tests can play a kernel that refuses, lies or falls silent.

use std::io;
use std::time::Duration;

use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr};
use rustix::net::RecvFlags;
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use super::error::{Call, NetlinkError};

/// How long to wait for a datagram. The kernel makes each one while it is asked for it, so it is
/// there at once or never; without an end to the wait, a lost DONE would hang the program.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Datagram {
    /// Its whole length in bytes, which is more than the buffer's where it was cut.
    pub(super) length: usize,
    /// The sender's netlink port; 0 is the kernel.
    pub(super) sender: u32,
}

/// One open conversation with a kernel.
pub(super) trait Transport {
    /// Our own netlink port, which answers are addressed to.
    fn port(&self) -> u32;

    /// Sends one request.
    fn send(&mut self, request: &[u8]) -> Result<(), NetlinkError>;

    /// Receives one datagram into the start of `buffer`.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Datagram, NetlinkError>;
}

/// The running kernel, in the network namespace of the calling thread.
#[derive(Debug)]
pub(super) struct Kernel {
    socket: Socket,
    port: u32,
}

impl Kernel {
    /// Opens a socket and binds it to a port of its own.
    pub(super) fn connect() -> Result<Self, NetlinkError> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG).map_err(Call::Socket.failed())?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))
            .map_err(|errno| Call::SetSockOpt.failed()(errno.into()))?;
        let address = socket.bind_auto().map_err(Call::Bind.failed())?;
        Ok(Kernel {
            socket,
            port: address.port_number(),
        })
    }
}

impl Transport for Kernel {
    fn port(&self) -> u32 {
        self.port
    }

    fn send(&mut self, request: &[u8]) -> Result<(), NetlinkError> {
        self.socket
            .send_to(request, &SocketAddr::new(0, 0), 0)
            .map(|_| ())
            .map_err(Call::SendTo.failed())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Datagram, NetlinkError> {
        // With MSG_TRUNC the length returned is the datagram's, not that of the part received.
        let flags = RecvFlags::TRUNC.bits().cast_signed();
        loop {
            match self.socket.recv_from(&mut &mut *buffer, flags) {
                Ok((length, sender)) => {
                    return Ok(Datagram {
                        length,
                        sender: sender.port_number(),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Call::RecvFrom.failed()(error)),
            }
        }
    }
}
