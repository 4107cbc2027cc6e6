//! The network namespaces of an answer about several, and the ways to read each, the best first: as
//! that of the calling thread, by entering it through a process or a mount, or by the tables of a
//! process in it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::enter::locate;
use super::find::{Finding, Found, find, mounted, pid_of};
use super::names::{base_names, unique_names};
use crate::model::{
    Namespace, NamespaceFacts, Netns, Placement, Recorded, RecordedNamespace, UnseenReason,
    compare_names,
};
use crate::proc_root::ProcRoot;

/// A network namespace, and how it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// A word of `--netns` that selects it.
    pub name: Arc<str>,
    /// Its inode number; where that is not known, the one of its table `tcp`, which the kernel takes
    /// from the same numbers.
    pub netns: Netns,
    /// The inode number of its table `tcp`, one for all processes in it; `None` where it is not known,
    /// or the number of the namespace is and it was not read.
    pub table: Option<u64>,
    /// What is known of it.
    pub facts: Arc<NamespaceFacts>,
    /// The ways to read it, the best first; none where no permission and no process leads to it.
    pub doors: Vec<Access>,
    /// Of a record, why it was not read when that was written.
    pub unseen: Option<UnseenReason>,
}

/// How a namespace is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is that of the calling thread.
    Own,
    /// By entering it.
    Entered(Arc<Namespace>),
    /// By the tables of a process or thread in it.
    Tables(Tables),
    /// From a record.
    Recorded(Arc<Recorded>),
}

impl Member {
    /// One of the network namespaces of a record.
    pub fn recorded(record: &Recorded, one: &RecordedNamespace) -> Member {
        let is_there = one.moment.is_ok();
        let part = is_there.then(|| Access::Recorded(Arc::new(record.part(one.netns, &one.name))));
        Member {
            name: Arc::clone(&one.name),
            netns: one.netns,
            table: None,
            facts: Arc::clone(&one.facts),
            doors: part.into_iter().collect(),
            unseen: one.moment.as_ref().err().cloned(),
        }
    }
}

/// The tables of a network namespace that cannot be entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// The word that selects it on a command line.
    pub word: String,
    /// The directory of the process or thread.
    pub directory: PathBuf,
    /// The proc file system that it is in, if that is another one.
    pub proc_root: Option<PathBuf>,
    /// The capability with which it could be entered.
    pub lacking: &'static str,
}

/// What setns(2) takes.
pub(super) const ADMIN: &str = "CAP_SYS_ADMIN";

/// What it takes to open `/proc/PID/ns/net` of another user's process, ptrace(2).
pub(super) const PTRACE: &str = "CAP_SYS_PTRACE";

/// Every namespace that was found.
#[derive(Debug, Default)]
pub struct Members {
    /// That of process 1 first, the others by name.
    pub members: Vec<Member>,
    /// How many processes cannot be read, so that the namespaces that only these are in are unknown.
    pub denied: u64,
    /// Why other processes may not be visible, as a clause; `None` where all are.
    pub hiding: Option<String>,
}

/// Finds every namespace, and names each: by the processes of `proc_root`, or those that this process
/// sees. With `placements`, reads what the processes of each belong to, also where a mount names it.
pub fn find_members(proc_root: Option<&Path>, placements: bool) -> Members {
    let proc = match proc_root.map_or_else(|| Ok(ProcRoot::own()), ProcRoot::open) {
        Ok(proc) => proc,
        Err(error) => {
            let root = proc_root.unwrap_or(Path::new("")).display();
            return Members {
                hiding: Some(format!("cannot open {root}: {error}")),
                ..Members::default()
            };
        }
    };
    let Finding { namespaces, denied } = find(&proc);
    let (names, placements) = base_names(&proc, &namespaces, placements);
    let names = unique_names(&namespaces, &names);
    let own = Own::read(&proc, proc_root);
    let named = namespaces.iter().zip(names.into_iter().zip(placements));
    let mut members: Vec<(bool, Member)> = named
        .map(|(found, (name, placement))| {
            let facts = facts(found, placement);
            (found.is_host, own.member(name.into(), found, facts))
        })
        .collect();
    members.sort_by(|(a_host, a), (b_host, b)| {
        let by_name = || compare_names(&a.name, &b.name);
        b_host.cmp(a_host).then_with(by_name)
    });
    Members {
        members: members.into_iter().map(|(_, member)| member).collect(),
        denied,
        hiding: hiding(&proc, proc_root),
    }
}

/// The name of the namespace of the calling thread.
pub fn own_name() -> Arc<str> {
    let found = find_members(None, false).members.into_iter();
    let mut own = found.filter(|member| member.doors == [Access::Own]);
    own.next().map_or_else(|| "unknown".into(), |own| own.name)
}

/// Whether a way to read a namespace still exists.
pub fn is_reachable(member: &Member) -> bool {
    member.doors.is_empty()
        || member.doors.iter().any(|access| match access {
            Access::Own | Access::Recorded(_) => true,
            Access::Entered(namespace) => match locate(&namespace.file) {
                Ok(identity) => identity == Some(namespace.identity),
                Err(error) => error.kind() != ErrorKind::NotFound,
            },
            Access::Tables(tables) => tables.directory.exists(),
        })
}

/// Whether a namespace is still mounted where a mount of another one covers it.
pub fn is_mounted(netns: Netns, proc_root: Option<&Path>) -> bool {
    let proc = proc_root.and_then(|root| ProcRoot::open(root).ok());
    let mounted = mounted(&proc.unwrap_or_else(ProcRoot::own));
    mounted.iter().any(|one| one.inode == netns.0)
}

fn facts(found: &Found, placement: Placement) -> NamespaceFacts {
    NamespaceFacts {
        inode: found.inode,
        pid: found.home.as_deref().and_then(pid_of),
        processes: Some(found.processes),
        mounts: found.mounts.clone(),
        placement,
    }
}

/// Why processes that exist may not be visible.
fn hiding(proc: &ProcRoot, proc_root: Option<&Path>) -> Option<String> {
    let path = proc_root.unwrap_or(Path::new("/proc")).display();
    if let Some(option) = proc.query_hiding_here() {
        return Some(format!("{path} is mounted with {option}"));
    }
    let is_first = match proc_root {
        None => ProcRoot::is_in_first_pid_namespace(),
        Some(_) => proc.shows_first_pid_namespace(),
    };
    (!is_first).then(|| format!("{path} shows one pid namespace"))
}

/// The namespace of the calling thread, in addition to those of the processes of `proc`.
struct Own<'a> {
    proc: &'a ProcRoot,
    proc_root: Option<&'a Path>,
    inode: Option<u32>,
    table: Option<u64>,
    /// The device of the files of namespaces: the kernel has one file system of them.
    device: Option<u64>,
}

impl Own<'_> {
    fn read<'a>(proc: &'a ProcRoot, proc_root: Option<&'a Path>) -> Own<'a> {
        let located = locate(Path::new("/proc/thread-self/ns/net")).ok().flatten();
        let own = ProcRoot::own();
        let status = own.stat("thread-self/net/tcp");
        Own {
            proc,
            proc_root,
            inode: own.read_netns("thread-self").ok(),
            table: status.ok().map(|status| status.st_ino),
            device: located.map(|(device, _)| device),
        }
    }

    /// A namespace that was found, as `name`.
    fn member(&self, name: Arc<str>, found: &Found, facts: NamespaceFacts) -> Member {
        let is_same = found.inode.is_some() && found.inode == self.inode
            || found.table.is_some() && found.table == self.table;
        let doors = match is_same {
            true => vec![Access::Own],
            false => self.doors(&name, found),
        };
        Member {
            name,
            netns: found.netns(),
            table: found.table,
            facts: Arc::new(facts),
            doors,
            unseen: None,
        }
    }

    fn doors(&self, name: &str, found: &Found) -> Vec<Access> {
        let identity = self.device.zip(found.inode.map(u64::from));
        let entered = identity.into_iter().flat_map(|identity| {
            let files = found.files.iter();
            files.map(move |file| {
                Access::Entered(Arc::new(Namespace {
                    word: name.to_owned(),
                    file: file.clone(),
                    identity,
                    proc_root: self.proc_root.map(Path::to_owned),
                }))
            })
        });
        let tables = found.home.as_ref().map(|home| {
            Access::Tables(Tables {
                word: name.to_owned(),
                directory: self.proc.join(home),
                proc_root: self.proc_root.map(Path::to_owned),
                lacking: if found.inode.is_some() { ADMIN } else { PTRACE },
            })
        });
        entered.chain(tables).collect()
    }
}
