//! What the view is told from outside, and what it asks for.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::model::screen::SampleCost;
use crate::model::{GroupKey, Grouped, Snapshot, SortKey, State};

/// One sample of the counts.
#[derive(Clone, Debug)]
pub struct Sample {
    /// When it began, by a clock that never jumps.
    pub at: Instant,
    /// The counts.
    pub snapshot: Snapshot,
    /// How they were come by, and why so.
    pub plan: String,
    /// What they took.
    pub cost: SampleCost,
    /// What a person should be told about the source, where it was not to be expected.
    pub note: Option<String>,
    /// The states that stand at a limit of the kernel's.
    pub limits: Vec<Limit>,
}

/// A state at a limit that the kernel names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Which.
    pub state: State,
    /// Which limit, and how it stands.
    pub text: String,
}

/// A sample that failed.
#[derive(Clone, Debug)]
pub struct NoSample {
    /// When it was tried.
    pub at: Instant,
    /// The same by the wall clock.
    pub time: SystemTime,
    /// Why there is none.
    pub reason: String,
}

/// What is to be found out besides the counts, as often as that pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing: it would not be seen.
    Nothing,
    /// Groups of the sockets in a state, or in all.
    Groups {
        /// The state; `None` for all.
        state: Option<State>,
        /// What they are grouped by.
        keys: Vec<GroupKey>,
    },
    /// The sockets in a state, or in all.
    Sockets {
        /// The state; `None` for all.
        state: Option<State>,
        /// In which order.
        sort: SortKey,
    },
}

/// What was found out of what was [`Wanted`].
#[derive(Clone, Debug)]
pub struct Detail {
    /// What had been wanted; what is not wanted any more is not shown.
    pub wanted: Wanted,
    /// Of which filter, by its number; see [`super::View::filter_taken`].
    pub filter: u64,
    /// When it was found out.
    pub at: Instant,
    /// The CPU time it took.
    pub cpu: Duration,
    /// What, or why nothing.
    pub found: Result<Found, String>,
}

/// Something besides the counts.
#[derive(Clone, Debug)]
pub enum Found {
    /// Groups.
    Groups(Arc<Grouped>),
    /// Sockets.
    Sockets(Arc<Listing>),
}

/// Sockets as lines of a table, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The heading of the table.
    pub heading: String,
    /// A line a socket.
    pub lines: Vec<String>,
    /// Whether there are more than these.
    pub is_cut: bool,
    /// What else there is to say: what was lost, whose holders are not seen.
    pub note: String,
}

/// What a key asks of the outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// To end.
    Quit,
    /// To sample so often.
    Interval(Duration),
    /// To take this filter in the place of the one typed.
    Filter(String),
    /// To write the sample shown to a file.
    Save,
    /// To draw everything again, because the terminal shows something else.
    Redraw,
}
