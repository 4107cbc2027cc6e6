//! The lines of a record that are not sockets: their keys, in writing and in reading.
//!
//! Keys are only ever added within a version; a reader ignores keys and types that it does not know.

mod namespace;
mod sample;

use std::borrow::Cow;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

pub use namespace::{Namespace, NamespaceCounts, NamespaceEnd};
pub use sample::{Group, Groups, KindCounts, Others, Sample, States};

/// The latest version of the format. A reader refuses a later one.
pub const VERSION: u32 = 2;

/// That of a record of one network namespace, which has no line of version 2.
pub const VERSION_OF_ONE: u32 = 1;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line<'a> {
    /// The first line: whose record it is.
    #[serde(borrow)]
    Record(Head<'a>),
    /// A moment begins.
    #[serde(borrow)]
    Moment(Begin<'a>),
    /// A file below /proc.
    #[serde(borrow)]
    File(File<'a>),
    /// The name of a user.
    #[serde(borrow)]
    User(Name<'a>),
    /// The name of an interface.
    #[serde(borrow)]
    Interface(Name<'a>),
    /// The path of a control group (cgroup v2).
    #[serde(borrow)]
    Cgroup(Name<'a>),
    /// The name of a container.
    #[serde(borrow)]
    Container(IdName<'a>),
    /// The name of a pod.
    #[serde(borrow)]
    Pod(IdName<'a>),
    /// A process that holds sockets.
    #[serde(borrow)]
    Process(Process<'a>),
    /// A process whose descriptors could not be read.
    #[serde(borrow)]
    Unread(Unread<'a>),
    /// Which sockets a process holds; there may be several of one process.
    Holds(Holds),
    /// Sockets as they were in the moment before.
    Unchanged(Unchanged),
    /// One of several network namespaces.
    #[serde(borrow)]
    Namespace(Namespace<'a>),
    /// That is whole.
    #[serde(borrow)]
    NamespaceEnd(NamespaceEnd<'a>),
    /// The numbers of its sockets, as the samples from here on have them.
    #[serde(borrow)]
    NamespaceCounts(NamespaceCounts<'a>),
    /// The moment is whole.
    #[serde(borrow)]
    End(End<'a>),
    /// Why a moment was recorded.
    #[serde(borrow)]
    Cause(Cause<'a>),
    /// Sockets by group, as the samples from here on have them.
    #[serde(borrow)]
    Groups(Groups<'a>),
    /// A sample is whole: the numbers of sockets, and the files and groups before it.
    #[serde(borrow)]
    Sample(Sample<'a>),
    /// A socket, or a line of a later version.
    #[serde(other)]
    Other,
}

/// Whose record it is.
#[derive(Debug, Serialize, Deserialize)]
pub struct Head<'a> {
    /// Of the format.
    pub version: u32,
    /// The version of the program that wrote it.
    pub program: Cow<'a, str>,
    /// The name of the host, uname(2).
    pub host: Cow<'a, str>,
    /// The release of its kernel.
    pub kernel: Cow<'a, str>,
    /// The kinds of sockets, in the words of `-A`, separated by commas.
    pub kinds: Cow<'a, str>,
    /// Which sockets, in the words of a filter, besides all that wait for peers; no key for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Cow<'a, str>>,
    /// Whether other addresses and names are in the place of those of the host: by a key that each run has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymized: bool,
    /// The size of a page of memory, in bytes.
    pub page_size: Option<u64>,
    /// Which network namespaces were requested, where these may be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netns: Option<Cow<'a, str>>,
}

/// The begin of a moment.
#[derive(Debug, Serialize, Deserialize)]
pub struct Begin<'a> {
    /// When the first request was sent: RFC 3339, in UTC.
    pub time: Cow<'a, str>,
    /// Whether another moment follows that is compared with this one, so that this one is compared with
    /// none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first: bool,
    /// The time of the moment that lines `unchanged` are about; no key if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Cow<'a, str>>,
}

/// The next sockets of an earlier moment, which are as they were there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unchanged {
    /// How many sockets of the earlier moment come before them that are in no such line.
    #[serde(default, skip_serializing_if = "is_none")]
    pub skipped: u64,
    /// How many they are.
    pub sockets: u64,
    /// How much longer ago everything is, in milliseconds: what grows with time has grown by it, and
    /// timers have less left.
    #[serde(default, skip_serializing_if = "is_none")]
    pub older_ms: u32,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_none<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

/// What rules of `doctor` found, so that a moment was recorded.
#[derive(Debug, Serialize, Deserialize)]
pub struct Cause<'a> {
    /// The id of the rule.
    pub rule: Cow<'a, str>,
    /// The title of its first critical finding.
    pub title: Cow<'a, str>,
}

/// A file, or why it could not be read. One that did not exist has no line; in samples, one that exists no
/// more has neither text nor error.
#[derive(Debug, Serialize, Deserialize)]
pub struct File<'a> {
    /// In a sample of several network namespaces, the number of the one that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netns: Option<u32>,
    /// The path below /proc.
    pub path: Cow<'a, str>,
    /// All of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Cow<'a, str>>,
    /// The reason, a sentence without a full stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Cow<'a, str>>,
}

/// A name for a number: a uid, the index of an interface, the id of a control group.
#[derive(Debug, Serialize, Deserialize)]
pub struct Name<'a> {
    /// The number.
    pub id: u64,
    /// The name.
    pub name: Cow<'a, str>,
}

/// A name for an id: of a container, of a pod.
#[derive(Debug, Serialize, Deserialize)]
pub struct IdName<'a> {
    /// The id, or the uid of a pod of Kubernetes.
    pub id: Cow<'a, str>,
    /// The name.
    pub name: Cow<'a, str>,
}

/// A process that holds sockets. Values that are unknown have no key.
#[derive(Debug, Serialize, Deserialize)]
pub struct Process<'a> {
    /// Its number.
    pub pid: u32,
    /// Its name, at most 15 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'a, str>>,
    /// Its arguments, only with `--command-lines`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_line: Option<Cow<'a, str>>,
    /// Its systemd unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Cow<'a, str>>,
    /// The id of its container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Cow<'a, str>>,
    /// The id of its pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<Cow<'a, str>>,
    /// How many files it has open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// How many it may have open, the soft limit of RLIMIT_NOFILE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files_limit: Option<u64>,
    /// Why these are unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files_unknown: Option<Cow<'a, str>>,
}

/// A process whose descriptors could not be read.
#[derive(Debug, Serialize, Deserialize)]
pub struct Unread<'a> {
    /// Its number.
    pub pid: u32,
    /// Its name, if that could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'a, str>>,
}

/// Which sockets a process holds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Holds {
    /// The process.
    pub pid: u32,
    /// The inode of each socket, and the descriptor; no descriptor if it is registered with io_uring.
    pub sockets: Vec<(u64, Option<u32>)>,
}

/// The end of a moment.
#[derive(Debug, Serialize, Deserialize)]
pub struct End<'a> {
    /// How each kind was read.
    #[serde(borrow)]
    pub kinds: Vec<KindLine<'a>>,
    /// How many sockets there are.
    pub total: u64,
    /// What was lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Cow<'a, str>>,
    /// Of several network namespaces, how many processes were visible and could not be read, so that the
    /// namespaces that only these were in are unknown.
    #[serde(default, skip_serializing_if = "is_none")]
    pub denied_processes: u64,
    /// Why other processes may not have been visible, as a clause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hiding: Option<Cow<'a, str>>,
}

/// How the sockets of a kind were read.
#[derive(Debug, Serialize, Deserialize)]
pub struct KindLine<'a> {
    /// The kind.
    pub kind: Cow<'a, str>,
    /// The source: `netlink` or `proc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'a, str>>,
    /// Why the kernel could not report any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<Cow<'a, str>>,
    /// How many there are, where several network namespaces were recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// How many are in each state; states without any have no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub states: Option<States>,
}

/// A time as it is written.
pub fn stamp(time: SystemTime) -> String {
    let stamp = jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::MAX);
    format!("{stamp:.3}")
}

/// No time is longer, in bytes. It is kept for each network namespace as it is written.
const LONGEST_STAMP: usize = 64;

/// A time that was written.
pub fn time_of(stamp: &str) -> Option<SystemTime> {
    let stamp = Some(stamp).filter(|stamp| stamp.len() <= LONGEST_STAMP)?;
    let stamp: jiff::Timestamp = stamp.parse().ok()?;
    SystemTime::try_from(stamp).ok()
}
