//! Takes the sample of a page: accept queues, kernel counters and limits, then TCP sockets, then others.
//!
//! Each part can fail alone. Over netlink, a dump of the listeners costs next to nothing, because the
//! kernel keeps them in a table of their own; from the tables of /proc, accept queues come with the
//! sockets, in one pass.

use std::time::{Duration, Instant, SystemTime};

use super::kinds::{KindFound, OtherKinds};
use super::namespaces::{Belongs, Shown};
use super::walk::{Extras, Found, Walk};
use crate::command::log::Log;
use crate::command::names::HostNames;
use crate::command::outcome::{Failure, Status};
use crate::command::sample::{Sample, Sampler};
use crate::command::target::Target;
use crate::model::{
    Counter, Counters, Field, Kind, KindSet, Loss, Settings, SourceName, State, StateSet,
};
use crate::source::{Readings, SourceError};
use crate::tally::{AcceptQueues, FullestQueues};

/// The fields of listeners; /proc has only the first.
const OF_LISTENERS: [Field; 3] = [Field::AcceptQueue, Field::AcceptLimit, Field::Drops];

/// How many listeners have series of their own.
pub(super) const LISTENERS: usize = 100;

/// Takes samples for pages.
pub(super) struct PageSampler {
    /// The dump of the listeners; `None` where only tables are read.
    listeners: Option<Sampler>,
    walk: Walk,
    kinds: Option<OtherKinds>,
    named_kinds: Option<KindSet>,
    readings: Readings,
    names: HostNames,
    are_several: bool,
}

/// The kernel's counters and limits.
#[derive(Debug)]
pub(super) struct Kernel {
    pub(super) counters: Counters,
    pub(super) settings: Settings,
    /// The size of a memory page, in bytes; `None` where the pages are another host's.
    pub(super) page_size: Option<u64>,
    /// Whether only those of the whole host are on the page, because it is about several network
    /// namespaces.
    pub(super) is_of_host: bool,
    pub(super) took: Duration,
}

impl Kernel {
    fn read(readings: &Readings, is_of_host: bool) -> Kernel {
        let begin = Instant::now();
        Kernel {
            counters: readings.counters(),
            settings: readings.settings(),
            page_size: readings.page_size(),
            is_of_host,
            took: begin.elapsed(),
        }
    }

    /// Whether every file of counters was read. Counters that this kernel does not have are no loss.
    pub(super) fn is_complete(&self) -> bool {
        let is_read = |file: &str| {
            let mut all = Counter::ALL.iter();
            all.any(|counter| counter.file() == file && self.counters.get(*counter).is_ok())
        };
        let files: &[&str] = match self.is_of_host {
            true => &["sockstat"],
            false => &["snmp", "netstat", "sockstat"],
        };
        files.iter().copied().all(is_read)
    }
}

/// What was found for a page.
#[derive(Debug)]
pub(super) struct Sampled {
    pub(super) time: SystemTime,
    /// The parts that not every page has.
    pub(super) extra_parts: Vec<&'static str>,
    /// `None` if they come with the sockets.
    pub(super) listeners: Option<Result<Sample<Queues>, Failure>>,
    /// `None` until they are read, as the sockets.
    pub(super) kernel: Option<Kernel>,
    pub(super) sockets: Option<Result<Sample<Found>, Failure>>,
    /// The kinds that were named; `None` if none was.
    pub(super) named_kinds: Option<KindSet>,
    pub(super) kinds: Option<Result<Sample<Vec<KindFound>>, Failure>>,
    /// What the network namespaces on the page belong to, if there are several.
    pub(super) belongs: Vec<Belongs>,
}

/// The accept queues that have series.
#[derive(Clone, Debug, Default)]
pub(super) struct Queues {
    pub(super) queues: FullestQueues,
    /// The network namespaces of those that have series, if there are several.
    pub(super) shown: Vec<Shown>,
}

impl PageSampler {
    /// For the sockets of this target.
    ///
    /// # Errors
    /// When the source does not have them.
    pub(super) fn new(
        target: &Target,
        others: Option<&Target>,
        extras: Extras,
    ) -> Result<PageSampler, Failure> {
        let listening = target.within(StateSet::NONE.with(State::Listen));
        let are_several = target.sources.are_several();
        // Some of several network namespaces may be readable by tables only.
        let fields = match are_several {
            true => OF_LISTENERS.iter().take(1).copied().collect(),
            false => OF_LISTENERS.to_vec(),
        };
        Ok(PageSampler {
            listeners: match listening.sampler(fields) {
                Ok(sampler) => Some(sampler),
                Err(Failure::CannotKnow(_)) => None,
                Err(failure) => return Err(failure),
            },
            kinds: others
                .map(|others| OtherKinds::new(others, extras.top))
                .transpose()?,
            named_kinds: extras.kinds,
            walk: Walk::new(target, extras)?,
            readings: Readings::of(&target.sources),
            names: HostNames::of(target.sources.place()),
            are_several,
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
        sampled.named_kinds = self.named_kinds;
        progress(&sampled);
        let names = &mut self.names;
        names.refresh();
        sampled.listeners = self.listeners.as_mut().and_then(|listeners| {
            sample_listeners(listeners, self.are_several.then_some(&mut *names))
        });
        let kernel = Kernel::read(&self.readings, self.are_several);
        let settings = kernel.settings.clone();
        sampled.kernel = Some(kernel);
        progress(&sampled);
        let with_queues = sampled.listeners.is_none();
        let walked = self.walk.sample(with_queues, &settings, names);
        let (walked, pending) = walked.map_or_else(
            |failure| (Err(failure), None),
            |(sample, pending)| (Ok(sample), pending),
        );
        sampled.sockets = Some(walked);
        if let Some(pending) = pending {
            sampled.set_belongs(names);
            // A search takes long where many files are open: what does not need it does not wait.
            progress(&sampled);
            if let Some(Ok(sample)) = &mut sampled.sockets {
                self.walk.search(sample, pending, names);
            }
        }
        if let Some(kinds) = &mut self.kinds {
            sampled.set_belongs(names);
            progress(&sampled);
            sampled.kinds = Some(kinds.sample(names));
        }
        sampled.set_belongs(names);
        sampled
    }
}

/// The accept queues over netlink, with the `names` of several network namespaces; `None` if only the
/// tables may answer.
fn sample_listeners(
    sampler: &mut Sampler,
    names: Option<&mut HostNames>,
) -> Option<Result<Sample<Queues>, Failure>> {
    let sample = sampler.sample(|observer, _| {
        let mut queues = AcceptQueues::default();
        let report = observer.list(&mut queues)?;
        let queues = queues.fullest(LISTENERS);
        let shown = names.map(|names| {
            let each = queues
                .queues
                .iter()
                .map(|queue| Shown::of(queue.netns, names));
            each.collect()
        });
        let shown = shown.unwrap_or_default();
        Ok((report, Queues { queues, shown }))
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
            named_kinds: None,
            kinds: None,
            belongs: Vec::new(),
        }
    }

    /// Finds what the network namespaces with series belong to.
    fn set_belongs(&mut self, names: &mut HostNames) {
        let sockets = self.found();
        let divided = sockets.and_then(|sample| sample.found.namespaces.as_ref());
        let Some(divided) = divided else {
            return;
        };
        let kinds = self.kinds.iter().flatten().flat_map(|sample| &sample.found);
        let of_kinds = kinds.filter_map(|kind| kind.namespaces.as_ref());
        let shown = std::iter::once(divided)
            .chain(of_kinds)
            .flat_map(|divided| &divided.shown);
        let of_queues = self.listeners.iter().flatten();
        let of_queues = of_queues.flat_map(|sample| &sample.found.shown);
        let read = sockets.and_then(|sample| sample.report.completeness.namespaces());
        let all = shown.map(|(one, _)| one).chain(of_queues);
        self.belongs = Belongs::of(all, read, names);
    }

    /// The sockets, if they were counted.
    pub(super) fn found(&self) -> Option<&Sample<Found>> {
        self.sockets.as_ref()?.as_ref().ok()
    }

    /// The accept queues, whether those are all, and how long it took to read them; `None` if they are
    /// unknown.
    pub(super) fn queues(&self) -> Option<(&FullestQueues, bool, Duration)> {
        match &self.listeners {
            Some(listeners) => {
                let sample = listeners.as_ref().ok()?;
                let is_complete = sample.report.completeness.is_complete();
                let queues = &sample.found.queues;
                Some((queues, is_complete && queues.were_all_compared, sample.took))
            }
            None => {
                let sample = self.found()?;
                let queues = sample.found.queues.as_ref()?;
                let is_complete = sample.report.completeness.is_complete();
                // Other sources count listeners without passing them on.
                let is_passed = sample.report.source == SourceName::Proc;
                is_passed.then_some((queues, is_complete && queues.were_all_compared, sample.took))
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
        let search = sockets.and_then(|one| Some(one.found.search?.1));
        let extra = self.extra_parts.iter();
        parts.extend(extra.map(|part| {
            let took = search.filter(|_| *part == "processes");
            (*part, has(&|found| found.has_all(part)), took)
        }));
        match &self.kinds {
            Some(Ok(sample)) => {
                let kinds = sample.found.iter();
                parts.extend(kinds.map(|one| (one.kind.name(), one.is_complete, None)));
            }
            Some(Err(_)) | None => {
                let named = self.named_kinds.unwrap_or_default();
                let kinds = named.without(Kind::Tcp).iter();
                parts.extend(kinds.map(|kind| (kind.name(), false, None)));
            }
        }
        parts
    }

    /// The exit status of a page made of this.
    pub(super) fn status(&self) -> Status {
        match self.parts().iter().all(|(_, is_complete, _)| *is_complete) {
            true => Status::Answered,
            false => Status::Incomplete,
        }
    }

    /// Logs what is new about the sample; returns why there are no sockets, or none of other kinds, if
    /// there are none.
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
        let kinds = match self.kinds {
            Some(Ok(kinds)) => {
                sample.report.add(&kinds.report);
                sample.notes.extend(kinds.report.notes);
                None
            }
            Some(Err(failure)) => Some(failure),
            None => None,
        };
        log.sample(&sample);
        kinds
    }
}
