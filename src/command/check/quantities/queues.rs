//! `receive-queue`, `send-queue`: the longest queue of one socket. Keeps no other socket.

use std::ops::ControlFlow;

use super::Measured;
use crate::command::outcome::Failure;
use crate::command::sample::Sample;
use crate::command::target::Target;
use crate::model::{Field, Holder, InetEnds, Quantity, Sink, Socket, State, Trust};

/// The longest queues seen, in bytes, each with the ends of its socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct LongestQueues {
    receive: (u32, Option<InetEnds>),
    send: (u32, Option<InetEnds>),
    /// What the listing is worth.
    pub(super) trust: Trust,
}

impl Default for LongestQueues {
    fn default() -> Self {
        LongestQueues {
            receive: (0, None),
            send: (0, None),
            trust: Trust::Exact,
        }
    }
}

/// The longest queues of this target's sockets.
///
/// # Errors
/// When no source answered.
pub(super) fn sample(target: &Target) -> Result<Sample<LongestQueues>, Failure> {
    let mut sampler = target.sampler(vec![Field::ReceiveQueue, Field::SendQueue])?;
    sampler.sample(|observer, _| {
        let mut queues = LongestQueues::default();
        let report = observer.list(&mut queues)?;
        queues.trust = report.completeness.trust();
        Ok((report, queues))
    })
}

impl LongestQueues {
    /// The longest receive queue, or the longest send queue.
    pub(super) fn longest(&self, quantity: Quantity) -> Measured {
        let is_receive = quantity == Quantity::ReceiveQueue;
        let (bytes, ends) = if is_receive { self.receive } else { self.send };
        Measured {
            trust: self.trust,
            holder: ends.map(Holder::Socket),
            ..Measured::number(bytes.into())
        }
    }
}

impl Sink for LongestQueues {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        // The queue of a listener holds connections.
        if socket.state != State::Listen {
            let ends = socket.internet().copied();
            for (longest, bytes) in [
                (&mut self.receive, socket.receive_queue),
                (&mut self.send, socket.send_queue),
            ] {
                if bytes > longest.0 {
                    *longest = (bytes, ends);
                }
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;
    use crate::model::testing::ends;

    #[test]
    fn the_longest_queue_counts_and_a_listener_has_none() {
        let mut queues = LongestQueues::default();
        assert_eq!(queues.longest(Quantity::SendQueue).holder, None);
        let mut add = |state, port: u16, receive_queue, send_queue| {
            let ends = ends(&format!("192.0.2.1:{port}"), "192.0.2.2:80");
            let socket = Socket {
                receive_queue,
                send_queue,
                ..Socket::bare(Kind::Tcp, state, ends)
            };
            assert!(queues.socket(&socket).is_continue());
        };
        add(State::Listen, 1, 4_096, 4_096);
        add(State::Established, 2, 10, 0);
        add(State::CloseWait, 3, 20, 5);
        add(State::Established, 4, 20, 0);
        for (quantity, bytes) in [(Quantity::ReceiveQueue, 20.0), (Quantity::SendQueue, 5.0)] {
            let longest = queues.longest(quantity);
            assert_eq!(longest.value, bytes);
            let holder = longest.holder.unwrap().to_string();
            assert_eq!(holder, "at 192.0.2.1:3 with 192.0.2.2:80");
        }
    }
}
