//! Sockets per state.

use std::ops::ControlFlow;

use crate::model::{CountSink, Counts, Sink, Socket, SplitSink, State};

/// Counts sockets per state.
#[derive(Debug, Default)]
pub struct StateTally {
    counts: Counts,
}

impl StateTally {
    /// The counts so far.
    pub fn into_counts(self) -> Counts {
        self.counts
    }
}

impl CountSink for StateTally {
    fn count(&mut self, state: State, sockets: u64) {
        self.counts.add(state, sockets);
    }
}

impl Sink for StateTally {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.counts.add(socket.state, 1);
        ControlFlow::Continue(())
    }
}

impl SplitSink for StateTally {
    fn split(&self) -> StateTally {
        StateTally::default()
    }

    fn join(&mut self, parts: [StateTally; 2]) -> bool {
        for part in parts {
            self.counts.add_all(&part.counts);
        }
        true
    }
}
