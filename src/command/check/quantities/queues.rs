//! `receive-queue`, `send-queue`: the longest queue of one socket, and the fullest by its limit. Keeps
//! no other socket.

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

/// The receive queue that takes the largest part of its limit.
#[derive(Clone, Copy, Debug, Default)]
struct FullestQueue {
    /// How many bytes of memory it takes, and may take.
    queue: u32,
    limit: u32,
    ends: Option<InetEnds>,
}

/// The fullest receive queue of this target's sockets, in percent of its limit.
///
/// # Errors
/// When the source does not know the limits.
pub(super) fn fullest(target: &Target) -> Result<Sample<Measured>, Failure> {
    let mut sampler = target.sampler(vec![Field::ReceiveQueue, Field::ReceiveLimit])?;
    sampler.sample(|observer, _| {
        let mut fullest = FullestQueue::default();
        let report = observer.list(&mut fullest)?;
        let measured = Measured {
            trust: report.completeness.trust(),
            holder: fullest.ends.map(Holder::Socket),
            ..Measured::share(fullest.queue.into(), fullest.limit.into())
        };
        Ok((report, measured))
    })
}

impl Sink for FullestQueue {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if let Some(limit) = socket.receive_limit {
            let queue = socket.receive_queue;
            let part = |queue: u32, of: u32| u64::from(queue) * u64::from(of.max(1));
            if self.limit == 0 || part(queue, self.limit) > part(self.queue, limit) {
                let ends = socket.internet().copied().filter(|_| queue > 0);
                *self = FullestQueue { queue, limit, ends };
            }
        }
        ControlFlow::Continue(())
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

    #[test]
    fn the_fullest_queue_counts_however_long_others_are() {
        let mut fullest = FullestQueue::default();
        for (port, receive_queue, limit) in [
            (1, 0, Some(1_000)),
            (2, 800, Some(1_000)),
            (3, 9_000, Some(100_000)),
            (4, 8_000, Some(10_000)),
            (5, 50_000, None),
        ] {
            let ends = ends(&format!("192.0.2.1:{port}"), "192.0.2.2:80");
            let socket = Socket {
                receive_queue,
                receive_limit: limit,
                ..Socket::bare(Kind::Udp, State::Established, ends)
            };
            assert!(fullest.socket(&socket).is_continue());
        }
        assert_eq!((fullest.queue, fullest.limit), (800, 1_000));
        assert_eq!(fullest.ends.map(|ends| ends.local.port()), Some(2));
    }
}
