//! What stands below the states, or in their place.

use std::time::{Duration, SystemTime};

use crate::model::{Grouped, State};

/// One of several things.
#[derive(Clone, Debug)]
pub enum Pane<'a> {
    /// Groups below the states.
    Groups(GroupsPane<'a>),
    /// The history of one state below the states.
    Chart(Chart),
    /// The sockets of one state, in the place of the states.
    Sockets(SocketsPane<'a>),
}

/// Groups of the sockets in the selected state.
#[derive(Clone, Debug)]
pub struct GroupsPane<'a> {
    /// What the sockets are grouped by, as `--by` spells it.
    pub by: String,
    /// The state; `None` for all.
    pub state: Option<State>,
    /// The groups; absent until they are known.
    pub grouped: Option<&'a Grouped>,
    /// How old they are, and what CPU time they took.
    pub age: Option<(Duration, Duration)>,
    /// Why there are none, or no newer ones.
    pub failure: Option<&'a str>,
}

/// The history of one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// The state; `None` for the sum of all.
    pub state: Option<State>,
    /// Its numbers, the oldest first.
    pub numbers: Vec<u64>,
    /// When the oldest and the newest were taken; absent where there are none.
    pub span: Option<(SystemTime, SystemTime)>,
}

/// The sockets of one state, as lines of a table.
#[derive(Clone, Debug)]
pub struct SocketsPane<'a> {
    /// The state; `None` for all.
    pub state: Option<State>,
    /// What they are sorted by, as `--sort` spells it.
    pub sort: String,
    /// The heading of the table; empty until the sockets are known.
    pub heading: &'a str,
    /// A line a socket.
    pub lines: &'a [String],
    /// Whether there are more than these.
    pub is_cut: bool,
    /// The line that stands out.
    pub selected: usize,
    /// How old they are, and what CPU time they took; absent until they are known.
    pub age: Option<(Duration, Duration)>,
    /// What else there is to say of them: what was lost, why there are no newer ones.
    pub remark: &'a str,
}
