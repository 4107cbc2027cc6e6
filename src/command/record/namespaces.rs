//! The samples of several network namespaces: the numbers of each, what is known of it, and the counters of
//! those that have the most sockets.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::moment::Labels;
use super::several::{read_line, unseen_line};
use super::walk::key;
use crate::command::outcome::Failure;
use crate::command::sample::{Sample, Sampler};
use crate::command::target::Target;
use crate::model::{
    Completeness, Counts, Field, KeyPart, Kind, Loss, Names, NamespaceFacts, NamespacesRead, Netns,
    SourceName, UnseenNamespace,
};
use crate::record::line::{KindCounts, NamespaceCounts, States};
use crate::record::{FileRead, SampledNamespace};
use crate::source::Readings;
use crate::tally::{GroupTally, GroupedCounts};

/// Of how many network namespaces files are recorded: they take most of the room of a sample.
const WITH_FILES: usize = 30;

/// What a sample has of network namespaces.
#[derive(Default)]
pub(super) struct Namespaces {
    read: BTreeMap<Netns, One>,
    unseen: Vec<UnseenNamespace>,
    /// How many processes could not be read, and why others may not have been visible.
    pub(super) denied: u64,
    pub(super) hiding: Option<String>,
}

/// What it has of one.
#[derive(Default)]
struct One {
    facts: Arc<NamespaceFacts>,
    /// Of TCP sockets.
    source: Option<SourceName>,
    kinds: Vec<(Kind, Counts)>,
}

/// Counts TCP sockets, also by network namespace.
///
/// # Errors
/// When no source answered.
pub(super) fn count_each(
    sampler: &mut Sampler,
) -> Result<Sample<(Counts, GroupedCounts)>, Failure> {
    sampler.sample(|observer, _| {
        let mut tally = GroupTally::new(vec![key(Field::Netns)], Arc::default());
        let report = observer.count(&mut tally)?;
        let all = tally.all().clone();
        Ok((report, (all, tally.into_groups().0)))
    })
}

impl Namespaces {
    /// Adds an answer about each, by network namespace or also by kind: then it is not about TCP.
    pub(super) fn add(&mut self, read: Option<&NamespacesRead>, counted: &GroupedCounts) {
        let Some(read) = read else {
            return;
        };
        for one in &read.read {
            let known = self.read.entry(one.netns).or_default();
            known.facts = Arc::clone(&one.facts);
        }
        for one in &read.unseen {
            if !self.unseen.iter().any(|known| known.netns == one.netns) {
                self.unseen.push(one.clone());
            }
        }
        self.denied = read.denied;
        self.hiding.clone_from(&read.hiding);
        for (key, counts) in counted {
            let (netns, kind) = match **key {
                [KeyPart::Netns(netns)] => (netns, Kind::Tcp),
                [KeyPart::Netns(netns), KeyPart::Kind(kind)] => (netns, kind),
                _ => continue,
            };
            let known = self.read.entry(netns).or_default();
            known.kinds.push((kind, counts.clone()));
        }
    }

    /// Adds the sources of an answer about TCP sockets.
    pub(super) fn add_sources(&mut self, read: Option<&NamespacesRead>) {
        for one in read.iter().flat_map(|read| &read.read) {
            let known = self.read.entry(one.netns).or_default();
            known.source = Some(one.source);
        }
    }

    /// What is missing of those that answers about some kinds are about, and others not.
    pub(super) fn missing(&self, labels: &mut Labels) -> Vec<Cow<'static, str>> {
        let unseen = self.unseen.iter();
        let partly = unseen.filter(|one| self.read.contains_key(&one.netns));
        let text = |one: &UnseenNamespace| {
            let name = labels.namespace(&one.name);
            format!("not all kinds of sockets were read in network namespace {name}").into()
        };
        partly.map(text).collect()
    }

    /// How many there are.
    pub(super) fn number(&self) -> usize {
        self.read.len() + self.unread().count()
    }

    /// Those that no answer is about.
    fn unread(&self) -> impl Iterator<Item = &UnseenNamespace> {
        let unseen = self.unseen.iter();
        unseen.filter(|one| !self.read.contains_key(&one.netns))
    }

    /// The lines about each.
    pub(super) fn lines(&self, labels: &mut Labels) -> Vec<SampledNamespace> {
        let mut lines = Vec::new();
        for (netns, one) in &self.read {
            let name = Names::netns(labels, *netns).to_owned();
            let mut kinds = one.kinds.clone();
            kinds.sort_unstable_by_key(|(kind, _)| *kind);
            let kinds = kinds.into_iter().map(|(kind, counts)| KindCounts {
                kind: kind.name().into(),
                source: None,
                unavailable: None,
                total: counts.total(),
                states: States(counts),
            });
            let counts = NamespaceCounts {
                netns: netns.0,
                source: one.source.map(|source| source.name().into()),
                kinds: Some(kinds.collect()),
            };
            lines.push((read_line(*netns, &one.facts, name, labels), Some(counts)));
        }
        let unread = self.unread().map(|one| (unseen_line(one, labels), None));
        lines.extend(unread);
        lines
    }

    /// Reads the files of those that have the most sockets.
    ///
    /// # Errors
    /// When none of them can be read.
    pub(super) fn files(&self, target: &Target) -> Result<Vec<FileRead>, Failure> {
        let total = |one: &One| one.kinds.iter().map(|(_, counts)| counts.total()).sum();
        let totals = self.read.iter().map(|(netns, one)| (total(one), *netns));
        let mut totals: Vec<(u64, Netns)> = totals.collect();
        totals.sort_unstable_by(|a, b| b.cmp(a));
        let most: BTreeSet<Netns> = totals
            .into_iter()
            .take(WITH_FILES)
            .map(|(_, netns)| netns)
            .collect();
        let (targets, _) = target.each_namespace()?.unwrap_or_default();
        let read = targets
            .into_iter()
            .filter(|(one, _)| most.contains(&one.netns));
        let files = read.flat_map(|(one, target)| {
            let files = Readings::of(&target.sources).files().into_iter();
            files.map(move |(path, read)| ((Some(one.netns.0), path), read))
        });
        Ok(files.collect())
    }
}

/// What was lost, without the network namespaces that could not be read: these have lines.
pub(super) fn texts(completeness: &Completeness) -> Vec<Cow<'static, str>> {
    let losses = completeness.losses().iter();
    let others = losses.filter(|loss| {
        !matches!(
            loss,
            Loss::NamespacesUnseen { .. } | Loss::ProcessesUnseen { .. }
        )
    });
    others.map(|loss| loss.to_string().into()).collect()
}
