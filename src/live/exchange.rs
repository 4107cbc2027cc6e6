//! What the view receives from the threads that sample, and what it requests.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::model::screen::{SampleCost, SocketFacts, Traced};
use crate::model::{
    Counts, Field, GroupKey, Grouped, KeyPart, KindSet, Label, Loss, Note, Position, Snapshot,
    SocketId, SortKey, State, Timeline,
};

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

/// A moment or sample of a record, which is shown from now on.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Its numbers, or why it has none that were asked for.
    pub sample: Result<StateSample, FailedSample>,
    /// The numbers of the samples before it, the oldest first, as far as they are known.
    pub before: Vec<(SystemTime, Counts)>,
    /// What the record has, as far as it was read.
    pub timeline: Arc<Timeline>,
    /// Where in that it is.
    pub at: Position,
    /// Whether all its sockets were recorded.
    pub has_sockets: bool,
    /// What rules of `doctor` had found, so that it was recorded.
    pub causes: Vec<String>,
    /// Why the file ends early.
    pub cut: Option<String>,
    /// Whether the next one follows.
    pub is_playing: bool,
    /// What is said of the key that led there.
    pub reply: Option<String>,
}

/// Where to go in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// On by this number of moments and samples, or back where it is negative.
    By(i64),
    /// To the next moment with all sockets, or the one before.
    Mark {
        /// Whether it is the next one.
        forward: bool,
    },
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
        /// Whether all groups are wanted, not only the largest.
        all: bool,
    },
    /// The sockets in a state, or in all.
    Sockets {
        /// The state; `None` for all.
        state: Option<State>,
        /// Their order.
        sort: SortKey,
        /// The columns besides the usual ones.
        columns: Vec<Field>,
        /// The group they are in; `None` for all.
        group: Option<GroupOf>,
    },
    /// Everything about one socket.
    Socket(SocketId),
    /// The last closes and transitions of sockets in a state, or in all, for as long as this is
    /// wanted.
    Trace {
        /// The state; `None` for all.
        state: Option<State>,
    },
}

/// One group of sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOf {
    /// The fields that make a group.
    pub keys: Vec<GroupKey>,
    /// Their values in this one.
    pub id: Box<[KeyPart]>,
    /// The same as they are shown.
    pub labels: Vec<Label>,
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
    /// One socket.
    Socket(Arc<SocketFacts>),
    /// Closes and transitions.
    Trace(Arc<Traced>),
}

/// Sockets as rows of a table, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The heading of the table, which has as many lines as each row.
    pub heading: String,
    /// A row a socket; of several lines where the terminal is too narrow for one.
    pub rows: Vec<String>,
    /// The headings of the columns for which there was no room.
    pub omitted: Vec<String>,
    /// Which socket each row is about.
    pub ids: Vec<SocketId>,
    /// Whether there are more than these.
    pub is_cut: bool,
    /// What was lost.
    pub losses: Vec<Loss>,
    /// The notes about them.
    pub notes: Vec<Note>,
}

/// What is written to a file.
#[derive(Clone, Copy, Debug)]
pub enum Saved<'a> {
    /// The counts.
    Sample(&'a Snapshot),
    /// The groups.
    Groups(&'a Grouped),
    /// The rows of a list, with their heading, and the sample of this time.
    List(Option<&'a Snapshot>, &'a str, &'a [String]),
    /// The screen as text, at the time of this sample.
    Text(Option<&'a Snapshot>),
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
    /// To show sockets of these kinds.
    Kinds(KindSet),
    /// To write what is shown to a file.
    Save,
    /// To go elsewhere in the record.
    Move(Move),
    /// To go to the time that was typed.
    GoTo(String),
    /// To play the record, or to pause.
    Play(bool),
    /// To let the terminal report clicks and the wheel of a mouse, or no longer.
    Mouse(bool),
    /// To draw every cell again, because the terminal shows something else.
    Redraw,
}
