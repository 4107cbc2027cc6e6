//! Connections of which a program has read a part before their end: it may read on, as a consumer does that
//! works in batches.

use crate::diagnose::watch::Watched;
use crate::model::Metric;

pub(super) const WHY: &str = "The peer has closed its direction, and the program has read a part of what it sent before: one that works in batches reads on after a pause. One that has forgotten the connections looks the same, for four minutes if none of them is read and their number does not grow, and for an hour if others are read.";

pub(super) const REMEDY: [&str; 2] = [
    "Nothing to repair if the program works in batches: look again later, and compare the unread bytes.",
    "If these stay the same, the program forgets to read and close the connections.",
];

/// Whether some of what came was read, and data is left before the end, which is a byte of the queue.
pub(super) fn is_unfinished(watched: &Watched) -> bool {
    let queue = u64::from(watched.last.receive_queue);
    let received = watched.last(Metric::BytesReceived);
    queue > 1 && received.is_some_and(|bytes| bytes > queue)
}

/// Whether more of it was read while it was watched.
pub(super) fn was_read_on(watched: &Watched) -> bool {
    is_unfinished(watched) && watched.was_read()
}
