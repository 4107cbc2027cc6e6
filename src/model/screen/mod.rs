//! One moment of the live view, as plain values: what is to be drawn, and nothing about how.
//!
//! `live` makes these, and `output` draws them; neither knows the other.

mod pane;
mod prompt;
mod row;

pub use pane::{Chart, GroupsPane, Pane, SocketsPane};
pub use prompt::{Prompt, PromptError};
pub use row::StateRow;

use std::time::{Duration, SystemTime};

/// Everything on the screen.
#[derive(Clone, Debug)]
pub struct Screen<'a> {
    /// Who, how often, by which way.
    pub header: Header<'a>,
    /// What a person should know now, the most important first.
    pub notices: Vec<Notice>,
    /// A row for each state, in the order of a connection's life, then one for all of them; empty
    /// before the first sample.
    pub rows: Vec<StateRow>,
    /// Whether the data is not what is now: the source fails, or has yet to answer.
    pub is_stale: bool,
    /// What stands below the states, or in their place.
    pub pane: Pane<'a>,
    /// The filter while it is edited.
    pub prompt: Option<Prompt<'a>>,
    /// Whether the keys are explained over everything else.
    pub help: bool,
}

/// The first lines.
#[derive(Clone, Debug)]
pub struct Header<'a> {
    /// The host's name.
    pub host: &'a str,
    /// The time between two samples.
    pub interval: Duration,
    /// When the sample shown was taken; absent before the first.
    pub time: Option<SystemTime>,
    /// How the sample was come by, and why so; empty before the first.
    pub plan: &'a str,
    /// What the sample took; absent before the first.
    pub cost: Option<SampleCost>,
    /// The filter, as typed; empty where there is none.
    pub filter: &'a str,
    /// Whether the view stands still while samples go on.
    pub is_paused: bool,
    /// Whether something was lost, so that every number may be too small.
    pub is_incomplete: bool,
}

/// What a sample took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleCost {
    /// From the question to the answer.
    pub took: Duration,
    /// Sockets listed, one by one.
    pub listed: u64,
    /// Sockets counted without being listed.
    pub derived: u64,
}

/// One line to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub kind: NoticeKind,
    /// What it says; may quote strangers.
    pub text: String,
}

/// How much a notice matters, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeKind {
    /// Good to know.
    Note,
    /// A number grows, or something was lost, or the view is behind.
    Warning,
    /// No answer, or a limit is reached.
    Alarm,
}

/// A time as short as a person would say it: `0 ms`, `340 ms`, `3.2 s`, `45 s`, `12 min`, `3 h`.
pub fn brief(time: Duration) -> String {
    match (time.as_millis(), time.as_secs()) {
        (milliseconds @ ..1_000, _) => format!("{milliseconds} ms"),
        (tenths @ ..10_000, _) if tenths % 1_000 != 0 => {
            format!("{}.{} s", tenths / 1_000, tenths % 1_000 / 100)
        }
        (_, seconds @ ..120) => format!("{seconds} s"),
        (_, seconds @ ..7_200) => format!("{} min", seconds / 60),
        (_, seconds) => format!("{} h", seconds / 3_600),
    }
}
