//! From the groups of a sample to those that are shown, in their order, with what changed since the
//! sample before.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use super::sampler::Groups;
use crate::command::names::HostNames;
use crate::command::sample::Sample;
use crate::model::{
    Counts, Field, Group, Grouped, Label, Names, Other, Part, Service, StateSet, Where,
};
use crate::tally::GroupedCounts;

/// Arranges sample after sample.
pub(in crate::command) struct Arrangement {
    fields: Vec<Field>,
    place: Where,
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
    /// Shows the `top` groups, or all, of the sockets of `place` by these fields.
    pub(in crate::command) fn new(
        fields: Vec<Field>,
        place: Where,
        top: Option<NonZeroUsize>,
        remembers: bool,
    ) -> Arrangement {
        Arrangement {
            fields,
            place,
            top,
            remembers,
            before: None,
        }
    }

    /// Makes an answer of a sample in which the states `asked` were asked for, and takes its groups.
    pub(in crate::command) fn arrange(
        &mut self,
        sample: &mut Sample<Groups>,
        asked: StateSet,
    ) -> Grouped {
        let found = &mut sample.found;
        let groups = std::mem::take(&mut found.groups);
        let notes: Vec<String> = found
            .beyond
            .iter()
            .map(|beyond| {
                format!(
                    "more than {} groups: {} sockets of further ones are counted together",
                    groups.len(),
                    beyond.counts.total()
                )
            })
            .collect();
        let counts = found.counts.clone();
        let before = self.before.as_ref();
        let change = before.map(|before| change(&counts, before.total));
        let (groups, other) = self.cut(groups, found.beyond.take(), counts.total());
        let ownership = found.ownership;
        sample.notes.extend(notes.iter().cloned());
        Grouped {
            observation: sample.observation(),
            asked,
            fields: self.fields.clone(),
            groups,
            other,
            counts,
            change,
            ownership,
            notes,
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
        let mut labels = Labels::of_place(self.place.clone());
        let before = self.before.as_ref();
        let change = |counts: &Counts, key: &[Part]| {
            let before = before?.totals.get(key).copied().unwrap_or(0);
            Some(change(counts, before))
        };
        groups
            .into_iter()
            .map(|(key, counts)| Group {
                change: change(&counts, &key),
                key: labels.of(&self.fields, &key),
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

/// The names of everything in some keys, looked up as they are needed.
pub(in crate::command) struct Labels {
    names: HostNames,
}

impl Labels {
    /// The names that belong to the sockets of `place`.
    pub(in crate::command) fn of_place(place: Where) -> Labels {
        Labels {
            names: HostNames::of(place),
        }
    }

    /// The labels of a key by these fields: users, interfaces and control groups by name,
    /// everything else by its own spelling.
    pub(in crate::command) fn of(&mut self, fields: &[Field], key: &[Part]) -> Vec<Label> {
        let parts = fields.iter().zip(key);
        parts
            .map(|(field, part)| self.label(*field, *part))
            .collect()
    }

    fn label(&mut self, field: Field, part: Part) -> Label {
        match part {
            Part::State(state) => Label::Text(state.to_string()),
            Part::Family(Some(class)) => Label::Text(class.name().to_owned()),
            Part::Addr(Some(net)) if net.prefix_len() == net.max_prefix_len() => {
                Label::Text(net.addr().to_string())
            }
            Part::Addr(Some(net)) => Label::Text(net.to_string()),
            Part::Port(Some(port)) => Label::Number(port.into()),
            Part::Direction(Some(direction)) => Label::Text(direction.name().to_owned()),
            Part::Service(Some(Service::Served(port))) => Label::Text(format!(":{port}")),
            Part::Service(Some(Service::Used(peer))) => Label::Text(peer.to_string()),
            Part::Family(None)
            | Part::Direction(None)
            | Part::Service(None)
            | Part::Addr(None)
            | Part::Port(None)
            | Part::Interface(None)
            | Part::V6Only(None)
            | Part::Owner(None)
            | Part::Cgroup(None)
            | Part::Process(None)
            | Part::Pid(None) => Label::None,
            Part::V6Only(Some(only)) => Label::Text(if only { "yes" } else { "no" }.to_owned()),
            Part::Interface(Some(index)) => Label::Text(self.names.interface(index).to_owned()),
            Part::Owner(Some(uid)) if field == Field::User => {
                Label::Text(self.names.user(uid).to_owned())
            }
            Part::Owner(Some(uid)) => Label::Number(uid.into()),
            Part::Process(Some(name)) => Label::Text(name.text().into_owned()),
            Part::Pid(Some(pid)) => Label::Number(pid.into()),
            Part::Cgroup(Some(id)) => Label::Text(self.names.cgroup(id).to_owned()),
        }
    }
}
