//! One moment of the live view, as plain values: what is drawn, and nothing about how.
//!
//! `live` makes these, and `output` draws them; neither knows the other.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::trace::{Clock, Losses, Shape, Story, Transition};
use super::{Finding, Grouped, KindSet, Label, Position, State, Timeline};

/// Everything on the screen.
#[derive(Clone, Debug)]
pub struct Screen<'a> {
    /// The first lines.
    pub header: Header<'a>,
    /// Messages for the user, the most important first.
    pub notices: Vec<Notice>,
    /// A row for each state, in the order of a connection's life, then one for all of them; empty
    /// before the first sample.
    pub rows: Vec<StateRow>,
    /// What is done with the states for which there is no line.
    pub rest: Rest,
    /// The line over a whole record, if one is shown.
    pub timeline: Option<TimelineBar<'a>>,
    /// Whether the data is old, because the last sample failed.
    pub is_stale: bool,
    /// What is below the states, or in their place.
    pub pane: Pane<'a>,
    /// The filter while it is edited.
    pub prompt: Option<Prompt<'a>>,
    /// Whether the keys are explained in place of everything else, and how many lines of that are
    /// scrolled past.
    pub help: Option<usize>,
}

/// The states for which there is no line, which share one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// How often their line was opened: each time the next states, by their number of sockets, have
    /// lines of their own, and after the last the first again.
    pub page: usize,
    /// Whether that line is selected.
    pub is_selected: bool,
}

/// What was drawn, as far as keys and clicks depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// The lines of the screen that can be selected, from the top.
    pub places: Vec<(u16, Place)>,
    /// How many lines of a text are scrolled past: no more than leave the screen full.
    pub first: usize,
}

/// What a line of the screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A state; `None` for the sum of all.
    State(Option<State>),
    /// The states for which there is no line.
    Rest,
    /// The row of the pane with this number.
    Row(usize),
}

/// The first lines.
#[derive(Clone, Debug)]
pub struct Header<'a> {
    /// The host's name.
    pub host: &'a str,
    /// The time between two samples.
    pub interval: Duration,
    /// The name of the record that is shown; `None` for what is sampled now.
    pub record: Option<&'a str>,
    /// When the sample shown was taken; absent before the first.
    pub time: Option<SystemTime>,
    /// Which method was used, and why; empty before the first sample.
    pub plan: &'a str,
    /// Whether that and the cost have a line; else only the help shows them.
    pub shows_plan: bool,
    /// The cost of the sample; absent before the first.
    pub cost: Option<SampleCost>,
    /// The filter, as typed; empty if there is none.
    pub filter: &'a str,
    /// The kinds of the sockets.
    pub kinds: KindSet,
    /// Whether the view is paused; sampling continues. Or whether a record is not played.
    pub is_paused: bool,
    /// Whether something was lost, so that every number may be too small.
    pub is_incomplete: bool,
}

/// The line over a whole record.
#[derive(Clone, Copy, Debug)]
pub struct TimelineBar<'a> {
    /// What the record has.
    pub timeline: &'a Timeline,
    /// Where the view is in it.
    pub at: Position,
    /// Whose numbers are drawn; `None` for the sum of all.
    pub state: Option<State>,
}

/// The cost of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleCost {
    /// From the question to the answer.
    pub took: Duration,
    /// Sockets listed, one by one.
    pub listed: u64,
    /// Sockets counted by the kernel's counters.
    pub derived: u64,
}

/// A message of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How important it is.
    pub kind: NoticeKind,
    /// The text; may quote others.
    pub text: String,
}

/// How important a notice is, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeKind {
    /// Good to know.
    Note,
    /// Something was lost, or samples are late.
    Warning,
    /// No answer, or a kernel limit is reached.
    Alarm,
}

/// A row of the table of states.
#[derive(Clone, Debug, PartialEq)]
pub struct StateRow {
    /// The state; `None` for the sum of all.
    pub state: Option<State>,
    /// Its sockets.
    pub sockets: u64,
    /// By how much the number may be off; 0 if it is exact.
    pub spread: u64,
    /// The change since the previous sample; absent in the first.
    pub change: Option<i128>,
    /// The change per second over the last ten samples; absent in the first.
    pub rate: Option<f64>,
    /// The least number since the start or a reset.
    pub min: u64,
    /// The largest number since then.
    pub max: u64,
    /// The last numbers, the oldest first; the last one is `sockets`.
    pub history: Vec<u64>,
    /// Whether it grows steadily.
    pub is_growing: bool,
    /// Whether it has reached a limit of the kernel.
    pub is_at_limit: bool,
    /// Whether it is selected.
    pub is_selected: bool,
}

impl StateRow {
    /// Whether it has something to show: sockets, a change, the selection, or the sum.
    pub fn is_needed(&self) -> bool {
        let is_total = self.state.is_none();
        is_total || self.is_selected || self.sockets > 0 || self.change.unwrap_or(0) != 0
    }
}

/// What is below the states, or in their place.
#[derive(Clone, Debug)]
pub enum Pane<'a> {
    /// Groups below the states.
    Groups(GroupsPane<'a>),
    /// The history of one state below the states.
    Chart(Chart),
    /// The sockets of one state, in place of the states.
    Sockets(SocketsPane<'a>),
    /// What is traced of one state, below the states.
    Trace(TracePane<'a>),
    /// What is wrong, in place of the states.
    Findings(FindingsPane<'a>),
    /// One socket, in place of the states.
    Socket(SocketPane<'a>),
    /// What to choose from, in place of everything else.
    Choices(ChoicesPane),
}

/// One socket.
#[derive(Clone, Debug)]
pub struct SocketPane<'a> {
    /// What is known of it; absent until it was queried.
    pub facts: Option<&'a SocketFacts>,
    /// How many lines are scrolled past.
    pub first: usize,
    /// How old that is, and the CPU time it took.
    pub age: Option<(Duration, Duration)>,
    /// Why there is nothing, or nothing newer.
    pub failure: Option<&'a str>,
}

/// What is known of one socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketFacts {
    /// Which socket it is.
    pub title: String,
    /// Names and values, in their order.
    pub lines: Vec<(&'static str, String)>,
    /// Whether the kernel has it no more; the lines are then the last ones known.
    pub is_gone: bool,
    /// What was lost, and the notes about it; empty for nothing.
    pub note: String,
}

/// What to choose from: the columns of the list of sockets, or the kinds of sockets.
#[derive(Clone, Debug)]
pub struct ChoicesPane {
    /// What they are.
    pub title: &'static str,
    /// Each with whether it is chosen.
    pub choices: Vec<(&'static str, bool)>,
    /// Which is selected.
    pub selected: usize,
}

/// What is wrong.
#[derive(Clone, Debug)]
pub struct FindingsPane<'a> {
    /// The worst first.
    pub findings: &'a [Finding],
    /// Why the rules were not applied; `None` if they were.
    pub not_examined: Option<&'static str>,
    /// Whether they are those of a moment of a record, to which all rules are applied.
    pub is_recorded: bool,
    /// Which is selected.
    pub selected: usize,
}

/// Groups of the sockets in the selected state.
#[derive(Clone, Debug)]
pub struct GroupsPane<'a> {
    /// The keys, as `--by` spells them.
    pub by: String,
    /// The state; `None` for all.
    pub state: Option<State>,
    /// The groups; absent until they are known.
    pub grouped: Option<&'a Grouped>,
    /// Their numbers in the order in which they are shown.
    pub order: Vec<usize>,
    /// That order, as a column and a direction.
    pub sort: String,
    /// The selected row, where there is a cursor; the one after the groups is that of the others.
    pub selected: Option<usize>,
    /// How old they are, and the CPU time they took.
    pub age: Option<(Duration, Duration)>,
    /// Why there are none, or no newer ones.
    pub failure: Option<&'a str>,
}

/// The history of one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// The state; `None` for the sum of all.
    pub state: Option<State>,
    /// Its numbers, each with its time, the oldest first.
    pub numbers: Vec<(SystemTime, u64)>,
}

/// The sockets of one state, as rows of a table.
#[derive(Clone, Debug)]
pub struct SocketsPane<'a> {
    /// The state; `None` for all.
    pub state: Option<State>,
    /// The group they are in; `None` for all.
    pub group: Option<&'a [Label]>,
    /// Their order, as `--sort` spells it.
    pub sort: String,
    /// The heading of the table, of as many lines as a row; empty until the sockets are known.
    pub heading: &'a str,
    /// A row a socket.
    pub rows: &'a [String],
    /// The headings of the columns for which there is no room.
    pub omitted: &'a [String],
    /// Whether there are more than these.
    pub is_cut: bool,
    /// The selected row.
    pub selected: usize,
    /// How old they are, and the CPU time they took; absent until they are known.
    pub age: Option<(Duration, Duration)>,
    /// What was lost, or why there are no newer ones; empty for nothing.
    pub note: String,
}

/// What is traced of the sockets in the selected state.
#[derive(Clone, Debug)]
pub struct TracePane<'a> {
    /// The state; `None` for all.
    pub state: Option<State>,
    /// What was traced; absent until the trace has begun.
    pub traced: Option<&'a Traced>,
    /// How many rows of each kind are scrolled past, from the newest on.
    pub first: usize,
    /// Why there are none, or no newer ones.
    pub failure: Option<&'a str>,
}

/// What was traced since the pane was opened.
#[derive(Clone, Debug)]
pub struct Traced {
    /// When that was, in nanoseconds of CLOCK_MONOTONIC.
    pub since_ns: u64,
    /// The time of day of such times.
    pub clock: Clock,
    /// What the source does not report, and why; `None` if it reports states. Without states, the
    /// rows are those of connections in any state.
    pub limits: Option<String>,
    /// What was not recorded, of any state.
    pub losses: Losses,
    /// The rows of the selected state.
    pub rows: TraceRows,
}

/// What was traced of the sockets in one state, or in all: a bounded number of rows, the newest first.
#[derive(Clone, Debug, Default)]
pub struct TraceRows {
    /// The last closes of connections that were in the state.
    pub closes: VecDeque<Arc<Story>>,
    /// The last transitions from the state or to it.
    pub transitions: VecDeque<Transition>,
    /// How many closes there were, by shape; `None` where it is not reported.
    pub shapes: BTreeMap<Option<Shape>, u64>,
    /// How many transitions there were.
    pub changes: u64,
}

/// The filter while it is edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt<'a> {
    /// What is edited.
    pub name: &'static str,
    /// What the keys do.
    pub hint: &'static str,
    /// The text.
    pub text: &'a str,
    /// The byte of the text at the cursor, or its end.
    pub cursor: usize,
    /// Why it was refused.
    pub error: Option<&'a PromptError>,
    /// Whether it is being checked.
    pub is_checking: bool,
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptError {
    /// The bytes of the text that are wrong; empty, and at its end, if something is missing.
    pub place: Range<usize>,
    /// What is wrong, and what is allowed.
    pub reason: String,
}

/// A time, short: `0 ms`, `340 ms`, `3.2 s`, `45 s`, `12 min`, `3 h`.
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
