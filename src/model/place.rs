//! Where the sockets are that a question is about.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The proc file system of the calling thread.
const OWN_PROC: &str = "/proc";

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
    /// Several network namespaces of this host, by the words that select them.
    Several(Arc<[String]>),
}

impl Where {
    /// The words that select it on a command line, unquoted; none for [`Where::Here`].
    pub fn options(&self) -> Vec<String> {
        let (option, value) = match self {
            Where::Here => return Vec::new(),
            Where::ProcRoot(directory) | Where::Process { directory, .. } => {
                ("--proc-root", directory.display().to_string())
            }
            Where::Netns(namespace) => ("--netns", namespace.word.clone()),
            Where::Several(words) => ("--netns", words.join(",")),
        };
        vec![option.to_owned(), value]
    }

    /// Whether users, control groups and processes are those that this process sees.
    pub fn is_own_host(&self) -> bool {
        match self {
            Where::Here | Where::Netns(_) | Where::Several(_) => true,
            Where::ProcRoot(_) | Where::Process { .. } => false,
        }
    }

    /// The proc file system whose processes may hold the sockets.
    pub fn proc_root(&self) -> &Path {
        match self {
            Where::Here | Where::Netns(_) | Where::Several(_) => Path::new(OWN_PROC),
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
            Where::Several(words) => write!(f, "network namespaces {}", words.join(", ")),
        }
    }
}
