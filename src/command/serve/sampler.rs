//! Takes the sample of a page: accept queues, kernel counters and limits, then sockets.
//!
//! Each part can fail alone. Over netlink, a dump of the listeners costs next to nothing, because the
//! kernel keeps them in a table of their own; from the tables of /proc, accept queues come with the
//! sockets, in one pass.

use std::time::{Duration, Instant, SystemTime};

use super::walk::{Extras, Found, Walk};
use crate::command::log::Log;
use crate::command::outcome::{Failure, Status};
use crate::command::sample::{Sample, Sampler};
use crate::command::target::Target;
use crate::model::{Counter, Counters, Field, Loss, Settings, SourceName, State, StateSet};
use crate::source::{Readings, SourceError};
use crate::tally::AcceptQueues;

/// The fields of listeners; /proc has only the first.
const OF_LISTENERS: [Field; 3] = [Field::AcceptQueue, Field::AcceptLimit, Field::Drops];

/// Takes samples for pages.
#[derive(Debug)]
pub(super) struct PageSampler {
    /// The dump of the listeners; `None` where only tables are read.
    listeners: Option<Sampler>,
    walk: Walk,
    readings: Readings,
}

/// The kernel's counters and limits.
#[derive(Debug)]
pub(super) struct Kernel {
    pub(super) counters: Counters,
    pub(super) settings: Settings,
    /// The size of a memory page, in bytes; `None` where the pages are another host's.
    pub(super) page_size: Option<u64>,
    pub(super) took: Duration,
}

impl Kernel {
    fn read(readings: &Readings) -> Kernel {
        let begin = Instant::now();
        Kernel {
            counters: readings.counters(),
            settings: readings.settings(),
            page_size: readings.page_size(),
            took: begin.elapsed(),
        }
    }

    /// Whether every file of counters was read. Counters that this kernel does not have are no loss.
    pub(super) fn is_complete(&self) -> bool {
        let is_read = |file: &str| {
            let mut all = Counter::ALL.iter();
            all.any(|counter| counter.file() == file && self.counters.get(*counter).is_ok())
        };
        ["snmp", "netstat", "sockstat"].into_iter().all(is_read)
    }
}

/// What was found for a page.
#[derive(Debug)]
pub(super) struct Sampled {
    pub(super) time: SystemTime,
    /// The parts that not every page has.
    pub(super) extra_parts: Vec<&'static str>,
    /// `None` if they come with the sockets.
    pub(super) listeners: Option<Result<Sample<AcceptQueues>, Failure>>,
    /// `None` until they are read, as the sockets.
    pub(super) kernel: Option<Kernel>,
    pub(super) sockets: Option<Result<Sample<Found>, Failure>>,
}

impl PageSampler {
    /// For the sockets of this target.
    ///
    /// # Errors
    /// When the source does not have them.
    pub(super) fn new(target: &Target, extras: Extras) -> Result<PageSampler, Failure> {
        let listening = target.within(StateSet::NONE.with(State::Listen));
        Ok(PageSampler {
            listeners: match listening.sampler(OF_LISTENERS.to_vec()) {
                Ok(sampler) => Some(sampler),
                Err(Failure::CannotKnow(_)) => None,
                Err(failure) => return Err(failure),
            },
            walk: Walk::new(target, extras)?,
            readings: Readings::of(&target.sources),
        })
    }

    /// Whether it compares a sample with an earlier one.
    pub(super) fn compares(&self) -> bool {
        self.walk.compares()
    }

    /// Takes a sample; `progress` gets what is there of it after each part but the last.
    pub(super) fn sample(&mut self, mut progress: impl FnMut(&Sampled)) -> Sampled {
        let mut sampled = Sampled::begin(SystemTime::now());
        sampled.extra_parts = self.walk.parts().collect();
        progress(&sampled);
        sampled.listeners = self.listeners.as_mut().and_then(sample_listeners);
        let kernel = Kernel::read(&self.readings);
        let settings = kernel.settings.clone();
        sampled.kernel = Some(kernel);
        progress(&sampled);
        let sockets = self.walk.sample(sampled.listeners.is_none(), &settings);
        sampled.sockets = Some(sockets);
        sampled
    }
}

/// The accept queues over netlink; `None` if only the tables may answer.
fn sample_listeners(sampler: &mut Sampler) -> Option<Result<Sample<AcceptQueues>, Failure>> {
    let sample = sampler.sample(|observer, _| {
        let mut queues = AcceptQueues::default();
        Ok((observer.list(&mut queues)?, queues))
    });
    match sample {
        Err(Failure::Observe(SourceError::OnlyNetlinkKnows { .. })) => None,
        sample => Some(sample),
    }
}

impl Sampled {
    /// A sample without any part yet.
    pub(super) fn begin(time: SystemTime) -> Sampled {
        Sampled {
            time,
            extra_parts: Vec::new(),
            listeners: None,
            kernel: None,
            sockets: None,
        }
    }

    /// The sockets, if they were counted.
    pub(super) fn found(&self) -> Option<&Sample<Found>> {
        self.sockets.as_ref()?.as_ref().ok()
    }

    /// The accept queues, whether those are all, and how long it took to read them; `None` if they are
    /// unknown.
    pub(super) fn queues(&self) -> Option<(&AcceptQueues, bool, Duration)> {
        match &self.listeners {
            Some(listeners) => {
                let sample = listeners.as_ref().ok()?;
                let is_complete = sample.report.completeness.is_complete();
                Some((
                    &sample.found,
                    is_complete && sample.found.are_all(),
                    sample.took,
                ))
            }
            None => {
                let sample = self.found()?;
                let queues = sample.found.queues.as_ref()?;
                let is_complete = sample.report.completeness.is_complete();
                // Other sources count listeners without passing them on.
                let is_passed = sample.report.source == SourceName::Proc;
                is_passed.then_some((queues, is_complete && queues.are_all(), sample.took))
            }
        }
    }

    /// Each part of the page: whether it is complete, and how long it took, where it has a time of its own.
    pub(super) fn parts(&self) -> Vec<(&'static str, bool, Option<Duration>)> {
        let (queues, sockets) = (self.queues(), self.found());
        let has_queues = queues.is_some_and(|(_, is_complete, _)| is_complete);
        let kernel = self.kernel.as_ref();
        let has = |test: &dyn Fn(&Found) -> bool| sockets.is_some_and(|one| test(&one.found));
        let mut parts = vec![
            ("listeners", has_queues, queues.map(|(.., took)| took)),
            (
                "kernel",
                kernel.is_some_and(Kernel::is_complete),
                kernel.map(|one| one.took),
            ),
            (
                "sockets",
                has(&|found| found.has_all_sockets),
                sockets.map(|one| one.took),
            ),
        ];
        let extra = self.extra_parts.iter();
        parts.extend(extra.map(|part| (*part, has(&|found| found.has_all(part)), None)));
        parts
    }

    /// The exit status of a page made of this.
    pub(super) fn status(&self) -> Status {
        match self.parts().iter().all(|(_, is_complete, _)| *is_complete) {
            true => Status::Answered,
            false => Status::Incomplete,
        }
    }

    /// Logs what is new about the sample; returns why there are no sockets, if there are none.
    pub(super) fn log(self, log: &mut Log) -> Option<Failure> {
        let mut sample = match self.sockets? {
            Ok(sample) => sample,
            Err(failure) => return Some(failure),
        };
        match self.listeners {
            Some(Ok(listeners)) => sample.report.add(&listeners.report),
            Some(Err(failure)) => sample.report.completeness.lose(Loss::Aborted {
                reason: format!("listeners: {failure}"),
            }),
            None => {}
        }
        log.sample(&sample);
        None
    }
}
