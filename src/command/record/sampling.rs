//! Takes the samples of a record that goes on: numbers of sockets each time, groups and findings as often as
//! their cost allows.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::moment::Labels;
use crate::cli::Sourcing;
use crate::command::clock::cpu_time;
use crate::command::doctor::{Rounds, RulesSink};
use crate::command::groups::GroupSampler;
use crate::command::outcome::Failure;
use crate::command::sample::{Sample, Sampler};
use crate::command::target::Target;
use crate::model::{
    Completeness, CountedGroups, Counts, Field, GroupKey, KeyPart, Kind, KindRead, KindSet, Label,
    Listeners, Other, Sink, Socket,
};
use crate::output::label_text;
use crate::record::Sampled;
use crate::record::line::{self, Group, Groups, KindCounts, Others, States};
use crate::source::{Observer, Readings};
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

/// Takes samples.
pub(super) struct Sampling {
    readings: Readings,
    /// Counts TCP sockets, by the kernel's counters where that is cheaper.
    tcp: Option<(Sampler, Tcp)>,
    /// Counts the sockets of the other kinds.
    others: Option<GroupSampler>,
}

/// What is done with TCP sockets as often as it may.
struct Tcp {
    walk: Walk,
    walk_due: Due,
    processes: GroupSampler,
    search_due: Due,
}

/// Walks through all TCP sockets, for groups and rules.
struct Walk {
    sockets: Sampler,
    listening: Observer,
    rules: Rounds,
}

/// When something is done again.
struct Due {
    next: Instant,
    /// The longest time between two.
    most: Duration,
}

/// A sample, and what rules found critical.
pub(super) struct Taken {
    pub(super) sampled: Sampled,
    pub(super) is_complete: bool,
    /// The count of the TCP sockets, whose notes are printed when it is recorded.
    pub(super) counted: Option<Sample<Counts>>,
    /// The rules, each with the title of its first critical finding.
    pub(super) critical: Vec<(&'static str, String)>,
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

impl Sampling {
    /// Of these sockets, at this interval.
    ///
    /// # Errors
    /// When the source does not have them.
    pub(super) fn new(
        target: &Target,
        interval: Duration,
        sourcing: &Sourcing,
    ) -> Result<Sampling, Failure> {
        // Unless some sockets are selected, rules are about more kinds than those recorded.
        let rules = match target.typed_words() {
            None => Rounds::new(sourcing)?,
            Some(_) => Rounds::about(target.clone()),
        };
        let tcp = target.among(KindSet::TCP);
        let others = target.among(KindSet::ALL.difference(KindSet::TCP));
        let by_kind = |others: Target| GroupSampler::new(&others, &[key(Field::Kind)], None);
        Ok(Sampling {
            readings: Readings::of(&target.sources),
            tcp: tcp.map(|tcp| Tcp::new(&tcp, interval, rules)).transpose()?,
            others: others.map(by_kind).transpose()?,
        })
    }

    /// Takes a sample.
    ///
    /// # Errors
    /// When no source answered.
    pub(super) fn take(&mut self, names: &mut Labels) -> Result<Taken, Failure> {
        let time = SystemTime::now();
        let (mut kinds, mut losses) = (Vec::new(), Completeness::default());
        let (mut groups, mut critical) = (Vec::new(), Vec::new());
        let mut counted = None;
        if let Some((sampler, tcp)) = &mut self.tcp {
            let sample = sampler.count(false)?;
            losses.join(&sample.report.completeness);
            let read = KindRead {
                kind: Kind::Tcp,
                source: sample.report.source,
                is_complete: true,
                unavailable: None,
            };
            kinds.push(kind_line(&read, sample.found.clone()));
            counted = Some(sample);
            names.refresh();
            groups = tcp.groups(names, &mut losses);
            critical = tcp.walk.rules.critical();
        }
        if let Some(others) = &mut self.others {
            let sample = others.sample()?;
            losses.join(&sample.report.completeness);
            for read in sample.report.completeness.kinds() {
                let key = [KeyPart::Kind(read.kind)];
                let counts = sample.found.groups.get(&key[..]);
                kinds.push(kind_line(read, counts.cloned().unwrap_or_default()));
            }
        }
        let losses: Vec<String> = losses.losses().iter().map(ToString::to_string).collect();
        Ok(Taken {
            is_complete: losses.is_empty(),
            critical,
            counted,
            sampled: Sampled {
                time,
                files: self.readings.files(),
                groups,
                sample: line::Sample {
                    time: line::stamp(time).into(),
                    kinds,
                    warnings: losses.into_iter().map(Into::into).collect(),
                },
            },
        })
    }
}

impl Tcp {
    fn new(target: &Target, interval: Duration, rules: Rounds) -> Result<(Sampler, Tcp), Failure> {
        let walk = Walk {
            sockets: target.sampler(vec![Field::Service, Field::RemoteAddr])?,
            listening: target.listeners()?,
            rules,
        };
        let searched = target.clone().with_owner_timeout(SEARCH);
        let by_process = [key(Field::Process)];
        let tcp = Tcp {
            walk,
            walk_due: Due::now(interval),
            processes: GroupSampler::new(&searched, &by_process, Some(MOST_GROUPS))?,
            search_due: Due::now(interval),
        };
        Ok((target.sampler(Vec::new())?, tcp))
    }

    /// The groups that are counted now. Why some could not be is among the losses of the sample.
    fn groups(&mut self, names: &mut Labels, losses: &mut Completeness) -> Vec<Groups<'static>> {
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

fn lost(failure: &Failure) -> crate::model::Loss {
    crate::model::Loss::Aborted {
        reason: format!("groups: {failure}"),
    }
}

impl Walk {
    fn groups(&mut self, names: &mut Labels) -> Result<Vec<Groups<'static>>, Failure> {
        let Walk {
            sockets,
            listening,
            rules,
        } = self;
        let sample = sockets.sample(|observer, _| {
            let mut listeners = Listeners::default();
            let listened = listening.list(&mut listeners)?;
            let listeners = Arc::new(listeners);
            let tally = |field| {
                GroupTally::new(vec![key(field)], Arc::clone(&listeners)).with_most(MOST_GROUPS)
            };
            let mut tallies = [tally(Field::Service), tally(Field::RemoteAddr)];
            let ((mut report, ()), findings) = rules.apply(|rules| {
                let tallies = &mut tallies;
                Ok((observer.list(&mut Walked { tallies, rules })?, ()))
            })?;
            if let Err(failure) = findings {
                report.completeness.lose(lost(&failure));
            }
            report.add(&listened);
            Ok((report, tallies.map(GroupTally::into_groups)))
        })?;
        let completeness = &sample.report.completeness;
        let fields = [Field::Service, Field::RemoteAddr];
        let groups = fields.into_iter().zip(sample.found);
        let lines = groups
            .map(|(field, found)| groups_line(field, found, sample.time, completeness, names));
        Ok(lines.collect())
    }
}

/// What the sockets of a walk are passed to.
struct Walked<'a, 'r> {
    tallies: &'a mut [GroupTally; 2],
    rules: Option<&'a mut RulesSink<'r>>,
}

impl Sink for Walked<'_, '_> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        // None of these ends a dump.
        for tally in &mut *self.tallies {
            let _ = tally.socket(socket);
        }
        let _ = self.rules.as_mut().map(|rules| rules.socket(socket));
        ControlFlow::Continue(())
    }
}

fn key(field: Field) -> GroupKey {
    GroupKey {
        field,
        prefix: None,
    }
}

fn kind_line(read: &KindRead, counts: Counts) -> KindCounts<'static> {
    let source = read
        .unavailable
        .is_none()
        .then(|| read.source.name().into());
    KindCounts {
        kind: read.kind.name().into(),
        source,
        unavailable: read.unavailable.clone().map(Into::into),
        total: counts.total(),
        states: States(counts),
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
    groups.sort_by(order);
    let rest = groups.split_off(groups.len().min(TOP));
    let mut other = beyond.unwrap_or_default();
    other.groups += rest.len() as u64;
    rest.iter()
        .for_each(|(_, counts)| other.counts.add_all(counts));
    for (key, _) in &mut groups {
        *key = names.group_key(key);
    }
    groups.sort_by(order);
    let groups = groups.into_iter().map(|(key, counts)| {
        let label = names.group_label(by, &key);
        let label = Some(label).filter(|label| *label != Label::None);
        Group {
            key: label.map(|label| label_text(&label, "").into()),
            total: counts.total(),
            states: States(counts),
        }
    });
    let losses = completeness.losses().iter();
    Groups {
        time: line::stamp(time).into(),
        by: by.name().into(),
        groups: groups.collect(),
        other: (other.counts.total() > 0).then(|| Others {
            groups: other.groups,
            total: other.counts.total(),
            states: States(other.counts),
        }),
        warnings: losses.map(|loss| loss.to_string().into()).collect(),
    }
}
