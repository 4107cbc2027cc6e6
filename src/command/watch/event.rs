//! What the threads that sample report to the one that draws.

use std::sync::mpsc::SyncSender;

use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::command::wait::Waker;
use crate::filter::FilterError;
use crate::live;

/// One thing that happened.
pub(super) enum Event {
    /// A sample was taken.
    Sample(Box<live::StateSample>),
    /// A sample failed.
    SampleFailed(live::FailedSample, Failure),
    /// The filter typed is in force, and this is what is asked.
    FilterTaken(String, Box<Target>),
    /// It is not: because of a word, or as a whole.
    FilterRefused(Option<FilterError>, String),
    /// Something besides the counts was found out.
    Detail(Box<live::Detail>),
}

/// Sends events there.
pub(super) struct Events {
    pub(super) events: SyncSender<Event>,
    pub(super) waker: Waker,
}

impl Events {
    /// Sends; waits where what was sent before is not taken yet, as on a terminal that is stopped.
    /// False where it never will be.
    pub(super) fn send(&self, event: Event) -> bool {
        let sent = self.events.send(event).is_ok();
        self.waker.wake();
        sent
    }
}
