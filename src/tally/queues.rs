//! Listeners whose accept queue is full.

use std::net::SocketAddr;
use std::ops::ControlFlow;

use crate::model::{Sink, Socket};

/// Counts full accept queues, and remembers the longest. A queue is full when it holds more than
/// its limit (`sk_acceptq_is_full`, include/net/sock.h).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FullQueues {
    /// How many are full.
    pub full: u64,
    /// The longest of these.
    pub longest: Option<FullQueue>,
}

/// A full accept queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullQueue {
    /// Where its listener listens.
    pub listener: SocketAddr,
    /// How many connections wait.
    pub waiting: u32,
    /// How many may.
    pub limit: u32,
}

impl Sink for FullQueues {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if let (Some(waiting), Some(limit)) = (socket.accept_queue(), socket.accept_limit())
            && waiting > limit
        {
            self.full += 1;
            if self.longest.is_none_or(|longest| longest.waiting < waiting) {
                self.longest = Some(FullQueue {
                    listener: socket.local,
                    waiting,
                    limit,
                });
            }
        }
        ControlFlow::Continue(())
    }

    fn restart(&mut self) -> bool {
        *self = FullQueues::default();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::State;
    use crate::tally::packed::tests::sockets;

    #[test]
    fn a_queue_is_full_beyond_its_limit_and_connections_have_none() {
        let mut listener = sockets()[0].clone();
        listener.state = State::Listen;
        listener.full = Some(true);
        let mut queues = FullQueues::default();
        for (state, waiting, limit) in [
            (State::Listen, 2, 2),
            (State::Listen, 3, 2),
            (State::Listen, 1, 0),
            (State::Established, 9, 0),
        ] {
            (listener.state, listener.receive_queue) = (state, waiting);
            listener.send_queue = limit;
            assert!(queues.socket(&listener).is_continue());
        }
        assert_eq!(queues.full, 2);
        assert_eq!(
            queues.longest.map(|queue| (queue.waiting, queue.limit)),
            Some((3, 2))
        );
        assert!(queues.restart());
        assert_eq!(queues, FullQueues::default());
    }
}
