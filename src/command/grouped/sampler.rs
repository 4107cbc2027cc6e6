//! One observation of sockets by group: who is asked, and what came of it.

use std::time::{Duration, Instant, SystemTime};

use crate::cli::{Owning, Selection, Sourcing};
use crate::command::asking::{listeners_observer, question, sources};
use crate::command::failure::Failure;
use crate::command::holders;
use crate::command::notes::{Notes, SearchReport};
use crate::command::owning::Searcher;
use crate::model::{Counts, Field, Key, Listeners, Other, Ownership, StateSet};
use crate::owner::{Owners, Seek};
use crate::question::Question;
use crate::source::{Observer, Report};
use crate::tally::{BufferedSockets, GroupTally, GroupedCounts};

/// Counts sockets by group, as often as it is asked to.
pub(in crate::command) struct Sampler {
    observer: Observer,
    /// Who tells where this host listens, where direction or service need it.
    listeners: Option<Observer>,
    searcher: Option<Searcher>,
    sourcing: Sourcing,
    keys: Vec<Key>,
    /// The limit of groups, where it is not the usual one.
    most: Option<usize>,
}

/// What one observation came to.
pub(in crate::command) struct Sample {
    /// When the kernel began to be asked.
    pub(in crate::command) time: SystemTime,
    /// How long all of it took.
    pub(in crate::command) took: Duration,
    /// Who answered, how completely, and at what cost.
    pub(in crate::command) report: Report,
    /// What is told of the search for holders, where one was made.
    pub(in crate::command) search: Option<SearchReport>,
    /// How many sockets have a known holder, where they are grouped by it.
    pub(in crate::command) ownership: Option<Ownership>,
    /// The sockets of each group.
    pub(in crate::command) groups: GroupedCounts,
    /// The sockets of groups beyond the limit, if there were any.
    pub(in crate::command) beyond: Option<Other>,
    /// The sockets of all groups.
    pub(in crate::command) counts: Counts,
}

impl Sampler {
    /// A sampler of the sockets selected, by these keys.
    pub(in crate::command) fn new(
        selection: &Selection,
        sourcing: &Sourcing,
        owning: &Owning,
        keys: &[Key],
    ) -> Result<Sampler, Failure> {
        let question = question(selection, Vec::new())?;
        Sampler::over(question, selection, sourcing, owning, keys)
    }

    /// The same over a question that was made of the selection.
    pub(in crate::command) fn over(
        question: Question,
        selection: &Selection,
        sourcing: &Sourcing,
        owning: &Owning,
        keys: &[Key],
    ) -> Result<Sampler, Failure> {
        let fields: Vec<Field> = keys.iter().map(|key| key.field).collect();
        let needs_listeners = fields
            .iter()
            .any(|field| matches!(field, Field::Direction | Field::Service));
        let listeners = needs_listeners.then(|| listeners_observer(selection, sourcing));
        let searcher = Searcher::new(owning, selection, sourcing, &fields, Seek::LowestPid)?;
        let question = Question { fields, ..question };
        Ok(Sampler {
            observer: Observer::new(question, sources(sourcing)?)?,
            listeners: listeners.transpose()?,
            searcher,
            sourcing: sourcing.clone(),
            keys: keys.to_vec(),
            most: None,
        })
    }

    /// Tells no more than so many groups apart, and counts them in one place: for whom memory is
    /// dearer than time.
    pub(in crate::command) fn tell_apart(&mut self, most: usize) {
        self.most = Some(most);
    }

    /// The fields grouped by, in the order of the keys.
    pub(in crate::command) fn fields(&self) -> Vec<Field> {
        self.keys.iter().map(|key| key.field).collect()
    }

    /// The states asked for.
    pub(in crate::command) fn asked(&self) -> StateSet {
        self.observer.question().states
    }

    /// Takes a sample; `notes` hears only of the processes that a filter names.
    ///
    /// # Errors
    /// When no source answered.
    pub(in crate::command) fn sample(
        &mut self,
        notes: &mut Notes<impl std::io::Write>,
    ) -> Result<Sample, Failure> {
        holders::refresh(&mut self.observer, &self.sourcing, notes)?;
        let time = SystemTime::now();
        let begin = Instant::now();
        let mut listeners = Listeners::default();
        let listening = match &mut self.listeners {
            Some(observer) => Some(observer.list(&mut listeners)?),
            None => None,
        };
        let mut tally = GroupTally::new(self.keys.clone(), listeners);
        if let Some(most) = self.most {
            tally = tally.with_most(most);
        }
        let (mut report, owners) = self.count(&mut tally)?;
        // A missing listener makes a direction wrong.
        listening.iter().for_each(|other| report.add(other));
        let counts = tally.all().clone();
        let (groups, beyond) = tally.into_groups();
        Ok(Sample {
            time,
            took: begin.elapsed(),
            report,
            search: owners.as_ref().map(SearchReport::of),
            ownership: owners.map(|owners| owners.ownership),
            groups,
            beyond,
            counts,
        })
    }

    /// Counts the sockets as they come; or, where groups are about their holders, when those are
    /// known.
    fn count(&mut self, tally: &mut GroupTally) -> Result<(Report, Option<Owners>), Failure> {
        let Some(searcher) = &mut self.searcher else {
            // Both halves of a large table at once would have a table of groups each.
            let report = match self.most {
                Some(_) => self.observer.list(tally)?,
                None => self.observer.gather(tally)?,
            };
            return Ok((report, None));
        };
        let mut buffered = BufferedSockets::new(&self.observer.question().fields);
        let mut report = self.observer.gather(&mut buffered)?;
        let owners = searcher.find(buffered.sockets(), &mut report)?;
        for socket in buffered.sockets() {
            let flow = tally.socket_of(&socket, owners.held(&socket).first());
            if flow.is_break() {
                break;
            }
        }
        Ok((report, Some(owners)))
    }
}
