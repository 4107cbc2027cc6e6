//! The groups of samples, and the rules of `doctor` beside them: as often as their cost allows, one walk through
//! all TCP sockets for both, and a search for their processes.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::moment::Labels;
use super::namespaces::texts;
use crate::cli::Sourcing;
use crate::command::clock::cpu_time;
use crate::command::doctor::{Rounds, RulesSink};
use crate::command::groups::GroupSampler;
use crate::command::outcome::Failure;
use crate::command::sample::{Sample, Sampler};
use crate::command::target::Target;
use crate::model::{
    Completeness, CountedGroups, Counts, Field, GroupKey, KeyPart, KindSet, Label, Listeners,
    Netns, Other, Sink, Socket,
};
use crate::output::label_text;
use crate::record::line::{self, Group, Groups, Others, States};
use crate::source::{Observer, Report};
use crate::tally::{GroupTally, GroupedCounts};

/// How many groups by each field are recorded one by one.
const TOP: usize = 30;

/// More groups than these are counted together: what takes memory is bounded.
const MOST_GROUPS: usize = 14_336;

/// The part of a core that a walk through all TCP sockets takes, and the search for their processes; more only
/// where one of them would be made too rarely.
const SHARE: f64 = 0.0007;

/// The most samples, and the longest time, after which either is made again.
const SAMPLES: u32 = 30;
const LONGEST: Duration = Duration::from_secs(300);

/// How long processes are searched for at most.
const SEARCH: Duration = Duration::from_secs(5);

/// What is done with TCP sockets as often as it may.
pub(super) struct Tcp {
    walk: Walk,
    walk_due: Due,
    processes: GroupSampler,
    search_due: Due,
}

/// Walks through all TCP sockets, for groups and rules.
struct Walk {
    parts: Parts,
    listening: Observer,
}

/// Where it walks: rules compare with the counters and settings of one network namespace.
enum Parts {
    One(Box<Part>),
    /// Several, which are found anew for each walk: the sockets, and what is kept of the namespaces.
    Several(Box<Target>, BTreeMap<Netns, Part>),
}

/// The walk through one network namespace.
struct Part {
    /// Which of several it is.
    netns: Netns,
    sockets: Sampler,
    rules: Rounds,
}

/// The fields that a walk is made for.
const WALKED: [Field; 2] = [Field::Service, Field::RemoteAddr];

/// When something is done again.
struct Due {
    next: Instant,
    /// The longest time between two.
    most: Duration,
}

impl Due {
    /// Now, and then between samples at this interval.
    fn now(interval: Duration) -> Due {
        Due {
            next: Instant::now(),
            most: LONGEST.min(interval * SAMPLES),
        }
    }

    /// Does something, if it is due; the next time is far enough away for its CPU time to be its share.
    fn run<T>(&mut self, act: impl FnOnce() -> T) -> Option<T> {
        let (begin, cpu) = (Instant::now(), cpu_time());
        if begin < self.next {
            return None;
        }
        let done = act();
        let cpu = cpu_time().saturating_sub(cpu);
        self.next = begin + cpu.div_f64(SHARE).min(self.most);
        Some(done)
    }
}

impl Tcp {
    /// Of the TCP sockets of a target, at this interval.
    ///
    /// # Errors
    /// When the source does not have them.
    pub(super) fn new(
        all: &Target,
        target: &Target,
        interval: Duration,
        sourcing: &Sourcing,
    ) -> Result<Tcp, Failure> {
        let walk = Walk {
            parts: Parts::of(all, target, sourcing)?,
            listening: target.listeners()?,
        };
        let searched = target.clone().with_owner_timeout(SEARCH);
        let by_process = [key(Field::Process)];
        Ok(Tcp {
            walk,
            walk_due: Due::now(interval),
            processes: GroupSampler::new(&searched, &by_process, Some(MOST_GROUPS))?,
            search_due: Due::now(interval),
        })
    }

    /// The rules whose last findings are critical, each with the title of the first one.
    pub(super) fn critical(&self) -> Vec<(&'static str, String)> {
        match &self.walk.parts {
            Parts::One(part) => part.rules.critical(),
            Parts::Several(_, parts) => {
                let mut first: Vec<(&'static str, String)> = Vec::new();
                let critical = parts.values().flat_map(|part| part.rules.critical());
                for (id, title) in critical {
                    if !first.iter().any(|(known, _)| *known == id) {
                        first.push((id, title));
                    }
                }
                first
            }
        }
    }

    /// The groups that are counted now. Why some could not be is among the losses of the sample.
    pub(super) fn groups(
        &mut self,
        names: &mut Labels,
        losses: &mut Completeness,
    ) -> Vec<Groups<'static>> {
        let walked = self.walk_due.run(|| self.walk.groups(names));
        let searched = self.search_due.run(|| {
            let sample = self.processes.sample()?;
            let found = (sample.found.groups, sample.found.beyond);
            let completeness = &sample.report.completeness;
            let processes = groups_line(Field::Process, found, sample.time, completeness, names);
            Ok(vec![processes])
        });
        let mut all = Vec::new();
        for groups in [walked, searched].into_iter().flatten() {
            match groups {
                Ok(groups) => all.extend(groups),
                Err(failure) => losses.lose(lost(&failure)),
            }
        }
        all
    }
}

pub(super) fn lost(failure: &Failure) -> crate::model::Loss {
    crate::model::Loss::Aborted {
        reason: format!("groups: {failure}"),
    }
}

impl Parts {
    /// Those of the TCP sockets of a target; rules are about `all` sockets that are recorded.
    fn of(all: &Target, tcp: &Target, sourcing: &Sourcing) -> Result<Parts, Failure> {
        // Unless some sockets are selected, rules are about more kinds than those recorded.
        let examined = match all.typed_words() {
            None => Rounds::target(sourcing)?,
            Some(_) => all.clone(),
        };
        if examined.sources.are_several() {
            return Ok(Parts::Several(Box::new(examined), BTreeMap::new()));
        }
        Ok(Parts::One(Box::new(Part {
            netns: Netns::CALLER,
            sockets: tcp.sampler(WALKED.to_vec())?,
            rules: Rounds::about(examined),
        })))
    }

    /// Each, as it is there now.
    fn find(&mut self) -> Result<Vec<&mut Part>, Failure> {
        let (examined, parts) = match self {
            Parts::One(part) => return Ok(vec![part]),
            Parts::Several(examined, parts) => (examined, parts),
        };
        let (targets, _) = examined.each_namespace()?.unwrap_or_default();
        let mut before = std::mem::take(parts);
        for (one, target) in targets {
            let Some(tcp) = target.among(KindSet::TCP) else {
                continue;
            };
            let sockets = tcp.sampler(WALKED.to_vec())?;
            let known = before.remove(&one.netns);
            let mut rules = known.map_or_else(|| Rounds::about(target.clone()), |part| part.rules);
            rules.move_to(target, one.name);
            let netns = one.netns;
            parts.insert(
                netns,
                Part {
                    netns,
                    sockets,
                    rules,
                },
            );
        }
        Ok(parts.values_mut().collect())
    }
}

impl Walk {
    fn groups(&mut self, names: &mut Labels) -> Result<Vec<Groups<'static>>, Failure> {
        let time = SystemTime::now();
        let mut listeners = Listeners::default();
        let listened = self.listening.list(&mut listeners)?;
        let listeners = Arc::new(listeners);
        let tally = |field| {
            GroupTally::new(vec![key(field)], Arc::clone(&listeners)).with_most(MOST_GROUPS)
        };
        let mut tallies = WALKED.map(tally);
        let mut completeness = listened.completeness.clone();
        let (mut failure, mut is_walked) = (None, false);
        let parts = self.parts.find()?;
        for part in parts {
            match part.walk(&mut tallies) {
                Ok(report) => {
                    completeness.join(&report.completeness);
                    is_walked = true;
                }
                Err(error) => failure = Some(error),
            }
        }
        // Of several, those that cannot be read are reported with the numbers.
        if let (Some(failure), false) = (failure, is_walked) {
            return Err(failure);
        }
        let groups = WALKED.into_iter().zip(tallies.map(GroupTally::into_groups));
        let lines =
            groups.map(|(field, found)| groups_line(field, found, time, &completeness, names));
        Ok(lines.collect())
    }
}

impl Part {
    /// Passes its TCP sockets to the rules too.
    fn walk(&mut self, tallies: &mut [GroupTally; 2]) -> Result<Report, Failure> {
        let Part {
            netns,
            sockets,
            rules,
        } = self;
        let netns = *netns;
        let sample: Sample<()> = sockets.sample(|observer, _| {
            let ((mut report, ()), findings) = rules.apply(|rules| {
                let mut walked = Walked {
                    netns,
                    tallies,
                    rules,
                };
                Ok((observer.list(&mut walked)?, ()))
            })?;
            if let Err(failure) = findings {
                report.completeness.lose(lost(&failure));
            }
            Ok((report, ()))
        })?;
        Ok(sample.report)
    }
}

/// What the sockets of a walk are passed to.
struct Walked<'a, 'r> {
    /// Where they are: rules know nothing of other network namespaces.
    netns: Netns,
    tallies: &'a mut [GroupTally; 2],
    rules: Option<&'a mut RulesSink<'r>>,
}

impl Sink for Walked<'_, '_> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let there = (self.netns != Netns::CALLER).then(|| Socket {
            netns: self.netns,
            ..socket.clone()
        });
        let counted = there.as_ref().unwrap_or(socket);
        // None of these ends a dump.
        for tally in &mut *self.tallies {
            let _ = tally.socket(counted);
        }
        let _ = self.rules.as_mut().map(|rules| rules.socket(socket));
        ControlFlow::Continue(())
    }
}

pub(super) fn key(field: Field) -> GroupKey {
    GroupKey {
        field,
        prefix: None,
    }
}

/// The line of groups by a field: the largest ones, and the others together.
fn groups_line(
    by: Field,
    (groups, beyond): (GroupedCounts, Option<Other>),
    time: SystemTime,
    completeness: &Completeness,
    names: &mut Labels,
) -> Groups<'static> {
    debug_assert!(CountedGroups::FIELDS.contains(&by));
    type Keyed = (Box<[KeyPart]>, Counts);
    let order = |(a_key, a): &Keyed, (b_key, b): &Keyed| {
        let by_key = || a_key.cmp(b_key);
        b.total().cmp(&a.total()).then_with(by_key)
    };
    let mut groups: Vec<Keyed> = groups.into_iter().collect();
    groups.sort_unstable_by(order);
    let rest = groups.split_off(groups.len().min(TOP));
    let mut other = beyond.unwrap_or_default();
    other.groups += rest.len() as u64;
    rest.iter()
        .for_each(|(_, counts)| other.counts.add_all(counts));
    for (key, _) in &mut groups {
        *key = names.group_key(key);
    }
    groups.sort_unstable_by(order);
    let groups = groups.into_iter().map(|(key, counts)| {
        let label = names.group_label(by, &key);
        let label = Some(label).filter(|label| *label != Label::None);
        Group {
            key: label.map(|label| label_text(&label, "").into()),
            total: counts.total(),
            states: States(counts),
        }
    });
    Groups {
        time: line::stamp(time).into(),
        by: by.name().into(),
        groups: groups.collect(),
        other: (other.counts.total() > 0).then(|| Others {
            groups: other.groups,
            total: other.counts.total(),
            states: States(other.counts),
        }),
        warnings: texts(completeness),
    }
}
