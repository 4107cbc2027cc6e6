//! From the groups of a sample to those that are shown, in their order, with what changed since the
//! sample before.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use super::sampler::Sample;
use crate::command::labels::Labels;
use crate::model::{Counts, Field, Group, Grouped, Other, Part, StateSet};
use crate::tally::GroupedCounts;

/// Arranges sample after sample.
pub(in crate::command) struct Arrangement {
    fields: Vec<Field>,
    top: Option<NonZeroUsize>,
    /// Whether there will be another sample.
    remembers: bool,
    before: Option<Before>,
}

/// What is remembered of a sample.
struct Before {
    /// How many sockets each group had.
    totals: HashMap<Box<[Part]>, u64>,
    /// The groups that were shown.
    shown: Vec<Box<[Part]>>,
    /// How many sockets there were in all.
    total: u64,
}

fn change(now: &Counts, before: u64) -> i128 {
    i128::from(now.total()) - i128::from(before)
}

impl Arrangement {
    /// Shows the `top` groups, or all, by these fields.
    pub(in crate::command) fn new(
        fields: Vec<Field>,
        top: Option<NonZeroUsize>,
        remembers: bool,
    ) -> Arrangement {
        Arrangement {
            fields,
            top,
            remembers,
            before: None,
        }
    }

    /// Makes an answer of a sample in which the states `asked` were asked for.
    pub(in crate::command) fn arrange(&mut self, sample: Sample, asked: StateSet) -> Grouped {
        let remarks = sample.beyond.iter().map(|beyond| {
            format!(
                "more than {} groups: {} sockets of further ones are counted together",
                sample.groups.len(),
                beyond.counts.total()
            )
        });
        let remarks = remarks.collect();
        let total = sample.counts.total();
        let change = self
            .before
            .as_ref()
            .map(|before| change(&sample.counts, before.total));
        let (groups, other) = self.cut(sample.groups, sample.beyond, total);
        Grouped {
            observation: sample.report.observation(sample.time),
            asked,
            fields: self.fields.clone(),
            groups,
            other,
            counts: sample.counts,
            change,
            ownership: sample.ownership,
            remarks,
        }
    }

    /// Sorts the groups, largest first, cuts them off after the top ones, labels them, and adds
    /// those that vanished.
    fn cut(
        &mut self,
        groups: GroupedCounts,
        beyond: Option<Other>,
        total: u64,
    ) -> (Vec<Group>, Option<Other>) {
        let mut shown: Vec<(Box<[Part]>, Counts)> = groups.into_iter().collect();
        shown.sort_by(|(a_key, a), (b_key, b)| {
            b.total().cmp(&a.total()).then_with(|| a_key.cmp(b_key))
        });
        let top = self.top.map_or(usize::MAX, NonZeroUsize::get);
        let rest = shown.split_off(shown.len().min(top));
        let other = fold_rest(beyond, &rest);
        let now = self.remembers.then(|| Before {
            totals: shown
                .iter()
                .chain(&rest)
                .map(|(key, counts)| (key.clone(), counts.total()))
                .collect(),
            shown: shown.iter().map(|(key, _)| key.clone()).collect(),
            total,
        });
        if let (Some(before), Some(now)) = (&self.before, &now) {
            let vanished = before.shown.iter();
            let vanished = vanished.filter(|key| !now.totals.contains_key(*key));
            shown.extend(vanished.map(|key| (key.clone(), Counts::default())));
        }
        let groups = self.label(shown);
        self.before = now;
        (groups, other)
    }

    fn label(&self, groups: Vec<(Box<[Part]>, Counts)>) -> Vec<Group> {
        let mut labels = Labels::default();
        groups
            .into_iter()
            .map(|(key, counts)| Group {
                change: self
                    .before
                    .as_ref()
                    .map(|before| change(&counts, before.totals.get(&key).copied().unwrap_or(0))),
                key: self
                    .fields
                    .iter()
                    .zip(&key)
                    .map(|(field, part)| labels.label(*field, *part))
                    .collect(),
                counts,
            })
            .collect()
    }
}

/// The groups that are cut off, and the sockets beyond the limit of groups, in one.
fn fold_rest(beyond: Option<Other>, rest: &[(Box<[Part]>, Counts)]) -> Option<Other> {
    if rest.is_empty() {
        return beyond;
    }
    let mut other = beyond.unwrap_or_default();
    other.groups = rest.len() as u64;
    for (_, counts) in rest {
        other.counts.add_all(counts);
    }
    Some(other)
}
