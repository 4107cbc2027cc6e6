//! Where the sockets are that a question is about.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Namespace, NamespaceList};

/// The proc file system of the calling thread.
const OWN_PROC: &str = "/proc";

/// Where sockets, their holders and the names of their users come from. Every source carries one;
/// notes, suggested commands and names follow it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Where {
    /// The network namespace of the calling thread, and the processes its `/proc` shows.
    #[default]
    Here,
    /// Another proc file system, or a copy of one: `--proc-root`.
    ProcRoot(PathBuf),
    /// The network namespace of one process: `--proc-root /proc/PID`.
    Process {
        /// The directory of the process.
        directory: PathBuf,
        /// The proc file system it is in.
        proc_root: PathBuf,
    },
    /// Another network namespace of this host, which is entered: `--netns WHICH`.
    Netns(Arc<Namespace>),
    /// The same where it cannot be entered, by the word that selects it: read from the tables of a
    /// process in it.
    NetnsTables(String),
    /// Several network namespaces of this host.
    Several(Arc<NamespaceList>),
}

impl Where {
    /// The words that select it on a command line, unquoted; none for [`Where::Here`].
    pub fn options(&self) -> Vec<String> {
        let (option, value) = match self {
            Where::ProcRoot(directory) | Where::Process { directory, .. } => {
                ("--proc-root", Some(directory.display().to_string()))
            }
            Where::Here | Where::Netns(_) | Where::NetnsTables(_) | Where::Several(_) => {
                ("--netns", self.netns())
            }
        };
        let words = value.map(|value| vec![option.to_owned(), value]);
        words.unwrap_or_default()
    }

    /// The words of `--netns`, if there are any.
    pub fn netns(&self) -> Option<String> {
        match self {
            Where::Netns(namespace) => Some(namespace.word.clone()),
            Where::NetnsTables(word) => Some(word.clone()),
            Where::Several(list) => Some(list.words()),
            Where::Here | Where::ProcRoot(_) | Where::Process { .. } => None,
        }
    }

    /// Whether users, control groups and processes are those that this process sees.
    pub fn is_own_host(&self) -> bool {
        match self {
            Where::Here | Where::Netns(_) | Where::NetnsTables(_) | Where::Several(_) => true,
            Where::ProcRoot(_) | Where::Process { .. } => false,
        }
    }

    /// The proc file system whose processes may hold the sockets.
    pub fn proc_root(&self) -> &Path {
        match self {
            Where::Here | Where::Netns(_) | Where::NetnsTables(_) | Where::Several(_) => {
                Path::new(OWN_PROC)
            }
            Where::ProcRoot(root) => root,
            Where::Process { proc_root, .. } => proc_root,
        }
    }
}

impl fmt::Display for Where {
    /// What a verdict is about: `this network namespace`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Where::Here => f.write_str("this network namespace"),
            Where::ProcRoot(_) | Where::Process { .. } => f.write_str(&self.options().join(" ")),
            Where::Netns(namespace) => write!(f, "network namespace {}", namespace.word),
            Where::NetnsTables(word) => write!(f, "network namespace {word}"),
            Where::Several(list) => write!(f, "{list}"),
        }
    }
}
