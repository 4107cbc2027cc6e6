//! The walk through the sockets of a page: as the summary counts them, or, for groups, ports and
//! findings, one that lists every socket and feeds all of them.

use std::sync::Arc;

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
use crate::model::{Counts, Field, KindSet, Listeners, Loss, Settings};
use crate::owner::Seek;
use crate::source::{Observer, Report};
use crate::tally::{AcceptQueues, BufferedSockets, FullestQueues};

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
    /// Whether the search for processes was ended by its limit; `None` if there was none.
    pub(super) has_all_processes: Option<bool>,
    pub(super) groups: Vec<Chosen>,
    pub(super) ports: Option<Ports>,
    /// `None` if there was no sample before, or too long ago.
    pub(super) findings: Option<Findings>,
    /// By network namespace, where there are several.
    pub(super) namespaces: Option<Divided>,
}

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

    /// Makes one; with accept queues, where they were not read.
    ///
    /// # Errors
    /// When no source answered.
    pub(super) fn sample(
        &mut self,
        with_queues: bool,
        settings: &Settings,
        names: &mut HostNames,
    ) -> Result<Sample<Found>, Failure> {
        let Walk {
            sockets,
            extras,
            listening,
            search,
            are_several,
        } = self;
        sockets.sample(|observer, _| {
            // Only where they listen is needed here.
            let mut listeners = Listeners::at_most(0);
            let listened = listening.as_mut().map(|one| one.list(&mut listeners));
            let listened = listened.transpose()?;
            let listeners = Arc::new(listeners);
            let ports = || OutgoingPorts::new(settings, &listeners).ok();
            let groupings = extras.groupings.iter();
            let mut sink = PageSink {
                queues: with_queues.then(AcceptQueues::default),
                groups: groupings.map(|one| one.tally(&listeners)).collect(),
                ports: extras.ports.then(ports).flatten(),
                namespaces: are_several.then(namespaces::tally),
                ..PageSink::default()
            };
            let lists = extras.ports || !extras.groupings.is_empty();
            let mut walk = |rules: Option<&mut RulesSink<'_>>| match search {
                Some(search) => walk_owned(observer, search, &mut sink, rules),
                None => walk_alone(observer, &mut sink, rules, lists),
            };
            let ((mut report, lost), findings) = match &mut extras.rules {
                Some(rules) => rules.apply(walk)?,
                None => (walk(None)?, Ok(None)),
            };
            let findings = findings.unwrap_or_else(|failure| {
                let reason = format!("findings: {failure}");
                report.completeness.lose(Loss::Aborted { reason });
                None
            });
            let divided = sink.namespaces.map(|tally| {
                let (groups, beyond) = tally.into_groups();
                Divided::of(groups, beyond, extras.top, names)
            });
            let groups = extras.groupings.iter().zip(sink.groups);
            let groups = groups.map(|(one, tally)| one.choose(tally, extras.top, names));
            let found = Found {
                counts: sink.counts,
                unanswered: sink.unanswered,
                queues: sink.queues.map(|queues| queues.fullest(LISTENERS)),
                has_all_sockets: lost.has_all_sockets
                    && divided.as_ref().is_none_or(|one| one.is_whole),
                has_all_listeners: listened.is_none_or(|report| report.completeness.is_complete()),
                has_all_processes: lost.has_all_processes,
                groups: groups.collect(),
                ports: sink.ports.map(|ports| Ports::of(&ports)),
                findings,
                namespaces: divided,
            };
            Ok((report, found))
        })
    }
}

/// Whether a walk passed everything on.
struct Passed {
    has_all_sockets: bool,
    has_all_processes: Option<bool>,
}

/// Walks without the owners of the sockets.
fn walk_alone(
    observer: &mut Observer,
    sink: &mut PageSink<'_>,
    rules: Option<&mut RulesSink<'_>>,
    lists: bool,
) -> Result<(Report, Passed), Failure> {
    let report = match rules {
        Some(rules) => observer.list(&mut WithRules(sink, rules))?,
        None if lists => observer.list(sink)?,
        None => observer.count(sink)?,
    };
    let passed = Passed {
        has_all_sockets: report.completeness.is_complete(),
        has_all_processes: None,
    };
    Ok((report, passed))
}

/// Walks with them.
fn walk_owned(
    observer: &mut Observer,
    search: &mut OwnerSearch,
    sink: &mut PageSink<'_>,
    rules: Option<&mut RulesSink<'_>>,
) -> Result<(Report, Passed), Failure> {
    let mut buffered = BufferedSockets::new(&observer.question().fields);
    let mut report = match rules {
        Some(rules) => observer.list(&mut WithRules(&mut buffered, rules))?,
        None => observer.gather(&mut buffered)?,
    };
    let before = report.completeness.clone();
    let owners = search.find(buffered.sockets(), &mut report)?;
    for socket in buffered.sockets() {
        sink.socket_of(&socket, owners.group_holders(&socket));
    }
    let passed = Passed {
        has_all_sockets: before.is_complete(),
        has_all_processes: Some(report.completeness == before),
    };
    Ok((report, passed))
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
            "groups" => has_all && self.groups.iter().all(|groups| groups.is_whole),
            "ports" => has_all && self.ports.as_ref().is_some_and(|ports| ports.is_whole),
            "findings" => self.findings.as_ref().is_some_and(|found| found.are_whole),
            _ => self.has_all_processes == Some(true),
        }
    }
}
