//! Attempts to connect (SYN_SENT): those before the window, what became of them, and those after it, by
//! destination.
//!
//! A program that gives up before the kernel does leaves no trace: its socket is gone, and the kernel
//! counts no failure. That a destination does not answer shows in attempts that are there at both
//! times while none becomes a connection.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::bounded::Inodes;
use super::host::Host;
use super::rule::{FirstPass, Sampled};
use super::watch::Watched;
use crate::model::{Counter, InetEnds, Socket, State, StateSet};

/// More attempts than this before the window are not followed; some 1 MB.
const ROOM: usize = 10_000;

/// More destinations than this are not examined; some 1 MB.
const MOST_DESTINATIONS: usize = 10_000;

/// So many attempts to one destination at a time, before the window and after it: a few failed ones are
/// normal.
pub(super) const FEW: u64 = 3;

/// So many unanswered attempts to any destinations.
pub(super) const MANY: u64 = 10;

/// How often a SYN must have been retransmitted to count as unanswered by itself: fewer may be one lost
/// segment.
pub(super) const RETRANSMITS: u32 = 2;

/// Of the attempts that are there at one time, this part has been retransmitted if programs give up
/// after 1.25 s or later, and a smaller part if a fifth of the SYNs or fewer are lost.
const RETRANSMITTED_PART: f64 = 0.2;

/// Beside loss, a destination does not answer if this many times the host's part of SYNs is retransmitted.
const BEYOND_LOSS: f64 = 2.0;

/// So many attempts are looked at again after the window.
const WATCHED: usize = 64;

/// A window in which an attempt can fail: a longer round trip is no answer.
const LEAST_WINDOW: Duration = Duration::from_millis(500);

/// Attempts of this mean duration, in seconds, wait for more than single lost SYNs.
const LONG_ATTEMPT: f64 = 0.5;

/// The attempts before the window, and how often each had been retransmitted.
#[derive(Debug, Default)]
pub(super) struct Earlier(HashMap<InetEnds, u32>);

impl FirstPass for Earlier {
    const STATES: StateSet = StateSet::NONE.with(State::SynSent);

    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if self.0.len() < ROOM {
            self.0.insert(*ends, socket.retransmits.unwrap_or(0));
        }
    }
}

/// The attempts to one destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tries {
    /// How many were there before the window.
    pub(super) earlier: u64,
    /// How many of those are there still.
    still: u64,
    /// How many of those became connections.
    made: u64,
    /// How many are there after the window.
    pub(super) now: u64,
    /// How many of both have been retransmitted.
    retransmitted: u64,
    /// How many of those after the window, [`RETRANSMITS`] times or more; and of those before it.
    pub(super) often: u64,
    often_earlier: u64,
    /// The most retransmissions of one of those before the window, and of one after it.
    pub(super) most_earlier: u32,
    pub(super) most: u32,
    /// The connections to it.
    connections: u64,
}

impl Tries {
    /// How many of the earlier ones have ended without a connection.
    pub(super) fn ended(&self) -> u64 {
        self.earlier.saturating_sub(self.still + self.made)
    }

    /// How many of those at both times have been retransmitted.
    fn retransmitted_part(&self) -> f64 {
        self.retransmitted as f64 / (self.earlier + self.now).max(1) as f64
    }

    /// Whether more of them have been retransmitted than a loss of SYNs to all destinations causes.
    fn exceed_loss(&self, host: &Host) -> bool {
        let grown = |counter| host.growth(counter);
        match (grown(Counter::SynRetrans), grown(Counter::ActiveOpens)) {
            (Ok(again), Ok(opened)) => {
                let lost = again as f64 / (again + opened).max(1) as f64;
                self.retransmitted_part() >= (lost * BEYOND_LOSS).min(1.0)
            }
            _ => true,
        }
    }

    /// How many get no answer: those after the window, or those before it if there are none now.
    pub(super) fn tried(&self) -> u64 {
        match self.now {
            0 => self.earlier,
            now => now,
        }
    }
}

/// Why attempts count as unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Several of them have been retransmitted [`RETRANSMITS`] times or more.
    Retransmitted,
    /// Some have been retransmitted, and attempts last long or cannot have succeeded.
    Repeated,
    /// They ended before the first retransmission; there is no connection.
    GivenUp,
}

/// The attempts after the window, and what became of those before it.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    earlier: HashMap<InetEnds, u32>,
    destinations: HashMap<SocketAddr, Tries>,
    /// The ports of those destinations that had attempts before the window, and over which families,
    /// IPv6 or not, there are connections to such a port of another destination.
    ports: HashSet<u16>,
    others: HashSet<(u16, bool)>,
    /// The sockets, by destination.
    pub(super) inodes: Inodes<SocketAddr>,
    now: u64,
    /// Those that were retransmitted less than [`RETRANSMITS`] times, [`ROOM`] at most.
    young: Vec<InetEnds>,
    /// How many of those before the window are there still.
    still: u64,
}

/// An address and port, v4-mapped as IPv4.
pub(super) fn destination(ends: &InetEnds) -> SocketAddr {
    SocketAddr::new(ends.remote.ip().to_canonical(), ends.remote.port())
}

/// How often an attempt had been retransmitted when it was last seen; `None` if it has ended.
fn retransmits(watched: &Watched) -> Option<u32> {
    let is_there = !watched.has_ended && watched.last.state == State::SynSent;
    is_there.then(|| watched.last.retransmits.unwrap_or(0))
}

impl Attempts {
    /// The states it reads: attempts, and what they become.
    pub(super) const STATES: StateSet = StateSet::NONE
        .with(State::SynSent)
        .with(State::Established)
        .with(State::CloseWait)
        .with(State::FinWait1)
        .with(State::FinWait2)
        .with(State::LastAck)
        .with(State::TimeWait);

    /// None yet after the window.
    pub(super) fn after(Earlier(earlier): Earlier) -> Attempts {
        let mut destinations: HashMap<SocketAddr, Tries> = HashMap::new();
        for (ends, retransmits) in &earlier {
            let tries = destinations.entry(destination(ends)).or_default();
            tries.earlier += 1;
            tries.retransmitted += u64::from(*retransmits > 0);
            tries.often_earlier += u64::from(*retransmits >= RETRANSMITS);
            tries.most_earlier = tries.most_earlier.max(*retransmits);
        }
        Attempts {
            earlier,
            ports: destinations.keys().map(SocketAddr::port).collect(),
            destinations,
            ..Attempts::default()
        }
    }

    /// Takes a socket after the window.
    pub(super) fn add(&mut self, sampled: &Sampled<'_>) {
        let Sampled { socket, ends, .. } = *sampled;
        if socket.state == State::SynSent {
            self.add_attempt(socket, ends);
        } else if !self.earlier.is_empty() {
            let to = destination(ends);
            if let Some(tries) = self.destinations.get_mut(&to) {
                tries.connections += 1;
                tries.made += u64::from(self.earlier.contains_key(ends));
            } else if self.ports.contains(&to.port()) {
                self.others.insert((to.port(), to.is_ipv6()));
            }
        }
    }

    fn add_attempt(&mut self, socket: &Socket, ends: &InetEnds) {
        self.now += 1;
        let is_known = u64::from(self.earlier.contains_key(ends));
        self.still += is_known;
        let to = destination(ends);
        if self.destinations.len() >= MOST_DESTINATIONS && !self.destinations.contains_key(&to) {
            return;
        }
        let retransmits = socket.retransmits.unwrap_or(0);
        let tries = self.destinations.entry(to).or_default();
        tries.now += 1;
        tries.still += is_known;
        tries.retransmitted += u64::from(retransmits > 0);
        tries.often += u64::from(retransmits >= RETRANSMITS);
        tries.most = tries.most.max(retransmits);
        if retransmits < RETRANSMITS && self.young.len() < ROOM {
            self.young.push(*ends);
        }
        self.inodes.add(to, socket.inode);
    }

    /// The destinations that do not answer, those with the most attempts first.
    pub(super) fn unanswered(&self, host: &Host) -> Vec<(SocketAddr, Tries, Silence)> {
        let later = self.often_later(host);
        let silent = self.destinations.iter();
        let silent = silent.filter_map(|(to, tries)| {
            let tries = Tries {
                often: tries.often + later.get(to).copied().unwrap_or(0),
                ..*tries
            };
            let silence = self.silence(&tries, host)?;
            Some((*to, tries, silence))
        });
        let mut silent: Vec<_> = silent.collect();
        silent.sort_by_key(|(to, tries, _)| (std::cmp::Reverse(tries.tried()), *to));
        silent
    }

    fn silence(&self, tries: &Tries, host: &Host) -> Option<Silence> {
        if tries.made > 0 {
            return None;
        }
        let is_dead = self.succeeded_at_most(tries, host) == Some(0);
        let is_sure = is_dead || self.are_long(host) || tries.exceed_loss(host);
        if is_sure && tries.often >= FEW {
            return Some(Silence::Retransmitted);
        }
        // The two samples of a copied tree are one.
        if host.copied {
            return None;
        }
        if is_dead && tries.often_earlier >= FEW {
            return Some(Silence::Retransmitted);
        }
        // In step, all may have ended before the second sample.
        let at_both_times = match is_dead {
            true => tries.earlier,
            false => tries.earlier.min(tries.now),
        };
        if at_both_times < FEW {
            return None;
        }
        if is_sure && tries.retransmitted_part() >= RETRANSMITTED_PART {
            return Some(Silence::Repeated);
        }
        let grown = |counter| host.growth(counter).unwrap_or(u64::MAX);
        let ended = tries.ended();
        let are_given_up = ended >= FEW
            && tries.connections == 0
            && host.window >= LEAST_WINDOW
            // Else they were refused, or answered after they were sent again.
            && grown(Counter::AttemptFails).min(grown(Counter::InSegs)) < ended
            && (self.are_long(host) || grown(Counter::SynRetrans) < ended);
        are_given_up.then_some(Silence::GivenUp)
    }

    /// How many attempts to a destination can have succeeded in the window: no more than ended, of those
    /// before it and of those that began in it, to whichever destination; and no more than segments were
    /// received, because a SYN-ACK is one. `None` where that is unknown.
    pub(super) fn succeeded_at_most(&self, tries: &Tries, host: &Host) -> Option<u64> {
        let grown = |counter| host.growth(counter).ok();
        if self.earlier.len() >= ROOM {
            return None;
        }
        let begun = grown(Counter::ActiveOpens)?;
        let unseen = begun.saturating_sub(self.now - self.still);
        let ended = self.earlier.len() as u64 + begun;
        let scanned = grown(Counter::EmbryonicRsts).unwrap_or(u64::MAX);
        let failed = grown(Counter::AttemptFails)?.saturating_sub(scanned);
        let succeeded = ended.saturating_sub(self.now + failed);
        let received = grown(Counter::InSegs)?;
        Some((tries.ended() + unseen).min(succeeded).min(received))
    }

    /// Whether attempts last for longer than single lost SYNs make them, on average.
    pub(super) fn are_long(&self, host: &Host) -> bool {
        let opened = host.growth(Counter::ActiveOpens);
        opened.is_ok_and(|opened| {
            self.now as f64 * host.window.as_secs_f64() >= opened as f64 * LONG_ATTEMPT
        })
    }

    /// The destinations of the attempts after the window, most attempts first.
    pub(super) fn under_way(&self) -> Vec<(SocketAddr, u64)> {
        let tries = self.destinations.iter();
        let now = tries.filter(|(_, tries)| tries.now > 0);
        let mut now: Vec<_> = now.map(|(to, tries)| (*to, tries.now)).collect();
        now.sort_by_key(|(to, attempts)| (std::cmp::Reverse(*attempts), *to));
        now
    }

    /// How many attempts to destinations that let none succeed have been retransmitted
    /// [`RETRANSMITS`] times or more, by destination.
    pub(super) fn often(&self) -> Vec<(SocketAddr, u64)> {
        let tries = self.destinations.iter();
        let often = tries.filter(|(_, tries)| tries.often > 0 && tries.made == 0);
        let mut often: Vec<_> = often.map(|(to, tries)| (*to, tries.often)).collect();
        often.sort_by_key(|(to, often)| (std::cmp::Reverse(*often), *to));
        often
    }

    /// The attempts to look at again: several to one destination that may answer yet.
    pub(super) fn watched(&self, host: &Host) -> Vec<InetEnds> {
        let found: HashSet<_> = self.unanswered(host).iter().map(|(to, ..)| *to).collect();
        let is_open = |ends: &&InetEnds| {
            let to = destination(ends);
            let tries = self.destinations.get(&to);
            tries.is_some_and(|tries| tries.now >= FEW && tries.made == 0)
                && !found.contains(&to)
                && match host.watch.of(ends) {
                    Some(watched) => retransmits(watched).is_some_and(|often| often < RETRANSMITS),
                    // What was not found after the window has ended.
                    None => host.watch.over < host.window,
                }
        };
        let open = self.young.iter().filter(is_open);
        open.take(WATCHED).copied().collect()
    }

    /// How many attempts to each destination were retransmitted [`RETRANSMITS`] times or more after the
    /// window, if that is half of them: where one SYN in five is lost, it is some of them.
    fn often_later(&self, host: &Host) -> HashMap<SocketAddr, u64> {
        let mut later: HashMap<SocketAddr, (u64, u64)> = HashMap::new();
        for ends in &self.young {
            if let Some(watched) = host.watch.of(ends) {
                let (all, often) = later.entry(destination(ends)).or_default();
                let is_often = retransmits(watched).is_some_and(|often| often >= RETRANSMITS);
                *all += 1;
                *often += u64::from(is_often);
            }
        }
        let half = later
            .into_iter()
            .filter(|(_, (all, often))| often * 2 >= *all);
        half.map(|(to, (_, often))| (to, often)).collect()
    }

    /// Whether there are connections to a destination.
    pub(super) fn is_connected(&self, to: SocketAddr) -> bool {
        let tries = self.destinations.get(&to);
        tries.is_some_and(|tries| tries.connections > 0)
    }

    /// Whether every destination answers some attempts, as far as they show.
    pub(super) fn is_answered(&self, host: &Host) -> bool {
        let often: u64 = self.often().iter().map(|(_, attempts)| attempts).sum();
        self.unanswered(host).is_empty() && often < MANY
    }

    /// Whether there are connections to the same port over the other address family.
    pub(super) fn has_other_family(&self, to: SocketAddr) -> bool {
        self.others.contains(&(to.port(), !to.is_ipv6()))
    }
}
