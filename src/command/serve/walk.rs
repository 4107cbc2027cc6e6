//! The walk through the sockets of a page: as the summary counts them, or, for groups, ports and
//! findings, one that lists every socket and feeds all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::groups::{Chosen, Grouping};
use super::namespaces::{self, Divided};
use super::sampler::LISTENERS;
use super::sink::{PageSink, WithRules};
use crate::command::doctor::{Findings, Rounds, RulesSink};
use crate::command::names::HostNames;
use crate::command::outcome::Failure;
use crate::command::processes::OwnerSearch;
use crate::command::sample::{Sample, Sampler};
use crate::command::target::Target;
use crate::diagnose::{OutgoingPorts, PortsTaken, Unanswered};
use crate::model::{Counts, Field, KindSet, Listeners, Loss, Settings, Sink};
use crate::owner::Seek;
use crate::source::{Observer, Report};
use crate::tally::{AcceptQueues, BufferedSockets, FullestQueues, GroupTally};

/// Destinations have series if they take at least one in this many of all ports.
const PART: u64 = 10;

/// How many of them have series at most.
const MOST_DESTINATIONS: usize = 10;

/// What is requested in addition to what every page has.
#[derive(Debug)]
pub(super) struct Extras {
    pub(super) groupings: Vec<Grouping>,
    /// How many groups of each have series.
    pub(super) top: usize,
    pub(super) ports: bool,
    /// The kinds that were named, if any; they are in an answer of their own.
    pub(super) kinds: Option<KindSet>,
    /// The rules of `doctor`.
    pub(super) rules: Option<Rounds>,
}

/// Makes walks.
#[derive(Debug)]
pub(super) struct Walk {
    sockets: Sampler,
    extras: Extras,
    /// Lists where this host listens, where that decides groups or ports.
    listening: Option<Observer>,
    search: Option<OwnerSearch>,
    /// Whether they are of several network namespaces.
    are_several: bool,
}

/// What a walk found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) counts: Counts,
    pub(super) unanswered: Unanswered,
    pub(super) queues: Option<FullestQueues>,
    pub(super) has_all_sockets: bool,
    /// Whether every listener is known that decides groups or ports.
    pub(super) has_all_listeners: bool,
    /// Of the search for processes whether it has ended, by itself, and could read all that it needed; and how
    /// long it took. `None` if there is none.
    pub(super) search: Option<(bool, Duration)>,
    /// Of each `--by`; `None` until the search for processes has ended, if that decides its groups.
    pub(super) groups: Vec<Option<Chosen>>,
    pub(super) ports: Option<Ports>,
    /// `None` if there was no sample before, or too long ago.
    pub(super) findings: Option<Findings>,
    /// By network namespace, where there are several.
    pub(super) namespaces: Option<Divided>,
}

/// What a walk leaves for the search for processes.
#[derive(Debug)]
pub(super) struct Pending {
    sockets: BufferedSockets,
    /// Those that processes decide.
    groups: Vec<Placed>,
}

/// The groups of a `--by`, and its place among all of them.
type Placed = (usize, GroupTally);

/// The ports that destinations take.
#[derive(Debug)]
pub(super) struct Ports {
    /// The destinations that take most.
    pub(super) fullest: Vec<PortsTaken>,
    /// The most that one takes.
    pub(super) most: u64,
    /// How many others take enough to have series.
    pub(super) others: u64,
    pub(super) is_whole: bool,
}

impl Walk {
    /// Through the sockets of this target.
    ///
    /// # Errors
    /// When the source does not have the keys.
    pub(super) fn new(target: &Target, extras: Extras) -> Result<Walk, Failure> {
        let keys = extras.groupings.iter().flat_map(|one| &one.keys);
        let mut fields: Vec<Field> = Vec::new();
        for key in keys {
            if !fields.contains(&key.field) {
                fields.push(key.field);
            }
        }
        let needs_listeners = extras.ports || fields.iter().any(|field| field.needs_listeners());
        let by_owner = fields.iter().any(|field| field.needs_owners());
        let search = match (&extras.rules, by_owner) {
            // They search for processes themselves.
            (Some(_), false) => None,
            _ => target.owner_search(&fields, Seek::LowestPid)?,
        };
        if search.is_some() {
            // The buffer keeps what is asked for.
            fields.extend([Field::Timer, Field::Retransmits]);
        }
        Ok(Walk {
            listening: needs_listeners.then(|| target.listeners()).transpose()?,
            search,
            sockets: target.sampler(fields)?,
            are_several: target.sources.are_several(),
            extras,
        })
    }

    /// The extra parts of the page.
    pub(super) fn parts(&self) -> impl Iterator<Item = &'static str> {
        let parts = [
            ("groups", !self.extras.groupings.is_empty()),
            ("ports", self.extras.ports),
            ("findings", self.extras.rules.is_some()),
            ("processes", self.search.is_some()),
        ];
        let requested = parts.into_iter().filter(|(_, is_requested)| *is_requested);
        requested.map(|(part, _)| part)
    }

    /// Whether it compares with an earlier one.
    pub(super) fn compares(&self) -> bool {
        self.extras.rules.is_some()
    }

    /// Makes one; with accept queues, where they were not read. What processes decide is left for
    /// [`Walk::search`].
    ///
    /// # Errors
    /// When no source answered.
    pub(super) fn sample(
        &mut self,
        with_queues: bool,
        settings: &Settings,
        names: &mut HostNames,
    ) -> Result<(Sample<Found>, Option<Pending>), Failure> {
        let Walk {
            sockets,
            extras,
            listening,
            search,
            are_several,
        } = self;
        let mut pending = None;
        let sample = sockets.sample(|observer, _| {
            // Only where they listen is needed here.
            let mut listeners = Listeners::at_most(0);
            let listened = listening.as_mut().map(|one| one.list(&mut listeners));
            let listened = listened.transpose()?;
            let listeners = Arc::new(listeners);
            let ports = || OutgoingPorts::new(settings, &listeners).ok();
            let (owned, alone) = extras.tallies(&listeners);
            let (places, groups): (Vec<usize>, Vec<GroupTally>) = alone.into_iter().unzip();
            let mut sink = PageSink {
                queues: with_queues.then(AcceptQueues::default),
                groups,
                ports: extras.ports.then(ports).flatten(),
                namespaces: are_several.then(namespaces::tally),
                ..PageSink::default()
            };
            let mut buffered = search
                .as_ref()
                .map(|_| BufferedSockets::new(&observer.question().fields));
            let lists = extras.ports || !extras.groupings.is_empty();
            let mut walk = |rules: Option<&mut RulesSink<'_>>| match &mut buffered {
                Some(buffered) => walk_buffered(observer, buffered, &mut sink, rules),
                None => walk_alone(observer, &mut sink, rules, lists),
            };
            let ((mut report, has_all_sockets), findings) = match &mut extras.rules {
                Some(rules) => rules.apply(walk)?,
                None => (walk(None)?, Ok(None)),
            };
            let findings = findings.unwrap_or_else(|failure| {
                let reason = format!("findings: {failure}");
                report.completeness.lose(Loss::Aborted { reason });
                None
            });
            pending = buffered.map(|sockets| Pending {
                sockets,
                groups: owned,
            });
            let found = extras.found(sink, &places, names);
            let found = Found {
                has_all_sockets: has_all_sockets && found.has_all_sockets,
                has_all_listeners: listened.is_none_or(|report| report.completeness.is_complete()),
                search: pending.as_ref().map(|_| (false, Duration::ZERO)),
                findings,
                ..found
            };
            Ok((report, found))
        })?;
        Ok((sample, pending))
    }

    /// Searches for the processes that hold the sockets of a walk, for the groups that they decide.
    pub(super) fn search(
        &mut self,
        sample: &mut Sample<Found>,
        pending: Pending,
        names: &mut HostNames,
    ) {
        let Pending { sockets, groups } = pending;
        let Some(search) = &mut self.search else {
            return;
        };
        let (begin, before) = (Instant::now(), sample.report.completeness.clone());
        let owners = match search.find(sockets.sockets(), &mut sample.report) {
            Ok(owners) => owners,
            Err(failure) => {
                let reason = format!("processes: {failure}");
                sample.report.completeness.lose(Loss::Aborted { reason });
                return;
            }
        };
        for (place, mut tally) in groups {
            for socket in sockets.sockets() {
                tally.socket_of(&socket, owners.group_holders(&socket));
            }
            let chosen = &mut sample.found.groups;
            self.extras.choose(place, tally, chosen, names);
        }
        let has_lost = sample.report.completeness != before;
        // That a socket has no holder any more is no loss.
        let is_seen = owners.ownership.no_permission == 0 && owners.hiding.is_none();
        let is_whole = !has_lost && is_seen;
        sample.found.search = Some((is_whole, begin.elapsed()));
        sample.add_search(Some(&owners));
    }
}

impl Extras {
    /// The groups of each `--by`, with its place: those that processes decide, and the others.
    fn tallies(&self, listeners: &Arc<Listeners>) -> (Vec<Placed>, Vec<Placed>) {
        let all = self.groupings.iter().enumerate();
        let all = all.map(|(place, one)| (place, one.tally(listeners)));
        all.partition(|(place, _)| {
            let keys = self.groupings.get(*place).map(|one| &one.keys);
            keys.is_some_and(|keys| keys.iter().any(|key| key.field.needs_owners()))
        })
    }

    /// What a walk passed on, of which groups have the `--by` at these places.
    fn found(&self, sink: PageSink<'_>, places: &[usize], names: &mut HostNames) -> Found {
        let divided = sink.namespaces.map(|tally| {
            let (groups, beyond) = tally.into_groups();
            Divided::of(groups, beyond, self.top, names)
        });
        let mut groups: Vec<Option<Chosen>> = Vec::new();
        groups.resize_with(self.groupings.len(), || None);
        for (place, tally) in places.iter().zip(sink.groups) {
            self.choose(*place, tally, &mut groups, names);
        }
        Found {
            counts: sink.counts,
            unanswered: sink.unanswered,
            queues: sink.queues.map(|queues| queues.fullest(LISTENERS)),
            has_all_sockets: divided.as_ref().is_none_or(|one| one.is_whole),
            has_all_listeners: false,
            search: None,
            groups,
            ports: sink.ports.map(|ports| Ports::of(&ports)),
            findings: None,
            namespaces: divided,
        }
    }

    /// Puts the groups of the `--by` at this place that have series into `all`.
    fn choose(
        &self,
        place: usize,
        tally: GroupTally,
        all: &mut [Option<Chosen>],
        names: &mut HostNames,
    ) {
        if let (Some(one), Some(chosen)) = (self.groupings.get(place), all.get_mut(place)) {
            *chosen = Some(one.choose(tally, self.top, names));
        }
    }
}

/// Walks without buffering; also returns whether every socket was passed on.
fn walk_alone(
    observer: &mut Observer,
    sink: &mut PageSink<'_>,
    rules: Option<&mut RulesSink<'_>>,
    lists: bool,
) -> Result<(Report, bool), Failure> {
    let report = match rules {
        Some(rules) => observer.list(&mut WithRules(sink, rules))?,
        None if lists => observer.list(sink)?,
        None => observer.count(sink)?,
    };
    let is_complete = report.completeness.is_complete();
    Ok((report, is_complete))
}

/// The same, and keeps the sockets for a search for their processes.
fn walk_buffered(
    observer: &mut Observer,
    buffered: &mut BufferedSockets,
    sink: &mut PageSink<'_>,
    rules: Option<&mut RulesSink<'_>>,
) -> Result<(Report, bool), Failure> {
    let report = match rules {
        Some(rules) => observer.list(&mut WithRules(buffered, rules))?,
        None => observer.gather(buffered)?,
    };
    for socket in buffered.sockets() {
        // It takes every socket.
        let _ = sink.socket(&socket);
    }
    let is_complete = report.completeness.is_complete();
    Ok((report, is_complete))
}

impl Ports {
    fn of(ports: &OutgoingPorts<'_>) -> Ports {
        let mut fullest = ports.taken();
        let least = ports.limit().div_ceil(PART);
        let enough = fullest.iter().take_while(|one| one.taken >= least).count();
        let most = fullest.first().map_or(0, |one| one.taken);
        fullest.truncate(enough.min(MOST_DESTINATIONS));
        Ports {
            others: (enough - fullest.len()) as u64,
            fullest,
            most,
            is_whole: ports.is_whole(),
        }
    }
}

impl Found {
    /// Whether an extra part is complete.
    pub(super) fn has_all(&self, part: &str) -> bool {
        let has_all = self.has_all_sockets && self.has_all_listeners;
        match part {
            "groups" => {
                let mut groups = self.groups.iter();
                has_all && groups.all(|one| one.as_ref().is_some_and(|groups| groups.is_whole))
            }
            "ports" => has_all && self.ports.as_ref().is_some_and(|ports| ports.is_whole),
            "findings" => self.findings.as_ref().is_some_and(|found| found.are_whole),
            _ => self.search.is_some_and(|(is_whole, _)| is_whole),
        }
    }
}
