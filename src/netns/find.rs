//! Every network namespace that can be found in files: those of processes, of threads whose process
//! has ended otherwise, and of mounts.
//!
//! `/proc/PID/ns/net` needs permission (ptrace(2), `PTRACE_MODE_READ_FSCREDS`), `/proc/PID/net/tcp`
//! none; its inode number is one for all processes in a namespace. So without privilege, namespaces are
//! found and distinguished by that number. Not found: what only descriptors or sockets keep alive.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::Stat;

use super::enter::{locate, within};
use crate::model::{Namespace, Netns, Where};
use crate::proc_root::{ProcRoot, parse_mounts, parse_number, read_mounts, unescape};

/// The most files of one namespace that are remembered; another one is used if the first is gone.
const MOST_FILES: usize = 3;

/// A network namespace.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Its inode number, where a link shows it.
    pub(super) inode: Option<u32>,
    /// The inode number of its table `tcp`, where a process shows that.
    pub(super) table: Option<u64>,
    /// Files that lead into it: of processes first, then mounts.
    pub(super) files: Vec<PathBuf>,
    /// Those of them that are mounts.
    pub(super) mounts: Vec<PathBuf>,
    /// The directory of its first process or thread, below that of the proc file system: `7`,
    /// `7/task/8`.
    pub(super) home: Option<String>,
    /// How many processes are in it.
    pub(super) processes: u64,
    /// Whether process 1 is in it.
    pub(super) is_host: bool,
}

impl Found {
    /// The inode number, or the one of its table `tcp`, which the kernel takes from the same numbers.
    pub(super) fn netns(&self) -> Netns {
        let table = || u32::try_from(self.table?).ok();
        Netns(self.inode.or_else(table).unwrap_or_default())
    }

    /// Adds a process, by the directory of it or of a thread.
    fn add(&mut self, pid: u32, home: String, file: Option<PathBuf>) {
        self.is_host |= pid == 1;
        self.processes += 1;
        self.home.get_or_insert(home);
        self.files
            .extend(file.filter(|_| self.files.len() < MOST_FILES));
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// Those with an inode number first, in the order of these numbers.
    pub(super) namespaces: Vec<Found>,
    /// How many processes cannot be read, neither their link nor their table.
    pub(super) denied: u64,
}

/// Searches the processes and the mounts that this process sees.
pub(super) fn find(proc: &ProcRoot) -> Finding {
    let mut by_inode: BTreeMap<u32, Found> = BTreeMap::new();
    let mut by_table: BTreeMap<u64, Found> = BTreeMap::new();
    let mut denied = 0;
    for pid in proc.numbers("").unwrap_or_default() {
        let mut homes = vec![pid.to_string()];
        while let Some(home) = homes.pop() {
            match proc.read_netns(&home) {
                Ok(inode) => {
                    let file = proc.join(&home).join("ns/net");
                    let one = by_inode.entry(inode).or_default();
                    one.add(pid, home, Some(file));
                    break;
                }
                // Its first thread has ended; or all of it has.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    if !home.contains('/') {
                        let threads = proc.numbers(&format!("{home}/task")).unwrap_or_default();
                        let threads = threads.iter().filter(|tid| **tid != pid);
                        homes.extend(threads.map(|tid| format!("{home}/task/{tid}")));
                    }
                }
                Err(_) => {
                    match proc.stat(&format!("{home}/net/tcp")) {
                        Ok(status) => {
                            let one = by_table.entry(status.st_ino).or_default();
                            one.add(pid, home, None);
                        }
                        Err(error) => denied += u64::from(error.kind() != ErrorKind::NotFound),
                    }
                    break;
                }
            }
        }
    }
    for (inode, file) in mounted() {
        let one = by_inode.entry(inode).or_default();
        one.files.push(file.clone());
        one.mounts.push(file);
    }
    Finding {
        namespaces: joined(proc, by_inode, by_table),
        denied,
    }
}

/// Makes one of each namespace of which some processes show their link and others only their table.
fn joined(
    proc: &ProcRoot,
    mut by_inode: BTreeMap<u32, Found>,
    mut by_table: BTreeMap<u64, Found>,
) -> Vec<Found> {
    for (inode, one) in &mut by_inode {
        one.inode = Some(*inode);
        one.table = match &one.home {
            Some(home) => status_number(proc.stat(&format!("{home}/net/tcp"))),
            // Only then may it be that of processes whose link cannot be read.
            None if by_table.is_empty() => None,
            None => read_table_inside(proc, *inode, &one.files),
        };
        if let Some(same) = one.table.and_then(|table| by_table.remove(&table)) {
            one.is_host |= same.is_host;
            one.processes += same.processes;
            one.home = one.home.take().or(same.home);
        }
    }
    for (table, one) in &mut by_table {
        one.table = Some(*table);
    }
    by_inode
        .into_values()
        .chain(by_table.into_values())
        .collect()
}

fn status_number(status: io::Result<Stat>) -> Option<u64> {
    Some(status.ok()?.st_ino)
}

/// The inode number of the table `tcp` of a namespace in which no process is known, if one of these
/// files leads into it and it may be entered.
fn read_table_inside(proc: &ProcRoot, inode: u32, files: &[PathBuf]) -> Option<u64> {
    let (device, _) = locate(Path::new("/proc/thread-self/ns/net")).ok()??;
    files.iter().find_map(|file| {
        let place = Where::Netns(Arc::new(Namespace {
            word: format!("net:{inode}"),
            file: file.clone(),
            identity: (device, inode.into()),
        }));
        let status = within(&place, || proc.stat("thread-self/net/tcp"));
        status_number(status.ok()?)
    })
}

/// The namespaces that are mounted somewhere, by inode number, each with its file. Another mount may
/// cover that file.
pub(super) fn mounted() -> Vec<(u32, PathBuf)> {
    let mounts = read_mounts();
    let mounts = parse_mounts(&mounts).filter_map(|mut fields| {
        let (root, file) = (fields.nth(3)?, fields.next()?);
        let number = root.strip_prefix(b"net:[")?.strip_suffix(b"]")?;
        Some((parse_number(number)?, unescape(file)))
    });
    mounts.collect()
}
