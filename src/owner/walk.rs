//! The walk over the processes: reads where their descriptors link to, and keeps those that link to
//! a wanted inode.
//!
//! A descriptor costs two system calls' worth of work and no allocation. Processes and descriptors
//! that vanish meanwhile are no errors; processes that may not be looked into are counted.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{RawDir, SeekFrom, seek};
use rustix::io::Errno;

use super::facts::holds_nothing;
use super::files::{
    DIRECTORY_PIECE, open_directory, open_unshared_tables, query_inode, query_size, query_user,
    read_numbers,
};
use super::link::parse_number;
use super::{Effort, Facts};
use crate::model::{Hold, Process};

/// How many descriptors of each process are read before all of one, under a budget.
const FIRST_DESCRIPTORS: u64 = 256;

/// After how many descriptors of a process the clock is looked at again.
const CLOCK_EVERY: u64 = 64;

/// Which holders are wanted; `mod.rs` says what each allows to leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// Every descriptor of every process.
    EveryHolder,
    /// Of each socket the process with the lowest number.
    LowestPid,
}

/// How to search.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// The proc file system, or a copy of one.
    pub(super) root: &'a Path,
    /// Which holders are wanted.
    pub(super) seek: Seek,
    /// What is wanted of them.
    pub(super) facts: Facts,
    /// How long it may take; what was found by then is the answer.
    pub(super) budget: Option<Duration>,
    /// The owners of the sockets, who are their likely holders.
    pub(super) users: &'a [u32],
}

impl<'a> Search<'a> {
    /// A search under `root`, as far as these say.
    pub fn new(root: &'a Path, seek: Seek, facts: Facts, budget: Option<Duration>) -> Search<'a> {
        Search {
            root,
            seek,
            facts,
            budget,
            users: &[],
        }
    }
}

/// One descriptor that links to a wanted inode: its place among them, and whose.
pub(super) type Link = (u32, Hold);

/// A walk, and what it has found so far.
pub(super) struct Walk<'a> {
    pub(super) root: OwnedFd,
    search: Search<'a>,
    /// Sorted, each once.
    inodes: &'a [u64],
    deadline: Option<Instant>,
    /// Whether each inode has a holder, and how many have none.
    found: Vec<bool>,
    missing: usize,
    /// Those that may be looked into.
    readable: Vec<u32>,
    pub(super) links: Vec<Link>,
    pub(super) processes: BTreeMap<u32, Process>,
    pub(super) effort: Effort,
}

impl<'a> Walk<'a> {
    /// A walk over `root` that has not begun.
    pub(super) fn new(root: OwnedFd, search: Search<'a>, inodes: &'a [u64]) -> Walk<'a> {
        Walk {
            root,
            search,
            inodes,
            deadline: search.budget.map(|budget| Instant::now() + budget),
            found: vec![false; inodes.len()],
            missing: inodes.len(),
            readable: Vec::new(),
            links: Vec::new(),
            processes: BTreeMap::new(),
            effort: Effort::default(),
        }
    }

    /// The inodes without a holder.
    pub(super) fn without_holder(&self) -> impl Iterator<Item = u64> {
        let pairs = self.inodes.iter().zip(&self.found);
        pairs.filter(|(_, found)| !**found).map(|(inode, _)| *inode)
    }

    /// Walks as far as the question demands and the budget allows.
    ///
    /// # Errors
    /// When not even the processes can be listed.
    pub(super) fn run(&mut self) -> Result<(), Errno> {
        if self.inodes.is_empty() {
            return Ok(());
        }
        let pids = read_numbers(&self.root)?;
        match (self.search.seek, self.deadline) {
            (Seek::EveryHolder, Some(_)) => self.walk_likely_first(pids),
            (Seek::EveryHolder, None) | (Seek::LowestPid, _) => self.walk_in_order(&pids),
        }
        for pid in std::mem::take(&mut self.readable) {
            if self.missing == 0 || self.effort.cut {
                break;
            }
            let leader = query_size(&self.root, &format!("{pid}/fd"));
            self.threads(pid, leader.into_iter().collect());
        }
        Ok(())
    }

    /// Whether nothing more needs to be, or can be, found out.
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

    fn walk_likely_first(&mut self, pids: Vec<u32>) {
        let is_likely = |pid: &u32| {
            let user = query_user(&self.root, *pid);
            user.is_some_and(|user| self.search.users.contains(&user))
        };
        let (likely, others): (Vec<u32>, Vec<u32>) = pids.into_iter().partition(is_likely);
        let mut unfinished = Vec::new();
        for pid in likely.into_iter().chain(others) {
            if self.is_over() {
                return;
            }
            let rest = self.process(pid, 0, FIRST_DESCRIPTORS);
            unfinished.extend(rest.map(|from| (pid, from)));
        }
        for (pid, from) in unfinished {
            if self.is_over() {
                return;
            }
            self.process(pid, from, u64::MAX);
        }
    }

    /// Reads `most` descriptors of a process from a place in their directory on; tells where the
    /// next one is, if that was not the end.
    fn process(&mut self, pid: u32, from: u64, most: u64) -> Option<u64> {
        if self.is_late() {
            return None;
        }
        let table = match open_directory(&self.root, &format!("{pid}/fd")) {
            Ok(table) => table,
            Err(errno) => {
                self.refused(pid, errno);
                return None;
            }
        };
        if from == 0 {
            self.effort.processes += 1;
            self.readable.push(pid);
        } else if seek(&table, SeekFrom::Start(from)).is_err() {
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

    /// A process that could not be looked into, unless it has ended.
    fn refused(&mut self, pid: u32, errno: Errno) {
        let is_gone = matches!(errno, Errno::NOENT | Errno::SRCH);
        if !is_gone && !holds_nothing(&self.root, pid) {
            self.effort.refused += 1;
        }
    }

    /// Reads a table of descriptors, of a process or of one of its threads, and keeps what it
    /// holds.
    fn table(&mut self, table: &OwnedFd, pid: u32, most: u64) -> Option<u64> {
        let mut buffer = [MaybeUninit::uninit(); DIRECTORY_PIECE];
        let mut entries = RawDir::new(table, &mut buffer);
        let known = self.links.len();
        let mut read: u64 = 0;
        let mut rest = None;
        // An error is the end of the process.
        while let Some(Ok(entry)) = entries.next() {
            let Some(fd) = parse_number(entry.file_name().to_bytes()) else {
                continue;
            };
            self.effort.descriptors += 1;
            read += 1;
            if let Err(errno @ (Errno::ACCESS | Errno::PERM)) =
                self.descriptor(table, entry.file_name(), Hold { pid, fd })
            {
                // Whether links may be read is a question of the process, not of the descriptor.
                self.refused(pid, errno);
                break;
            }
            if read.is_multiple_of(CLOCK_EVERY) && self.is_late() {
                break;
            }
            if read >= most {
                rest = Some(entry.next_entry_cookie());
                break;
            }
        }
        self.keep(pid, known);
        rest
    }

    fn is_late(&mut self) -> bool {
        self.effort.cut |= self.deadline.is_some_and(|end| Instant::now() >= end);
        self.effort.cut
    }

    /// Reads one link, and notes it where it leads to a wanted inode.
    fn descriptor(&mut self, table: impl AsFd, name: &CStr, hold: Hold) -> Result<(), Errno> {
        let inode = query_inode(table, name)?;
        let place = inode.and_then(|inode| self.inodes.binary_search(&inode).ok());
        if let Some(place) = place
            && let Ok(at) = u32::try_from(place)
            && (self.search.seek == Seek::EveryHolder || self.found.get(place) == Some(&false))
        {
            self.links.push((at, hold));
        }
        Ok(())
    }

    /// Keeps the links from `known` on, with the facts about their process; or forgets them, where
    /// it has ended meanwhile.
    fn keep(&mut self, pid: u32, known: usize) {
        if self.links.len() == known {
            return;
        }
        if !self.processes.contains_key(&pid) {
            let Some(process) = self.search.facts.read(&self.root, pid) else {
                self.links.truncate(known);
                return;
            };
            self.processes.insert(pid, process);
        }
        for (at, _) in self.links.iter().skip(known) {
            let place = usize::try_from(*at).ok();
            if let Some(found) = place.and_then(|place| self.found.get_mut(place)) {
                self.missing -= usize::from(!*found);
                *found = true;
            }
        }
    }

    /// Reads the tables of threads but those with these numbers of open files.
    fn threads(&mut self, pid: u32, known: Vec<u64>) {
        for table in open_unshared_tables(self.root.as_fd(), pid, known) {
            if self.effort.cut {
                break;
            }
            self.table(&table, pid, u64::MAX);
        }
    }
}
