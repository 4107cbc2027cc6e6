//! Asks the running kernel for its TCP sockets over NETLINK_SOCK_DIAG, sock_diag(7).
//!
//! Chooses the walks, asks again when a dump was interrupted, and says what was lost. Bytes are
//! made and read by `source::wire`; falling back to /proc is decided in `source::fallback`.

mod dump;
mod error;
#[cfg(test)]
mod scripted;
mod transport;

pub(super) use dump::Outcome;
pub use error::{Call, NetlinkError};

use crate::model::{Family, Loss, Sink, State};
use crate::question::{Families, Question};
use crate::source::kernel_version::doubt_about_no_bound_sockets;
use crate::source::wire::{Depth, Extensions, Request, Walk};
use dump::{BUFFER_LEN, dump};
use rustix::io::Errno;
use transport::{Kernel, Transport};

/// How often an interrupted dump is made before its data is kept and reported as incomplete.
const ATTEMPTS: u32 = 3;

/// Pours every socket the question asks for into `sink`, and says what was lost.
///
/// # Errors
/// Before the first socket only; `source::fallback` says which of them permit another source.
pub(super) fn visit<S: Sink>(question: &Question, sink: &mut S) -> Result<Outcome, NetlinkError> {
    let mut outcome = Conversation::new(Kernel::connect, question).converse(sink)?;
    if question.states.contains(State::Bound)
        && outcome.bound == 0
        && !outcome.ended_by_sink
        && let Some(doubt) = doubt_about_no_bound_sockets()
    {
        outcome.completeness.lose(doubt);
    }
    Ok(outcome)
}

/// A question put to one kernel, in as many dumps as it takes.
struct Conversation<'a, T, C> {
    connect: C,
    /// A connection made for the next dump.
    ready: Option<T>,
    question: &'a Question,
    /// The sequence number of the last request; every request has its own.
    sequence: u32,
    buffer: Vec<u8>,
}

impl<'a, T: Transport, C: FnMut() -> Result<T, NetlinkError>> Conversation<'a, T, C> {
    fn new(connect: C, question: &'a Question) -> Self {
        Conversation {
            connect,
            ready: None,
            question,
            sequence: 0,
            buffer: vec![0; BUFFER_LEN],
        }
    }

    /// Asks until a dump went through undisturbed, or often enough.
    fn converse<S: Sink>(&mut self, sink: &mut S) -> Result<Outcome, NetlinkError> {
        let mut attempts = 1;
        loop {
            let mut outcome = self.walk_once(sink)?;
            if outcome.ended_by_sink || !outcome.worth_a_retry {
                return Ok(outcome);
            }
            // What there is stays, unless there is a way to something better.
            if attempts < ATTEMPTS
                && let Ok(transport) = (self.connect)()
                && sink.restart()
            {
                self.ready = Some(transport);
                attempts += 1;
                continue;
            }
            outcome.completeness.interrupted_each_time(attempts);
            return Ok(outcome);
        }
    }

    /// One pass over the sockets asked for: in one walk where both families are asked for, in
    /// one for each where the kernel does not know that request or only one family is.
    fn walk_once<S: Sink>(&mut self, sink: &mut S) -> Result<Outcome, NetlinkError> {
        match self.question.families {
            Families::Only(family) => self.dump(Walk::OneFamily(family), sink),
            Families::Both => match self.dump(Walk::BothFamilies, sink) {
                // Whatever the refusal, the newer request gets the last word on what it means.
                Err(NetlinkError::Refused { .. }) => self.walk_each_family(sink),
                answer => answer,
            },
        }
    }

    fn walk_each_family<S: Sink>(&mut self, sink: &mut S) -> Result<Outcome, NetlinkError> {
        let mut first = self.dump(Walk::OneFamily(Family::V4), sink)?;
        if first.ended_by_sink {
            return Ok(first);
        }
        match self.dump(Walk::OneFamily(Family::V6), sink) {
            Ok(second) => first.join(second),
            // A kernel that knows no IPv6 has no such sockets.
            Err(error) if error.errno() == Some(Errno::NOENT) => {}
            Err(error) => first.completeness.lose(Loss::Aborted {
                reason: format!("IPv6: {error}"),
            }),
        }
        Ok(first)
    }

    /// Makes one dump on a socket of its own: the kernel refuses a second dump on a socket whose
    /// first has not been read to its end.
    fn dump<S: Sink>(&mut self, walk: Walk, sink: &mut S) -> Result<Outcome, NetlinkError> {
        let request = Request {
            walk,
            states: self.question.states,
            extensions: Extensions {
                tcp_info: self.question.needs_tcp_info(),
                congestion_control: self.question.needs_congestion_control(),
            },
            depth: if self.question.needs_attributes() {
                Depth::Attributes
            } else {
                Depth::Header
            },
        };
        self.sequence += 1;
        let mut transport = match self.ready.take() {
            Some(transport) => transport,
            None => (self.connect)()?,
        };
        dump(
            &mut transport,
            &mut self.buffer,
            request,
            self.sequence,
            sink,
        )
    }
}

#[cfg(test)]
mod tests;
