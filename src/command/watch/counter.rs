//! The thread that takes the samples of the counts.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::kernel_limits;
use super::{Event, Events};
use crate::command::lookup::HostLookup;
use crate::command::outcome::Failure;
use crate::command::repeat::Schedule;
use crate::command::sample::Sampler;
use crate::command::summary::Summary;
use crate::command::target::Target;
use crate::live::{FailedSample, StateSample};
use crate::model::KindSet;
use crate::model::screen::SampleCost;

/// What changes while the thread runs.
pub(super) enum Change {
    /// The time between two samples from now on.
    Interval(Duration),
    /// A new filter.
    Filter(String),
    /// Other kinds of sockets.
    Kinds(KindSet),
}

/// What the thread works with.
pub(super) struct Counter {
    target: Target,
    /// Its filter as typed.
    filter: String,
    sampler: Sampler,
    lookup: HostLookup,
    events: Events,
    changes: Receiver<Change>,
}

impl Counter {
    /// Ready to count the sockets of `request`.
    ///
    /// # Errors
    /// When the source cannot know them.
    pub(super) fn new(
        request: &Summary,
        events: Events,
        changes: Receiver<Change>,
    ) -> Result<Counter, Failure> {
        let target = request.target.clone();
        Ok(Counter {
            sampler: target.sampler(Vec::new())?,
            lookup: HostLookup::of(target.sources.place()),
            target,
            filter: request.filter.clone(),
            events,
            changes,
        })
    }

    /// Samples until the other end of one of its channels is gone.
    pub(super) fn run(mut self, mut interval: Duration) {
        let mut schedule = Schedule::new(Instant::now(), interval);
        let mut due = Instant::now();
        loop {
            let wait = due.saturating_duration_since(Instant::now());
            let event = match self.changes.recv_timeout(wait) {
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
                        Change::Filter(text) => Some(self.take(text, self.target.kinds())),
                        Change::Kinds(kinds) => Some(self.take(self.filter.clone(), kinds)),
                    };
                    // At once, and every interval from now on.
                    due = Instant::now();
                    schedule = Schedule::new(due, interval);
                    event
                }
            };
            if event.is_some_and(|event| !self.events.send(event)) {
                return;
            }
        }
    }

    fn sample(&mut self) -> Event {
        let at = Instant::now();
        self.try_sample().unwrap_or_else(|failure| {
            let reason = failure.to_string();
            Event::SampleFailed(FailedSample { at, reason }, failure)
        })
    }

    fn try_sample(&mut self) -> Result<Event, Failure> {
        let sample = self.sampler.count(false)?;
        let snapshot = self.sampler.snapshot(&sample);
        let (question, sources) = (self.sampler.question(), &self.target.sources);
        let limits = kernel_limits::reached(question, sources, &snapshot);
        let notes = sample.all_notes().cloned().collect();
        let report = sample.report;
        Ok(Event::Sample(Box::new(StateSample {
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
        })))
    }

    /// Counts what this filter selects of these kinds from now on.
    fn take(&mut self, text: String, kinds: KindSet) -> Event {
        let target = self.target.with_filter(&text, kinds, &mut self.lookup);
        match target.and_then(|target| Ok((target.sampler(Vec::new())?, target))) {
            Ok((sampler, target)) => {
                self.sampler = sampler;
                self.target = target.clone();
                self.filter.clone_from(&text);
                Event::FilterTaken(text, Box::new(target))
            }
            Err(Failure::Filter(error)) => {
                let reason = error.reason.clone();
                Event::FilterRefused(Some(error), reason)
            }
            Err(failure) => Event::FilterRefused(None, failure.to_string()),
        }
    }
}
