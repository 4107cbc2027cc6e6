//! The live view's state, and what each key and each sample changes in it.
//!
//! Pure: it receives times, samples and keys, and returns what to draw ([`View::screen`]), what to
//! query ([`View::wanted`]) and what to do ([`Action`]). It knows no terminal, no clock and no
//! source, and keeps a bounded number of samples.

mod bindings;
mod choices;
mod editor;
mod exchange;
mod findings;
mod frame;
mod groups;
mod history;
mod key;
mod kinds;
mod levels;
mod playback;
mod record;
#[cfg(test)]
mod tests;
mod trace;

pub use exchange::{
    Action, Detail, DetailQuery, DetailResult, FailedSample, GroupOf, Listing, Move, Moved,
    ReachedLimit, Saved, StateSample,
};
pub use history::KEPT as HISTORY;
pub use key::Key;
pub use trace::TraceLog;

use std::time::{Duration, Instant};

use crate::filter::FilterError;
use crate::model::screen::{Notice, NoticeKind, Place, Rest};
use crate::model::{Field, GroupKey, KindSet, Snapshot, State};
use editor::Editor;
use findings::Findings;
use groups::GroupSort;
use levels::{Kind, Level};
use playback::Playback;
use record::Record;

/// The height of a terminal that does not report its own.
const USUAL_HEIGHT: u16 = 24;

/// The lines that groups need besides the rows of states and the filter: the first one, the heading of
/// the states, the keys, and some of their own. With fewer they are not queried.
const AROUND_GROUPS: usize = 7;

/// What the view starts with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The host's name.
    pub host: String,
    /// The time between two samples; while a record is played, how long each is shown.
    pub interval: Duration,
    /// The name of the record that is shown; `None` for what is sampled now.
    pub record: Option<String>,
    /// The filter typed; empty for none.
    pub filter: String,
    /// The kinds of the sockets.
    pub kinds: KindSet,
    /// Whether the method and the cost of each sample are shown.
    pub shows_plan: bool,
    /// What sockets can be grouped by, in the order of the key that steps through it; at least one.
    pub groupings: Vec<Vec<GroupKey>>,
    /// When the view starts.
    pub start: Instant,
}

/// The live view.
#[derive(Clone, Debug)]
pub struct View {
    setup: Setup,
    data: Data,
    /// What is shown while the view is paused, and since when.
    frozen: Option<(Box<Data>, Instant)>,
    /// The selected row; `None` for the sum of all.
    selected: Option<State>,
    /// The states for which there is no line; their line can be selected instead of a row.
    rest: Rest,
    /// The lines that were drawn last, and those of states.
    drawn: Vec<(u16, Place)>,
    drawn_states: Vec<Place>,
    /// What is opened over the states, the last on top.
    levels: Vec<Level>,
    /// Which of the groupings is shown.
    grouping: usize,
    group_sort: GroupSort,
    /// Whether the groups that share a row are shown too.
    shows_all_groups: bool,
    /// The columns of lists of sockets besides the usual ones.
    columns: Vec<Field>,
    /// What is searched for in lists; empty for nothing.
    search: String,
    has_mouse: bool,
    below: Below,
    findings: Findings,
    /// Where it is in a record; `None` for what is sampled now.
    playback: Option<Playback>,
    /// How many traced rows are scrolled past.
    first_traced: usize,
    editor: Option<Editor>,
    /// The number of the filter in use, and of the moment of a record.
    filter: u64,
    /// The result of the last key that has one, and its time.
    reply: Option<(Instant, Notice)>,
    height: u16,
}

/// What is below the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Below {
    Groups,
    Chart,
    Trace,
}

/// The samples and results received so far.
#[derive(Clone, Debug, Default)]
struct Data {
    record: Record,
    /// When samples began to fail, and the last failure.
    failure: Option<(Instant, FailedSample)>,
    groups: Answer,
    sockets: Answer,
    socket: Answer,
    trace: Answer,
}

impl Data {
    /// The results of such a query.
    fn answer(&mut self, wanted: &DetailQuery) -> Option<&mut Answer> {
        match wanted {
            DetailQuery::Nothing => None,
            DetailQuery::Groups { .. } => Some(&mut self.groups),
            DetailQuery::Sockets { .. } => Some(&mut self.sockets),
            DetailQuery::Socket(_) => Some(&mut self.socket),
            DetailQuery::Trace { .. } => Some(&mut self.trace),
        }
    }

    fn take(&mut self, detail: Detail) {
        let Some(answer) = self.answer(&detail.wanted) else {
            return;
        };
        match detail.found {
            Ok(found) => {
                *answer = Answer {
                    found: Some((found, detail.at, detail.cpu)),
                    ..Answer::default()
                }
            }
            // What is known of another moment does not belong to this one.
            Err(reason) if answer.is_outdated => {
                *answer = Answer {
                    failure: Some(reason),
                    ..Answer::default()
                }
            }
            Err(reason) => answer.failure = Some(reason),
        }
    }
}

/// The last result of a query, and why there is no newer one.
#[derive(Clone, Debug, Default)]
struct Answer {
    /// The result, when its query began, and the CPU time it took.
    found: Option<(DetailResult, Instant, Duration)>,
    failure: Option<String>,
    /// Whether it is about another moment of a record than the one that is shown.
    is_outdated: bool,
}

impl Answer {
    /// Another moment of a record is shown; until the result about that is there, this one stays.
    fn outdate(&mut self) {
        self.is_outdated = true;
        self.failure = None;
    }

    /// How old it is at `now`, and the CPU time it took.
    fn age(&self, now: Instant) -> Option<(Duration, Duration)> {
        let (_, at, cpu) = self.found.as_ref().filter(|_| !self.is_outdated)?;
        Some((now.saturating_duration_since(*at), *cpu))
    }
}

impl View {
    /// A view without data.
    pub fn new(setup: Setup) -> View {
        View {
            playback: setup.record.as_ref().map(|_| Playback::default()),
            setup,
            data: Data::default(),
            frozen: None,
            selected: None,
            rest: Rest::default(),
            drawn: Vec::new(),
            drawn_states: Vec::new(),
            levels: Vec::new(),
            grouping: 0,
            group_sort: GroupSort::default(),
            shows_all_groups: false,
            columns: vec![Field::Process],
            search: String::new(),
            has_mouse: false,
            below: Below::Groups,
            findings: Findings::default(),
            first_traced: 0,
            editor: None,
            filter: 0,
            reply: None,
            height: USUAL_HEIGHT,
        }
    }

    /// The terminal has this many rows.
    pub fn resized(&mut self, height: u16) {
        self.height = height;
    }

    /// A sample was taken.
    pub fn sampled(&mut self, sample: StateSample) {
        self.data.failure = None;
        self.data.record.push(sample);
        self.keep_selection();
    }

    /// A new filter can be about other states, and so can another moment of a record.
    fn keep_selection(&mut self) {
        if !self.data.record.states().any(|at| at == self.selected) {
            self.selected = None;
        }
    }

    /// A sample failed; what is known stays.
    pub fn failed(&mut self, failed: FailedSample) {
        let since = self.data.failure.as_ref().map(|(since, _)| *since);
        self.data.failure = Some((since.unwrap_or(failed.at), failed));
    }

    /// A query for something besides the counts ended.
    pub fn found(&mut self, mut detail: Detail) {
        if detail.filter != self.filter || detail.wanted != self.wanted() {
            return;
        }
        if let (Some(_), Some(sample)) = (&self.playback, &self.data.record.last) {
            // Its age is that in the record: of groups that were counted earlier.
            let time = sample.snapshot.observation.time;
            let age = match &detail.found {
                Ok(DetailResult::Groups(found)) => time.duration_since(found.observation.time),
                Ok(_) | Err(_) => Ok(Duration::ZERO),
            };
            let at = sample.at.checked_sub(age.unwrap_or_default());
            detail.at = at.unwrap_or(sample.at);
        }
        self.keep_cursor(|view| {
            // A paused view shows the first result of what was selected since.
            if let Some((frozen, _)) = &mut view.frozen
                && let Some(Answer { found: None, .. }) = frozen.answer(&detail.wanted)
            {
                frozen.take(detail.clone());
            }
            view.data.take(detail);
        });
    }

    /// Another filter is used from now on, or other kinds. All data was about the previous ones; the
    /// selection stays. Returns the number that results of the new filter carry.
    pub fn filter_taken(&mut self, text: &str, kinds: KindSet) -> u64 {
        text.clone_into(&mut self.setup.filter);
        self.take_kinds(kinds);
        self.data = Data::default();
        self.frozen = None;
        self.editor = None;
        if let Some(level) = self.levels.last_mut()
            && matches!(level.kind, Kind::Sockets(_))
        {
            level.at = 0;
        }
        self.filter += 1;
        self.filter
    }

    /// The filter typed was refused: because of one word, or of `reason` as a whole; or the kinds chosen
    /// were, which have no such filter.
    pub fn filter_refused(&mut self, now: Instant, error: Option<&FilterError>, reason: &str) {
        match &mut self.editor {
            Some(editor) => editor.refuse(error, reason),
            None => {
                let kind = NoticeKind::Warning;
                let text = reason.to_owned();
                self.replied(now, Notice { kind, text });
            }
        }
    }

    /// Shows the result of a key for a while.
    pub fn replied(&mut self, now: Instant, notice: Notice) {
        self.reply = Some((now, notice));
    }

    /// What to query besides the counts: what is visible.
    pub fn wanted(&self) -> DetailQuery {
        let state = self.selected;
        match self.content().map(|level| &level.kind) {
            Some(Kind::Sockets(sockets)) => DetailQuery::Sockets {
                state,
                sort: sockets.sort,
                columns: self.columns.clone(),
                group: sockets.group.clone(),
            },
            Some(Kind::Socket(id)) => DetailQuery::Socket(*id),
            None if self.below == Below::Trace => DetailQuery::Trace { state },
            Some(_) | None if self.shows_groups() => DetailQuery::Groups {
                state,
                keys: self.grouped_by().to_vec(),
                all: self.needs_all_groups(),
            },
            Some(_) | None => DetailQuery::Nothing,
        }
    }

    fn has_room_for_groups(&self) -> bool {
        let needed = self.shown().record.needed_rows(self.selected);
        let filter = usize::from(!self.setup.filter.is_empty());
        usize::from(self.height) >= needed + filter + AROUND_GROUPS
    }

    /// The sample shown, which can be written to a file.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        let last = self.shown().record.last.as_ref();
        last.map(|sample| &sample.snapshot)
    }

    fn shown(&self) -> &Data {
        self.frozen.as_ref().map_or(&self.data, |(data, _)| data)
    }

    /// Changes the data, and that of a paused view.
    fn change(&mut self, change: impl Fn(&mut Data)) {
        change(&mut self.data);
        if let Some((frozen, _)) = &mut self.frozen {
            change(frozen);
        }
    }

    fn grouped_by(&self) -> &[GroupKey] {
        self.setup
            .groupings
            .get(self.grouping)
            .map_or(&[], |keys| keys)
    }
}
