//! Two dumps at once, each of one half of the sockets, where a large table is to be listed for a
//! sink that does not mind in which order they come: the kernel builds the messages of one dump on
//! one core.
//!
//! The halves are told apart by the larger port of a connection, which is nearly always the one
//! that was chosen by a kernel, and so are spread. A port never changes: no socket is in both
//! halves, and none in neither.

use std::thread;

use super::counters::SocketCounters;
use super::port_range::read_local_port_range;
use super::sock_diag::{self, NetlinkError, Outcome};
use crate::filter::{Compare, Expression, Test};
use crate::model::{Field, SplitSink, State};
use crate::question::Question;

/// From how many sockets on a second walk over the table is worth it: to list as many takes eight
/// milliseconds, to pass an empty table by half of one (Linux 6.18, x86_64).
const WORTH_HALVING: u64 = 10_000;

/// Pours every socket the question asks for into `sink`, in two dumps at once where that is
/// faster.
///
/// # Errors
/// As [`sock_diag::visit`]; `sink` is then as it was.
pub(super) fn visit<S: SplitSink>(
    question: &Question,
    sink: &mut S,
) -> Result<Outcome, NetlinkError> {
    let Some([first, second]) = halves(question) else {
        return sock_diag::visit(question, sink);
    };
    let (mut low, mut high) = (sink.split(), sink.split());
    let both = thread::scope(|scope| {
        let beside = thread::Builder::new().spawn_scoped(scope, || {
            let outcome = sock_diag::visit(&second, &mut high);
            outcome.map(|outcome| (outcome, high))
        });
        // A process that may have one thread only makes one dump.
        let beside = beside.ok()?;
        let outcome = sock_diag::visit(&first, &mut low);
        let beside = beside.join().ok()?;
        Some(outcome.and_then(|outcome| Ok((outcome, beside?))))
    });
    if let Some(both) = both {
        let (mut outcome, (other, high)) = both?;
        outcome.join(other);
        outcome.halved = true;
        if sink.join([low, high]) {
            return Ok(outcome);
        }
    }
    sock_diag::visit(question, sink)
}

/// The two halves of a question, where it is worth asking them at once.
fn halves(question: &Question) -> Option<[Question; 2]> {
    // A filter of which the kernel judges a part leaves too little to halve, or may do so; and
    // what is bound is in another table as well.
    if question.filter.is_some() || question.states.contains(State::Bound) {
        return None;
    }
    let counters = SocketCounters::read().ok()?;
    let mut sockets = 0;
    if question.states.contains(State::Established) {
        sockets += counters.full;
    }
    if question.states.contains(State::TimeWait) {
        sockets += counters.minisockets;
    }
    if sockets < WORTH_HALVING || thread::available_parallelism().ok()?.get() < 2 {
        return None;
    }
    let range = read_local_port_range().ok()?;
    let middle = u64::midpoint((*range.start()).into(), (*range.end()).into());
    Some(split(question, middle))
}

/// Sockets whose ports are both below `middle`, and the others.
fn split(question: &Question, middle: u64) -> [Question; 2] {
    let below = |field| Expression::of(Test::Number(field, Compare::AtMost, middle - 1), true);
    let low = below(Field::LocalPort).and(below(Field::RemotePort));
    let half = |filter| Question {
        filter: Some(filter),
        ..question.clone()
    };
    [half(low.clone()), half(!low)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Program;
    use crate::model::{Family, StateSet};
    use crate::question::Families;
    use crate::source::wire::build::inet_diag_msg;
    use crate::source::wire::{Depth, Operations, Spare, decode_socket};

    #[test]
    fn every_pair_of_ports_is_in_one_half_and_the_kernel_can_tell_in_which() {
        let question = Question {
            families: Families::Only(Family::V4),
            ..Question::about(StateSet::ALL)
        };
        let halves = split(&question, 100).map(|half| half.filter.unwrap());
        let mut told = halves.iter().flat_map(Expression::tests);
        assert!(told.all(|test| Operations::Oldest.answer(test)));
        let mut spare = Spare::default();
        let message = inet_diag_msg(1);
        let socket = decode_socket(&message, State::Close, Depth::Header, &mut spare);
        let mut socket = socket.unwrap();
        for (local, remote, is_low) in [
            (0, 0, true),
            (99, 99, true),
            (99, 100, false),
            (100, 99, false),
            (65_535, 65_535, false),
            (443, 0, false),
        ] {
            let mut ends = *socket.internet().unwrap();
            ends.local.set_port(local);
            ends.remote.set_port(remote);
            socket.ends = ends.into();
            let found = halves
                .each_ref()
                .map(|half| Program::new(half).matches(&socket));
            assert_eq!(found, [is_low, !is_low], "{local} {remote}");
        }
    }
}
