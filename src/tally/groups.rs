//! Sockets per state and group.

use std::ops::ControlFlow;
use std::sync::Arc;

use foldhash::HashMap;

use crate::model::{
    CountSink, Counts, Field, GroupHolders, GroupKey, KeyPart, Listeners, Netns, Other, Sink,
    Socket, SplitSink, State,
};

/// More groups than are of use, and some 200 MB; the sockets of further ones are counted together.
const MOST_GROUPS: usize = 1_000_000;

/// The sockets of each group.
pub type GroupedCounts = HashMap<Box<[KeyPart]>, Counts>;

/// Counts sockets per state and group.
#[derive(Debug)]
pub struct GroupTally {
    keys: Vec<GroupKey>,
    listeners: Arc<Listeners>,
    most: usize,
    groups: GroupedCounts,
    /// Sockets of groups beyond the limit.
    beyond: Counts,
    all: Counts,
    /// The key of the current socket; its memory is reused.
    key: Vec<KeyPart>,
}

impl GroupTally {
    /// Groups by `keys`; direction and service need the `listeners`.
    pub fn new(keys: Vec<GroupKey>, listeners: impl Into<Arc<Listeners>>) -> GroupTally {
        GroupTally {
            key: Vec::with_capacity(keys.len()),
            keys,
            listeners: listeners.into(),
            most: MOST_GROUPS,
            groups: GroupedCounts::default(),
            beyond: Counts::default(),
            all: Counts::default(),
        }
    }

    /// The same with at most `most` groups.
    #[must_use]
    pub fn with_most(self, most: usize) -> GroupTally {
        GroupTally { most, ..self }
    }

    /// Counts a socket that these processes hold.
    pub fn socket_of(&mut self, socket: &Socket, held: GroupHolders<'_>) {
        self.alike_of(socket, held, 1);
    }

    /// The sockets of all groups together.
    pub fn all(&self) -> &Counts {
        &self.all
    }

    /// The groups; and the sockets of groups beyond the limit, if there were any.
    pub fn into_groups(self) -> (GroupedCounts, Option<Other>) {
        let beyond = (self.beyond.total() > 0).then_some(Other {
            groups: 0,
            counts: self.beyond,
        });
        (self.groups, beyond)
    }
}

impl GroupTally {
    /// Whether numbers of sockets by state and network namespace are enough for these keys.
    pub fn is_counted(keys: &[GroupKey]) -> bool {
        let is_known = |key: &GroupKey| matches!(key.field, Field::Netns | Field::State);
        let mut fields = keys.iter().map(|key| key.field);
        keys.iter().all(is_known) && fields.any(|field| field == Field::Netns)
    }

    /// Counts sockets like this one, which these processes hold.
    fn alike_of(&mut self, socket: &Socket, held: GroupHolders<'_>, number: u64) {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        let parts = self.keys.iter();
        key.extend(parts.filter_map(|one| one.part(socket, &self.listeners, held)));
        self.add(key, socket.state, number);
    }

    /// Counts sockets of the group with this key.
    fn add(&mut self, key: Vec<KeyPart>, state: State, sockets: u64) {
        self.all.add(state, sockets);
        let counts = if let Some(counts) = self.groups.get_mut(&*key) {
            counts
        } else if self.groups.len() < self.most {
            self.groups.entry(key.as_slice().into()).or_default()
        } else {
            &mut self.beyond
        };
        counts.add(state, sockets);
        self.key = key;
    }
}

impl Sink for GroupTally {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.alike(socket, 1)
    }

    fn alike(&mut self, socket: &Socket, number: u64) -> ControlFlow<()> {
        self.alike_of(socket, GroupHolders::default(), number);
        ControlFlow::Continue(())
    }
}

/// For keys that [`GroupTally::is_counted`] allows.
impl CountSink for GroupTally {
    fn count(&mut self, netns: Netns, state: State, sockets: u64) {
        if sockets == 0 {
            return;
        }
        let parts = self.keys.iter().map(|key| match key.field == Field::Netns {
            true => KeyPart::Netns(netns),
            false => KeyPart::State(state),
        });
        let key = parts.collect();
        self.add(key, state, sockets);
    }
}

impl SplitSink for GroupTally {
    fn split(&self) -> GroupTally {
        GroupTally {
            most: self.most,
            ..GroupTally::new(self.keys.clone(), Arc::clone(&self.listeners))
        }
    }

    /// Where one part, or both together, have more groups than the limit, some sockets of a group
    /// may have been counted beyond it.
    fn join(&mut self, parts: [GroupTally; 2]) -> bool {
        let [mut sum, other] = parts;
        if sum.beyond.total() > 0 || other.beyond.total() > 0 {
            return false;
        }
        for (key, counts) in other.groups.iter().chain(&self.groups) {
            sum.groups.entry(key.clone()).or_default().add_all(counts);
        }
        if sum.groups.len() > self.most {
            return false;
        }
        self.all.add_all(&sum.all);
        self.all.add_all(&other.all);
        self.groups = sum.groups;
        true
    }
}

#[cfg(test)]
mod tests;
