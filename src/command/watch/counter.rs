//! The thread that takes the samples of the counts.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::kernel_limits;
use super::player::told;
use super::{Event, Events};
use crate::command::lookup::HostLookup;
use crate::command::outcome::Failure;
use crate::command::repeat::Schedule;
use crate::command::sample::Sampler;
use crate::command::summary::Summary;
use crate::command::target::Target;
use crate::live::{FailedSample, Move, StateSample};
use crate::model::screen::SampleCost;
use crate::model::{KindSet, Note, Recorded};
use crate::question::Question;
use crate::record::At;

/// What changes while the thread runs.
pub(super) enum Change {
    /// The time between two samples from now on.
    Interval(Duration),
    /// A new filter.
    Filter(String),
    /// Other kinds of sockets.
    Kinds(KindSet),
    /// Another moment of the record.
    Move(Move),
    /// The moment of the record at this time.
    GoTo(At),
    /// Whether the record is played.
    Play(bool),
}

/// What the thread works with.
pub(super) struct Counter {
    target: Target,
    /// Its filter as typed.
    filter: String,
    sampler: Sampler,
    lookup: HostLookup,
}

impl Counter {
    /// Ready to count the sockets of `request`.
    ///
    /// # Errors
    /// When the source cannot know them.
    pub(super) fn new(request: &Summary) -> Result<Counter, Failure> {
        let target = request.target.clone();
        Ok(Counter {
            sampler: target.sampler(Vec::new())?,
            lookup: HostLookup::of(target.sources.place()),
            target,
            filter: request.filter.clone(),
        })
    }

    /// Samples until the other end of one of its channels is gone.
    pub(super) fn run(
        mut self,
        mut interval: Duration,
        events: &Events,
        changes: &Receiver<Change>,
    ) {
        let mut schedule = Schedule::new(Instant::now(), interval);
        let mut due = Instant::now();
        loop {
            let wait = due.saturating_duration_since(Instant::now());
            let event = match changes.recv_timeout(wait) {
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let event = self.sample();
                    let now = Instant::now();
                    due = now + schedule.wait(now);
                    Some(event)
                }
                Ok(change) => {
                    let event = match change {
                        Change::Interval(other) => {
                            interval = other;
                            None
                        }
                        Change::Filter(text) => Some(self.take_filter(text)),
                        Change::Kinds(kinds) => Some(self.take_kinds(kinds)),
                        // No record is shown.
                        Change::Move(_) | Change::GoTo(_) | Change::Play(_) => None,
                    };
                    // At once, and every interval from now on.
                    due = Instant::now();
                    schedule = Schedule::new(due, interval);
                    event
                }
            };
            if event.is_some_and(|event| !events.send(event)) {
                return;
            }
        }
    }

    /// What is counted.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// The question of every sample.
    pub(super) fn question(&self) -> &Question {
        self.sampler.question()
    }

    fn sample(&mut self) -> Event {
        let at = Instant::now();
        match self.try_sample() {
            Ok(sample) => Event::Sample(Box::new(sample)),
            Err(failure) => {
                let reason = failure.to_string();
                Event::SampleFailed(FailedSample { at, reason }, failure)
            }
        }
    }

    /// The sample of a moment of a record. Names in the filter are those of that moment.
    ///
    /// # Errors
    /// When it cannot answer.
    pub(super) fn sample_at(&mut self, record: Recorded) -> Result<StateSample, Failure> {
        let has_sockets = record.counted().is_none();
        self.target = self.target.at(record);
        if has_sockets {
            self.lookup = HostLookup::of(self.target.sources.place());
            let kinds = self.target.kinds();
            let target = self
                .target
                .with_filter(&self.filter, kinds, &mut self.lookup);
            self.target = target?;
        }
        self.sampler = self.target.sampler(Vec::new())?;
        let mut sample = self.try_sample()?;
        // The view itself says which moment it is.
        sample
            .notes
            .retain(|note| !matches!(note, Note::Recorded(_)));
        Ok(sample)
    }

    fn try_sample(&mut self) -> Result<StateSample, Failure> {
        let sample = self.sampler.count(false)?;
        let snapshot = self.sampler.snapshot(&sample);
        let (question, sources) = (self.sampler.question(), &self.target.sources);
        let limits = kernel_limits::reached(question, sources, &snapshot);
        let notes = sample.all_notes().cloned().collect();
        let report = sample.report;
        Ok(StateSample {
            at: sample.begin,
            snapshot,
            plan: report.plan.to_string(),
            cost: SampleCost {
                took: sample.took,
                listed: report.cost.listed,
                derived: report.cost.derived,
            },
            notes,
            limits,
        })
    }

    /// Counts what this filter selects from now on.
    pub(super) fn take_filter(&mut self, text: String) -> Event {
        self.take(text, self.target.kinds())
    }

    /// Counts sockets of these kinds from now on.
    pub(super) fn take_kinds(&mut self, kinds: KindSet) -> Event {
        self.take(self.filter.clone(), kinds)
    }

    fn take(&mut self, text: String, kinds: KindSet) -> Event {
        let target = self.target.with_filter(&text, kinds, &mut self.lookup);
        match target.and_then(|target| Ok((target.sampler(Vec::new())?, target))) {
            Ok((sampler, target)) => {
                self.sampler = sampler;
                self.target = target.clone();
                // Of a record with a filter, after that one.
                self.filter = target.typed_words().unwrap_or_default();
                Event::FilterTaken(self.filter.clone(), Box::new(target))
            }
            Err(Failure::Filter(error)) => {
                let reason = error.reason.clone();
                Event::FilterRefused(Some(error), reason)
            }
            Err(failure) => {
                let record = self.target.sources.record();
                let has_sockets = record.is_none_or(|record| record.counted().is_none());
                Event::FilterRefused(None, told(&failure, has_sockets))
            }
        }
    }
}
