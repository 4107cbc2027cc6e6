//! The live view's state, and what each key and each sample does to it.
//!
//! Pure: it is told times, samples and keys, and says what is to be drawn ([`View::screen`]), what
//! is to be found out ([`View::wanted`]) and what is to be done ([`Request`]). It knows no
//! terminal, no clock and no source, and remembers a bounded number of samples.

mod editor;
mod frame;
mod history;
mod interval;
mod key;
mod news;
mod notices;
mod press;
mod record;
mod sorting;
#[cfg(test)]
mod tests;

pub use key::Key;
pub use news::{Detail, Found, Limit, Listing, NoSample, Request, Sample, Wanted};

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::filter::FilterError;
use crate::model::screen::Notice;
use crate::model::{GroupKey, Grouped, Snapshot, SortKey, State};
use editor::Editor;
use record::Record;

/// The height of a terminal that does not tell its own.
const USUAL_HEIGHT: u16 = 24;

/// What groups need besides the rows of states: two lines above these, their heading, the keys, and
/// some lines of their own. With less room they are not asked for.
const AROUND_GROUPS: usize = 7;

/// What the view begins with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The host's name.
    pub host: String,
    /// The time between two samples.
    pub interval: Duration,
    /// The filter typed; empty for none.
    pub filter: String,
    /// What sockets can be grouped by, the first first; at least one.
    pub groupings: Vec<Vec<GroupKey>>,
    /// When the view begins.
    pub start: Instant,
}

/// The live view.
#[derive(Clone, Debug)]
pub struct View {
    settings: Settings,
    data: Data,
    /// What is shown instead while the view stands still.
    frozen: Option<Box<Data>>,
    /// The row that keys concern; `None` for the sum of all.
    selected: Option<State>,
    /// Which of the groupings is shown.
    grouping: usize,
    /// The sockets of the selected state, where they are shown.
    sockets: Option<Sockets>,
    shows_chart: bool,
    shows_help: bool,
    editor: Option<Editor>,
    /// The number of the filter that is in force.
    filter: u64,
    /// What came of the last key, and when it was said.
    word: Option<(Instant, Notice)>,
    height: u16,
}

/// How the list of sockets is looked at.
#[derive(Clone, Copy, Debug)]
struct Sockets {
    sort: SortKey,
    selected: usize,
}

/// What was found out.
#[derive(Clone, Debug, Default)]
struct Data {
    record: Record,
    /// The sample that failed, where the last one did, and when the first of these was.
    failure: Option<(Instant, NoSample)>,
    groups: Answer<Grouped>,
    sockets: Answer<Listing>,
}

impl Data {
    fn take(&mut self, detail: Detail) {
        match detail.found {
            Ok(Found::Groups(groups)) => self.groups.take(groups, detail.at, detail.cpu),
            Ok(Found::Sockets(listing)) => self.sockets.take(listing, detail.at, detail.cpu),
            Err(reason) => match detail.wanted {
                Wanted::Nothing => {}
                Wanted::Groups { .. } => self.groups.failure = Some(reason),
                Wanted::Sockets { .. } => self.sockets.failure = Some(reason),
            },
        }
    }

    fn knows(&self, wanted: &Wanted) -> bool {
        match wanted {
            Wanted::Nothing => true,
            Wanted::Groups { .. } => self.groups.found.is_some(),
            Wanted::Sockets { .. } => self.sockets.found.is_some(),
        }
    }
}

/// The last answer to a wish, and why there is no newer one.
#[derive(Clone, Debug)]
struct Answer<T> {
    /// What was found, when, and the CPU time it took.
    found: Option<(Arc<T>, Instant, Duration)>,
    failure: Option<String>,
}

impl<T> Default for Answer<T> {
    fn default() -> Answer<T> {
        Answer {
            found: None,
            failure: None,
        }
    }
}

impl<T> Answer<T> {
    fn take(&mut self, found: Arc<T>, at: Instant, cpu: Duration) {
        self.found = Some((found, at, cpu));
        self.failure = None;
    }

    /// How old it is at `now`, and what it took.
    fn age(&self, now: Instant) -> Option<(Duration, Duration)> {
        let (_, at, cpu) = self.found.as_ref()?;
        Some((now.saturating_duration_since(*at), *cpu))
    }
}

impl View {
    /// A view of which nothing is known yet.
    pub fn new(settings: Settings) -> View {
        View {
            settings,
            data: Data::default(),
            frozen: None,
            selected: None,
            grouping: 0,
            sockets: None,
            shows_chart: false,
            shows_help: false,
            editor: None,
            filter: 0,
            word: None,
            height: USUAL_HEIGHT,
        }
    }

    /// The terminal has so many rows.
    pub fn resized(&mut self, height: u16) {
        self.height = height;
    }

    /// A sample was taken.
    pub fn sampled(&mut self, sample: Sample) {
        self.data.failure = None;
        self.data.record.push(sample);
        // Of another question, which may be about other states.
        if !self.data.record.places().any(|at| at == self.selected) {
            self.selected = None;
        }
    }

    /// A sample failed; what was known stays.
    pub fn failed(&mut self, failed: NoSample) {
        let since = self.data.failure.as_ref().map(|(since, _)| *since);
        self.data.failure = Some((since.unwrap_or(failed.at), failed));
    }

    /// Something besides the counts was found out.
    pub fn found(&mut self, detail: Detail) {
        if detail.filter != self.filter || detail.wanted != self.wanted() {
            return;
        }
        // What stands still takes the first answer to a wish made since.
        if let Some(frozen) = &mut self.frozen
            && !frozen.knows(&detail.wanted)
        {
            frozen.take(detail.clone());
        }
        self.data.take(detail);
    }

    /// Another filter is in force from now on. Everything known was about the one before; what is
    /// looked at stays. Returns its number: what is found out from now on carries it.
    pub fn filter_taken(&mut self, text: &str) -> u64 {
        text.clone_into(&mut self.settings.filter);
        self.data = Data::default();
        self.frozen = None;
        self.editor = None;
        if let Some(sockets) = &mut self.sockets {
            sockets.selected = 0;
        }
        self.filter += 1;
        self.filter
    }

    /// The filter typed was not taken: because of one word, or of `reason` as a whole.
    pub fn filter_refused(&mut self, error: Option<&FilterError>, reason: &str) {
        if let Some(editor) = &mut self.editor {
            editor.refuse(error, reason);
        }
    }

    /// Says something to the person, for a while.
    pub fn say(&mut self, now: Instant, notice: Notice) {
        self.word = Some((now, notice));
    }

    /// What is to be found out besides the counts: what can be seen.
    pub fn wanted(&self) -> Wanted {
        match self.sockets {
            Some(sockets) => Wanted::Sockets {
                state: self.selected,
                sort: sockets.sort,
            },
            None if self.shows_chart || !self.has_room_for_groups() => Wanted::Nothing,
            None => Wanted::Groups {
                state: self.selected,
                keys: self.grouped_by().to_vec(),
            },
        }
    }

    fn has_room_for_groups(&self) -> bool {
        let rows = self.shown().record.places().count();
        usize::from(self.height) >= rows + AROUND_GROUPS
    }

    /// The sample shown; the one a person would want written to a file.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        let last = self.shown().record.last.as_ref();
        last.map(|sample| &sample.snapshot)
    }

    fn shown(&self) -> &Data {
        self.frozen.as_deref().unwrap_or(&self.data)
    }

    fn grouped_by(&self) -> &[GroupKey] {
        self.settings
            .groupings
            .get(self.grouping)
            .map_or(&[], |keys| keys)
    }
}
