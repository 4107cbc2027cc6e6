//! The accept queues of listeners.

use std::net::SocketAddr;
use std::ops::ControlFlow;

use crate::model::{Sink, Socket};

/// One listener's accept queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptQueue {
    /// Where it listens.
    pub local: SocketAddr,
    /// How many connections wait to be accepted.
    pub waiting: u32,
    /// How many may wait.
    pub limit: u32,
}

impl AcceptQueue {
    /// Whether it takes no more: it then holds more than its limit (`sk_acceptq_is_full`,
    /// include/net/sock.h).
    pub fn is_full(&self) -> bool {
        self.waiting > self.limit
    }
}

/// Keeps the accept queue of every listener: hosts have few.
#[derive(Debug, Default)]
pub struct AcceptQueues {
    queues: Vec<AcceptQueue>,
}

impl AcceptQueues {
    /// The queues, in the order in which they came.
    pub fn into_queues(self) -> Vec<AcceptQueue> {
        self.queues
    }
}

impl Sink for AcceptQueues {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        // A source that does not know limits cannot answer the question, so none is left out.
        if let Some(ends) = socket.internet()
            && let (Some(waiting), Some(limit)) = (socket.accept_queue(), socket.accept_limit())
        {
            self.queues.push(AcceptQueue {
                local: ends.local,
                waiting,
                limit,
            });
        }
        ControlFlow::Continue(())
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
        listener.full = Some(true);
        let mut queues = AcceptQueues::default();
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
        let full = |queues: AcceptQueues| -> Vec<bool> {
            queues
                .into_queues()
                .iter()
                .map(AcceptQueue::is_full)
                .collect()
        };
        assert_eq!(full(queues), [false, true, true]);
    }
}
