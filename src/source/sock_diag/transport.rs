//! Datagrams to and from the kernel's NETLINK_SOCK_DIAG, sock_diag(7), netlink(7).
//!
//! The one place that makes system calls on a netlink socket; does not read the datagrams. A
//! trait, so that tests can script a kernel that refuses, sends invalid data or sends nothing.

use std::io;
use std::time::Duration;

use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr};
use rustix::net::RecvFlags;
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use crate::source::NetlinkError;

/// How long to wait for a datagram. The kernel builds each one during the receive call, so it
/// arrives at once or never; without a timeout, a lost DONE would hang the program.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// A received datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Datagram {
    /// Its whole length in bytes; more than the buffer's where it was truncated.
    pub(super) length: usize,
    /// The sender's netlink port; 0 is the kernel.
    pub(super) sender: u32,
}

/// One open conversation with a kernel.
pub(super) trait Transport: Send {
    /// Our own netlink port, to which answers are addressed.
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
        let mut socket = Socket::new(NETLINK_SOCK_DIAG).map_err(NetlinkError::failed(
            "socket(AF_NETLINK, NETLINK_SOCK_DIAG)",
        ))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(RECEIVE_TIMEOUT)).map_err(|errno| {
            NetlinkError::failed("setsockopt(SO_RCVTIMEO) of a netlink socket")(errno.into())
        })?;
        let address = socket
            .bind_auto()
            .map_err(NetlinkError::failed("bind of a netlink socket"))?;
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
            .map_err(NetlinkError::failed("sendto a netlink socket"))
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
                Err(error) => return Err(NetlinkError::failed("recvfrom a netlink socket")(error)),
            }
        }
    }
}
