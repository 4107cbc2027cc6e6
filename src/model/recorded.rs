//! What a record holds of a host besides its sockets: files of /proc, processes and names, at one or
//! several moments.
//!
//! Plain values; `record` reads and writes them. All text is from outside and may contain any character.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use super::{Descriptors, Hold, Kind, KindRead, KindSet, Process, ProcessName, SourceName};

/// A record, and the moment of it that questions are about.
#[derive(Debug)]
pub struct Recorded {
    /// The file.
    pub path: PathBuf,
    /// Whose sockets it has.
    pub origin: Origin,
    /// In the order of time; one at least.
    moments: Vec<Moment>,
    /// Why the file ends early; moments that are not whole are not among these.
    pub cut: Option<String>,
    /// The position of the moment that questions are about.
    current: AtomicUsize,
}

/// Whose sockets a record has, and what recorded them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The name of the host, uname(2).
    pub host: String,
    /// The release of its kernel.
    pub kernel: String,
    /// The version of the program.
    pub program: String,
    /// The kinds of sockets.
    pub kinds: KindSet,
    /// The size of a page of memory there, in bytes.
    pub page_size: Option<u64>,
}

/// What was there at one time.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When the first request was sent.
    pub time: SystemTime,
    /// The same as it was written.
    pub stamp: String,
    /// How the sockets of each kind were read.
    pub kinds: Vec<KindRead>,
    /// What was lost, each a sentence without a full stop.
    pub warnings: Vec<String>,
    /// How many sockets it has.
    pub total: u64,
    /// Where its lines begin in the file.
    pub start: Place,
    /// Files by their paths below /proc, or the reason why one could not be read. Those that did not exist
    /// are not among them.
    pub files: BTreeMap<String, Result<String, String>>,
    /// In the order of their pids.
    pub processes: Vec<Process>,
    /// Which process holds which inode, in the order of inodes.
    pub holds: Vec<(u64, Hold)>,
    /// How many files each process had open and may have, by pid; or why that was unknown.
    pub descriptors: HashMap<u32, Result<Descriptors, String>>,
    /// Processes whose descriptors could not be read, and their names.
    pub unread: Vec<(u32, Option<ProcessName>)>,
    /// The names of users, interfaces and control groups by number.
    pub users: HashMap<u32, String>,
    /// The same of interfaces.
    pub interfaces: HashMap<u32, String>,
    /// The same of control groups (cgroup v2).
    pub cgroups: HashMap<u64, String>,
}

/// A place in a file of compressed lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Where the gzip member begins, in bytes.
    pub member: u64,
    /// How many lines of it come before.
    pub lines: u64,
}

impl Recorded {
    /// A record of these moments, about the last; `None` if there are none.
    pub fn new(
        path: PathBuf,
        origin: Origin,
        moments: Vec<Moment>,
        cut: Option<String>,
    ) -> Option<Recorded> {
        let last = moments.len().checked_sub(1)?;
        Some(Recorded {
            path,
            origin,
            moments,
            cut,
            current: AtomicUsize::new(last),
        })
    }

    /// The moment that questions are about.
    pub fn moment(&self) -> Option<&Moment> {
        self.moments.get(self.current.load(Ordering::Relaxed))
    }

    /// When that was.
    pub fn time(&self) -> SystemTime {
        self.moment().map_or(SystemTime::UNIX_EPOCH, |one| one.time)
    }

    /// Goes back to the moment before the last one, if there is one.
    pub fn go_back(&self) {
        let earlier = self.moments.len().saturating_sub(2);
        self.current.store(earlier, Ordering::Relaxed);
    }

    /// Whether there is a moment before the last one, so that changes are known.
    pub fn has_earlier(&self) -> bool {
        self.moments.len() > 1
    }

    /// Goes on to the last moment. Returns how much later it was.
    pub fn go_on(&self) -> Duration {
        let before = self.time();
        let last = self.moments.len().saturating_sub(1);
        self.current.store(last, Ordering::Relaxed);
        self.time().duration_since(before).unwrap_or_default()
    }
}

impl Moment {
    /// One that begins here.
    pub fn beginning(start: Place) -> Moment {
        Moment {
            time: SystemTime::UNIX_EPOCH,
            stamp: String::new(),
            kinds: Vec::new(),
            warnings: Vec::new(),
            total: 0,
            start,
            files: BTreeMap::new(),
            processes: Vec::new(),
            holds: Vec::new(),
            descriptors: HashMap::new(),
            unread: Vec::new(),
            users: HashMap::new(),
            interfaces: HashMap::new(),
            cgroups: HashMap::new(),
        }
    }

    /// The source of the sockets of a kind; `None` if it has none of it.
    pub fn source_of(&self, kind: Kind) -> Option<SourceName> {
        let mut kinds = self.kinds.iter();
        let read = kinds.find(|read| read.kind == kind)?;
        read.unavailable.is_none().then_some(read.source)
    }

    /// The kinds of its sockets.
    pub fn available(&self) -> KindSet {
        let kinds = self.kinds.iter();
        let kinds = kinds.filter(|read| read.unavailable.is_none());
        kinds.map(|read| read.kind).collect()
    }
}

impl fmt::Display for Recorded {
    /// What a verdict is about: `web1 at 2026-11-26T03:14:07.120Z in incident.rec`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stamp = self.moment().map_or("", |moment| &moment.stamp);
        write!(
            f,
            "{} at {stamp} in {}",
            self.origin.host,
            self.path.display()
        )
    }
}

impl PartialEq for Recorded {
    fn eq(&self, other: &Recorded) -> bool {
        self.path == other.path
    }
}

impl Eq for Recorded {}
