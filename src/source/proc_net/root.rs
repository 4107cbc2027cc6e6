//! Which directory holds the tables, and whose network namespace it shows.
//!
//! `/proc/net` is the namespace of the thread group's leader; `/proc/thread-self/net` is the calling
//! thread's own, which is also that of its netlink sockets (proc(5), since 3.17). In another proc
//! file system `DIR/net` is `DIR/self/net`, the *reader's* namespace; a host's tables are in
//! `DIR/1/net`, which anyone may read.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, statat};

use crate::model::{Namespace, NamespaceFacts, Netns, Note, Recorded, Where};
use crate::netns::{Access, Member, Tables, within};
use crate::proc_root::{ProcRoot, RootKind};
use crate::source::counters::SocketCounters;

/// A directory with the tables `tcp` and, if there is IPv6, `tcp6`.
#[derive(Clone, Debug)]
pub struct ProcNet {
    root: Arc<ProcRoot>,
    /// The directory, from `root`.
    directory: &'static str,
    place: Where,
    /// Whose tables they are, for a person; `None` for those of the calling thread.
    whose: Option<String>,
    /// Which of several namespaces it is.
    one_of: Option<Arc<OneOf>>,
}

/// Which of several namespaces it is.
#[derive(Clone, Debug)]
struct OneOf {
    netns: Netns,
    /// The word that selects it.
    word: Arc<str>,
    facts: Arc<NamespaceFacts>,
}

impl PartialEq for ProcNet {
    fn eq(&self, other: &ProcNet) -> bool {
        (&self.place, self.directory) == (&other.place, other.directory)
    }
}

/// A `--proc-root` without tables.
#[derive(Debug, thiserror::Error)]
pub enum NoTables {
    /// It cannot be opened, or the directory of the tables cannot.
    #[error("{}: {error}", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system reports.
        error: io::Error,
    },
    /// It holds neither `1/net/tcp` nor `net/tcp`.
    #[error("{} holds neither 1/net/tcp nor net/tcp; give a mounted proc file system, the directory of a process in one, or a copy", .0.display())]
    Neither(PathBuf),
    /// It is the directory of a process that has no tables, as one that has ended.
    #[error("{0} has no net/tcp")]
    Process(String),
    /// It is a live proc file system that hides process 1, whose `net` would be our own.
    #[error("{} hides process 1 (hidepid, or another pid namespace), and its own net would show this process's network namespace, not that host's", .0.display())]
    Hidden(PathBuf),
}

impl ProcNet {
    /// The tables of the calling thread's own network namespace.
    pub fn own() -> ProcNet {
        ProcNet {
            root: Arc::new(ProcRoot::own()),
            directory: "thread-self/net",
            place: Where::Here,
            whose: None,
            one_of: None,
        }
    }

    /// The tables of another network namespace of this host, which is entered to read them.
    fn inside(namespace: Arc<Namespace>) -> ProcNet {
        ProcNet {
            place: Where::Netns(namespace),
            ..ProcNet::own()
        }
    }

    /// The tables of a network namespace of this host that can be read in this way.
    ///
    /// # Errors
    /// When those of a process are not there.
    pub fn of(access: &Access) -> Result<ProcNet, NoTables> {
        match access {
            Access::Own => Ok(ProcNet::own()),
            Access::Entered(namespace) => Ok(ProcNet::inside(Arc::clone(namespace))),
            Access::Tables(tables) => ProcNet::of_process(tables),
            Access::Recorded(part) => Ok(ProcNet::recorded(Arc::clone(part))),
        }
    }

    fn of_process(tables: &Tables) -> Result<ProcNet, NoTables> {
        let path = &tables.directory;
        let root = ProcRoot::open(path).map_err(|error| NoTables::Directory {
            path: path.clone(),
            error,
        })?;
        let process = root.read_process_name();
        let process = process.filter(|_| root.kind() == RootKind::Below);
        let process = process.ok_or_else(|| NoTables::Process(path.display().to_string()))?;
        Ok(ProcNet {
            root: Arc::new(root),
            directory: "net",
            place: Where::NetnsTables {
                word: tables.word.as_str().into(),
                proc_root: tables.proc_root.clone(),
            },
            whose: Some(format!(
                "the network namespace of {process}, because entering it takes {}",
                tables.lacking
            )),
            one_of: None,
        })
    }

    /// The same, as those of this one of several network namespaces.
    #[must_use]
    pub fn one_of_several(self, member: &Member) -> ProcNet {
        ProcNet {
            one_of: Some(Arc::new(OneOf {
                netns: member.netns,
                word: Arc::clone(&member.name),
                facts: Arc::clone(&member.facts),
            })),
            ..self
        }
    }

    /// The same, as those of the only one.
    #[must_use]
    pub(in crate::source) fn alone(self) -> ProcNet {
        ProcNet {
            one_of: None,
            ..self
        }
    }

    /// The tables of another proc file system, `path/1/net`; of one process in one, `path/net`; or
    /// of a copy, where they are in either.
    ///
    /// # Errors
    /// When they are not there, or what is there would show the wrong host.
    pub fn under(path: &Path) -> Result<ProcNet, NoTables> {
        let cannot = |path: PathBuf, error| NoTables::Directory { path, error };
        let root = ProcRoot::open(path).map_err(|error| cannot(path.to_owned(), error))?;
        let holds_tables = |directory: &str| {
            use io::ErrorKind::{NotADirectory, NotFound};
            let is_there = |opened: &OwnedFd, name: &str| {
                statat(opened, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
            };
            match root.open_directory(directory) {
                Ok(opened) => Ok(is_there(&opened, "tcp") || is_there(&opened, "tcp6")),
                Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(false),
                Err(error) => Err(cannot(root.join(directory), error)),
            }
        };
        let neither = || NoTables::Neither(path.to_owned());
        let root_place = Where::ProcRoot(path.to_owned());
        let of_process_1 = "the network namespace of its process 1".to_owned();
        let (directory, place, whose) = match root.kind() {
            RootKind::Own | RootKind::Live if matches!(holds_tables("1/net"), Ok(true)) => {
                ("1/net", root_place, of_process_1)
            }
            RootKind::Own | RootKind::Live => return Err(NoTables::Hidden(path.to_owned())),
            RootKind::Below => {
                let (process, proc_root) = root.read_process().ok_or_else(neither)?;
                if !holds_tables("net")? {
                    return Err(NoTables::Process(process));
                }
                let directory = path.to_owned();
                let place = Where::Process {
                    directory,
                    proc_root,
                };
                ("net", place, format!("the network namespace of {process}"))
            }
            RootKind::Copy if holds_tables("1/net")? => ("1/net", root_place, of_process_1),
            RootKind::Copy if holds_tables("net")? => {
                ("net", root_place, "a copied tree".to_owned())
            }
            RootKind::Copy | RootKind::Record => return Err(neither()),
        };
        Ok(ProcNet {
            root: Arc::new(root),
            directory,
            place,
            whose: Some(whose),
            one_of: None,
        })
    }

    /// The files beside the sockets of a record.
    pub fn recorded(record: Arc<Recorded>) -> ProcNet {
        ProcNet {
            root: Arc::new(ProcRoot::recorded(Arc::clone(&record))),
            directory: "net",
            place: Where::Recorded(record),
            whose: None,
            one_of: None,
        }
    }

    /// Runs `work` in the network namespace of the tables.
    ///
    /// # Errors
    /// When it cannot be entered.
    pub(in crate::source) fn within<T: Send>(
        &self,
        work: impl FnOnce() -> T + Send,
    ) -> io::Result<T> {
        within(&self.place, work)
    }

    /// Which of several network namespaces it is; [`Netns::CALLER`] of one.
    pub(in crate::source) fn netns(&self) -> Netns {
        let netns = self.one_of.as_ref().map(|one| one.netns);
        netns.unwrap_or(Netns::CALLER)
    }

    /// The word that selects it among several.
    pub(in crate::source) fn word(&self) -> Option<&str> {
        self.one_of.as_ref().map(|one| &*one.word)
    }

    /// What is known of it as one of several.
    pub(in crate::source) fn facts(&self) -> Arc<NamespaceFacts> {
        let facts = self.one_of.as_ref().map(|one| Arc::clone(&one.facts));
        facts.unwrap_or_default()
    }

    /// Whose tables they are, as the command line names it.
    pub(in crate::source) fn place(&self) -> &Where {
        &self.place
    }

    /// The directory of the tables.
    pub(in crate::source) fn directory(&self) -> PathBuf {
        self.root.join(self.directory)
    }

    /// The path of a file in the directory of the tables.
    pub(in crate::source) fn path(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    /// The inode of the table `tcp`, one for all processes in its network namespace.
    pub(in crate::source) fn inode(&self) -> Option<u64> {
        let stat = || self.root.stat(&format!("{}/tcp", self.directory));
        Some(
            self.within(stat)
                .and_then(std::convert::identity)
                .ok()?
                .st_ino,
        )
    }

    /// Whether these, of a process, are those of this network namespace: the number of the process may be
    /// that of another one by now.
    pub(in crate::source) fn are_of(&self, member: &Member) -> bool {
        match member.facts.inode {
            Some(inode) => self.root.read_netns(".").ok() == Some(inode) && self.inode().is_some(),
            None => self.inode() == member.table,
        }
    }

    /// The inode number of the network namespace, where it is another one of this host or that of the
    /// calling thread.
    ///
    /// # Errors
    /// When the calling thread's cannot be read.
    pub(in crate::source) fn netns_inode(&self) -> io::Result<u64> {
        if let Where::Netns(namespace) = &self.place {
            return Ok(namespace.identity.1);
        }
        Ok(self.root.read_netns("thread-self")?.into())
    }

    /// Opens a table.
    pub(super) fn open(&self, name: &str) -> io::Result<File> {
        let open = || self.root.open_file(&format!("{}/{name}", self.directory));
        self.within(open).and_then(std::convert::identity)
    }

    /// Reads a file in the directory of the tables.
    ///
    /// # Errors
    /// The file, and why it cannot be read: see [`ProcRoot::read_text`].
    pub(in crate::source) fn read_text(&self, name: &str) -> Result<String, String> {
        self.read_file(name)
            .map_err(|error| format!("cannot read {}: {error}", self.path(name).display()))
    }

    /// The same with the error of the system.
    ///
    /// # Errors
    /// See [`ProcRoot::read_text`].
    pub(in crate::source) fn read_file(&self, name: &str) -> io::Result<String> {
        let read = || self.root.read_text(&format!("{}/{name}", self.directory));
        self.within(read).and_then(std::convert::identity)
    }

    /// Reads the counters in the same directory.
    ///
    /// # Errors
    /// The file that cannot be read, or why the network namespace cannot be entered.
    pub(in crate::source) fn read_counters(&self) -> Result<SocketCounters, String> {
        self.enter_counters().map_err(|error| error.to_string())?
    }

    /// The same, with the two causes of a failure apart.
    ///
    /// # Errors
    /// When the network namespace cannot be entered.
    pub(in crate::source) fn enter_counters(&self) -> io::Result<Result<SocketCounters, String>> {
        self.within(|| SocketCounters::read_in(&self.root, self.directory))
    }

    /// Whether they are in the root of a proc file system, with the processes of a host.
    pub fn has_processes(&self) -> bool {
        matches!(self.root.kind(), RootKind::Own | RootKind::Live)
    }

    /// Whether they are a copy, in which nothing changes.
    pub(in crate::source) fn is_copied(&self) -> bool {
        let has_one_moment = |record: &Arc<Recorded>| !record.has_earlier();
        self.root.kind() == RootKind::Copy || self.place.recorded().is_some_and(has_one_moment)
    }

    /// The proc file system whose `sys/net` holds the settings of the same network namespace, if
    /// there is one.
    pub(in crate::source) fn settings_root(&self) -> Option<&ProcRoot> {
        match self.root.kind() {
            RootKind::Own | RootKind::Copy | RootKind::Record => Some(&self.root),
            RootKind::Live | RootKind::Below => None,
        }
    }

    /// The note about them; `None` for those of the calling thread.
    pub(in crate::source) fn note(&self) -> Option<Note> {
        let tcp6 = format!("{}/tcp6", self.directory);
        Some(Note::OtherTables {
            directory: self.directory(),
            whose: self.whose.clone()?,
            has_v6: self.root.stat(&tcp6).is_ok(),
        })
    }
}
