//! What one walk through the sockets is added up to for the page. Keeps no sockets.

use std::ops::ControlFlow;

use crate::diagnose::Unanswered;
use crate::model::{CountSink, Counts, Netns, Sink, Socket, SplitSink, State};
use crate::tally::AcceptQueues;

/// The sockets by state, as the summary counts them, and what else the page has of the same walk.
#[derive(Debug, Default)]
pub(super) struct PageSink {
    pub(super) counts: Counts,
    pub(super) unanswered: Unanswered,
    /// The accept queues, where no other walk reads them.
    pub(super) queues: Option<AcceptQueues>,
}

impl Sink for PageSink {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.unanswered.add(socket);
        if let Some(queues) = &mut self.queues {
            queues.socket(socket)?;
        }
        self.counts.socket(socket)
    }

    fn alike(&mut self, socket: &Socket, number: u64) -> ControlFlow<()> {
        self.counts.alike(socket, number)
    }
}

impl CountSink for PageSink {
    const NOTICES: bool = true;

    fn count(&mut self, netns: Netns, state: State, sockets: u64) {
        self.counts.count(netns, state, sockets);
    }

    fn notice(&mut self, socket: &Socket) {
        self.unanswered.add(socket);
    }

    fn add_noticed(&mut self, part: PageSink) {
        self.unanswered.join(&part.unanswered);
    }
}

impl SplitSink for PageSink {
    fn split(&self) -> PageSink {
        PageSink {
            queues: self.queues.as_ref().map(|_| AcceptQueues::default()),
            ..PageSink::default()
        }
    }

    fn join(&mut self, parts: [PageSink; 2]) -> bool {
        for part in parts {
            self.counts.add_all(&part.counts);
            self.unanswered.join(&part.unanswered);
            if let Some((queues, more)) = self.queues.as_mut().zip(part.queues) {
                queues.join(more);
            }
        }
        true
    }
}
