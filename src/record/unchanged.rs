//! Sockets that are as they were in the moment before: of the second of two moments, only what changed is
//! written as lines of sockets.
//!
//! Of each socket of the first moment a number is kept that says what its line has, and one for its age. With
//! time alone, what TCP measures since an event grows and timers have less left: both are taken from a
//! common clock, so that sockets to which nothing happened are the same. Pure.

use std::hash::{BuildHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

use foldhash::quality::RandomState;

use super::line::Unchanged;
use crate::model::{Metric, Names, Socket, Timer};

/// The metrics that grow with time.
const AGES: [Metric; 3] = [
    Metric::LastDataSent,
    Metric::LastDataReceived,
    Metric::LastAckReceived,
];

/// The sockets of a moment, in its order.
#[derive(Debug)]
pub struct Known {
    /// When the moment began.
    pub time: SystemTime,
    /// A seed of this run: that another socket has the digest of one is as rare as for any 64 bits.
    key: RandomState,
    /// Of what each line has besides its age.
    digests: Vec<u64>,
    /// The age of each, in milliseconds.
    ages: Vec<u32>,
}

/// The age of a socket, by which all that depends on time is known: of one that measures something, the time
/// since an event, else less the time that its timer has left. 0 where nothing depends on time.
fn age(socket: &Socket) -> u32 {
    let metrics = socket.info.as_ref();
    let known = metrics.and_then(|info| AGES.iter().find_map(|metric| info.get(*metric)));
    let left = |timer: &Timer| 0_u32.wrapping_sub(low(timer.remaining.as_millis()));
    let known = known.map(|age| low(age.into()));
    known
        .or_else(|| socket.timer.as_ref().map(left))
        .unwrap_or(0)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the kernel has 32 bits; more are in the digest, as what is left of them"
)]
fn low(number: u128) -> u32 {
    number as u32
}

impl Known {
    /// None yet, of a moment that begins now.
    pub fn new(time: SystemTime) -> Known {
        Known {
            time,
            key: RandomState::default(),
            digests: Vec::new(),
            ages: Vec::new(),
        }
    }

    /// Adds the next socket.
    pub fn add(&mut self, socket: &Socket, names: &mut dyn Names) {
        let age = age(socket);
        self.digests.push(self.digest(socket, age, names));
        self.ages.push(age);
    }

    /// A hash of all that the line of a socket has, without its age.
    fn digest(&self, socket: &Socket, age: u32, names: &mut dyn Names) -> u64 {
        let Socket {
            state,
            kind,
            netns,
            ends,
            receive_queue,
            send_queue,
            uid,
            full,
            inode,
            timer,
            retransmits,
            interface,
            cookie,
            mark,
            cgroup,
            drops,
            receive_limit,
            v6only,
            info,
            congestion_control,
        } = socket;
        let mut hasher = self.key.build_hasher();
        let to = &mut hasher;
        (state, kind, netns, ends, receive_queue, send_queue).hash(to);
        (uid, full, inode, retransmits, interface, cookie).hash(to);
        (
            mark,
            cgroup,
            drops,
            receive_limit,
            v6only,
            congestion_control,
        )
            .hash(to);
        // The line has their names.
        let interface = interface.filter(|index| *index != 0);
        interface.map(|index| names.interface(index)).hash(to);
        cgroup.map(|id| names.cgroup(id)).hash(to);
        let ends_at = |timer: &Timer| timer.remaining.as_millis().wrapping_add(age.into());
        let timer = timer.as_ref().map(|timer| (timer.kind, ends_at(timer)));
        timer.hash(to);
        let mut info = info.as_deref().copied();
        if let Some(info) = &mut info {
            for metric in AGES {
                if let Some(value) = info.get(metric) {
                    info.set(metric, value.wrapping_sub(age.into()));
                }
            }
        }
        info.hash(to);
        hasher.finish()
    }
}

/// Finds the sockets of a moment in the one before.
#[derive(Debug)]
pub struct Comparison {
    known: Known,
    /// The positions of the known sockets by their digests; only when one is searched for.
    sorted: Option<Vec<u32>>,
    /// The position of the known socket behind the last one that was found.
    next: usize,
    /// The sockets that are not written yet.
    run: Option<Unchanged>,
}

impl Comparison {
    /// With the sockets of an earlier moment.
    pub fn new(known: Known) -> Comparison {
        Comparison {
            known,
            sorted: None,
            next: 0,
            run: None,
        }
    }

    /// The next socket: either it is as it was, so that it needs no line; or it needs one. Also returns
    /// what is to be written before it.
    pub fn compare(&mut self, socket: &Socket, names: &mut dyn Names) -> (bool, Option<Unchanged>) {
        let age = age(socket);
        let digest = self.known.digest(socket, age, names);
        let found = self.find(digest).and_then(|position| {
            let before = *self.known.ages.get(position)?;
            Some((position, age.checked_sub(before)?))
        });
        let Some((position, older_ms)) = found else {
            return (false, self.run.take());
        };
        let skipped = (position - self.next) as u64;
        self.next = position + 1;
        match &mut self.run {
            Some(run) if skipped == 0 && run.older_ms == older_ms => {
                run.sockets += 1;
                (true, None)
            }
            run => {
                let sockets = 1;
                let begun = Unchanged {
                    skipped,
                    sockets,
                    older_ms,
                };
                (true, run.replace(begun))
            }
        }
    }

    /// What is to be written behind the last socket.
    pub fn end(self) -> Option<Unchanged> {
        self.run
    }

    /// The position of a known socket, from the next one on.
    fn find(&mut self, digest: u64) -> Option<usize> {
        let digests = &self.known.digests;
        let near = digests.get(self.next..).unwrap_or_default();
        if near.first() == Some(&digest) {
            return Some(self.next);
        }
        let digest_at = |position: &u32| digests.get(*position as usize).copied();
        let sorted = self.sorted.get_or_insert_with(|| {
            let mut positions: Vec<u32> = (0_u32..).take(digests.len()).collect();
            positions.sort_unstable_by_key(|position| (digest_at(position), *position));
            positions
        });
        let wanted = (Some(digest), self.next);
        let at =
            sorted.partition_point(|position| (digest_at(position), *position as usize) < wanted);
        let found = sorted.get(at)?;
        (digest_at(found) == Some(digest)).then_some(*found as usize)
    }
}

/// Changes a socket to what it is this number of milliseconds later, if only time passes.
pub(super) fn later(socket: &mut Socket, milliseconds: u32) {
    if let Some(info) = &mut socket.info {
        for metric in AGES {
            if let Some(value) = info.get(metric) {
                info.set(metric, value.saturating_add(milliseconds.into()));
            }
        }
    }
    if let Some(timer) = &mut socket.timer {
        let time = Duration::from_millis(milliseconds.into());
        timer.remaining = timer.remaining.saturating_sub(time);
    }
}
