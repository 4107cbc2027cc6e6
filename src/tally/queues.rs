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
    /// How many may wait; the queue is full when it holds more.
    pub limit: u32,
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
        if let (Some(waiting), Some(limit)) = (socket.accept_queue(), socket.accept_limit()) {
            self.queues.push(AcceptQueue {
                local: socket.local,
                waiting,
                limit,
            });
        }
        ControlFlow::Continue(())
    }

    fn restart(&mut self) -> bool {
        self.queues.clear();
        true
    }
}
