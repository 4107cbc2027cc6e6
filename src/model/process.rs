//! Processes, and which of them hold a socket. The search for them is in `owner`.
//!
//! Names, arguments and units are untrusted text and may contain any character.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

use super::{Culprit, Placement, thousands};

/// The length of a process's name in the kernel without the final NUL: `TASK_COMM_LEN` - 1,
/// linux/sched.h.
const NAME_LEN: usize = 15;

/// The name of a process, proc_pid_comm(5): bytes; a name in UTF-8 may be cut within a character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessName([u8; NAME_LEN]);

impl ProcessName {
    /// The name with these bytes, cut to the length of the kernel's names.
    pub fn new(bytes: &[u8]) -> ProcessName {
        let mut name = [0; NAME_LEN];
        name.iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        ProcessName(name)
    }

    /// As text; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        let bytes = self.0.split(|byte| *byte == 0).next();
        String::from_utf8_lossy(bytes.unwrap_or_default())
    }
}

/// Which processes are selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessQuery {
    /// Those with this name; a longer one is cut as the kernel cuts it.
    Name(ProcessName),
    /// The one with this pid.
    Pid(u32),
}

impl fmt::Display for ProcessQuery {
    /// Follows the word "process".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProcessQuery::Name(name) => write!(f, "called {}", name.text()),
            ProcessQuery::Pid(pid) => write!(f, "with pid {pid}"),
        }
    }
}

/// A process that holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its pid in the proc file system that was read.
    pub pid: u32,
    /// Its name; `None` if it cannot be read.
    pub name: Option<ProcessName>,
    /// Its arguments, separated by blanks, at most 4096 bytes; `None` if there are none, or they were
    /// not requested.
    pub command_line: Option<String>,
    /// What its control groups belong to; nothing if that was not requested.
    pub placement: Placement,
}

/// One way in which a process holds a socket.
///
/// Of eight bytes: there is one of each open file of some servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hold {
    /// Which process.
    pub pid: u32,
    /// Its descriptor and one, or 0.
    fd: u32,
}

impl Hold {
    /// By a descriptor of a process; `None` if the socket is registered with an io_uring instance of it.
    pub fn new(pid: u32, fd: Option<u32>) -> Hold {
        // The kernel has no descriptor above `i32::MAX`, sysctl_nr_open_max in fs/file.c.
        let fd = fd.and_then(|fd| fd.checked_add(1)).unwrap_or_default();
        Hold { pid, fd }
    }

    /// The descriptor; `None` if the socket is registered with an io_uring instance of the process.
    pub fn fd(self) -> Option<u32> {
        self.fd.checked_sub(1)
    }
}

/// The holders of one socket.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held<'a> {
    holds: &'a [Hold],
    processes: &'a [Process],
    never_accepted: bool,
}

impl<'a> Held<'a> {
    /// Held in these ways, in the order of pids; `processes`, in the same order, contains at least
    /// every process of `holds`.
    pub fn by(holds: &'a [Hold], processes: &'a [Process]) -> Held<'a> {
        Held {
            holds,
            processes,
            never_accepted: false,
        }
    }

    /// Never accepted: the holders are those of the listener.
    pub fn unaccepted(self) -> Held<'a> {
        Held {
            never_accepted: true,
            ..self
        }
    }

    /// Whether the holders are those of the listener, because the connection was never accepted.
    pub fn never_accepted(&self) -> bool {
        self.never_accepted
    }

    /// Every way in which it is held: the process, lowest pid first, and the descriptor.
    pub fn holders(&self) -> impl Iterator<Item = (&'a Process, Option<u32>)> + use<'a> {
        let Held {
            holds, processes, ..
        } = *self;
        holds.iter().filter_map(move |hold| {
            let at = processes.binary_search_by_key(&hold.pid, |process| process.pid);
            Some((processes.get(at.ok()?)?, hold.fd()))
        })
    }

    /// Every process once, lowest pid first.
    pub fn processes(&self) -> impl Iterator<Item = &'a Process> + use<'a> {
        let mut last = None;
        self.holders()
            .map(|(process, _)| process)
            .filter(move |process| last.replace(process.pid) != Some(process.pid))
    }

    /// The process with the lowest pid, for groups, which need one. `None` if no process holds the
    /// socket, or none has accepted it.
    pub fn first(&self) -> Option<&'a Process> {
        let (process, _) = self.holders().next()?;
        (!self.never_accepted).then_some(process)
    }
}

/// How many files a process has open, and may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// How many it has.
    pub open: u64,
    /// How many it may have: the soft limit RLIMIT_NOFILE, getrlimit(2).
    pub limit: u64,
}

impl Descriptors {
    /// Whether the next accept(), socket() or open() fails with EMFILE.
    pub fn are_used_up(self) -> bool {
        self.open >= self.limit
    }
}

/// The holders of some sockets, in the order of their pids, and what is known of these processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    by_inode: HashMap<u64, (Option<ProcessName>, u32)>,
    /// Of sockets that several processes hold, those besides the first.
    others: HashMap<u64, Vec<(Option<ProcessName>, u32)>>,
    /// By pid; or why they are unknown.
    descriptors: HashMap<u32, Result<Descriptors, String>>,
    /// The inodes whose holders were searched for and not found.
    missing: HashSet<u64>,
    /// Why holders are unknown, if some are.
    pub unknown: Option<String>,
}

impl Holders {
    /// Adds a holder of the socket with this inode, lowest pid first; no name if it cannot be read.
    pub fn set(&mut self, inode: u64, name: impl Into<Option<ProcessName>>, pid: u32) {
        let holder = (name.into(), pid);
        match self.by_inode.entry(inode) {
            Entry::Vacant(entry) => drop(entry.insert(holder)),
            Entry::Occupied(_) => self.others.entry(inode).or_default().push(holder),
        }
    }

    /// Adds a socket whose holders were searched for and not found.
    pub fn miss(&mut self, inode: u64) {
        self.missing.insert(inode);
    }

    /// For how many of the sockets with these inodes no holder was found, and why; `None` if there is none.
    pub fn missing_text(&self, inodes: &[u64]) -> Option<String> {
        let is_missing = |inode: &&u64| self.missing.contains(inode);
        let missing = inodes.iter().filter(is_missing).count();
        if missing == 0 {
            return None;
        }
        let of = inodes.iter().filter(|inode| **inode != 0).count();
        let (missing, of) = (thousands(missing), thousands(of));
        let late = "the time limit ended the search";
        let reason = self.unknown.as_deref().unwrap_or(late);
        Some(format!(
            "for {missing} of {of}, no process was found: {reason}"
        ))
    }

    /// Sets the descriptors of a process, or why they are unknown.
    pub fn set_descriptors(&mut self, pid: u32, descriptors: Result<Descriptors, String>) {
        self.descriptors.insert(pid, descriptors);
    }

    /// The descriptors of a process.
    ///
    /// # Errors
    /// Why they are unknown.
    pub fn descriptors(&self, pid: u32) -> Result<Descriptors, String> {
        let known = self.descriptors.get(&pid).cloned();
        known.unwrap_or_else(|| Err("they were not read".to_owned()))
    }

    /// The pids of all holders.
    pub fn pids(&self) -> BTreeSet<u32> {
        let first = self.by_inode.values();
        let all = first.chain(self.others.values().flatten());
        all.map(|(_, pid)| *pid).collect()
    }

    /// All processes that hold the socket with this inode, and how many of the sockets with `inodes`
    /// each holds.
    pub fn all_of(&self, inode: u64, inodes: impl IntoIterator<Item = u64>) -> Vec<Culprit> {
        let holders = |inode| {
            let others = self.others.get(&inode).into_iter().flatten();
            self.by_inode.get(&inode).into_iter().chain(others)
        };
        let mut held: HashMap<u32, u64> = HashMap::new();
        for (_, pid) in inodes.into_iter().flat_map(holders) {
            *held.entry(*pid).or_default() += 1;
        }
        let culprits = holders(inode).map(|(name, pid)| Culprit {
            name: name.map(|name| name.text().into_owned()),
            pid: *pid,
            sockets: held.get(pid).copied().unwrap_or(0),
        });
        culprits.collect()
    }

    /// The process that holds the socket with this inode; `None` if it is unknown.
    pub fn holder(&self, inode: u64) -> Option<Culprit> {
        self.of([inode]).into_iter().next()
    }

    /// The processes that hold sockets with these inodes, one inode per socket; those with most sockets
    /// first, then by pid. Sockets without a known holder are not counted.
    pub fn of(&self, inodes: impl IntoIterator<Item = u64>) -> Vec<Culprit> {
        let mut sockets: HashMap<(Option<ProcessName>, u32), u64> = HashMap::new();
        for inode in inodes {
            if let Some(holder) = self.by_inode.get(&inode) {
                *sockets.entry(*holder).or_default() += 1;
            }
        }
        let mut culprits: Vec<Culprit> = sockets
            .into_iter()
            .map(|((name, pid), sockets)| Culprit {
                name: name.map(|name| name.text().into_owned()),
                pid,
                sockets,
            })
            .collect();
        culprits.sort_unstable_by_key(|culprit| (std::cmp::Reverse(culprit.sockets), culprit.pid));
        culprits
    }
}

/// Numbers of sockets, which together are all wanted ones. The names are keys in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Ownership {
    /// At least one holder was found.
    pub held: u64,
    /// No process can hold them: TIME_WAIT, SYN_RECV, orphans.
    pub kernel: u64,
    /// Connections that wait to be accepted at a known listener.
    pub never_accepted: u64,
    /// The holder is unknown, and some processes could not be read.
    pub no_permission: u64,
    /// The holder is unknown although all visible processes were read.
    pub hidden: u64,
    /// The holder was not found within the time limit.
    pub time_up: u64,
}

impl fmt::Display for Ownership {
    /// All numbers in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = [
            (self.held, "held"),
            (self.kernel, "the kernel's"),
            (self.never_accepted, "never accepted"),
            (self.no_permission, "without permission"),
            (self.hidden, "in no visible process"),
            (self.time_up, "not found in time"),
        ];
        let numbers = numbers.map(|(sockets, what)| format!("{sockets} {what}"));
        f.write_str(&numbers.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32) -> Process {
        Process {
            pid,
            name: Some(ProcessName::new(b"web")),
            command_line: None,
            placement: Placement::default(),
        }
    }

    #[test]
    fn a_process_with_several_descriptors_counts_once() {
        let processes = [process(3), process(7), process(9)];
        let holds = [(3, 4), (3, 5), (9, 4)].map(|(pid, fd)| Hold::new(pid, Some(fd)));
        let held = Held::by(&holds, &processes);
        assert_eq!(held.holders().count(), 3);
        let pids: Vec<_> = held.processes().map(|process| process.pid).collect();
        assert_eq!(pids, [3, 9]);
        assert_eq!(held.first().unwrap().pid, 3);
        assert!(held.unaccepted().first().is_none());
        assert!(Held::default().first().is_none());
    }

    #[test]
    fn names_are_bytes_and_shown_as_text() {
        assert_eq!(ProcessName::new(b"a)\n\x1b").text(), "a)\n\x1b");
        let cut = ProcessName::new("fifteen-bytes-é".as_bytes());
        assert_eq!(cut.text(), "fifteen-bytes-\u{fffd}");
        assert_eq!(ProcessName::new(b"").text(), "");
    }

    #[test]
    fn sockets_whose_process_was_not_found_are_counted_with_the_reason() {
        let mut holders = Holders::default();
        holders.set(1, ProcessName::new(b"web"), 7);
        assert_eq!(holders.missing_text(&[1, 2]), None, "not searched for");
        holders.miss(2);
        let late = "for 1 of 2, no process was found: the time limit ended the search";
        assert_eq!(holders.missing_text(&[0, 1, 2]).as_deref(), Some(late));
        holders.unknown = Some("closed meanwhile".to_owned());
        let gone = "for 1 of 1, no process was found: closed meanwhile";
        assert_eq!(holders.missing_text(&[2]).as_deref(), Some(gone));
    }

    #[test]
    fn processes_are_sorted_by_the_number_of_their_sockets() {
        let mut holders = Holders::default();
        for (inode, name, pid) in [(1, "web", 7), (2, "web", 9), (3, "web", 9), (4, "db", 3)] {
            holders.set(inode, ProcessName::new(name.as_bytes()), pid);
        }
        let culprits: Vec<_> = holders
            .of([1, 2, 3, 4, 5])
            .into_iter()
            .map(|culprit| (culprit.name.unwrap(), culprit.pid, culprit.sockets))
            .collect();
        let expected = [("web", 9, 2), ("db", 3, 1), ("web", 7, 1)];
        assert_eq!(
            culprits,
            expected.map(|(name, pid, sockets)| (name.to_owned(), pid, sockets))
        );
    }
}
