//! One dump: a request, the datagrams that answer it, and what went wrong on the way.
//!
//! Every datagram is checked for its sender, its sequence number and its port (netlink(7)); what
//! does not belong to this dump is ignored. Knows no family of sockets: the request decodes its
//! records.

use std::ops::ControlFlow;
use std::{io, mem};

use rustix::io::Errno;

use super::ahead::{ALONE, Address, receive_ahead};
use super::transport::{Datagram, Transport};
use crate::model::{Completeness, Loss, Netns, Sink, Socket, State};
use crate::source::wire::{Message, Messages, Payload, Request, Spare};
use crate::source::{Cost, NetlinkError};

/// The kernel fills a buffer up to 32 KiB (`netlink_dump`, net/netlink/af_netlink.c, since 4.5);
/// a larger one gains nothing, a smaller one costs a system call for every datagram.
pub(super) const BUFFER_LEN: usize = 32 * 1024;

/// The result of one dump, or of several that answer parts of the same question.
#[derive(Debug, Default)]
pub(in crate::source) struct Outcome {
    pub(in crate::source) cost: Cost,
    /// What was lost.
    pub(in crate::source) completeness: Completeness,
    /// How many of the sockets were in BOUND.
    pub(super) bound: u64,
    /// Whether the sink ended it.
    pub(in crate::source) ended_by_sink: bool,
}

impl Outcome {
    /// Adds the outcome of another part.
    pub(super) fn join(&mut self, other: Outcome) {
        self.cost.add(other.cost);
        self.completeness.join(&other.completeness);
        self.bound += other.bound;
        self.ended_by_sink |= other.ended_by_sink;
    }
}

/// The dump goes on, or it ends: well, or with an error before the first socket.
pub(super) type Progress = ControlFlow<Result<(), NetlinkError>>;

const ENDED: Progress = ControlFlow::Break(Ok(()));

/// One dump under way.
struct Dump<'a, R> {
    request: &'a R,
    address: Address,
    netns: Netns,
    sink: &'a mut dyn Sink,
    outcome: Outcome,
    spare: Spare,
}

/// Sends `request` and passes the sockets that answer it to `sink`, as those of `netns`. A long dump is received
/// `ahead`, in a thread of its own.
///
/// # Errors
/// Only before the first socket: a failed call, or a refusal by the kernel. Later failures end the
/// dump and are losses in its [`Outcome`].
pub(super) fn dump<T: Transport, R: Request>(
    transport: &mut T,
    buffer: &mut [u8],
    request: &R,
    sequence: u32,
    netns: Netns,
    ahead: bool,
    sink: &mut dyn Sink,
) -> Result<Outcome, NetlinkError> {
    transport.send(&request.encode(sequence))?;
    let port = transport.port();
    let mut dump = Dump {
        request,
        address: Address { sequence, port },
        netns,
        sink,
        outcome: Outcome::default(),
        spare: Spare::of(port),
    };
    loop {
        let mut progress = dump.received(transport.receive(buffer), buffer);
        if ahead && progress.is_continue() && dump.outcome.cost.receipts == ALONE {
            let address = dump.address;
            let mut decode = |received, buffer: &[u8]| dump.received(received, buffer);
            progress = receive_ahead(transport, address, &mut decode).unwrap_or(progress);
        }
        if let ControlFlow::Break(end) = progress {
            return end.map(|()| dump.outcome);
        }
    }
}

impl<R: Request> Dump<'_, R> {
    /// Handles what was received into a buffer.
    fn received(&mut self, received: Result<Datagram, NetlinkError>, buffer: &[u8]) -> Progress {
        match received {
            Ok(datagram) => self.datagram(datagram, buffer),
            Err(error) => self.receive_failed(error),
        }
    }

    /// Handles the messages of one datagram, as far as they fit into the buffer.
    fn datagram(&mut self, datagram: Datagram, buffer: &[u8]) -> Progress {
        self.outcome.cost.receipts += 1;
        self.outcome.cost.bytes += datagram.length as u64;
        if datagram.sender != 0 {
            // Any process can send to our port; only the kernel's messages count.
            return Progress::Continue(());
        }
        let is_truncated = datagram.length > buffer.len();
        let received = buffer.get(..datagram.length).unwrap_or(buffer);
        for message in Messages::new(received) {
            match message {
                Ok(message) => self.message(message)?,
                // A truncated datagram ends in a cut message; that loss is reported once, below.
                Err(_) if is_truncated => break,
                Err(error) => {
                    self.malformed(error);
                    // The DONE may be in the rest, which cannot be read.
                    return ENDED;
                }
            }
        }
        if is_truncated {
            self.outcome.completeness.lose(Loss::Truncated {
                bytes: datagram.length,
            });
            // The DONE may have been in the part that was cut off.
            return ENDED;
        }
        Progress::Continue(())
    }

    /// Handles one message, if it answers this request.
    fn message(&mut self, message: Message<'_>) -> Progress {
        if !self.address.is_of(&message) {
            return Progress::Continue(());
        }
        if message.interrupted {
            self.outcome.completeness.lose(Loss::Interrupted);
        }
        match message.payload {
            Payload::Record {
                message_type,
                bytes,
            } => self.record(message_type, bytes)?,
            Payload::Done { errno: 0 } => return ENDED,
            // An acknowledgement, which was not requested.
            Payload::Error { errno: 0 } | Payload::Noop => {}
            Payload::Done { errno } | Payload::Error { errno } => {
                let error = io::Error::from_raw_os_error(errno);
                let kind = self.request.kind();
                self.fail(NetlinkError::Refused { kind, error })?;
            }
            Payload::Overrun => self.outcome.completeness.lose(Loss::Overrun),
        }
        Progress::Continue(())
    }

    /// Decodes one socket and passes it on; one that cannot be decoded is counted as lost.
    fn record(&mut self, message_type: u16, bytes: &[u8]) -> Progress {
        if message_type != self.request.message_type() {
            self.malformed(format!("a message of unknown type {message_type}"));
            return Progress::Continue(());
        }
        // Used where it is: a socket is large to move.
        match &mut self.request.decode(bytes, &mut self.spare) {
            Ok(None) => Progress::Continue(()),
            Ok(Some(socket)) => {
                socket.netns = self.netns;
                let progress = self.pass_on(socket);
                self.spare.recover(socket);
                progress
            }
            Err(error) => {
                self.malformed(mem::take(error));
                Progress::Continue(())
            }
        }
    }

    fn pass_on(&mut self, socket: &Socket) -> Progress {
        self.outcome.cost.listed += 1;
        self.outcome.bound += u64::from(socket.state == State::Bound);
        let flow = self.sink.socket(socket);
        self.outcome.ended_by_sink = flow.is_break();
        flow.map_break(Ok)
    }

    fn malformed(&mut self, first: String) {
        self.outcome
            .completeness
            .lose(Loss::Malformed { records: 1, first });
    }

    /// ENOBUFS: the kernel dropped messages, perhaps the DONE too.
    fn receive_failed(&mut self, error: NetlinkError) -> Progress {
        if error.errno() == Some(Errno::NOBUFS) {
            self.outcome.completeness.lose(Loss::Overrun);
            return ENDED;
        }
        self.fail(error)
    }

    /// Ends the dump: with the error before the first socket, with a loss after it.
    fn fail(&mut self, error: NetlinkError) -> Progress {
        if self.outcome.cost.listed == 0 {
            return Progress::Break(Err(error));
        }
        self.outcome.completeness.lose(Loss::Aborted {
            reason: error.to_string(),
        });
        ENDED
    }
}
