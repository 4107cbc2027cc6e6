//! From the groups of a sample to those that are shown, in their order, with what changed since the
//! sample before.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::num::NonZeroUsize;

use super::{GroupSampler, Groups};
use crate::command::names::HostNames;
use crate::command::outcome::Failure;
use crate::command::sample::Sample;
use crate::model::{
    Counts, Field, Group, Grouped, KeyPart, Label, Names, Netns, Note, Other, Service,
};
use crate::output::escape::unix_name;
use crate::tally::GroupedCounts;

/// Samples of groups as they are shown.
pub(in crate::command) struct ShownGroups {
    sampler: GroupSampler,
    top: Option<NonZeroUsize>,
    /// Whether there will be another sample.
    remembers: bool,
    before: Option<Remembered>,
}

/// What is remembered of a sample.
struct Remembered {
    /// How many sockets each group had.
    totals: HashMap<Box<[KeyPart]>, u64>,
    /// The groups that were shown.
    shown: Vec<Box<[KeyPart]>>,
    /// How many sockets there were in all.
    total: u64,
}

fn change(now: &Counts, before: u64) -> i128 {
    i128::from(now.total()) - i128::from(before)
}

impl ShownGroups {
    /// Shows the `top` groups, or all.
    pub(in crate::command) fn new(
        sampler: GroupSampler,
        top: Option<NonZeroUsize>,
        remembers: bool,
    ) -> ShownGroups {
        ShownGroups {
            sampler,
            top,
            remembers,
            before: None,
        }
    }

    /// The same of another moment of a record, compared with the sample before.
    pub(in crate::command) fn go_on(self, sampler: GroupSampler) -> ShownGroups {
        ShownGroups { sampler, ..self }
    }

    /// Takes a sample, and moves its groups into the answer.
    ///
    /// # Errors
    /// When no source answered.
    pub(in crate::command) fn sample(&mut self) -> Result<(Sample<Groups>, Grouped), Failure> {
        let mut sample = self.sampler.sample()?;
        let found = &mut sample.found;
        let groups = std::mem::take(&mut found.groups);
        let beyond = found.beyond.take();
        // Of those that a sample has together, the number of groups is known.
        let unknown = beyond.iter().filter(|beyond| beyond.groups == 0);
        let notes = unknown.map(|beyond| Note::TooManyGroups {
            groups: groups.len(),
            sockets: beyond.counts.total(),
        });
        let notes: Vec<Note> = notes.collect();
        let counts = found.counts.clone();
        let before = self.before.as_ref();
        let change = before.map(|before| change(&counts, before.total));
        let (groups, other) = self.cut(groups, beyond, counts.total());
        sample.notes.extend(notes.iter().cloned());
        let question = self.sampler.sampler.question();
        let grouped = Grouped {
            observation: sample.observation(),
            asked: question.states,
            fields: question.fields.clone(),
            groups,
            other,
            counts,
            change,
            ownership: sample.search.map(|(ownership, _)| ownership),
            notes,
        };
        Ok((sample, grouped))
    }

    /// Sorts the groups, largest first, cuts them off after the top ones, labels them, and adds
    /// those that vanished.
    fn cut(
        &mut self,
        groups: GroupedCounts,
        beyond: Option<Other>,
        total: u64,
    ) -> (Vec<Group>, Option<Other>) {
        let mut shown: Vec<(Box<[KeyPart]>, Counts)> = groups.into_iter().collect();
        let namespaces = self.sampler.sampler.place.namespaces();
        let places = namespaces.map_or_else(HashMap::new, |list| list.places());
        shown.sort_unstable_by(|(a_key, a), (b_key, b)| {
            let by_key = || compare_keys(a_key, b_key, &places);
            b.total().cmp(&a.total()).then_with(by_key)
        });
        let top = self.top.map_or(usize::MAX, NonZeroUsize::get);
        let rest = shown.split_off(shown.len().min(top));
        let other = fold_rest(beyond, &rest);
        let now = self.remembers.then(|| Remembered {
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

    fn label(&self, groups: Vec<(Box<[KeyPart]>, Counts)>) -> Vec<Group> {
        let sampler = &self.sampler.sampler;
        let mut names = HostNames::of(sampler.place.clone());
        let groups = groups.into_iter().map(|(key, counts)| Group {
            change: self.before.as_ref().map(|before| {
                let before = before.totals.get(&key).copied().unwrap_or(0);
                change(&counts, before)
            }),
            key: labels(&mut names, &sampler.question().fields, &key),
            id: key,
            counts,
        });
        groups.collect()
    }
}

/// The order of groups with as many sockets: network namespaces by their places among the names.
fn compare_keys(a: &[KeyPart], b: &[KeyPart], places: &HashMap<Netns, u32>) -> Ordering {
    let mut orders = a.iter().zip(b).map(|parts| match parts {
        (KeyPart::Netns(a), KeyPart::Netns(b)) => places.get(a).cmp(&places.get(b)),
        (a, b) => a.cmp(b),
    });
    let decisive = orders.find(|order| order.is_ne());
    decisive.unwrap_or(Ordering::Equal)
}

/// The groups that are cut off, and the sockets beyond the limit of groups, in one.
fn fold_rest(beyond: Option<Other>, rest: &[(Box<[KeyPart]>, Counts)]) -> Option<Other> {
    if rest.is_empty() {
        return beyond;
    }
    let mut other = beyond.unwrap_or_default();
    other.groups += rest.len() as u64;
    for (_, counts) in rest {
        other.counts.add_all(counts);
    }
    Some(other)
}

/// The labels of a key by these fields: users, interfaces and control groups by name, everything
/// else by its own spelling.
pub(in crate::command) fn labels(
    names: &mut HostNames,
    fields: &[Field],
    key: &[KeyPart],
) -> Vec<Label> {
    let parts = fields.iter().zip(key);
    let labels = parts.map(|(field, part)| label(names, *field, part.clone()));
    labels.map(|label| label.unwrap_or(Label::None)).collect()
}

/// The label of one part; `None` where its field has no value.
fn label(names: &mut HostNames, field: Field, part: KeyPart) -> Option<Label> {
    let text = |text: &str| Label::Text(text.to_owned());
    Some(match part {
        KeyPart::State(state) => Label::Text(state.to_string()),
        KeyPart::Kind(kind) => text(kind.name()),
        KeyPart::SocketType(word) => text(word?),
        KeyPart::UnixName(name) => {
            Some(Label::Text(unix_name(&name))).filter(|_| name.bytes().is_some())?
        }
        KeyPart::Protocol(protocol) => Label::Text(protocol?.to_string()),
        KeyPart::Peer(peer) => Label::Text(peer?.to_string()),
        KeyPart::Shutdown(shutdown) => text(shutdown?.name()),
        KeyPart::Family(class) => text(class?.name()),
        KeyPart::Addr(net) => match net? {
            net if net.prefix_len() == net.max_prefix_len() => Label::Text(net.addr().to_string()),
            net => Label::Text(net.to_string()),
        },
        KeyPart::Port(port) => Label::Number(port?.into()),
        KeyPart::Direction(direction) => text(direction?.name()),
        KeyPart::Service(service) => Label::Text(match service? {
            Service::Served(port) => format!(":{port}"),
            Service::Used(peer) => peer.to_string(),
        }),
        KeyPart::Interface(index) => text(names.interface(index?)),
        KeyPart::Owner(uid) if field == Field::User => text(names.user(uid?)),
        KeyPart::Owner(number) | KeyPart::Pid(number) => Label::Number(number?.into()),
        KeyPart::V6Only(only) => Label::Flag(only?),
        KeyPart::Process(name) => text(&name?.text()),
        KeyPart::Unit(unit) => text(unit.as_deref()?),
        KeyPart::Container(id) => Label::Text(names.container(id.as_deref()?)),
        KeyPart::Pod(uid) => Label::Text(names.pod(uid.as_deref()?)),
        KeyPart::Cgroup(id) => text(names.cgroup(id?)),
        KeyPart::Netns(netns) => text(names.netns(netns)),
    })
}
