//! Takes the samples of a record that goes on: numbers of sockets each time, groups and findings as often as
//! their cost allows.

use std::time::{Duration, SystemTime};

use super::moment::Labels;
use super::namespaces::{Namespaces, count_each, texts};
use super::walk::{Tcp, key, lost};
use crate::cli::Sourcing;
use crate::command::groups::{GroupSampler, Groups};
use crate::command::outcome::Failure;
use crate::command::sample::{Sample, Sampler};
use crate::command::target::Target;
use crate::model::{Completeness, Counts, Field, KeyPart, Kind, KindRead, KindSet, SourceName};
use crate::record::line::{self, KindCounts, States};
use crate::record::{FileRead, Sampled};
use crate::source::Readings;
use crate::tally::GroupedCounts;

/// Takes samples.
pub(super) struct Sampling {
    readings: Readings,
    /// All that is recorded, where that is in several network namespaces.
    several: Option<Target>,
    /// Counts TCP sockets, by the kernel's counters where that is cheaper.
    tcp: Option<(Sampler, Tcp)>,
    /// Counts the sockets of the other kinds.
    others: Option<GroupSampler>,
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
        let are_several = target.sources.are_several();
        let by_kind = |others: Target| {
            let netns = are_several.then(|| key(Field::Netns));
            let keys: Vec<_> = netns.into_iter().chain([key(Field::Kind)]).collect();
            GroupSampler::new(&others, &keys, None)
        };
        let of_tcp = |tcp: Target| {
            let sampler = tcp.sampler(Vec::new())?;
            Ok::<_, Failure>((sampler, Tcp::new(target, &tcp, interval, sourcing)?))
        };
        let others = target.among(KindSet::ALL.difference(KindSet::TCP));
        Ok(Sampling {
            readings: Readings::of(&target.sources),
            several: are_several.then(|| target.clone()),
            tcp: target.among(KindSet::TCP).map(of_tcp).transpose()?,
            others: others.map(by_kind).transpose()?,
        })
    }

    /// Takes a sample.
    ///
    /// # Errors
    /// When no source answered.
    pub(super) fn take(&mut self, names: &mut Labels) -> Result<Taken, Failure> {
        let time = SystemTime::now();
        let mut namespaces = self.several.is_some().then(Namespaces::default);
        let (mut kinds, mut losses) = (Vec::new(), Completeness::default());
        let (mut groups, mut critical) = (Vec::new(), Vec::new());
        let mut counted = None;
        if let Some((sampler, tcp)) = &mut self.tcp {
            let sample = count_tcp(sampler, namespaces.as_mut())?;
            losses.join(&sample.report.completeness);
            let read = read(Kind::Tcp, sample.report.source);
            kinds.push(kind_line(&read, sample.found.clone()));
            counted = Some(sample);
            names.refresh();
            groups = tcp.groups(names, &mut losses);
            critical = tcp.critical();
        }
        if let Some(others) = &mut self.others {
            let sample = others.sample()?;
            let completeness = &sample.report.completeness;
            losses.join(completeness);
            kinds.extend(lines_of(others.sampler.question().kinds(), &sample));
            if let Some(namespaces) = &mut namespaces {
                namespaces.add(completeness.namespaces(), &sample.found.groups);
            }
        }
        let files = self.files(namespaces.as_ref(), &mut losses);
        // Their names are those of the answers.
        names.refresh();
        let lines = namespaces.as_ref().map(|all| all.lines(names));
        let mut warnings = texts(&losses);
        warnings.extend(namespaces.iter().flat_map(|all| all.missing(names)));
        Ok(Taken {
            is_complete: losses.is_complete(),
            critical,
            counted,
            sampled: Sampled {
                time,
                files,
                namespaces: lines.unwrap_or_default(),
                groups,
                sample: line::Sample {
                    time: line::stamp(time).into(),
                    kinds,
                    warnings,
                    namespaces: namespaces.as_ref().map(Namespaces::number),
                    denied_processes: namespaces.as_ref().map_or(0, |all| all.denied),
                    hiding: namespaces.and_then(|all| all.hiding).map(Into::into),
                },
            },
        })
    }

    /// The files of counters and settings: of one network namespace, or of some of several.
    fn files(&self, namespaces: Option<&Namespaces>, losses: &mut Completeness) -> Vec<FileRead> {
        let (Some(target), Some(namespaces)) = (&self.several, namespaces) else {
            let files = self.readings.files().into_iter();
            return files.map(|(path, read)| ((None, path), read)).collect();
        };
        namespaces.files(target).unwrap_or_else(|failure| {
            losses.lose(lost(&failure));
            Vec::new()
        })
    }
}

/// Counts the TCP sockets, of several network namespaces also those of each.
fn count_tcp(
    sampler: &mut Sampler,
    namespaces: Option<&mut Namespaces>,
) -> Result<Sample<Counts>, Failure> {
    let Some(namespaces) = namespaces else {
        return sampler.count(false);
    };
    let sample = count_each(sampler)?;
    let read = sample.report.completeness.namespaces();
    namespaces.add(read, &sample.found.1);
    namespaces.add_sources(read);
    Ok(sample.map(|(counts, _)| counts))
}

/// The lines of these kinds in a sample of them.
fn lines_of(kinds: KindSet, sample: &Sample<Groups>) -> Vec<KindCounts<'static>> {
    // An answer about a single kind does not name it.
    let single = kinds.only().map(|kind| read(kind, sample.report.source));
    let several = sample.report.completeness.kinds().iter().cloned();
    let reads = single.into_iter().chain(several);
    let line = |read: KindRead| kind_line(&read, counts_of(read.kind, &sample.found.groups));
    reads.map(line).collect()
}

/// A kind that was read from this source.
fn read(kind: Kind, source: SourceName) -> KindRead {
    KindRead {
        kind,
        source,
        is_complete: true,
        unavailable: None,
    }
}

/// The sockets of a kind, in all network namespaces.
fn counts_of(kind: Kind, groups: &GroupedCounts) -> Counts {
    let mut all = Counts::default();
    let is_it = |key: &[KeyPart]| key.last() == Some(&KeyPart::Kind(kind));
    let its = groups.iter().filter(|(key, _)| is_it(key));
    its.for_each(|(_, counts)| all.add_all(counts));
    all
}

fn kind_line(read: &KindRead, counts: Counts) -> KindCounts<'static> {
    let source = read
        .unavailable
        .is_none()
        .then(|| read.source.name().into());
    KindCounts {
        kind: read.kind.name().into(),
        source,
        unavailable: read
            .unavailable
            .as_deref()
            .map(|reason| reason.to_owned().into()),
        total: counts.total(),
        states: States(counts),
    }
}
