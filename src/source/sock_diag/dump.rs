//! One dump: a request, the datagrams that answer it, and what went wrong on the way.
//!
//! Every datagram is checked for its sender, its sequence number and its port (netlink(7)); what
//! does not belong to this dump is ignored.

use std::ops::ControlFlow;
use std::{fmt, io};

use rustix::io::Errno;

use super::error::NetlinkError;
use super::transport::{Datagram, Transport};
use crate::model::{Completeness, Family, Loss, Sink, Socket, State};
use crate::source::Cost;
use crate::source::wire::{Message, Messages, Payload, Request, Spare, Walk, decode_socket};

/// The kernel fills what it is offered up to 32 KiB (`netlink_dump`, net/netlink/af_netlink.c,
/// since 4.5); more gains nothing, less costs a system call for every datagram.
pub(super) const BUFFER_LEN: usize = 32 * 1024;

/// The walks over the kernel's tables that answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::source) enum Walks {
    #[default]
    Together,
    OneEach,
    Only(Family),
}

impl fmt::Display for Walks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Walks::Together => "one walk for IPv4 and IPv6",
            Walks::OneEach => "one walk for IPv4 and one for IPv6",
            Walks::Only(Family::V4) => "one walk for IPv4",
            Walks::Only(Family::V6) => "one walk for IPv6",
        })
    }
}

/// What a dump came to.
#[derive(Debug, Default)]
pub(in crate::source) struct Outcome {
    /// Which walks it took.
    pub(in crate::source) walks: Walks,
    /// Whether two dumps were made at once, each of one half of the sockets.
    pub(in crate::source) halved: bool,
    /// Who judged what of the filter, for people; empty without one.
    pub(in crate::source) judged: String,
    /// What it took.
    pub(in crate::source) cost: Cost,
    /// How many of them were in BOUND.
    pub(super) bound: u64,
    /// What was lost.
    pub(in crate::source) completeness: Completeness,
    /// Whether the sink wanted no more.
    pub(super) ended_by_sink: bool,
}

impl Outcome {
    /// Adds the outcome of a second dump that answers another part of the same question.
    pub(in crate::source) fn join(&mut self, other: Outcome) {
        self.cost.add(other.cost);
        self.bound += other.bound;
        self.ended_by_sink |= other.ended_by_sink;
        self.completeness.join(&other.completeness);
    }
}

/// Where a dump stands after a datagram.
enum Progress {
    More,
    Ended,
}

/// One dump under way.
struct Dump<'a, S> {
    request: Request<'a>,
    sequence: u32,
    port: u32,
    sink: &'a mut S,
    outcome: Outcome,
    spare: Spare,
}

/// Sends `request` and pours the answer into `sink`.
///
/// # Errors
/// Only while no socket has been handed on: a failed call, or a refusal by the kernel. Later
/// failures end the dump and stand in its [`Outcome`].
pub(super) fn dump<T: Transport, S: Sink>(
    transport: &mut T,
    buffer: &mut [u8],
    request: Request<'_>,
    sequence: u32,
    sink: &mut S,
) -> Result<Outcome, NetlinkError> {
    transport.send(&request.encode(sequence))?;
    let mut dump = Dump {
        request,
        sequence,
        port: transport.port(),
        sink,
        outcome: Outcome {
            walks: match request.walk {
                Walk::BothFamilies => Walks::Together,
                Walk::OneFamily(family) => Walks::Only(family),
            },
            ..Outcome::default()
        },
        spare: Spare::default(),
    };
    loop {
        let progress = match transport.receive(buffer) {
            Ok(datagram) => dump.datagram(datagram, buffer)?,
            Err(error) => dump.receive_failed(error)?,
        };
        if let Progress::Ended = progress {
            return Ok(dump.outcome);
        }
    }
}

impl<S: Sink> Dump<'_, S> {
    fn datagram(&mut self, datagram: Datagram, buffer: &[u8]) -> Result<Progress, NetlinkError> {
        self.outcome.cost.receipts += 1;
        self.outcome.cost.bytes += datagram.length as u64;
        if datagram.sender != 0 {
            // Any process may send to our port; only the kernel is believed.
            return Ok(Progress::More);
        }
        let received = buffer.get(..datagram.length).unwrap_or(buffer);
        for message in Messages::new(received) {
            let progress = match message {
                Ok(message) => self.message(message)?,
                // A cut datagram ends in a cut message; that loss is told below, once.
                Err(_) if datagram.length > buffer.len() => break,
                Err(error) => {
                    self.malformed(error);
                    // The DONE may have been in the rest, and would be waited for without end.
                    return Ok(Progress::Ended);
                }
            };
            if let Progress::Ended = progress {
                return Ok(Progress::Ended);
            }
        }
        if datagram.length > buffer.len() {
            self.outcome.completeness.lose(Loss::Truncated {
                bytes: datagram.length,
            });
            // The DONE may have been in the rest, and would be waited for without end.
            return Ok(Progress::Ended);
        }
        Ok(Progress::More)
    }

    fn message(&mut self, message: Message<'_>) -> Result<Progress, NetlinkError> {
        if message.sequence != self.sequence || message.port != self.port {
            return Ok(Progress::More);
        }
        if message.interrupted {
            self.outcome.completeness.lose(Loss::Interrupted);
        }
        match message.payload {
            Payload::Record {
                message_type,
                bytes,
            } => Ok(self.record(message_type, bytes)),
            Payload::Done { errno: 0 } => Ok(Progress::Ended),
            // An acknowledgement, which nobody asked for.
            Payload::Error { errno: 0 } => Ok(Progress::More),
            Payload::Done { errno } | Payload::Error { errno } => self.refused(errno),
            Payload::Overrun => {
                self.overrun();
                Ok(Progress::More)
            }
            Payload::Noop => Ok(Progress::More),
        }
    }

    fn record(&mut self, message_type: u16, bytes: &[u8]) -> Progress {
        if message_type != self.request.message_type() {
            self.malformed(format!("a message of unknown type {message_type}"));
            return Progress::More;
        }
        let (close_means, depth) = (self.request.close_means(), self.request.depth);
        // Looked at where it is: a socket is large to move.
        match &mut decode_socket(bytes, close_means, depth, &mut self.spare) {
            Ok(socket) => {
                let progress = self.hand_on(socket);
                self.spare.recover(socket);
                progress
            }
            Err(error) => {
                self.malformed(format!("inet_diag_msg: {error}"));
                Progress::More
            }
        }
    }

    fn hand_on(&mut self, socket: &Socket) -> Progress {
        self.outcome.cost.listed += 1;
        self.outcome.bound += u64::from(socket.state == State::Bound);
        match self.sink.socket(socket) {
            ControlFlow::Continue(()) => Progress::More,
            ControlFlow::Break(()) => {
                self.outcome.ended_by_sink = true;
                Progress::Ended
            }
        }
    }

    fn malformed(&mut self, first: String) {
        self.outcome
            .completeness
            .lose(Loss::Malformed { records: 1, first });
    }

    fn overrun(&mut self) {
        self.outcome.completeness.lose(Loss::Overrun);
    }

    fn refused(&mut self, errno: i32) -> Result<Progress, NetlinkError> {
        let error = io::Error::from_raw_os_error(errno);
        if self.outcome.cost.listed == 0 {
            return Err(NetlinkError::Refused { error });
        }
        self.outcome.completeness.lose(Loss::Aborted {
            reason: format!("the kernel answered {error}"),
        });
        Ok(Progress::Ended)
    }

    fn receive_failed(&mut self, error: NetlinkError) -> Result<Progress, NetlinkError> {
        if error.errno() == Some(Errno::NOBUFS) {
            self.overrun();
            return Ok(Progress::Ended);
        }
        if self.outcome.cost.listed == 0 {
            return Err(error);
        }
        self.outcome.completeness.lose(Loss::Aborted {
            reason: error.to_string(),
        });
        Ok(Progress::Ended)
    }
}
