//! A connection that has ended: how it began, how long it was in each state, how it was closed.

use std::time::Duration;

use super::{Counters, ResetReason, Task};
use crate::model::{InetEnds, State};

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// This one.
    Local,
    /// The peer's.
    Remote,
}

impl Side {
    /// The word in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Side::Local => "local",
            Side::Remote => "remote",
        }
    }

    /// The same from the other end.
    #[must_use]
    pub fn seen_from_peer(self) -> Side {
        match self {
            Side::Local => Side::Remote,
            Side::Remote => Side::Local,
        }
    }
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// One of its ends.
    By(Side),
    /// It was there before the trace began.
    Before,
    /// The source does not report it.
    Unknown,
}

impl Opened {
    /// The word in tables and JSON; `None` if it is not known.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Opened::By(side) => Some(side.name()),
            Opened::Before => Some("before"),
            Opened::Unknown => None,
        }
    }
}

/// Who closed first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FirstClose {
    /// One of the ends sent the first FIN.
    By(Side),
    /// Both sent theirs before they received the other's.
    Both,
    /// No FIN was sent.
    #[default]
    Nobody,
}

impl FirstClose {
    /// The same from the other end.
    #[must_use]
    pub fn seen_from_peer(self) -> FirstClose {
        match self {
            FirstClose::By(side) => FirstClose::By(side.seen_from_peer()),
            FirstClose::Both | FirstClose::Nobody => self,
        }
    }

    /// The word in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            FirstClose::By(side) => side.name(),
            FirstClose::Both => "both",
            FirstClose::Nobody => "nobody",
        }
    }
}

/// The shape of a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// FIN, FIN with the ACK of the first, ACK.
    Three,
    /// FIN, ACK, FIN, ACK (RFC 9293, 3.6, figure 12).
    Four,
    /// Both FINs were sent before either was received (RFC 9293, figure 13).
    Crossed,
    /// A reset ended it.
    Reset,
    /// The peer did not answer in time.
    Timeout,
    /// It is not known.
    Unknown,
}

impl Shape {
    /// Every shape, in the order of summaries.
    pub const ALL: [Shape; 6] = [
        Shape::Three,
        Shape::Four,
        Shape::Crossed,
        Shape::Reset,
        Shape::Timeout,
        Shape::Unknown,
    ];

    /// The word in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Three => "three",
            Shape::Four => "four",
            Shape::Crossed => "crossed",
            Shape::Reset => "reset",
            Shape::Timeout => "timeout",
            Shape::Unknown => "unknown",
        }
    }
}

/// How the first FIN was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// By the segment with the second FIN.
    WithFin,
    /// By a segment of its own.
    Alone,
    /// By a segment with data.
    WithData,
}

impl Acknowledged {
    /// The word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Acknowledged::WithFin => "with_fin",
            Acknowledged::Alone => "alone",
            Acknowledged::WithData => "with_data",
        }
    }
}

/// A reset that ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Who sent it.
    pub by: Side,
    /// Why, of one that was sent here; `None` where the kernel does not say.
    pub reason: Option<ResetReason>,
}

/// How a connection was closed, by what one end's socket shows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// Its shape.
    pub shape: Shape,
    /// Who sent the first FIN.
    pub first: FirstClose,
    /// How the first FIN was acknowledged; `None` where it was not, or is not known.
    pub acknowledged: Option<Acknowledged>,
    /// What the kernel was to keep a minisocket in: TIME_WAIT or FIN_WAIT2; `None` for nothing.
    pub parked: Option<State>,
    /// How many segments were sent again after this end's FIN.
    pub retransmits: u32,
    /// The reset that ended it.
    pub reset: Option<Reset>,
    /// The states from the first FIN on, with the time at which each was entered, in nanoseconds of
    /// CLOCK_MONOTONIC.
    pub steps: Vec<(u64, State)>,
}

/// A connection that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The kernel's number for its socket, unique since boot.
    pub cookie: u64,
    /// The inode number of its network namespace.
    pub netns: u32,
    /// Both ends.
    pub ends: InetEnds,
    /// Who opened it.
    pub opened: Opened,
    /// The process that did, where it was this end's.
    pub opened_by: Option<Task>,
    /// When it was opened, in nanoseconds of CLOCK_MONOTONIC; `None` if that was before the trace.
    pub opened_ns: Option<u64>,
    /// When its socket ended.
    pub ended_ns: u64,
    /// How long it was in each state it was in, in their order; `None` where the beginning was not
    /// seen.
    pub states: Vec<(State, Option<Duration>)>,
    /// The process that closed this end.
    pub closed_by: Option<Task>,
    /// How it was closed; `None` where the source does not report it.
    pub close: Option<Close>,
    /// The socket's error at the end, an errno; `None` for none.
    pub error: Option<u32>,
    /// The inode of the socket while a process held it; 0 where that was not seen.
    pub inode: u64,
    /// The user who created the socket.
    pub uid: u32,
    /// What TCP had counted at the end; see [`Connection::bytes_received`].
    pub counters: Counters,
}

impl Connection {
    /// Who closed first; `None` where the source does not report it.
    pub fn first_close(&self) -> Option<FirstClose> {
        self.close.as_ref().map(|close| close.first)
    }

    /// Which end sent the first FIN or, without any, the reset; `None` if both sent FINs at once,
    /// none sent either, or it is not known.
    pub fn first_actor(&self) -> Option<Side> {
        let close = self.close.as_ref()?;
        match close.first {
            FirstClose::By(side) => Some(side),
            FirstClose::Nobody => Some(close.reset?.by),
            FirstClose::Both => None,
        }
    }

    /// The shape of its close; `None` where the source does not report it.
    pub fn shape(&self) -> Option<Shape> {
        self.close.as_ref().map(|close| close.shape)
    }

    /// Bytes of data received; `None` where they may include the peer's FIN, which a source that does
    /// not report the close does not tell.
    pub fn bytes_received(&self) -> Option<u64> {
        self.close.as_ref().map(|_| self.counters.bytes_received)
    }

    /// The process of this end: the one that closed it, else the one that opened it.
    pub fn task(&self) -> Option<&Task> {
        self.closed_by.as_ref().or(self.opened_by.as_ref())
    }

    /// When it entered a state of its close, in nanoseconds of CLOCK_MONOTONIC.
    pub fn entered(&self, state: State) -> Option<u64> {
        let mut steps = self.close.as_ref()?.steps.iter();
        steps.find(|step| step.1 == state).map(|step| step.0)
    }

    /// How long it lived; `None` if it began before the trace.
    pub fn lifetime(&self) -> Option<Duration> {
        let lived = self.ended_ns.checked_sub(self.opened_ns?)?;
        Some(Duration::from_nanos(lived))
    }
}
