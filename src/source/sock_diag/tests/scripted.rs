//! A scripted kernel: it refuses, sends invalid data, is interrupted or sends nothing.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use rustix::io::Errno;

use crate::source::NetlinkError;
use crate::source::sock_diag::transport::{Datagram, Transport};
use crate::source::wire::testing::{inet_diag_msg, message};

/// Our port in every scripted conversation.
pub(super) const PORT: u32 = 4711;

/// One turn of the kernel.
pub(super) enum Turn {
    /// A datagram from this sender.
    Datagram(u32, Vec<u8>),
    /// The receive call fails.
    Fails(Errno),
}

/// What the kernel does on one socket, and the requests it received there.
pub(super) struct Scripted {
    turns: VecDeque<Turn>,
    received: Requests,
}

/// Every request so far, in their order; an empty one for a call to receive that nothing answers.
pub(super) type Requests = Arc<Mutex<Vec<Vec<u8>>>>;

impl Scripted {
    pub(super) fn new(turns: impl IntoIterator<Item = Turn>) -> Self {
        Scripted::recording(turns, Requests::default())
    }

    /// Adds the requests it receives to `received`.
    pub(super) fn recording(turns: impl IntoIterator<Item = Turn>, received: Requests) -> Self {
        Scripted {
            turns: turns.into_iter().collect(),
            received,
        }
    }
}

impl Transport for Scripted {
    fn port(&self) -> u32 {
        PORT
    }

    fn send(&mut self, request: &[u8]) -> Result<(), NetlinkError> {
        // The header and the shortest body.
        assert!(request.len() >= 36);
        self.received.lock().unwrap().push(request.to_vec());
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Datagram, NetlinkError> {
        match self.turns.pop_front() {
            Some(Turn::Datagram(sender, bytes)) => {
                let fits = bytes.len().min(buffer.len());
                buffer[..fits].copy_from_slice(&bytes[..fits]);
                Ok(Datagram {
                    length: bytes.len(),
                    sender,
                })
            }
            Some(Turn::Fails(errno)) => Err(NetlinkError::failed("recvfrom")(errno.into())),
            // As the real one does after its timeout.
            None => {
                self.received.lock().unwrap().push(Vec::new());
                let error = io::Error::from(Errno::AGAIN);
                Err(NetlinkError::failed("recvfrom")(error))
            }
        }
    }
}

/// The type of the messages that answer request number `sequence`: in these scripts the first one
/// of a conversation asks for both families at once.
pub(super) const ONE_WALK: u16 = 18;
pub(super) const ONE_FAMILY: u16 = 20;

/// Sockets in the states of these numbers, in one datagram that answers request `sequence`.
pub(super) fn sockets(message_type: u16, sequence: u32, states: &[u8]) -> Turn {
    flagged_sockets(message_type, 0, sequence, states)
}

pub(super) fn flagged_sockets(message_type: u16, flags: u16, sequence: u32, states: &[u8]) -> Turn {
    let messages = states.iter().flat_map(|state| {
        message(
            message_type,
            flags,
            (sequence, PORT),
            &inet_diag_msg(*state),
        )
    });
    Turn::Datagram(0, messages.collect())
}

/// NLMSG_DONE.
pub(super) fn done(sequence: u32, errno: i32) -> Turn {
    Turn::Datagram(0, message(3, 0, (sequence, PORT), &(-errno).to_ne_bytes()))
}

/// NLMSG_ERROR.
pub(super) fn refusal(sequence: u32, errno: Errno) -> Turn {
    let body = (-errno.raw_os_error()).to_ne_bytes();
    Turn::Datagram(0, message(2, 0, (sequence, PORT), &body))
}
