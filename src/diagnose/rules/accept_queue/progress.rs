//! Whether connections leave an accept queue, and how long those in it have waited.
//!
//! The kernel does not report which queue a connection is in where several listeners may have taken it
//! (SO_REUSEPORT), and the kernel's own sockets have no inode either. Both are subtracted, so that no
//! queue is taken for longer than it is.

use std::collections::{HashMap, HashSet};

use crate::diagnose::{FirstPass, Host};
use crate::model::{
    Arrival, InetEnds, Listener, Metric, Severity, Socket, State, StateSet, counted, thousands,
};

/// How many connections that wait are kept, of each sample; more are not compared. 2 MB in all.
const KEPT: usize = 5_000;

/// How many waiting connections of one listener are measured: how long they have waited.
const MEASURED: usize = 32;

/// This many must wait before a queue that stands still is reported: a few may wait while a program
/// starts, or behind a single client of a program that serves one at a time.
const SEVERAL: usize = 5;

/// This many must wait before a slow queue is reported.
const MANY: usize = 10;

/// Clients and load balancers commonly wait 5 s for an answer. In milliseconds.
const LONG: u64 = 5_000;

/// Waiting for a second costs a client as much as a dropped SYN, which is sent again after 1 s
/// (RFC 6298). In milliseconds.
const SLOW: u64 = 1_000;

/// A connection that waits to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Waiting {
    arrival: Arrival,
    ends: InetEnds,
    cookie: Option<u64>,
}

impl Waiting {
    /// `None` where the socket does not wait.
    fn of(socket: &Socket, ends: &InetEnds) -> Option<Waiting> {
        if !socket.was_never_accepted() {
            return None;
        }
        Some(Waiting {
            arrival: Arrival::of(socket)?,
            ends: *ends,
            cookie: socket.cookie,
        })
    }
}

/// The connections that wait before the window.
#[derive(Debug, Default)]
pub(in crate::diagnose::rules) struct Earlier {
    waiting: HashSet<Waiting>,
    is_cut: bool,
}

impl FirstPass for Earlier {
    const STATES: StateSet = StateSet::NONE
        .with(State::Established)
        .with(State::CloseWait);

    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if let Some(waiting) = Waiting::of(socket, ends) {
            self.is_cut |= self.waiting.len() >= KEPT;
            if !self.is_cut {
                self.waiting.insert(waiting);
            }
        }
    }
}

/// The connections that wait after the window, and those before it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    before: Earlier,
    after: Vec<Waiting>,
    is_cut: bool,
}

impl Progress {
    /// None yet after the window.
    pub(super) fn after(before: Earlier) -> Progress {
        Progress {
            before,
            ..Progress::default()
        }
    }

    /// Reads a socket after the window.
    pub(super) fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if let Some(waiting) = Waiting::of(socket, ends) {
            self.is_cut |= self.after.len() >= KEPT;
            if !self.is_cut {
                self.after.push(waiting);
            }
        }
    }

    /// What is known of a listener's queue.
    pub(super) fn of(&self, listener: &Listener, host: &Host) -> Queued {
        let mut elsewhere = HashMap::new();
        let mut known: HashMap<Arrival, bool> = HashMap::new();
        let mut is_its = |one: &Waiting| {
            *known.entry(one.arrival).or_insert_with(|| {
                let takers = host.listeners.takers(&one.arrival);
                let is_its = takers.contains(&listener);
                let others = takers.into_iter().filter(|taker| *taker != listener);
                for other in others.filter(|_| is_its) {
                    let identity = (other.inode, other.cookie, other.local);
                    elsewhere.insert(identity, other.waiting as usize);
                }
                is_its
            })
        };
        let after = self.after.iter().filter(|one| is_its(one));
        let (stayed, added): (Vec<&Waiting>, Vec<&Waiting>) =
            after.partition(|one| self.before.waiting.contains(one));
        let before = self.before.waiting.iter().filter(|one| is_its(one));
        let is_whole = !self.is_cut && !self.before.is_cut;
        let left = before.count().saturating_sub(stayed.len());
        let elsewhere: usize = elsewhere.into_values().sum();
        // More than wait at all of these listeners are in no queue.
        let all = elsewhere + listener.waiting as usize;
        let foreign = (stayed.len() + added.len()).saturating_sub(all);
        Queued {
            beside: elsewhere + foreign,
            left: is_whole.then_some(left),
            stayed: stayed.iter().map(|one| one.ends).collect(),
            added: added.iter().map(|one| one.ends).collect(),
        }
    }
}

/// Connections that wait at a listener, or at another one of its address.
#[derive(Debug)]
pub(super) struct Queued {
    /// How many of them may not be in this queue.
    beside: usize,
    /// How many no longer wait of those before the window; `None` where not all were kept.
    left: Option<usize>,
    /// Those that waited throughout the window, and the others.
    stayed: Vec<InetEnds>,
    added: Vec<InetEnds>,
}

impl Queued {
    /// How many have certainly waited in this queue throughout the window.
    fn certain(&self) -> usize {
        self.stayed.len().saturating_sub(self.beside)
    }

    /// Whether enough have waited for the queue to be measured.
    pub(super) fn are_several(&self) -> bool {
        self.certain() >= SEVERAL
    }

    /// Those that are measured: those that waited throughout the window first.
    pub(super) fn sample(&self) -> impl Iterator<Item = InetEnds> {
        let sample = self.stayed.iter().chain(&self.added);
        sample.take(MEASURED).copied()
    }

    /// How long the connections that were measured have waited, in milliseconds.
    fn waits(ends: impl Iterator<Item = InetEnds>, host: &Host) -> Vec<u64> {
        // The kernel counts from the handshake where nothing was sent yet.
        let waits = ends.filter_map(|ends| host.measures.get(ends, Metric::LastDataSent));
        waits.collect()
    }

    /// The pace at which connections leave the queue; `None` where it is as it should be, or unknown.
    pub(super) fn pace(&self, host: &Host) -> Option<Pace> {
        let waits = Queued::waits(self.stayed.iter().take(MEASURED).copied(), host);
        let waited = |least| waits.iter().filter(|wait| **wait >= least).count();
        let have = |many, least| self.certain() >= many && waited(least) >= many + self.beside;
        let is_slow = have(MANY, SLOW);
        let is_stopped = self.left == Some(0) && have(SEVERAL, LONG);
        (is_stopped || is_slow).then_some(Pace {
            severity: Severity::critical_if(is_stopped),
            stayed: self.stayed.len(),
            left: self.left,
        })
    }

    /// That of a queue which connections waited in throughout the window, if none left it.
    pub(super) fn standing(&self) -> Option<Pace> {
        (self.left == Some(0) && self.certain() > 0).then_some(Pace {
            severity: Severity::Critical,
            stayed: self.stayed.len(),
            left: self.left,
        })
    }

    /// The longest wait of those that were measured, as evidence.
    pub(super) fn text(&self, host: &Host) -> Option<String> {
        let waits = Queued::waits(self.sample(), host);
        let longest = waits.iter().max()?;
        Some(format!(
            "the longest wait of {} measured: {}.{} s",
            counted(waits.len() as u64, "connection", "connections"),
            longest / 1_000,
            longest % 1_000 / 100
        ))
    }
}

/// Why a queue is reported that may have room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// Critical if no connection left the queue and several have waited long.
    pub(super) severity: Severity,
    /// How many waited throughout the window.
    stayed: usize,
    /// How many left the queue in it, where that is known.
    left: Option<usize>,
}

impl Pace {
    /// Whether no connection left the queue.
    pub(super) fn is_still(self) -> bool {
        self.left == Some(0)
    }

    /// How many stayed in the window, and how many left the queue, as evidence.
    pub(super) fn text(self, host: &Host) -> String {
        let connections = counted(self.stayed as u64, "connection", "connections");
        let window = host.window_text();
        let left = match self.left {
            Some(0) => ", and none left the queue".to_owned(),
            Some(left) => format!(", and {} left the queue", thousands(left as u64)),
            None => String::new(),
        };
        format!("{connections} waited throughout the window of {window}{left}")
    }
}
