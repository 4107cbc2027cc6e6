//! What a record holds of a host besides its sockets: files of /proc, processes and names, at one or
//! several moments.
//!
//! Plain values; `record` reads and writes them. All text is from outside and may contain any character.

mod namespaces;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use foldhash::HashMap;

pub use namespaces::{RecordedHost, RecordedNamespace, RecordedNamespaces};

use super::{Counts, Field, KeyPart, Kind, KindRead, KindSet, Netns, Other, SourceName};

/// A record, and the moment of it that questions are about.
#[derive(Debug)]
pub struct Recorded {
    /// The file.
    pub path: PathBuf,
    /// Whose sockets it has.
    pub origin: Origin,
    /// The one that was chosen, after the one that it is compared with, where there is one. One of several
    /// network namespaces need not be in both.
    moments: Vec<Option<Arc<Moment>>>,
    /// Why the file ends early; moments that are not whole are not in the timeline.
    pub cut: Option<String>,
    /// Whether another process records into it, so that what follows is not whole yet.
    pub is_growing: bool,
    /// What the file has, in its order.
    pub timeline: Arc<[Stretch]>,
    /// Where the lines are that begin a run of the recorder.
    pub runs: Vec<Place>,
    /// Whether a time was requested, so that commands name it.
    pub at: bool,
    /// The number and the name of the network namespace that it is about, where it is one of several.
    pub one_of: Option<(Netns, Arc<str>)>,
    /// The position of the moment that questions are about, which all network namespaces share.
    current: Arc<AtomicUsize>,
}

/// A part of a record: a moment with its sockets, or samples one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Whether its sockets are there, so that it is one moment.
    pub has_sockets: bool,
    /// Whether it is the first of two moments, which is compared with none.
    pub is_first: bool,
    /// Where it begins.
    pub place: Place,
    /// The time of the moment, or of the first sample.
    pub first: SystemTime,
    /// The time of the moment, or of the last sample. Within a stretch, time does not go back.
    pub last: SystemTime,
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
    /// Which sockets, besides all that wait for peers; `None` for all.
    pub filter: Option<String>,
    /// Whether other addresses and names are in the place of those of the host.
    pub is_anonymized: bool,
    /// The size of a page of memory there, in bytes.
    pub page_size: Option<u64>,
    /// Which network namespaces were requested, the words of `--netns`, where these may be several.
    pub netns: Vec<String>,
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
    pub warnings: Arc<[String]>,
    /// How many sockets it has.
    pub total: u64,
    /// Of a sample, the numbers of its sockets, which are not recorded themselves.
    pub counted: Option<Counted>,
    /// How many of its sockets are in each state, where that was recorded beside them.
    pub numbers: Option<Counted>,
    /// Why it was recorded, where rules of `doctor` found something: their ids and the titles of their
    /// findings.
    pub causes: Arc<[(String, String)]>,
    /// Whether it is compared with no earlier one, but the next one with it.
    pub is_first: bool,
    /// Where its lines begin in the file.
    pub start: Place,
    /// Where those of the earlier moment begin that has its unchanged sockets, if there is one.
    pub base: Option<Place>,
    /// Files by their paths below /proc, or the reason why one could not be read. Those that did not exist
    /// are not among them.
    pub files: BTreeMap<String, Result<String, String>>,
    /// The names of interfaces by number.
    pub interfaces: HashMap<u32, String>,
    /// How many sockets of each kind it has, where several network namespaces were recorded.
    pub totals: Vec<(Kind, u64)>,
    /// Processes, their sockets, and other names.
    pub host: Arc<RecordedHost>,
    /// The network namespaces, where it is about several: each has its own files, interfaces and sockets.
    pub namespaces: Option<Arc<RecordedNamespaces>>,
}

/// What a sample has in the place of sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many sockets of each kind are in each state.
    pub kinds: Vec<(Kind, Counts)>,
    /// TCP sockets by group.
    pub groups: Vec<CountedGroups>,
}

/// Sockets by one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedGroups {
    /// When they were counted.
    pub time: SystemTime,
    /// The field that they are grouped by.
    pub by: Field,
    /// The largest groups, each with the part of a key that it is, largest first.
    pub groups: Vec<(KeyPart, Counts)>,
    /// The others together.
    pub other: Option<Other>,
    /// What was lost.
    pub warnings: Vec<String>,
}

impl CountedGroups {
    /// The fields that samples have groups by.
    pub const FIELDS: [Field; 3] = [Field::Service, Field::RemoteAddr, Field::Process];

    /// The sockets of all groups.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        let other = self.other.iter().map(|other| &other.counts);
        let groups = self.groups.iter().map(|(_, counts)| counts);
        groups.chain(other).for_each(|one| counts.add_all(one));
        counts
    }
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
    /// A record about this moment, which is compared with an earlier one, if there is one.
    pub fn new(path: PathBuf, origin: Origin, earlier: Option<Moment>, moment: Moment) -> Recorded {
        let moments = earlier.into_iter().chain([moment]);
        let moments: Vec<Option<Arc<Moment>>> = moments.map(|one| Some(Arc::new(one))).collect();
        Recorded {
            path,
            origin,
            current: Arc::new(AtomicUsize::new(moments.len() - 1)),
            moments,
            cut: None,
            is_growing: false,
            timeline: Arc::default(),
            runs: Vec::new(),
            at: false,
            one_of: None,
        }
    }

    /// The same, for one who goes back and on in it on its own.
    pub fn again(&self) -> Recorded {
        Recorded {
            path: self.path.clone(),
            origin: self.origin.clone(),
            moments: self.moments.clone(),
            cut: self.cut.clone(),
            is_growing: self.is_growing,
            timeline: Arc::clone(&self.timeline),
            runs: self.runs.clone(),
            at: self.at,
            one_of: self.one_of.clone(),
            current: Arc::new(AtomicUsize::new(self.moments.len().saturating_sub(1))),
        }
    }

    /// The network namespaces of the moment that questions are about, where the record is of several.
    pub fn namespaces(&self) -> Option<&Arc<RecordedNamespaces>> {
        self.moment()?.namespaces.as_ref()
    }

    /// The same record about one of its network namespaces, which goes back and on with it.
    pub fn part(&self, netns: Netns, name: &Arc<str>) -> Recorded {
        let moments = self.moments.iter().flatten();
        let moments = moments.map(|moment| moment.namespaces.as_ref()?.moment(netns).cloned());
        Recorded {
            moments: moments.collect(),
            one_of: Some((netns, Arc::clone(name))),
            current: Arc::clone(&self.current),
            ..self.again()
        }
    }

    /// The numbers of the sample that questions are about; `None` where it is a moment with its sockets.
    pub fn counted(&self) -> Option<&Counted> {
        self.moment()?.counted.as_ref()
    }

    /// The time of the moment with its sockets that is nearest to the one that questions are about, of those
    /// that are compared with an earlier one.
    pub fn nearest_sockets(&self) -> Option<SystemTime> {
        let now = self.last().map_or(SystemTime::UNIX_EPOCH, |one| one.time);
        let distance = |time: SystemTime| match time.duration_since(now) {
            Ok(later) => later,
            Err(earlier) => earlier.duration(),
        };
        let is_meant = |one: &&Stretch| one.has_sockets && !one.is_first;
        let moments = self.timeline.iter().filter(is_meant);
        let times = moments.map(|one| one.first);
        times.min_by_key(|time| distance(*time))
    }

    /// The moment that questions are about. A network namespace that was not there before the last one has
    /// that only.
    pub fn moment(&self) -> Option<&Moment> {
        let current = self.moments.get(self.current.load(Ordering::Relaxed));
        current.and_then(Option::as_deref).or_else(|| self.last())
    }

    /// The moment that an answer is about, while it goes back to the one before too.
    pub fn answered(&self) -> Option<&Moment> {
        self.last().or_else(|| self.moment())
    }

    /// The source of its TCP sockets, or else this one.
    pub fn source_of_tcp(&self, other: SourceName) -> SourceName {
        let source = self.moment().and_then(|moment| moment.source_of(Kind::Tcp));
        source.unwrap_or(other)
    }

    /// The one that was chosen.
    pub fn last(&self) -> Option<&Moment> {
        self.moments.last()?.as_deref()
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
        let before = self.moments.len().checked_sub(2);
        before.is_some_and(|before| matches!(self.moments.get(before), Some(Some(_))))
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
            warnings: Arc::default(),
            total: 0,
            counted: None,
            numbers: None,
            causes: Arc::default(),
            is_first: false,
            start,
            base: None,
            files: BTreeMap::new(),
            interfaces: HashMap::default(),
            totals: Vec::new(),
            host: Arc::default(),
            namespaces: None,
        }
    }

    /// The source of the sockets of a kind; `None` if it has none of it.
    pub fn source_of(&self, kind: Kind) -> Option<SourceName> {
        let mut kinds = self.kinds.iter();
        let read = kinds.find(|read| read.kind == kind)?;
        read.unavailable.is_none().then_some(read.source)
    }

    /// What was there in one of several network namespaces, while nothing else refers to it.
    pub fn part_mut(&mut self, netns: Netns) -> Option<&mut Moment> {
        let namespaces = Arc::get_mut(self.namespaces.as_mut()?)?;
        namespaces.moment_mut(netns)
    }

    /// The kinds of its sockets.
    pub fn available(&self) -> KindSet {
        let kinds = self.kinds.iter();
        let kinds = kinds.filter(|read| read.unavailable.is_none());
        kinds.map(|read| read.kind).collect()
    }
}

impl fmt::Display for Recorded {
    /// What a verdict is about: `web1 at 2026-11-26T03:14:07.120Z in incident.rec`, and of which sockets
    /// that is a record.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stamp = self.answered().map_or("", |moment| &moment.stamp);
        write!(
            f,
            "{} at {stamp} in {}",
            self.origin.host,
            self.path.display()
        )?;
        match &self.origin.filter {
            None => Ok(()),
            Some(filter) => write!(f, ", only sockets that match {filter}"),
        }
    }
}

impl PartialEq for Recorded {
    fn eq(&self, other: &Recorded) -> bool {
        self.path == other.path
    }
}

impl Eq for Recorded {}
