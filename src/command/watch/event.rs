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
    /// The filter typed is valid, and used from now on.
    FilterTaken(String, Box<Target>),
    /// The filter typed is not valid: the word at fault, if it is one, and why.
    FilterRefused(Option<FilterError>, String),
    /// Groups or sockets were sampled.
    Detail(Box<live::Detail>),
}

/// Sends events there.
#[derive(Clone)]
pub(super) struct Events {
    pub(super) events: SyncSender<Event>,
    pub(super) waker: Waker,
}

impl Events {
    /// Sends; waits while too many events are pending, as on a terminal that is stopped. False where
    /// the view has ended.
    pub(super) fn send(&self, event: Event) -> bool {
        let sent = self.events.send(event).is_ok();
        self.waker.wake();
        sent
    }
}
