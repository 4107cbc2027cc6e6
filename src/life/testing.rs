//! Events as the kernel records them, for the tests of this room.

use crate::model::trace::{Counters, Event, EventKind, Task};
use crate::model::{Family, InetEnds, State};

/// A socket whose events are made up one after the other.
#[derive(Clone)]
pub(super) struct Script {
    pub(super) event: Event,
}

impl Script {
    /// A socket of this number between two addresses, a nanosecond after the start of the clock.
    pub(super) fn new(cookie: u64, local: &str, remote: &str) -> Script {
        let mut name = [0; 16];
        name[..3].copy_from_slice(b"web");
        Script {
            event: Event {
                time_ns: 1,
                cookie,
                netns: 1,
                ends: InetEnds {
                    family: Family::V4,
                    local: local.parse().unwrap(),
                    remote: remote.parse().unwrap(),
                },
                kind: EventKind::Retransmit,
                task: Task { pid: 7, name },
                inode: 9,
                uid: 0,
                counters: Counters::default(),
                fin_received: false,
            },
        }
    }

    /// `us` microseconds later.
    pub(super) fn after(mut self, us: u64) -> Script {
        self.event.time_ns += us * 1_000;
        self
    }

    /// So many segments received, with the peer's FIN among them or not.
    pub(super) fn received(mut self, segments: u32, fin: bool) -> Script {
        self.event.counters.segments_in += segments;
        self.event.fin_received |= fin;
        self
    }

    pub(super) fn transition(&self, from: State, to: State) -> Event {
        self.failing(from, to, 0)
    }

    pub(super) fn failing(&self, from: State, to: State, error: u32) -> Event {
        Event {
            kind: EventKind::Transition { from, to, error },
            ..self.event
        }
    }

    pub(super) fn happening(&self, kind: EventKind) -> Event {
        Event { kind, ..self.event }
    }
}
