//! The lines about one of several network namespaces: what is known of it, the end of what it has in a moment, and
//! the numbers of its sockets in samples.

use std::borrow::Cow;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{KindCounts, KindLine};
use crate::model::{NamespaceFacts, Placement, UnseenReason};

/// One of several network namespaces. What it has follows, unless it was not read.
#[derive(Debug, Serialize, Deserialize)]
pub struct Namespace<'a> {
    /// Its number: the inode number, or that of its table `tcp` where the inode number is not known.
    pub netns: u32,
    /// Its name, as a word of `--netns`.
    pub name: Cow<'a, str>,
    /// The inode number, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inode: Option<u32>,
    /// The lowest number of a process in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How many processes are in it, if they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// Where it is mounted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Cow<'a, str>>,
    /// The systemd unit of that process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Cow<'a, str>>,
    /// The id of its container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Cow<'a, str>>,
    /// The id of its pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Cow<'a, str>>,
    /// Why it was not read, a word as in JSON; no key if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Cow<'a, str>>,
    /// What the system reported, where that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Cow<'a, str>>,
}

impl Namespace<'_> {
    /// What is known of it besides its name.
    pub fn facts(&self) -> NamespaceFacts {
        let placed = |name: &Option<Cow<'_, str>>| name.as_deref().map(Into::into);
        let mounts = self.mounts.iter();
        NamespaceFacts {
            inode: self.inode,
            pid: self.pid,
            processes: self.processes,
            mounts: mounts.map(|path| PathBuf::from(&**path)).collect(),
            placement: Placement {
                unit: placed(&self.unit),
                container: placed(&self.container),
                pod: placed(&self.pod),
            },
        }
    }

    /// Why it was not read; `None` if it was.
    pub fn unseen_reason(&self) -> Option<UnseenReason> {
        let unseen = self.unseen.as_deref()?;
        Some(UnseenReason::of(unseen, self.error.as_deref()))
    }
}

/// The end of what a network namespace has, which is whole with it.
#[derive(Debug, Serialize, Deserialize)]
pub struct NamespaceEnd<'a> {
    /// How each kind was read.
    #[serde(borrow)]
    pub kinds: Vec<KindLine<'a>>,
    /// How many sockets it has.
    pub total: u64,
    /// What was lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Cow<'a, str>>,
}

/// The sockets of a network namespace in the samples from here on.
#[derive(Debug, Serialize, Deserialize)]
pub struct NamespaceCounts<'a> {
    /// Its number.
    pub netns: u32,
    /// The source of the numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'a, str>>,
    /// The kinds that it has sockets of; no key if it is not there any more.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<KindCounts<'a>>>,
}
