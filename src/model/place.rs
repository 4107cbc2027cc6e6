//! Where the sockets are that a question is about.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Namespace, NamespaceList, Recorded};

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
    /// The same where it cannot be entered: read from the tables of a process in it.
    NetnsTables {
        /// The word that selects it.
        word: Arc<str>,
        /// The proc file system of that process, if it is another one.
        proc_root: Option<PathBuf>,
    },
    /// Several network namespaces of this host.
    Several(Arc<NamespaceList>),
    /// A host at an earlier time: `--from FILE`.
    Recorded(Arc<Recorded>),
}

impl Where {
    /// The words that select it on a command line, unquoted; none for [`Where::Here`].
    pub fn options(&self) -> Vec<String> {
        let root = self.process().or_else(|| self.other_proc_root());
        let root = root.filter(|_| self.recorded().is_none());
        let root = root.map(|root| ("--proc-root", root.display().to_string()));
        let record = self.recorded().map(|record| &record.path);
        let record = record.map(|path| ("--from", path.display().to_string()));
        let at = self.recorded().filter(|record| record.at);
        let at = at.and_then(|record| Some(("--at", record.last()?.stamp.clone())));
        let netns = self.netns().map(|words| ("--netns", words));
        let options = root.into_iter().chain(netns).chain(record).chain(at);
        options
            .flat_map(|(option, value)| [option.to_owned(), value])
            .collect()
    }

    /// The words of `--netns`, if there are any.
    pub fn netns(&self) -> Option<String> {
        match self {
            Where::Netns(namespace) => Some(namespace.word.clone()),
            Where::NetnsTables { word, .. } => Some(word.to_string()),
            Where::Several(list) => Some(list.words()),
            Where::Recorded(record) => record.one_of.as_ref().map(|(_, name)| name.to_string()),
            Where::Here | Where::ProcRoot(_) | Where::Process { .. } => None,
        }
    }

    /// The network namespaces, where it is about several.
    pub fn namespaces(&self) -> Option<&Arc<NamespaceList>> {
        match self {
            Where::Several(list) => Some(list),
            Where::Here
            | Where::Netns(_)
            | Where::NetnsTables { .. }
            | Where::ProcRoot(_)
            | Where::Process { .. }
            | Where::Recorded(_) => None,
        }
    }

    /// Whether its description has this filter, since it is that of the record.
    pub fn names_filter(&self, filter: &str) -> bool {
        let record = self.recorded();
        record.is_some_and(|record| record.origin.filter.as_deref() == Some(filter))
    }

    /// The record, where it is about one.
    pub fn recorded(&self) -> Option<&Arc<Recorded>> {
        match self {
            Where::Recorded(record) => Some(record),
            Where::Several(list) => list.record(),
            Where::Here
            | Where::Netns(_)
            | Where::NetnsTables { .. }
            | Where::ProcRoot(_)
            | Where::Process { .. } => None,
        }
    }

    /// Whether users, control groups and processes are those that this process sees.
    pub fn is_own_host(&self) -> bool {
        self.other_proc_root().is_none()
    }

    /// The directory of the only process that it is about: `--proc-root /proc/PID`.
    pub fn process(&self) -> Option<&Path> {
        match self {
            Where::Process { directory, .. } => Some(directory),
            Where::Here
            | Where::ProcRoot(_)
            | Where::Netns(_)
            | Where::NetnsTables { .. }
            | Where::Several(_)
            | Where::Recorded(_) => None,
        }
    }

    /// The proc file system whose processes may hold the sockets.
    pub fn proc_root(&self) -> &Path {
        self.other_proc_root().unwrap_or(Path::new(OWN_PROC))
    }

    /// The same, if it is not that of the calling thread.
    fn other_proc_root(&self) -> Option<&Path> {
        match self {
            Where::Here => None,
            Where::Netns(namespace) => namespace.proc_root.as_deref(),
            Where::NetnsTables { proc_root, .. } => proc_root.as_deref(),
            Where::Several(list) => match list.record() {
                Some(record) => Some(&record.path),
                None => list.proc_root(),
            },
            Where::ProcRoot(proc_root) | Where::Process { proc_root, .. } => Some(proc_root),
            // Nothing of this host belongs to it.
            Where::Recorded(record) => Some(&record.path),
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
            Where::NetnsTables { word, .. } => write!(f, "network namespace {word}"),
            Where::Several(list) => write!(f, "{list}"),
            Where::Recorded(record) => {
                if let Some((_, name)) = &record.one_of {
                    write!(f, "network namespace {name} of ")?;
                }
                write!(f, "{record}")
            }
        }
    }
}
