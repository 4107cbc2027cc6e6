//! What the view receives from the threads that sample, and what it requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::screen::{SampleCost, Traced};
use crate::model::{GroupKey, Grouped, Loss, Note, Snapshot, SortKey, State};

/// One sample of the number of sockets in each state.
#[derive(Clone, Debug)]
pub struct StateSample {
    /// When it began, by a clock that never jumps.
    pub at: Instant,
    /// The counts.
    pub snapshot: Snapshot,
    /// Which method was used, and why.
    pub plan: String,
    /// Its cost.
    pub cost: SampleCost,
    /// The notes about it.
    pub notes: Vec<Note>,
    /// The states that have reached a limit of the kernel.
    pub limits: Vec<ReachedLimit>,
}

/// A state that has reached a limit of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReachedLimit {
    /// The state.
    pub state: State,
    /// The limit, and how far it is used.
    pub text: String,
}

/// A sample that failed.
#[derive(Clone, Debug)]
pub struct FailedSample {
    /// When it began.
    pub at: Instant,
    /// Why it failed.
    pub reason: String,
}

/// What to query besides the counts, as often as its cost allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DetailQuery {
    /// Nothing: it would not be shown.
    Nothing,
    /// Groups of the sockets in a state, or in all.
    Groups {
        /// The state; `None` for all.
        state: Option<State>,
        /// The fields that make a group.
        keys: Vec<GroupKey>,
    },
    /// The sockets in a state, or in all.
    Sockets {
        /// The state; `None` for all.
        state: Option<State>,
        /// Their order.
        sort: SortKey,
    },
    /// The last closes and transitions of sockets in a state, or in all, for as long as this is
    /// wanted.
    Trace {
        /// The state; `None` for all.
        state: Option<State>,
    },
}

/// The result of what was [`DetailQuery`].
#[derive(Clone, Debug)]
pub struct Detail {
    /// What was wanted; a result that is not wanted any more is not shown.
    pub wanted: DetailQuery,
    /// The number of the filter; see [`super::View::filter_taken`].
    pub filter: u64,
    /// When the query began.
    pub at: Instant,
    /// The CPU time it took.
    pub cpu: Duration,
    /// The result, or why there is none.
    pub found: Result<DetailResult, String>,
}

/// What is shown besides the counts.
#[derive(Clone, Debug)]
pub enum DetailResult {
    /// Groups.
    Groups(Arc<Grouped>),
    /// Sockets.
    Sockets(Arc<Listing>),
    /// Closes and transitions.
    Trace(Arc<Traced>),
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
    /// What was lost.
    pub losses: Vec<Loss>,
    /// The notes about them.
    pub notes: Vec<Note>,
}

/// What a key requires outside the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// To end.
    Quit,
    /// To sample this often.
    Interval(Duration),
    /// To apply this filter in place of the one typed before.
    Filter(String),
    /// To write the sample shown to a file.
    Save,
    /// To draw every cell again, because the terminal shows something else.
    Redraw,
}
