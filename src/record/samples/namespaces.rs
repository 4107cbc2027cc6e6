//! What samples of several network namespaces have in common with the one before: what is known of each, its
//! numbers and its files.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{kind_of, refuse_again};
use crate::model::{
    Counted, Counts, Kind, KindRead, Moment, NamespaceFacts, Netns, RecordedNamespace, SourceName,
    UnseenReason, compare_names,
};
use crate::record::line::{Namespace, NamespaceCounts, Sample};
use crate::record::moment::MOST;
use crate::record::source_of;

/// Files by their paths below /proc, or the reason why one could not be read.
pub(super) type Files = BTreeMap<String, Result<String, String>>;

/// Each that is there.
#[derive(Debug, Default)]
pub(super) struct Namespaces {
    known: HashMap<Netns, Known>,
    /// How many sockets of each kind those have that were read. It changes with each line about one, so that
    /// the check of a sample takes the same time however many there are.
    sums: HashMap<Kind, u128>,
}

/// What is known of one.
#[derive(Debug, Default)]
struct Known {
    name: Arc<str>,
    facts: Arc<NamespaceFacts>,
    unseen: Option<UnseenReason>,
    source: Option<SourceName>,
    counts: Vec<(Kind, Counts)>,
    files: Files,
}

impl Namespaces {
    /// Adds what is known of one, or changes that.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn know(&mut self, one: &Namespace<'_>) -> Result<(), String> {
        let netns = Netns(one.netns);
        self.subtract(netns);
        let known = self.known.entry(netns).or_default();
        known.name = (*one.name).into();
        known.facts = Arc::new(one.facts());
        known.unseen = one.unseen_reason();
        self.add(netns);
        match self.known.len() <= MOST {
            true => Ok(()),
            false => Err("more network namespaces than any host has".to_owned()),
        }
    }

    /// Sets its numbers, or gives it up.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn count(&mut self, line: &NamespaceCounts<'_>) -> Result<(), String> {
        let netns = Netns(line.netns);
        let Some(kinds) = &line.kinds else {
            self.subtract(netns);
            self.known.remove(&netns);
            return Ok(());
        };
        let mut counts = Vec::new();
        for found in kinds.iter().filter_map(|one| kind_of(one).transpose()) {
            let (kind, number) = found?;
            refuse_again(kind, &counts)?;
            counts.push((kind, number));
        }
        self.subtract(netns);
        let known = self.known(line.netns)?;
        known.source = line.source.as_deref().map(|name| source_of(Some(name)));
        known.counts = counts;
        self.add(netns);
        Ok(())
    }

    /// Adds the numbers of one to the sums.
    fn add(&mut self, netns: Netns) {
        for (kind, total) in self.known.get(&netns).into_iter().flat_map(Known::totals) {
            *self.sums.entry(kind).or_default() += u128::from(total);
        }
    }

    /// Takes the numbers of one from the sums, as they were added.
    fn subtract(&mut self, netns: Netns) {
        for (kind, total) in self.known.get(&netns).into_iter().flat_map(Known::totals) {
            *self.sums.entry(kind).or_default() -= u128::from(total);
        }
    }

    /// How many are there.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// The files of one.
    ///
    /// # Errors
    /// When it is not there.
    pub(super) fn files(&mut self, netns: u32) -> Result<&mut Files, String> {
        Ok(&mut self.known(netns)?.files)
    }

    fn known(&mut self, netns: u32) -> Result<&mut Known, String> {
        let known = self.known.get_mut(&Netns(netns));
        known.ok_or_else(|| format!("no network namespace {netns} is there"))
    }

    /// Checks that they are those of a sample.
    ///
    /// # Errors
    /// When they are not those that the sample says.
    pub(super) fn check(&self, line: &Sample<'_>, whole: &Moment) -> Result<(), String> {
        let Some(number) = line.namespaces else {
            return Ok(());
        };
        if number != self.len() {
            return Err(format!(
                "it has {} network namespaces, and its sample says {number}",
                self.len()
            ));
        }
        let counted = whole.counted.as_ref();
        let kinds = counted.map(|counted| &*counted.kinds).unwrap_or_default();
        for (kind, counts) in kinds {
            let sum = self.sums.get(kind).copied().unwrap_or_default();
            if sum != u128::from(counts.total()) {
                return Err("a total is not the sum of its network namespaces".to_owned());
            }
        }
        Ok(())
    }

    /// Those of a sample, that of process 1 first, the others by name.
    pub(super) fn members(&self, whole: &Moment) -> Vec<RecordedNamespace> {
        let members = self.known.iter().map(|(netns, one)| RecordedNamespace {
            netns: *netns,
            name: Arc::clone(&one.name),
            facts: Arc::clone(&one.facts),
            moment: match &one.unseen {
                None => Ok(Arc::new(one.moment(whole))),
                Some(reason) => Err(reason.clone()),
            },
        });
        let mut members: Vec<RecordedNamespace> = members.collect();
        let is_host = |one: &RecordedNamespace| one.facts.pid == Some(1);
        members.sort_by(|a, b| {
            let by_name = || compare_names(&a.name, &b.name);
            is_host(b).cmp(&is_host(a)).then_with(by_name)
        });
        members
    }
}

impl Known {
    /// How many sockets of each kind it has, if it was read.
    fn totals(&self) -> impl Iterator<Item = (Kind, u64)> {
        let read = self.unseen.is_none().then_some(&self.counts);
        let counts = read.into_iter().flatten();
        counts.map(|(kind, counts)| (*kind, counts.total()))
    }

    fn counts_of(&self, kind: Kind) -> Counts {
        let found = self.counts.iter().find(|(its, _)| *its == kind);
        found.map_or_else(Counts::default, |(_, counts)| counts.clone())
    }

    /// What a sample has of it.
    fn moment(&self, whole: &Moment) -> Moment {
        let source = |read: &KindRead| match read.kind == Kind::Tcp {
            true => self.source.unwrap_or(read.source),
            false => read.source,
        };
        let kinds = whole.kinds.iter().map(|read| KindRead {
            source: source(read),
            ..read.clone()
        });
        let counted = whole.kinds.iter();
        let counted: Vec<(Kind, Counts)> = counted
            .map(|read| (read.kind, self.counts_of(read.kind)))
            .collect();
        let totals = counted.iter().map(|(kind, counts)| (*kind, counts.total()));
        let totals: Vec<(Kind, u64)> = totals.collect();
        Moment {
            time: whole.time,
            stamp: whole.stamp.clone(),
            kinds: kinds.collect(),
            warnings: Arc::clone(&whole.warnings),
            total: totals.iter().map(|(_, total)| total).sum(),
            totals,
            counted: Some(Counted {
                kinds: counted,
                groups: Vec::new(),
            }),
            files: self.files.clone(),
            ..Moment::beginning(whole.start)
        }
    }
}
