//! The connections that live, by the kernel's number for their sockets.
//!
//! A connection is kept for a moment after its end: the reset that ends it is sent, and recorded,
//! after the socket's state has changed (`tcp_send_active_reset` in `__tcp_close`, net/ipv4/tcp.c).

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU64;

use super::ending::Life;
use super::stories::{Place, other_place, place};
use crate::model::trace::{Connection, Event, EventKind, Side, Task, Transition};
use crate::model::{InetEnds, State};

/// More connections than this are not remembered at once; the oldest is forgotten.
const MOST: usize = 262_144;

/// How long after its end a connection may still be explained, in nanoseconds.
const GRACE_NS: u64 = 20_000_000;

/// What the record of a connection lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Sockets that were next seen in another state than the one they went to, or not at all: what is
    /// between was not recorded.
    pub gaps: u64,
    /// Connections that were forgotten because there were too many.
    pub forgotten: u64,
}

/// A connection whose socket has ended.
#[derive(Debug)]
struct Ended {
    life: Life,
    ends: InetEnds,
    event: Event,
    error: u32,
    parked: Option<State>,
}

/// What is remembered of the sockets traced.
#[derive(Debug)]
pub struct Connections {
    lives: HashMap<u64, Box<Life>>,
    /// Where the connections that live are, for the other end of one that ends.
    places: HashSet<NonZeroU64>,
    /// Whether every socket that existed when the trace began is known.
    is_listed: bool,
    /// The order in which they were first seen, for who is forgotten first; may hold numbers of
    /// sockets that have ended.
    order: VecDeque<u64>,
    ended: VecDeque<Ended>,
    gaps: Gaps,
    most: usize,
}

impl Default for Connections {
    fn default() -> Self {
        Connections::with_most(MOST)
    }
}

impl Connections {
    /// Remembers at most `most` sockets at once.
    pub fn with_most(most: usize) -> Connections {
        Connections {
            lives: HashMap::new(),
            places: HashSet::new(),
            is_listed: false,
            order: VecDeque::new(),
            ended: VecDeque::new(),
            gaps: Gaps::default(),
            most,
        }
    }

    /// Adds sockets that existed when they were listed, except those of which an event was taken
    /// already; all events until then must have been.
    pub fn add_existing(&mut self, netns: u32, sockets: Vec<(u64, State, InetEnds)>) {
        let ended: HashSet<u64> = self.ended.iter().map(|ended| ended.event.cookie).collect();
        for (cookie, state, ends) in sockets {
            if !self.lives.contains_key(&cookie) && !ended.contains(&cookie) {
                let mut life = Box::new(Life::before(state));
                self.settle(&mut life, place(netns, &ends));
                self.remember(cookie, life);
            }
        }
    }

    /// All that existed were added: a socket that is unknown from now on, and is not new, is one of
    /// which a transition was missed.
    pub fn all_are_listed(&mut self) {
        self.is_listed = true;
    }

    /// Forgets the sockets that are in another state than they went to, or no longer exist, by a listing
    /// that began at `listed_ns`, and counts them as gaps. All events until the listing's end must have
    /// been taken.
    pub fn compare(&mut self, existing: &HashMap<u64, State>, listed_ns: u64) {
        let (lives, places) = (&mut self.lives, &mut self.places);
        let mut gaps = 0;
        lives.retain(|cookie, life| {
            let is_there = existing.get(cookie) == Some(&life.state);
            let is_there = is_there || life.since_ns >= Some(listed_ns);
            if !is_there && let Some(place) = life.place {
                places.remove(&place);
            }
            gaps += u64::from(!is_there && !life.is_doubtful);
            is_there
        });
        self.gaps.gaps += gaps;
    }

    /// The last event of this socket does not show whether it is selected. If nothing more comes, that
    /// is no gap.
    pub fn doubt(&mut self, cookie: u64) {
        if let Some(life) = self.lives.get_mut(&cookie) {
            life.is_doubtful = true;
        }
    }

    /// What was not recorded, or was forgotten.
    pub fn gaps(&self) -> Gaps {
        self.gaps
    }

    /// How many sockets are remembered.
    pub fn len(&self) -> usize {
        self.lives.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.lives.is_empty()
    }

    /// Takes one event; returns the transition, where it is one.
    pub fn event(&mut self, event: &Event) -> Option<Transition> {
        match event.kind {
            EventKind::Transition { from, to, error } if from != to => {
                // A minisocket may be kept in the same state.
                let row = self.transition(event, from, to, error);
                (row.from != row.to).then_some(row)
            }
            // MPTCP reports states that stay as they are.
            EventKind::Transition { .. } => None,
            EventKind::ResetSent { reason } => {
                self.explain(event.cookie, |life| life.reset_sent(reason, event.task));
                None
            }
            EventKind::ResetReceived => {
                self.explain(event.cookie, Life::reset_received);
                None
            }
            EventKind::Retransmit => {
                self.explain(event.cookie, Life::retransmitted);
                None
            }
        }
    }

    /// The connections that ended long enough before `now_ns` for nothing more to come, or all with
    /// `None`; each with whether its other end is traced too and still lives.
    pub fn ended(&mut self, now_ns: Option<u64>) -> Vec<(Connection, bool)> {
        // Times of two processors may be out of order by less than the grace.
        let is_due = |ended: &Ended| {
            now_ns.is_none_or(|now| ended.event.time_ns.saturating_add(GRACE_NS) <= now)
        };
        let due = self.ended.iter().take_while(|ended| is_due(ended)).count();
        if due == 0 {
            return Vec::new();
        }
        let place = |ended: &Ended| digest(place(ended.event.netns, &ended.ends));
        let mut to_come: HashSet<NonZeroU64> = self.ended.iter().map(place).collect();
        let due: Vec<Ended> = self.ended.drain(..due).collect();
        let with_other = |ended: Ended| {
            to_come.remove(&place(&ended));
            let other = digest(other_place(ended.event.netns, &ended.ends));
            let is_to_come = to_come.contains(&other) || self.places.contains(&other);
            (ended.into_connection(), is_to_come)
        };
        due.into_iter().map(with_other).collect()
    }

    fn explain(&mut self, cookie: u64, explain: impl FnOnce(&mut Life)) {
        if let Some(life) = self.lives.get_mut(&cookie) {
            explain(life);
            return;
        }
        let mut ended = self.ended.iter_mut().rev();
        if let Some(ended) = ended.find(|ended| ended.event.cookie == cookie) {
            explain(&mut ended.life);
            ended.parked = ended.parked.filter(|_| ended.life.is_unexplained());
        }
    }

    fn remember(&mut self, cookie: u64, life: Box<Life>) {
        while self.lives.len() >= self.most {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(life) = self.lives.remove(&oldest) {
                self.gaps.forgotten += 1;
                self.unsettle(&life);
            }
        }
        // Numbers of ended sockets must not pile up. Each number is there once.
        if self.order.len() >= 2 * self.most {
            let lives = &self.lives;
            self.order.retain(|cookie| lives.contains_key(cookie));
        }
        self.lives.insert(cookie, life);
        self.order.push_back(cookie);
    }

    /// A connection is at this place.
    fn settle(&mut self, life: &mut Life, place: Place) {
        let digest = digest(place);
        self.places.insert(digest);
        life.place = Some(digest);
    }

    fn unsettle(&mut self, life: &Life) {
        if let Some(digest) = life.place {
            self.places.remove(&digest);
        }
    }

    /// What is known of a socket that leaves `from`: of a new one nothing yet.
    fn life_at(
        &mut self,
        known: Option<Box<Life>>,
        from: State,
        to: State,
        event: &Event,
    ) -> Box<Life> {
        let by = doer(from, to, event.task);
        let is_known = known.is_some();
        let new = match (from, to) {
            (State::Close, State::SynSent) => Life::opened(Side::Local, by, event),
            (State::Listen, State::SynRecv) => Life::opened(Side::Remote, None, event),
            // Before 6.15 the event before this one has neither the peer nor the final cookie.
            (State::SynRecv, _) if !is_known => Life::opened(Side::Remote, None, event),
            (State::Close, _) => Life::before(State::Close),
            _ => {
                return match known {
                    Some(life) if life.state == from => life,
                    known => {
                        let is_gap = known.is_some() || self.is_listed && self.gaps.forgotten == 0;
                        self.gaps.gaps += u64::from(is_gap);
                        known.iter().for_each(|life| self.unsettle(life));
                        Box::new(Life::before(from))
                    }
                };
            }
        };
        known.iter().for_each(|life| self.unsettle(life));
        Box::new(new)
    }

    fn transition(&mut self, event: &Event, from: State, to: State, error: u32) -> Transition {
        let by = doer(from, to, event.task);
        let known = self.lives.remove(&event.cookie);
        let was_known = known.is_some();
        let mut life = self.life_at(known, from, to, event);
        life.is_doubtful = false;
        let (after, parked) = match to == State::Close {
            true => life.end(error, event),
            false => (life.enter(to, by, event), None),
        };
        // The kernel makes the socket of a connection that is accepted when the handshake is over.
        let after = after.filter(|_| from != State::SynRecv);
        if to == State::Close {
            self.unsettle(&life);
            if life.is_connection() {
                self.ended.push_back(Ended {
                    life: *life,
                    ends: event.ends,
                    event: *event,
                    error,
                    parked,
                });
            }
        } else if is_named(event, to) {
            if life.place.is_none() && has_ports(&event.ends) {
                self.settle(&mut life, place(event.netns, &event.ends));
            }
            match was_known {
                true => drop(self.lives.insert(event.cookie, life)),
                false => self.remember(event.cookie, life),
            }
        }
        Transition {
            time_ns: event.time_ns,
            cookie: event.cookie,
            netns: event.netns,
            ends: event.ends,
            from,
            to: parked.unwrap_or(to),
            after,
            by,
            error: Some(error).filter(|error| *error != 0),
            inode: event.inode,
            uid: event.uid,
        }
    }
}

impl Ended {
    fn into_connection(self) -> Connection {
        let (ends, parked) = (self.ends, self.parked);
        self.life
            .into_connection(ends, &self.event, self.error, parked)
    }
}

/// A digest of a place; a collision is not worth more memory.
fn digest(place: Place) -> NonZeroU64 {
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MAX)
}

/// Whether both ends are known: the kernel has no local port yet at SYN_SENT, and no peer at LISTEN.
fn has_ports(ends: &InetEnds) -> bool {
    ends.local.port() != 0 && ends.remote.port() != 0
}

/// Whether the cookie of the event is that of its socket: before 6.15 the socket of a connection that
/// is accepted has another one until its peer is set (`inet_csk_clone_lock`).
fn is_named(event: &Event, to: State) -> bool {
    to != State::SynRecv || event.ends.remote.port() != 0
}

/// The process behind a transition: only a call of its own makes these; all others are made by a
/// segment or a timer, in whatever task was interrupted for it.
fn doer(from: State, to: State, task: Task) -> Option<Task> {
    let is_a_call = matches!(
        (from, to),
        (State::Close, State::SynSent | State::Listen)
            | (State::Established | State::SynRecv, State::FinWait1)
            | (State::CloseWait, State::LastAck)
            | (State::Listen, State::Close)
    );
    is_a_call.then_some(task)
}
