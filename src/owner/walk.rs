//! The walk over the processes: reads the links of their descriptors and keeps those to a wanted
//! inode.
//!
//! A descriptor costs one readlinkat(2) and no allocation. Processes and descriptors that end during
//! the walk are no errors; processes that cannot be read are counted.

use std::collections::BTreeMap;
use std::io;
use std::mem::{MaybeUninit, take};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{RawDir, SeekFrom, seek};
use rustix::io::Errno;

use super::facts::{holds_nothing, read_name};
use super::fd_table::{FdTable, FdTarget, is_gone, query_size};
use super::workers::Start;
use super::{Effort, Facts};
use crate::model::{Hold, Process, Where};
use crate::proc_root::{DIRECTORY_PIECE, ProcRoot, parse_number};

/// With a time limit, how many descriptors of each process are read before all of one.
const FIRST_DESCRIPTORS: u64 = 256;

/// How often the processes are listed again, at most, as long as there are new ones.
const LISTED_AGAIN: usize = 3;

/// After how many descriptors of a process the clock is read again.
const CLOCK_EVERY: u64 = 64;

/// Which holders are wanted; see the module for what each allows to skip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// Every descriptor of every process.
    EveryHolder,
    /// Of each socket the process with the lowest pid.
    LowestPid,
}

/// How to search.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// Among whose processes.
    pub(super) place: &'a Where,
    /// Which holders are wanted.
    pub(super) seek: Seek,
    /// What is read of them.
    pub(super) facts: Facts,
    /// The time limit; what was found by then is the result.
    pub(super) budget: Option<Duration>,
    /// The users that own the sockets, whose processes are likely holders.
    pub(super) users: &'a [u32],
}

impl<'a> Search<'a> {
    /// A search among the processes of `place`.
    pub fn new(place: &'a Where, seek: Seek, facts: Facts, budget: Option<Duration>) -> Search<'a> {
        Search {
            place,
            seek,
            facts,
            budget,
            users: &[],
        }
    }
}

/// A link to a wanted inode: the position of the inode, and how the socket is held.
pub(super) type Link = (u32, Hold);

/// A walk and its results so far.
pub(super) struct Walk<'a> {
    root: &'a ProcRoot,
    search: Search<'a>,
    /// Sorted, each once.
    inodes: &'a [u64],
    deadline: Option<Instant>,
    /// Whether each inode has a known holder, and how many have none.
    found: Vec<bool>,
    missing: usize,
    /// The processes that could be read.
    readable: Vec<u32>,
    /// Of all threads: what is found is kept once.
    links: Arc<Mutex<Vec<Link>>>,
    /// The memory for those of one process: pieces of another size each time would stay with the allocator.
    batch: Vec<Link>,
    pub(super) processes: BTreeMap<u32, Process>,
    pub(super) effort: Effort,
    /// The processes that could not be read.
    pub(super) unread: Vec<u32>,
    /// The first error for which a process was not read, but for a lack of permission.
    pub(super) first_error: Option<io::Error>,
    /// How many names of holders could not be read, and the first error.
    pub(super) unnamed: Option<(u64, io::Error)>,
}

impl<'a> Walk<'a> {
    /// A walk over `root`, not begun yet.
    pub(super) fn new(root: &'a ProcRoot, search: Search<'a>, inodes: &'a [u64]) -> Walk<'a> {
        Walk {
            root,
            search,
            inodes,
            deadline: search.budget.map(|budget| Instant::now() + budget),
            found: vec![false; inodes.len()],
            missing: inodes.len(),
            readable: Vec::new(),
            // Most sockets are held once. Pages that are not written to take no memory, and what grows is
            // there twice for a moment.
            links: Arc::new(Mutex::new(Vec::with_capacity(inodes.len()))),
            batch: Vec::new(),
            processes: BTreeMap::new(),
            effort: Effort::default(),
            unread: Vec::new(),
            first_error: None,
            unnamed: None,
        }
    }

    /// The inodes without a holder.
    pub(super) fn without_holder(&self) -> impl Iterator<Item = u64> {
        let pairs = self.inodes.iter().zip(&self.found);
        pairs.filter(|(_, found)| !**found).map(|(inode, _)| *inode)
    }

    /// Walks as far as necessary and as the time limit allows.
    ///
    /// # Errors
    /// When the processes cannot be listed.
    pub(super) fn run(&mut self) -> io::Result<()> {
        if self.inodes.is_empty() {
            return Ok(());
        }
        let pids = self.root.numbers("")?;
        match (self.search.seek, self.deadline) {
            (Seek::EveryHolder, Some(_)) => self.walk_likely_first(&pids),
            (Seek::EveryHolder, None) => {
                let starts: Vec<Start> = pids.iter().map(|pid| (*pid, 0)).collect();
                self.each(&starts, u64::MAX);
            }
            (Seek::LowestPid, _) => self.walk_in_order(&pids),
        }
        self.walk_later(pids);
        for pid in take(&mut self.readable) {
            if self.missing == 0 || self.effort.cut {
                break;
            }
            let leader = query_size(self.root, &pid.to_string());
            self.threads(pid, leader.into_iter().collect());
        }
        Ok(())
    }

    /// Whether nothing more is wanted, or time is up.
    fn is_over(&self) -> bool {
        self.effort.cut || (self.search.seek == Seek::LowestPid && self.missing == 0)
    }

    fn walk_in_order(&mut self, pids: &[u32]) {
        for pid in pids {
            if self.is_over() {
                break;
            }
            self.process(*pid, 0, u64::MAX);
        }
    }

    /// Reads the processes that have started since these were listed: a server may have passed its sockets
    /// on to a new worker.
    pub(super) fn walk_later(&mut self, mut known: Vec<u32>) {
        for _ in 0..LISTED_AGAIN {
            if self.is_over() {
                return;
            }
            let mut later = self.root.numbers("").unwrap_or_default();
            later.retain(|pid| known.binary_search(pid).is_err());
            if later.is_empty() {
                return;
            }
            self.walk_in_order(&later);
            known.extend(later);
            known.sort_unstable();
        }
    }

    fn walk_likely_first(&mut self, pids: &[u32]) {
        let is_likely = |pid: &u32| {
            // The directory's owner is the user; root if the process must not be traced.
            let status = self.root.stat(&pid.to_string());
            status.is_ok_and(|status| self.search.users.contains(&status.st_uid))
        };
        let (likely, others): (Vec<u32>, Vec<u32>) = pids.iter().partition(|pid| is_likely(pid));
        let starts: Vec<Start> = likely
            .into_iter()
            .chain(others)
            .map(|pid| (pid, 0))
            .collect();
        let unfinished = self.each(&starts, FIRST_DESCRIPTORS);
        self.each(&unfinished, u64::MAX);
    }

    /// A walk of another thread, which has found nothing yet.
    pub(super) fn another(&self) -> Walk<'a> {
        Walk {
            deadline: self.deadline,
            links: Arc::clone(&self.links),
            ..Walk::new(self.root, self.search, self.inodes)
        }
    }

    /// Adds what the walk of another thread has found.
    pub(super) fn join(&mut self, other: Walk<'_>) {
        self.processes.extend(other.processes);
        self.readable.extend(other.readable);
        self.unread.extend(other.unread);
        self.effort.add(&other.effort);
        self.first_error = self.first_error.take().or(other.first_error);
        if let Some((count, error)) = other.unnamed {
            self.unnamed.get_or_insert((0, error)).0 += count;
        }
        for (known, found) in self.found.iter_mut().zip(other.found) {
            self.missing -= usize::from(found && !*known);
            *known |= found;
        }
    }

    /// Reads `most` descriptors of a process, from a position in their directory; returns the
    /// position of the next one, if that was not the end.
    pub(super) fn process(&mut self, pid: u32, from: u64, most: u64) -> Option<u64> {
        if self.is_late() {
            return None;
        }
        let table = match FdTable::open(self.root, pid) {
            Ok(table) => table,
            Err(error) => {
                self.unread(pid, error);
                return None;
            }
        };
        if from == 0 {
            self.effort.processes += 1;
            self.readable.push(pid);
        } else if seek(&table.directory, SeekFrom::Start(from)).is_err() {
            return None;
        }
        let before = self.effort.descriptors;
        let rest = self.table(&table, pid, most);
        if from == 0 && before == self.effort.descriptors {
            // A kernel thread, which has no others, or a leader that has ended before its threads.
            self.threads(pid, Vec::new());
        }
        rest
    }

    /// A process that could not be read, unless it has ended or holds nothing.
    fn unread(&mut self, pid: u32, error: io::Error) {
        if is_gone(&error) || holds_nothing(self.root, pid) {
            return;
        }
        self.unread.push(pid);
        if error.kind() == io::ErrorKind::PermissionDenied {
            self.effort.refused += 1;
        } else {
            self.effort.failed += 1;
            self.first_error.get_or_insert(error);
        }
    }

    /// Reads `most` descriptors of a table, and keeps those of wanted sockets.
    fn table(&mut self, table: &FdTable<'_>, pid: u32, most: u64) -> Option<u64> {
        let mut buffer = [MaybeUninit::uninit(); DIRECTORY_PIECE];
        let mut entries = RawDir::new(&table.directory, &mut buffer);
        let mut links = take(&mut self.batch);
        let mut read: u64 = 0;
        let mut rest = None;
        // An error is the end of the process.
        while let Some(Ok(entry)) = entries.next() {
            let Some(fd) = parse_number(entry.file_name().to_bytes()) else {
                continue;
            };
            self.effort.descriptors += 1;
            read += 1;
            match table.target(entry.file_name()) {
                Ok(FdTarget::Socket(inode)) => {
                    links.extend(self.link(inode, Hold::new(pid, Some(fd))));
                }
                Ok(FdTarget::Ring) => {
                    let registered = table.read_registered(fd).into_iter();
                    links.extend(
                        registered.filter_map(|inode| self.link(inode, Hold::new(pid, None))),
                    );
                }
                Err(errno @ (Errno::ACCESS | Errno::PERM)) => {
                    // Whether links may be read depends on the process, not on the descriptor.
                    self.unread(pid, errno.into());
                    break;
                }
                Ok(FdTarget::Other) | Err(_) => {}
            }
            if read.is_multiple_of(CLOCK_EVERY) && self.is_late() {
                break;
            }
            if read >= most {
                rest = Some(entry.next_entry_cookie());
                break;
            }
        }
        self.keep(pid, &links);
        links.clear();
        self.batch = links;
        rest
    }

    fn is_late(&mut self) -> bool {
        self.effort.cut |= self.deadline.is_some_and(|end| Instant::now() >= end);
        self.effort.cut
    }

    /// That a socket is held, if it is wanted.
    fn link(&self, inode: u64, hold: Hold) -> Option<Link> {
        let place = self.inodes.binary_search(&inode).ok()?;
        let is_wanted =
            self.search.seek == Seek::EveryHolder || self.found.get(place) == Some(&false);
        let at = u32::try_from(place).ok().filter(|_| is_wanted)?;
        Some((at, hold))
    }

    /// Keeps the links of a process, and reads the facts about it; nothing if it has ended.
    fn keep(&mut self, pid: u32, links: &[Link]) {
        if links.is_empty() {
            return;
        }
        if !self.processes.contains_key(&pid) {
            let name = match read_name(self.root, pid) {
                Ok(name) => Some(name),
                Err(error) if is_gone(&error) => return,
                Err(error) => {
                    self.unnamed.get_or_insert((0, error)).0 += 1;
                    None
                }
            };
            let process = self.search.facts.read(self.root, pid, name);
            self.processes.insert(pid, process);
        }
        for (at, _) in links {
            let place = usize::try_from(*at).ok();
            if let Some(found) = place.and_then(|place| self.found.get_mut(place)) {
                self.missing -= usize::from(!*found);
                *found = true;
            }
        }
        self.all_links().extend(links);
    }

    /// The links that all threads have found.
    fn all_links(&self) -> MutexGuard<'_, Vec<Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, taken out at the end of the walk. What it needed besides is given back: the largest moment in
    /// memory is the sorting of the links.
    pub(super) fn take_links(&mut self) -> Vec<Link> {
        drop((take(&mut self.found), take(&mut self.batch)));
        take(&mut self.all_links())
    }

    /// Reads the tables of threads except those with these numbers of open files.
    fn threads(&mut self, pid: u32, known: Vec<u64>) {
        for table in FdTable::open_unshared(self.root, pid, known) {
            if self.effort.cut {
                break;
            }
            self.table(&table, pid, u64::MAX);
        }
    }
}
