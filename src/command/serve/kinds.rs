//! `--kind`: the sockets of other kinds than TCP by state, in an answer of their own, so that what is lost of
//! them says nothing about TCP.

use std::collections::HashMap;

use super::groups::MOST_GROUPS;
use super::namespaces::{BY_NETNS, Divided};
use crate::command::groups::{GroupSampler, Groups};
use crate::command::names::HostNames;
use crate::command::outcome::Failure;
use crate::command::sample::Sample;
use crate::command::target::Target;
use crate::model::{Completeness, Counts, Field, GroupKey, KeyPart, Kind, KindSet, NamespacesRead};
use crate::tally::GroupedCounts;

/// Counts the sockets of other kinds than TCP.
pub(super) struct OtherKinds {
    sampler: GroupSampler,
    kinds: KindSet,
    /// How many network namespaces have series, where there are several.
    top: Option<usize>,
}

/// The sockets of one kind.
#[derive(Debug)]
pub(super) struct KindFound {
    pub(super) kind: Kind,
    pub(super) counts: Counts,
    /// The same by network namespace, where there are several.
    pub(super) namespaces: Option<Divided>,
    pub(super) is_complete: bool,
}

impl OtherKinds {
    /// Those that this target selects; with several network namespaces, `top` of them have series.
    ///
    /// # Errors
    /// When the source does not have them.
    pub(super) fn new(target: &Target, top: usize) -> Result<OtherKinds, Failure> {
        let by_kind = GroupKey {
            field: Field::Kind,
            prefix: None,
        };
        let top = target.sources.are_several().then_some(top);
        let keys: Vec<GroupKey> = [by_kind].into_iter().chain(top.map(|_| BY_NETNS)).collect();
        Ok(OtherKinds {
            sampler: GroupSampler::new(target, &keys, Some(MOST_GROUPS))?,
            kinds: target.kinds(),
            top,
        })
    }

    /// Takes a sample: of each kind that the kernel can report.
    ///
    /// # Errors
    /// When no source answered.
    pub(super) fn sample(
        &mut self,
        names: &mut HostNames,
    ) -> Result<Sample<Vec<KindFound>>, Failure> {
        let sample = self.sampler.sample()?;
        let completeness = sample.report.completeness.clone();
        let (kinds, top) = (self.kinds, self.top);
        Ok(sample.map(|found| {
            let is_whole = found.beyond.is_none();
            let mut by_kind = divide(found);
            let reported = kinds.iter().filter_map(|kind| {
                let groups = by_kind.remove(&kind).unwrap_or_default();
                let mut counts = Counts::default();
                groups.values().for_each(|one| counts.add_all(one));
                let is_complete = is_complete(&completeness, kind);
                // It may be reported in other network namespaces.
                if is_complete.is_none() && counts.total() == 0 {
                    return None;
                }
                Some(KindFound {
                    kind,
                    counts,
                    namespaces: top.map(|top| Divided::of(groups, None, top, names)),
                    is_complete: is_complete == Some(true) && is_whole,
                })
            });
            reported.collect()
        }))
    }
}

/// The groups of each kind, with what their keys have besides.
fn divide(found: Groups) -> HashMap<Kind, GroupedCounts> {
    let mut by_kind: HashMap<Kind, GroupedCounts> = HashMap::new();
    for (key, counts) in found.groups {
        if let [KeyPart::Kind(kind), rest @ ..] = &*key {
            by_kind
                .entry(*kind)
                .or_default()
                .insert(rest.into(), counts);
        }
    }
    by_kind
}

/// Whether all sockets of a kind were counted; `None` if the kernel could not report them somewhere.
fn is_complete(completeness: &Completeness, kind: Kind) -> Option<bool> {
    let mut kinds = completeness.kinds().iter();
    let Some(read) = kinds.find(|read| read.kind == kind) else {
        // It is the only one.
        return Some(completeness.is_complete());
    };
    // Namespaces that were not read are losses of all kinds.
    let has_all = completeness
        .namespaces()
        .is_none_or(NamespacesRead::are_all);
    read.unavailable
        .is_none()
        .then_some(read.is_complete && has_all)
}
