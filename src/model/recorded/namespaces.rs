//! What a moment has of the whole host, and of each of several network namespaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;

use super::Moment;
use crate::model::{Descriptors, Hold, NamespaceFacts, Netns, Process, ProcessName, UnseenReason};

/// The processes and names of a host; of several network namespaces, they are the same for each.
#[derive(Clone, Debug, Default)]
pub struct RecordedHost {
    /// In the order of their pids.
    pub processes: Vec<Process>,
    /// Which process holds which inode, in the order of inodes.
    pub holds: Vec<(u64, Hold)>,
    /// How many files each process had open and may have, by pid; or why that was unknown.
    pub descriptors: HashMap<u32, Result<Descriptors, String>>,
    /// Processes whose descriptors could not be read, and their names.
    pub unread: Vec<(u32, Option<ProcessName>)>,
    /// The names of users by number.
    pub users: HashMap<u32, String>,
    /// The same of control groups (cgroup v2).
    pub cgroups: HashMap<u64, String>,
    /// The names of containers by their ids.
    pub containers: HashMap<String, String>,
    /// The names of pods by their uids or ids.
    pub pods: HashMap<String, String>,
}

/// Which network namespaces a moment is about, where these are several.
#[derive(Clone, Debug, Default)]
pub struct RecordedNamespaces {
    /// Each, in the order in which they were recorded.
    pub members: Vec<RecordedNamespace>,
    /// How many processes were visible and could not be read, so that the namespaces that only these were
    /// in are unknown.
    pub denied: u64,
    /// Why other processes may not have been visible, as a clause.
    pub hiding: Option<String>,
    /// The position of each among the members.
    positions: BTreeMap<Netns, usize>,
}

/// One of several network namespaces.
#[derive(Clone, Debug)]
pub struct RecordedNamespace {
    /// Its number.
    pub netns: Netns,
    /// What it was called.
    pub name: Arc<str>,
    /// What was known of it.
    pub facts: Arc<NamespaceFacts>,
    /// What was there, or why it was not read.
    pub moment: Result<Arc<Moment>, UnseenReason>,
}

impl RecordedNamespaces {
    /// These.
    pub fn new(
        members: Vec<RecordedNamespace>,
        denied: u64,
        hiding: Option<String>,
    ) -> RecordedNamespaces {
        let numbers = members.iter().map(|one| one.netns);
        RecordedNamespaces {
            positions: numbers.zip(0..).collect(),
            members,
            denied,
            hiding,
        }
    }

    /// What was there in one of them.
    pub fn moment(&self, netns: Netns) -> Option<&Arc<Moment>> {
        let one = self.members.get(*self.positions.get(&netns)?)?;
        one.moment.as_ref().ok()
    }

    /// The same, to be changed, while nothing else refers to it.
    pub fn moment_mut(&mut self, netns: Netns) -> Option<&mut Moment> {
        let one = self.members.get_mut(*self.positions.get(&netns)?)?;
        Arc::get_mut(one.moment.as_mut().ok()?)
    }
}
