//! What samples of several network namespaces have in common with the one before: what is known of each, its
//! numbers and its files.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::kind_of;
use crate::model::{
    Counted, Counts, Kind, KindRead, Moment, NamespaceFacts, Netns, RecordedNamespace,
    RecordedNamespaces, SourceName, UnseenReason, compare_names,
};
use crate::record::line::{Namespace, NamespaceCounts, Sample};
use crate::record::moment::MOST;
use crate::record::source_of;

/// The files of one.
type Files = BTreeMap<String, Result<String, String>>;

/// Each that is there.
#[derive(Debug, Default)]
pub(super) struct Namespaces(HashMap<Netns, Known>);

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
        let known = self.0.entry(Netns(one.netns)).or_default();
        known.name = (*one.name).into();
        known.facts = Arc::new(one.facts());
        known.unseen = one.unseen_reason();
        match self.0.len() <= MOST {
            true => Ok(()),
            false => Err("more network namespaces than any host has".to_owned()),
        }
    }

    /// Sets its numbers, or gives it up.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn count(&mut self, line: &NamespaceCounts<'_>) -> Result<(), String> {
        let Some(kinds) = &line.kinds else {
            self.0.remove(&Netns(line.netns));
            return Ok(());
        };
        let counts = kinds.iter().filter_map(|one| kind_of(one).transpose());
        let counts = counts.collect::<Result<Vec<_>, String>>()?;
        let known = self.known(line.netns)?;
        known.source = line.source.as_deref().map(|name| source_of(Some(name)));
        known.counts = counts;
        Ok(())
    }

    /// The files of one.
    ///
    /// # Errors
    /// When it is not there.
    pub(super) fn files(&mut self, netns: u32) -> Result<&mut Files, String> {
        Ok(&mut self.known(netns)?.files)
    }

    fn known(&mut self, netns: u32) -> Result<&mut Known, String> {
        let known = self.0.get_mut(&Netns(netns));
        known.ok_or_else(|| format!("no network namespace {netns} is there"))
    }

    /// Those of a sample, that of process 1 first, the others by name; `None` if it is of one.
    ///
    /// # Errors
    /// When they are not those that the sample says.
    pub(super) fn of_sample(
        &self,
        line: &Sample<'_>,
        whole: &Moment,
    ) -> Result<Option<RecordedNamespaces>, String> {
        let Some(number) = line.namespaces else {
            return Ok(None);
        };
        if number != self.0.len() {
            return Err(format!(
                "it has {} network namespaces, and its sample says {number}",
                self.0.len()
            ));
        }
        let counted = whole.counted.as_ref();
        let kinds = counted.map(|counted| &*counted.kinds).unwrap_or_default();
        for (kind, counts) in kinds {
            let read = self.0.values().filter(|one| one.unseen.is_none());
            let its = read.map(|one| u128::from(one.counts_of(*kind).total()));
            if its.sum::<u128>() != u128::from(counts.total()) {
                return Err("a total is not the sum of its network namespaces".to_owned());
            }
        }
        let members = self.0.iter().map(|(netns, one)| RecordedNamespace {
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
        let hiding = line.hiding.as_ref().map(ToString::to_string);
        Ok(Some(RecordedNamespaces::new(
            members,
            line.denied_processes,
            hiding,
        )))
    }
}

impl Known {
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
            warnings: whole.warnings.clone(),
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
