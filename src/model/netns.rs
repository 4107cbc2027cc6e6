//! Network namespaces, network_namespaces(7): which one a socket is in, and what is known of it.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::{counted, thousands};

/// A network namespace, where a question is about several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Netns(pub u32);

impl Netns {
    /// The only namespace of a question about one. In a question about several, each has its inode
    /// number, which is never 0.
    pub const CALLER: Netns = Netns(0);
}

/// A network namespace other than that of the calling thread, and the file that leads into it.
#[derive(Debug, PartialEq, Eq)]
pub struct Namespace {
    /// The word that selects it on a command line.
    pub word: String,
    /// A file of nsfs, such as `/run/netns/NAME` or `/proc/PID/ns/net`.
    pub file: PathBuf,
    /// The device of that file, and its inode number: the file may lead to another namespace later.
    pub identity: (u64, u64),
}

/// The word that selects every network namespace that is found.
pub const EVERY_NETNS: &str = "all";

/// The network namespaces of a question about several: the words that select them, and the names of
/// those that the last answer was about.
#[derive(Debug)]
pub struct NamespaceList {
    words: Vec<String>,
    names: Mutex<HashMap<Netns, Arc<str>>>,
}

impl NamespaceList {
    /// Those that these words select.
    pub fn new(words: Vec<String>) -> NamespaceList {
        NamespaceList {
            words,
            names: Mutex::default(),
        }
    }

    /// Every one that is found.
    pub fn every() -> NamespaceList {
        NamespaceList::new(vec![EVERY_NETNS.to_owned()])
    }

    /// The words, as one argument of `--netns`.
    pub fn words(&self) -> String {
        self.words.join(",")
    }

    /// Sets the names of those that an answer is about.
    pub fn set_names(&self, names: impl IntoIterator<Item = (Netns, Arc<str>)>) {
        let mut known = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        *known = names.into_iter().collect();
    }

    /// The name of one; `net:INODE` where none is known.
    pub fn name(&self, netns: Netns) -> Arc<str> {
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let name = known.get(&netns).cloned();
        name.unwrap_or_else(|| format!("net:{}", netns.0).into())
    }
}

/// Names are part of an answer, not of a question.
impl PartialEq for NamespaceList {
    fn eq(&self, other: &NamespaceList) -> bool {
        self.words == other.words
    }
}

impl Eq for NamespaceList {}

impl fmt::Display for NamespaceList {
    /// What a verdict is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.words {
            [word] if word == EVERY_NETNS => f.write_str("all network namespaces"),
            words => write!(f, "network namespaces {}", words.join(", ")),
        }
    }
}

/// A network namespace that exists and was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnseenNamespace {
    /// The word that selects it.
    pub name: String,
    /// Its inode number.
    pub netns: Netns,
    /// Why it was not read.
    pub reason: UnseenReason,
}

/// Why a network namespace was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnseenReason {
    /// Entering it is not permitted, and no process in it is visible.
    NoPermission,
    /// A word selected it, and it has ended.
    Gone,
    /// It is mounted below the mount of another one only, and no process in it is visible.
    Covered,
    /// What the system reports.
    Failed(String),
}

impl UnseenReason {
    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            UnseenReason::NoPermission => "no_permission",
            UnseenReason::Gone => "gone",
            UnseenReason::Covered => "covered",
            UnseenReason::Failed(_) => "failed",
        }
    }
}

/// Writes one line about those of `of` network namespaces that were not read, by their reasons.
pub(super) fn write_unseen(
    f: &mut fmt::Formatter<'_>,
    of: u64,
    unseen: &[UnseenNamespace],
) -> fmt::Result {
    const MOST_NAMED: usize = 8;
    let (count, all) = (
        thousands(unseen.len()),
        counted(of, "network namespace", "network namespaces"),
    );
    write!(f, "{count} of {all} not read")?;
    let mut reasons: Vec<(&UnseenReason, Vec<&str>)> = Vec::new();
    for one in unseen {
        match reasons
            .iter_mut()
            .find(|(reason, _)| *reason == &one.reason)
        {
            Some((_, names)) => names.push(&one.name),
            None => reasons.push((&one.reason, vec![&one.name])),
        }
    }
    for (number, (reason, names)) in reasons.iter().enumerate() {
        f.write_str(if number == 0 { ": " } else { "; " })?;
        let shown: Vec<&str> = names.iter().copied().take(MOST_NAMED).collect();
        f.write_str(&shown.join(", "))?;
        match names.len().saturating_sub(MOST_NAMED) {
            0 => {}
            more => write!(f, " and {} more", thousands(more))?,
        }
        let are = if names.len() == 1 { "is" } else { "are" };
        match reason {
            UnseenReason::NoPermission => f.write_str(
                " (entering takes CAP_SYS_ADMIN and no process in it is visible: run as root)",
            )?,
            UnseenReason::Gone => write!(f, " {are} gone")?,
            UnseenReason::Covered => write!(f, " {are} covered by another mount")?,
            UnseenReason::Failed(why) => write!(f, " ({why})")?,
        }
    }
    Ok(())
}
