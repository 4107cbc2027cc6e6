//! Which directory holds the tables, and whose network namespace it shows.
//!
//! `/proc/net` is the namespace of the thread group's leader; `/proc/thread-self/net` is the
//! calling thread's own, which is also the one a netlink socket sees (proc(5), since 3.17).
//! Through another proc mount, `DIR/net` is `DIR/self/net`, the *reader's* namespace: a host's
//! tables are at `DIR/1/net`, which anyone may read.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::Where;

/// Where the calling thread's own tables are.
const OWN: &str = "/proc/thread-self/net";

/// `PROC_SUPER_MAGIC`, linux/magic.h.
const PROC_SUPER_MAGIC: u64 = 0x9fa0;

/// A directory with the tables `tcp` and, where there is IPv6, `tcp6`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcNet {
    directory: PathBuf,
    whose: Whose,
    place: Where,
}

/// Whose tables they are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Whose {
    /// The calling thread's.
    Own,
    /// Those of process 1 of a live proc file system.
    Foreign,
    /// Those in a copied tree, which begins here.
    Copied(PathBuf),
}

/// A `--proc-root` without tables.
#[derive(Debug, thiserror::Error)]
pub enum NoTables {
    /// It is no directory, or cannot be entered.
    #[error("{}: {error}", .root.display())]
    Root {
        /// The directory as given.
        root: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It holds neither `1/net/tcp` nor `net/tcp`.
    #[error("{} holds neither 1/net/tcp nor net/tcp; give a mounted proc file system or a copy of one", .0.display())]
    Neither(PathBuf),
    /// It is a live proc file system that hides process 1, whose `net` would be our own.
    #[error("{} hides process 1 (hidepid, or another pid namespace), and its own net would show this process's network namespace, not that host's", .0.display())]
    Hidden(PathBuf),
}

impl ProcNet {
    /// The tables of the calling thread's own network namespace.
    pub fn own() -> ProcNet {
        ProcNet {
            directory: PathBuf::from(OWN),
            whose: Whose::Own,
            place: Where::Here,
        }
    }

    /// The tables of another proc file system, or of a copy of one: `root/1/net`, else, where
    /// `root` is no live proc file system, `root/net`.
    ///
    /// # Errors
    /// When neither is there, or what is there would show the wrong host.
    pub fn under(root: &Path) -> Result<ProcNet, NoTables> {
        let is_live = rustix::fs::statfs(root)
            .map(|status| u64::try_from(status.f_type) == Ok(PROC_SUPER_MAGIC))
            .map_err(|errno| NoTables::Root {
                root: root.to_owned(),
                error: errno.into(),
            })?;
        let of_process_1 = root.join("1/net");
        let copied = root.join("net");
        if holds_tables(&of_process_1) {
            Ok(ProcNet {
                directory: of_process_1,
                whose: match is_live {
                    true => Whose::Foreign,
                    false => Whose::Copied(root.to_owned()),
                },
                place: Where::ProcRoot(root.to_owned()),
            })
        } else if is_live && root.join("self").exists() {
            Err(NoTables::Hidden(root.to_owned()))
        } else if !is_live && holds_tables(&copied) {
            Ok(ProcNet {
                directory: copied,
                whose: Whose::Copied(root.to_owned()),
                place: Where::ProcRoot(root.to_owned()),
            })
        } else {
            Err(NoTables::Neither(root.to_owned()))
        }
    }

    /// Whose tables they are, as the command line names it.
    pub(in crate::source) fn place(&self) -> &Where {
        &self.place
    }

    /// The directory of the tables.
    pub(in crate::source) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether they are a copy, in which nothing moves.
    pub(in crate::source) fn is_copied(&self) -> bool {
        matches!(self.whose, Whose::Copied(_))
    }

    /// The proc file system whose `sys/net` holds the settings of the same network namespace, if
    /// there is one.
    pub(in crate::source) fn settings_root(&self) -> Option<&Path> {
        match &self.whose {
            Whose::Own => Some(Path::new("/proc")),
            Whose::Foreign => None,
            Whose::Copied(root) => Some(root),
        }
    }

    /// What to tell a person about them; nothing about one's own.
    pub(in crate::source) fn note(&self) -> Option<String> {
        let whose = match &self.whose {
            Whose::Own => return None,
            Whose::Copied(root) if self.directory == root.join("net") => "a copied tree",
            Whose::Foreign | Whose::Copied(_) => "the network namespace of its process 1",
        };
        let directory = self.directory.display();
        // Of a host it means that there is no IPv6; of a copy it may mean a file forgotten.
        let v6 = if self.directory.join("tcp6").exists() {
            ""
        } else {
            ", without a tcp6"
        };
        Some(format!("read {directory}, {whose}{v6}"))
    }
}

fn holds_tables(directory: &Path) -> bool {
    directory.join("tcp").exists() || directory.join("tcp6").exists()
}
