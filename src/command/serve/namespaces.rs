//! Numbers of sockets of several network namespaces: which of these have series of their own, and what each
//! belongs to. Their number has a bound, whoever makes namespaces.

use std::sync::Arc;

use super::groups::{Floor, MOST_GROUPS, heaviest};
use crate::command::names::HostNames;
use crate::model::{
    Counts, Field, GroupKey, KeyPart, Listeners, Names, NamespacesRead, Netns, Other, Placement,
};
use crate::tally::{GroupTally, GroupedCounts};

/// The key of a group.
pub(super) const BY_NETNS: GroupKey = GroupKey {
    field: Field::Netns,
    prefix: None,
};

/// A network namespace as the page names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) netns: Netns,
    pub(super) name: Arc<str>,
}

/// Sockets by state and network namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Divided {
    /// Those that have series.
    pub(super) shown: Vec<(Shown, Counts)>,
    /// The sockets of all others.
    pub(super) other: Counts,
    /// How many others have sockets.
    pub(super) others: usize,
    /// Whether the sockets of every one were counted separately.
    pub(super) is_whole: bool,
}

/// Counts the sockets of a sample by network namespace.
pub(super) fn tally() -> GroupTally {
    GroupTally::new(vec![BY_NETNS], Listeners::default()).with_most(MOST_GROUPS)
}

impl Divided {
    /// Chooses the namespaces that have series, `top` at most; each key is a namespace.
    pub(super) fn of(
        groups: GroupedCounts,
        beyond: Option<Other>,
        top: usize,
        names: &mut HostNames,
    ) -> Divided {
        let mut all = Counts::default();
        let beyond_counts = beyond.as_ref().map(|beyond| &beyond.counts);
        groups
            .values()
            .chain(beyond_counts)
            .for_each(|counts| all.add_all(counts));
        let (number, is_whole) = (groups.len(), beyond.is_none());
        let (heavy, other) = heaviest(groups, beyond, &all, top, Floor::ShareUnlessFew);
        let shown = heavy.into_iter().filter_map(|(key, counts)| {
            let [KeyPart::Netns(netns)] = *key else {
                return None;
            };
            Some((Shown::of(netns, names), counts))
        });
        let shown: Vec<(Shown, Counts)> = shown.collect();
        Divided {
            others: number - shown.len(),
            shown,
            other,
            is_whole,
        }
    }
}

impl Shown {
    /// One of the namespaces of the last answer.
    pub(super) fn of(netns: Netns, names: &mut HostNames) -> Shown {
        let name = name_of(netns, names);
        Shown { netns, name }
    }
}

/// What a network namespace is called on the page: not by a process, which may end before it.
pub(super) fn name_of(netns: Netns, names: &mut HostNames) -> Arc<str> {
    match names.netns(netns) {
        name if name.starts_with("pid:") => format!("net:{}", netns.0).into(),
        name => name.into(),
    }
}

/// What a network namespace belongs to; empty where that is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Belongs {
    pub(super) name: Arc<str>,
    pub(super) pod_namespace: String,
    pub(super) pod_name: String,
    pub(super) container: String,
}

impl Belongs {
    /// What these belong to, each once, in the order of their names.
    pub(super) fn of<'a>(
        shown: impl Iterator<Item = &'a Shown>,
        read: Option<&NamespacesRead>,
        names: &mut HostNames,
    ) -> Vec<Belongs> {
        let mut all: Vec<&Shown> = shown.collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all.dedup_by(|a, b| a.name == b.name);
        let belongs = all.into_iter().map(|one| {
            let facts = read
                .and_then(|read| read.of(one.netns))
                .map(|read| &read.facts);
            let unknown = Placement::default();
            let placement = facts.map_or(&unknown, |facts| &facts.placement);
            let pod = placement.pod.as_deref().map(|uid| names.pod(uid));
            let pod = pod.unwrap_or_default();
            // That of another engine has no namespace.
            let (pod_namespace, pod_name) = pod.split_once('/').unwrap_or(("", &pod));
            let container = placement.container.as_deref();
            Belongs {
                name: Arc::clone(&one.name),
                pod_namespace: pod_namespace.to_owned(),
                pod_name: pod_name.to_owned(),
                container: container.map_or_else(String::new, |id| names.container(id)),
            }
        });
        belongs.collect()
    }
}
