//! How sockets add up: per state, for which [`Counts`] are the sink, and per state and group; which
//! are the first in some order; the accept queues of listeners; and sockets buffered until their holders
//! are known.
//!
//! Sinks that count keep numbers and no sockets: their memory does not grow with the table, but at
//! most with the number of groups, which is bounded. Sinks do not know where sockets come from.

mod accept_queues;
mod buffered;
mod compact;
mod groups;
mod top_n;

pub use accept_queues::{AcceptQueue, AcceptQueues, FullestQueues};
pub use buffered::BufferedSockets;
pub use groups::{GroupTally, GroupedCounts};
pub use top_n::TopN;

use std::ops::ControlFlow;

use crate::model::{CountSink, Counts, Netns, Sink, Socket, SplitSink, State};

impl CountSink for Counts {
    fn count(&mut self, _netns: Netns, state: State, sockets: u64) {
        self.add(state, sockets);
    }
}

impl Sink for Counts {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.alike(socket, 1)
    }

    fn alike(&mut self, socket: &Socket, number: u64) -> ControlFlow<()> {
        self.add(socket.state, number);
        ControlFlow::Continue(())
    }
}

impl SplitSink for Counts {
    fn split(&self) -> Counts {
        Counts::default()
    }

    fn join(&mut self, parts: [Counts; 2]) -> bool {
        for part in parts {
            self.add_all(&part);
        }
        true
    }
}
