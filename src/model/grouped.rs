//! An answer by groups.

use super::{Counts, Field, Observation, Ownership, State, StateSet};

/// The value of one field of a group's key, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Label {
    /// A socket of this group has none.
    None,
    /// A number: a port, a uid.
    Number(u64),
    /// An answer of yes or no: whether an IPv6 listener takes IPv6 only.
    Flag(bool),
    /// Anything else; may hold any character.
    Text(String),
}

/// Sockets that have the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// A label for each field grouped by, in their order.
    pub key: Vec<Label>,
    /// The group's sockets by state.
    pub counts: Counts,
    /// The change of their number since the sample before; `None` in the first sample.
    pub change: Option<i128>,
}

/// The groups that are not shown one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Other {
    /// How many groups; of sockets beyond the limit of groups, none are known.
    pub groups: u64,
    /// Their sockets by state.
    pub counts: Counts,
}

/// How many sockets were in each state, by group, at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouped {
    /// When, by whom, how completely.
    pub observation: Observation,
    /// The states that were asked for.
    pub asked: StateSet,
    /// The fields grouped by.
    pub fields: Vec<Field>,
    /// The groups to show, largest first; after them those that vanished since the sample before.
    pub groups: Vec<Group>,
    /// The rest, if there is one.
    pub other: Option<Other>,
    /// The sockets of all groups.
    pub counts: Counts,
    /// The change of their number since the sample before; `None` in the first sample.
    pub change: Option<i128>,
    /// How many sockets have a known holder, where they are grouped by it.
    pub ownership: Option<Ownership>,
    /// What else a person should know; none of it is a loss.
    pub notes: Vec<String>,
}

impl Grouped {
    /// The states that belong to the answer: every one asked for, then those without a name that
    /// were seen.
    pub fn states(&self) -> impl Iterator<Item = State> {
        self.asked.iter().chain(self.counts.unknown())
    }
}
