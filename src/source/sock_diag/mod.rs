//! Asks the running kernel for its TCP sockets over NETLINK_SOCK_DIAG, sock_diag(7).
//!
//! Chooses the walks and reports what was lost; a dump that was interrupted is kept and reported
//! as incomplete, since what it counted is not thrown away. Bytes are
//! made and read by `source::wire`; which part of a filter the kernel is told is said by
//! `source::divide`; falling back to /proc is decided in `source::fallback`.

mod dump;
mod error;
mod privilege;
#[cfg(test)]
mod scripted;
mod transport;

pub(super) use dump::Outcome;
pub use error::{Call, NetlinkError};

use crate::model::{Family, Loss, Sink, State};
use crate::question::{Families, Question};
use crate::source::divide::{Ask, describe, divide, is_mark, ports_count};
use crate::source::judge::Judge;
use crate::source::kernel_version::doubt_about_no_bound_sockets;
use crate::source::wire::{Depth, Extensions, Operations, Request, Walk};
use dump::{BUFFER_LEN, Walks, dump};
use privilege::WithoutNetAdmin;
use rustix::io::Errno;
use transport::{Kernel, Transport};

/// Pours every socket the question asks for into `sink`, and says what was lost.
///
/// # Errors
/// Before the first socket only; `source::fallback` says which of them permit another source.
pub(super) fn visit<S: Sink>(question: &Question, sink: &mut S) -> Result<Outcome, NetlinkError> {
    let _without = (!question.needs_marks()).then(WithoutNetAdmin::lay_down);
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
struct Conversation<'a, C> {
    connect: C,
    question: &'a Question,
    /// The sequence number of the last request; every request has its own.
    sequence: u32,
    buffer: Vec<u8>,
}

impl<'a, T: Transport, C: FnMut() -> Result<T, NetlinkError>> Conversation<'a, C> {
    fn new(connect: C, question: &'a Question) -> Self {
        Conversation {
            connect,
            question,
            sequence: 0,
            buffer: vec![0; BUFFER_LEN],
        }
    }

    /// Asks, with the kernel judging as much of the filter as it can: one that does not know an
    /// operation refuses the whole program, and is asked with fewer.
    fn converse<S: Sink>(&mut self, sink: &mut S) -> Result<Outcome, NetlinkError> {
        let Some(filter) = &self.question.filter else {
            return self.ask_all(&[Ask::default()], sink);
        };
        let ports_count = ports_count(self.question);
        let mut operations = Operations::All;
        loop {
            let asks = divide(filter, operations, ports_count).map_err(NetlinkError::Unanswered)?;
            let has_program = asks.iter().any(|ask| !ask.bytecode.is_empty());
            let refusal = match self.ask_all(&asks, sink) {
                Ok(mut outcome) => {
                    outcome.judged = describe(&asks);
                    return Ok(outcome);
                }
                Err(refusal) if has_program => refusal,
                Err(error) => return Err(error),
            };
            operations = match (refusal.errno(), operations) {
                (Some(Errno::PERM), _) if filter.tests().any(is_mark) => {
                    return Err(NetlinkError::MarkForbidden);
                }
                (Some(Errno::INVAL), Operations::All) => Operations::Oldest,
                (Some(Errno::INVAL), Operations::Oldest) => Operations::None,
                _ => return Err(refusal),
            };
        }
    }

    /// Asks one after the other; together they are the answer.
    fn ask_all<S: Sink>(&mut self, asks: &[Ask], sink: &mut S) -> Result<Outcome, NetlinkError> {
        let mut all: Option<Outcome> = None;
        for ask in asks {
            let outcome = match &ask.here {
                Some(program) => self.walk_once(ask, &mut Judge { program, sink }),
                None => self.walk_once(ask, sink),
            };
            match (&mut all, outcome) {
                (None, outcome) => all = Some(outcome?),
                (Some(all), Ok(outcome)) => all.join(outcome),
                (Some(all), Err(error)) => all.completeness.lose(Loss::Aborted {
                    reason: error.to_string(),
                }),
            }
            if all.as_ref().is_some_and(|all| all.ended_by_sink) {
                break;
            }
        }
        Ok(all.unwrap_or_default())
    }

    /// One pass over the sockets asked for: in one walk where both families are asked for, in
    /// one for each where the kernel does not know that request or only one family is.
    fn walk_once<S: Sink>(&mut self, ask: &Ask, sink: &mut S) -> Result<Outcome, NetlinkError> {
        match self.question.families {
            Families::Only(family) => self.dump(Walk::OneFamily(family), ask, sink),
            Families::Both => match self.dump(Walk::BothFamilies, ask, sink) {
                // Whatever the refusal, the newer request gets the last word on what it means.
                Err(NetlinkError::Refused { .. }) => self.walk_each_family(ask, sink),
                answer => answer,
            },
        }
    }

    fn walk_each_family<S: Sink>(
        &mut self,
        ask: &Ask,
        sink: &mut S,
    ) -> Result<Outcome, NetlinkError> {
        let mut first = self.dump(Walk::OneFamily(Family::V4), ask, sink)?;
        if first.ended_by_sink {
            return Ok(first);
        }
        match self.dump(Walk::OneFamily(Family::V6), ask, sink) {
            Ok(second) => {
                first.join(second);
                first.walks = Walks::OneEach;
            }
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
    fn dump<S: Sink>(
        &mut self,
        walk: Walk,
        ask: &Ask,
        sink: &mut S,
    ) -> Result<Outcome, NetlinkError> {
        let request = Request {
            walk,
            states: self.question.states,
            ports: ask.ports,
            bytecode: &ask.bytecode,
            extensions: Extensions {
                tcp_info: self.question.needs_tcp_info(),
                congestion_control: self.question.needs_congestion_control(),
                socket_memory: self.question.needs_drops(),
            },
            depth: if self.question.needs_attributes() || ask.needs_attributes() {
                Depth::Attributes
            } else {
                Depth::Header
            },
        };
        self.sequence += 1;
        let mut transport = (self.connect)()?;
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
