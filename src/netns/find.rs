//! Every network namespace that can be found in files: those of processes, of threads whose process
//! has ended otherwise, and of mounts.
//!
//! `/proc/PID/ns/net` needs permission (ptrace(2), `PTRACE_MODE_READ_FSCREDS`), `/proc/PID/net/tcp`
//! none; its inode number is one for all processes in a namespace. So without privilege, namespaces are
//! found and distinguished by that number. Not found: what only descriptors or sockets keep alive.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::Stat;

use super::enter::{locate, may_enter, within};
use super::names::NAMED;
use crate::model::{Namespace, Netns, Where};
use crate::proc_root::{ProcRoot, parse_mounts, parse_number, read_mounts, unescape};

/// The most files of one namespace that are remembered; another one is used if the first is gone.
const MOST_FILES: usize = 3;

/// A network namespace.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Its inode number, where a link shows it.
    pub(super) inode: Option<u32>,
    /// The inode number of its table `tcp`, where a process shows that and processes are distinguished
    /// by it.
    pub(super) table: Option<u64>,
    /// Files that lead into it: of the directory of ip-netns(8) first, which opens fastest, then of
    /// processes, then other mounts.
    pub(super) files: Vec<PathBuf>,
    /// Where it is mounted, as this process or process 1 sees it.
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
    for mount in mounted(proc) {
        let one = by_inode.entry(mount.inode).or_default();
        match mount.file.starts_with(NAMED) {
            true => one.files.insert(0, mount.file),
            false => one.files.push(mount.file),
        }
        if !one.mounts.contains(&mount.path) {
            one.mounts.push(mount.path);
        }
    }
    Finding {
        namespaces: joined(proc, by_inode, by_table),
        denied,
    }
}

/// Merges the entries of each namespace for which some processes show their link and others only their table.
fn joined(
    proc: &ProcRoot,
    mut by_inode: BTreeMap<u32, Found>,
    mut by_table: BTreeMap<u64, Found>,
) -> Vec<Found> {
    let may_enter = !by_table.is_empty() && may_enter();
    // The one with the most processes is the most likely to have others.
    let mut largest_first: Vec<(&u32, &mut Found)> = by_inode.iter_mut().collect();
    largest_first.sort_by_key(|(_, one)| Reverse(one.processes));
    for (inode, one) in largest_first {
        one.inode = Some(*inode);
        // Only then may it be that of processes whose link cannot be read.
        one.table = match &one.home {
            _ if by_table.is_empty() => None,
            Some(home) => status_number(proc.stat(&format!("{home}/net/tcp"))),
            None if may_enter => read_table_inside(*inode, &one.files),
            None => None,
        };
        if let Some(same) = one.table.and_then(|table| by_table.remove(&table)) {
            one.is_host |= same.is_host;
            one.processes += same.processes;
            let homes = one.home.take().into_iter().chain(same.home);
            one.home = homes.min_by_key(|home| pid_of(home));
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
fn read_table_inside(inode: u32, files: &[PathBuf]) -> Option<u64> {
    let (device, _) = locate(Path::new("/proc/thread-self/ns/net")).ok()??;
    files.iter().find_map(|file| {
        let place = Where::Netns(Arc::new(Namespace {
            word: format!("net:{inode}"),
            file: file.clone(),
            identity: (device, inode.into()),
            proc_root: None,
        }));
        let status = within(&place, || ProcRoot::own().stat("thread-self/net/tcp"));
        status_number(status.ok()?)
    })
}

/// The number of the process in whose directory `home` is: `7`, `7/task/8`.
pub(super) fn pid_of(home: &str) -> Option<u32> {
    home.split('/').next()?.parse().ok()
}

/// A namespace that is mounted. Another mount may cover its file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mounted {
    /// Its inode number.
    pub(super) inode: u32,
    /// Where it is mounted.
    pub(super) path: PathBuf,
    /// That file, as this process can open it.
    file: PathBuf,
}

/// The namespaces that are mounted where this process or process 1 sees them.
pub(super) fn mounted(proc: &ProcRoot) -> Vec<Mounted> {
    let own = read_mounts();
    let mut mounted: Vec<Mounted> = parse_mounted(&own, None).collect();
    if !proc.shares_mounts("1") {
        let first = proc.mounts("1").unwrap_or_default();
        let root = proc.join("1/root");
        if first != own {
            mounted.extend(parse_mounted(&first, Some(&root)));
        }
    }
    mounted
}

/// Those in a table of mounts of a process with this root directory; `None` for the calling one.
fn parse_mounted(mounts: &[u8], root: Option<&Path>) -> impl Iterator<Item = Mounted> {
    parse_mounts(mounts).filter_map(move |mut fields| {
        let (name, path) = (fields.nth(3)?, fields.next()?);
        let number = name.strip_prefix(b"net:[")?.strip_suffix(b"]")?;
        let path = unescape(path);
        let below = || Some(root?.join(path.strip_prefix("/").ok()?));
        Some(Mounted {
            inode: parse_number(number)?,
            file: below().unwrap_or_else(|| path.clone()),
            path,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_of_another_process_is_opened_below_its_root_directory() {
        let mounts = b"36 35 0:4 net:[4026532281] /run/netns/a\\040b rw shared:1 - nsfs nsfs rw\n\
            37 35 0:4 mnt:[4026532282] /run/x rw - nsfs nsfs rw\n\
            38 35 0:5 / /run/y rw - tmpfs net:[7] rw\n";
        let one = |file: &str| {
            vec![Mounted {
                inode: 4_026_532_281,
                path: "/run/netns/a b".into(),
                file: file.into(),
            }]
        };
        let parse = |root| parse_mounted(mounts, root).collect::<Vec<_>>();
        assert_eq!(parse(None), one("/run/netns/a b"));
        let root = Path::new("/proc/1/root");
        assert_eq!(parse(Some(root)), one("/proc/1/root/run/netns/a b"));
    }
}
