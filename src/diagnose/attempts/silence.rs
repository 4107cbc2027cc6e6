//! Which destinations do not answer, how many attempts can have succeeded all the same, and which attempts
//! are looked at again to decide it.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use super::{Attempts, Ends, FEW, LEAST_WINDOW, MANY, RETRANSMITS, ROOM, Tries, destination};
use crate::diagnose::host::{Growth, Host};
use crate::diagnose::watch::Watched;
use crate::model::{Counter, InetEnds, State};

/// Of the attempts that are there at one time, this part has been retransmitted if programs give up
/// after 1.25 s or later, and a smaller part if a fifth of the SYNs or fewer are lost.
const RETRANSMITTED_PART: f64 = 0.2;

/// Of those that are seen at several times, half of it: each is seen once.
const SEEN_AGAIN_PART: f64 = 0.1;

/// Those of a program that makes one after the other are fewer, because they are listed once a second from
/// the begin of the window on, and for five seconds.
const SEVERAL_AT_A_TIME: u64 = 7;

/// A destination does not answer if the retransmitted part of its SYNs is this many times that of the host.
const BEYOND_LOSS: f64 = 2.0;

/// Attempts of this mean duration, in seconds, wait for more than single lost SYNs.
const LONG_ATTEMPT: f64 = 0.5;

/// This number of attempts is looked at again after the window.
const WATCHED: usize = 64;

/// Why attempts count as unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::diagnose) enum Silence {
    /// Several of them have been retransmitted [`RETRANSMITS`] times or more.
    Retransmitted,
    /// Some have been retransmitted, and attempts last long or cannot have succeeded.
    Repeated,
    /// They ended before the first retransmission; there is no connection.
    GivenUp,
    /// Several were looked up until they ended, and none became a connection; there is none.
    Ended(Ends),
}

impl Tries {
    /// How many of those at both times have been retransmitted.
    fn retransmitted_part(&self) -> f64 {
        self.retransmitted as f64 / (self.earlier + self.now).max(1) as f64
    }

    /// Whether more of them have been retransmitted than a loss of SYNs to all destinations causes.
    fn exceed_loss(&self, host: &Host) -> bool {
        exceeds_loss(self.retransmitted_part(), host)
    }

    /// The same of those that were seen until suspects were last seen, if others were seen after the window
    /// and they are as many as at two times.
    fn are_seen_later(&self, host: &Host) -> bool {
        let part = self.seen_again as f64 / self.seen.max(1) as f64;
        self.seen > self.different()
            && self.seen >= 2 * FEW
            && part >= SEEN_AGAIN_PART
            && exceeds_loss(part, host)
    }
}

/// Whether this part of attempts, which has been retransmitted, is larger than a loss of SYNs to all
/// destinations makes it; true if that is unknown.
fn exceeds_loss(part: f64, host: &Host) -> bool {
    let grown = |counter| host.growth(counter);
    match (grown(Counter::SynRetrans), grown(Counter::ActiveOpens)) {
        (Ok(again), Ok(opened)) => {
            let lost = again as f64 / (again + opened).max(1) as f64;
            part >= (lost * BEYOND_LOSS).min(1.0)
        }
        _ => true,
    }
}

/// How often an attempt had been retransmitted when it was last seen; `None` if it has ended.
fn retransmits(watched: &Watched) -> Option<u32> {
    let is_there = !watched.has_ended && watched.last.state == State::SynSent;
    is_there.then(|| watched.last.retransmits.unwrap_or(0))
}

impl Attempts {
    /// The destinations that do not answer, those with the most attempts first.
    pub(in crate::diagnose) fn unanswered(&self, host: &Host) -> Vec<(SocketAddr, Tries, Silence)> {
        let later = self.often_later(host);
        let others = self.seen_later(host);
        let silent = self.destinations.iter();
        let silent = silent.filter_map(|(to, tries)| {
            let (seen, seen_again) = others.get(to).copied().unwrap_or_default();
            let tries = Tries {
                often: tries.often + later.get(to).copied().unwrap_or(0),
                seen: tries.different() + seen,
                seen_again: tries.retransmitted + seen_again,
                ..*tries
            };
            let silence = self.silence(*to, &tries, host)?;
            // One that was heard from lately answers some, or has just died.
            let is_dead = || self.succeeded_at_most(&tries, host) == Some(0);
            let is_silent = !self.is_heard(*to, &tries, host) || is_dead();
            is_silent.then_some((*to, tries, silence))
        });
        let mut silent: Vec<_> = silent.collect();
        silent.sort_unstable_by_key(|(to, tries, _)| (std::cmp::Reverse(tries.tried()), *to));
        silent
    }

    fn silence(&self, to: SocketAddr, tries: &Tries, host: &Host) -> Option<Silence> {
        if tries.made > 0 {
            return None;
        }
        let is_dead = self.succeeded_at_most(tries, host) == Some(0);
        let is_sure = self.is_more_than_loss(tries, host);
        if is_sure && tries.often >= FEW {
            return Some(Silence::Retransmitted);
        }
        // The two samples of a copied tree are one.
        if host.still.is_some() {
            return None;
        }
        if is_dead && tries.often_earlier >= FEW {
            return Some(Silence::Retransmitted);
        }
        if tries.are_seen_later(host) && !self.is_connected(to, host) {
            return Some(Silence::Repeated);
        }
        let ended = |growth| {
            let ends = self.ended_for_nothing(to, tries, growth, host)?;
            Some(Silence::Ended(ends))
        };
        if let Some(silence) = host.while_watched().and_then(ended) {
            return Some(silence);
        }
        // Of a window that is not lengthened: it says least, and comes last.
        let in_window = || match host.while_watched() {
            Some(_) => None,
            None => ended(host.in_window()),
        };
        let unheard = tries.now >= FEW && is_unheard(host);
        // In step, all may have ended before the second sample.
        let at_both_times = match is_dead {
            true => tries.earlier,
            false => tries.earlier.min(tries.now),
        };
        if at_both_times < FEW {
            return unheard.then_some(Silence::GivenUp).or_else(in_window);
        }
        if is_sure && tries.retransmitted_part() >= RETRANSMITTED_PART {
            return Some(Silence::Repeated);
        }
        let grown = |counter| host.growth(counter).unwrap_or(u64::MAX);
        let gone = tries.ended();
        let are_given_up = gone >= FEW
            && tries.connections == 0
            && host.window >= LEAST_WINDOW
            // Else they were refused, or answered after they were sent again.
            && grown(Counter::AttemptFails).min(grown(Counter::InSegs)) < gone
            && aborted(host.in_window()) < gone
            && (self.are_long(host) || grown(Counter::SynRetrans) < gone);
        let is_given_up = are_given_up || unheard;
        is_given_up.then_some(Silence::GivenUp).or_else(in_window)
    }

    /// What became of the attempts to a destination that were looked up until they ended, if none became a
    /// connection, they can neither have been refused nor reset at once by this host, and there are more of
    /// them than a program makes one after the other.
    fn ended_for_nothing(
        &self,
        to: SocketAddr,
        tries: &Tries,
        growth: Growth<'_>,
        host: &Host,
    ) -> Option<Ends> {
        let ends = host.watch.attempts.followed.ends_of(to);
        let failed = growth.of(Counter::AttemptFails).ok()?;
        let for_nothing = tries.seen >= SEVERAL_AT_A_TIME
            && ends.connections == 0
            && ends.nothing >= FEW
            && failed.max(aborted(growth)) < ends.nothing;
        (for_nothing && !self.is_connected(to, host)).then_some(ends)
    }

    /// Whether attempts to a destination wait for more than lost SYNs.
    pub(in crate::diagnose) fn is_more_than_loss(&self, tries: &Tries, host: &Host) -> bool {
        self.succeeded_at_most(tries, host) == Some(0)
            || self.are_long(host)
            || tries.exceed_loss(host)
    }

    /// How many other attempts to each destination were there when suspects were seen after the window,
    /// and how many of these had been retransmitted.
    pub(super) fn seen_later(&self, host: &Host) -> HashMap<SocketAddr, (u64, u64)> {
        let mut others: HashMap<SocketAddr, (u64, u64)> = HashMap::new();
        let now: HashSet<&InetEnds> = self.kept.iter().map(|(ends, _)| ends).collect();
        let seen = host.watch.attempts.seen.iter();
        for (ends, again) in
            seen.filter(|(ends, _)| !now.contains(ends) && !self.earlier.contains_key(ends))
        {
            let (all, retransmitted) = others.entry(destination(ends)).or_default();
            *all += 1;
            *retransmitted += u64::from(*again > 0);
        }
        others
    }

    /// How many attempts to a destination can have succeeded in the window: no more than ended, of those
    /// before it and of those that began in it, to any destination; and no more than segments were
    /// received, because a SYN-ACK is one. `None` where that is unknown.
    pub(in crate::diagnose) fn succeeded_at_most(&self, tries: &Tries, host: &Host) -> Option<u64> {
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

    /// The same until suspects were last seen, if any were: of those before the window and of those that
    /// began since, each may have succeeded that did not fail.
    pub(in crate::diagnose) fn succeeded_later_at_most(&self, host: &Host) -> Option<u64> {
        let growth = host.while_watched()?;
        let begun = growth.of(Counter::ActiveOpens).ok()?;
        let received = growth.of(Counter::InSegs).ok()?;
        Some((self.earlier.len() as u64 + begun).min(received))
    }

    /// Whether none to this destination can have succeeded, as far as it was watched: no segment was
    /// received, or those that were there stayed.
    pub(in crate::diagnose) fn is_dead(&self, to: SocketAddr, tries: &Tries, host: &Host) -> bool {
        let stay = || {
            let mut own = self.kept.iter().filter(|(ends, _)| destination(ends) == to);
            own.all(|(ends, _)| host.watch.of(ends).is_none_or(|seen| !seen.has_ended))
        };
        let later = self.succeeded_later_at_most(host);
        self.succeeded_at_most(tries, host) == Some(0) && (later.unwrap_or(0) == 0 || stay())
    }

    /// Whether attempts last for longer than single lost SYNs make them, on average.
    pub(in crate::diagnose) fn are_long(&self, host: &Host) -> bool {
        let opened = host.growth(Counter::ActiveOpens);
        opened.is_ok_and(|opened| {
            self.now as f64 * host.window.as_secs_f64() >= opened as f64 * LONG_ATTEMPT
        })
    }

    /// The attempts to look at again: several to one destination that may answer yet, and those to one that
    /// does not, because a second in which none succeeds proves little; few of these if it seems dead.
    pub(in crate::diagnose) fn watched(&self, host: &Host) -> Vec<InetEnds> {
        let found = self.unanswered(host).into_iter();
        let found: HashMap<SocketAddr, Tries> = found.map(|(to, tries, _)| (to, tries)).collect();
        let may_answer = |to: &SocketAddr| {
            let tries = self.destinations.get(to);
            tries.is_some_and(|tries| tries.now >= FEW && tries.made == 0)
        };
        // How often an attempt is retransmitted before it need not be watched any longer.
        let limit = |to: SocketAddr| match found.get(&to) {
            None if may_answer(&to) => Some(RETRANSMITS),
            Some(tries) if tries.tried() >= MANY || !self.is_dead(to, tries, host) => {
                Some(u32::MAX)
            }
            None | Some(_) => None,
        };
        let is_open = |(ends, often): &&(InetEnds, u32)| {
            limit(destination(ends)).is_some_and(|limit| {
                *often < limit
                    && match host.watch.of(ends) {
                        Some(watched) => retransmits(watched).is_some_and(|often| often < limit),
                        // What was not found after the window has ended.
                        None => host.watch.over < host.window,
                    }
            })
        };
        let open = self.kept.iter().filter(is_open);
        open.take(WATCHED).map(|(ends, _)| *ends).collect()
    }

    /// The destinations to which it matters which attempts there are after the window: there is no
    /// connection, more than one attempt was made to it until they were listed twice, or one that was
    /// retransmitted, and it is not known to be silent.
    pub(in crate::diagnose) fn open(&self, host: &Host) -> HashSet<SocketAddr> {
        if host.still.is_some() {
            return HashSet::new();
        }
        let found = self.unanswered(host).into_iter();
        let found: HashSet<SocketAddr> = found.map(|(to, ..)| to).collect();
        let (later, is_early) = (self.seen_later(host), host.watch.attempts.lists < 2);
        let may_be_several = |to: &SocketAddr, tries: &Tries| {
            let others = later.get(to).map_or(0, |(seen, _)| *seen);
            is_early || tries.different() + others > 1 || tries.retransmitted > 0
        };
        let is_open = |(to, tries): &(&SocketAddr, &Tries)| {
            let is_answered = || {
                let followed = &host.watch.attempts.followed;
                self.is_connected(**to, host) || followed.ends_of(**to).connections > 0
            };
            !found.contains(to) && may_be_several(to, tries) && !is_answered()
        };
        let open = self.destinations.iter().filter(is_open);
        open.map(|(to, _)| *to).collect()
    }

    /// How many attempts to each destination were retransmitted [`RETRANSMITS`] times or more after the
    /// window, if that is half of them: where one SYN in five is lost, it is some of them.
    fn often_later(&self, host: &Host) -> HashMap<SocketAddr, u64> {
        let mut later: HashMap<SocketAddr, (u64, u64)> = HashMap::new();
        let young = self.kept.iter().filter(|(_, often)| *often < RETRANSMITS);
        for (ends, _) in young {
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
}

/// How many connections without unread data this host reset, as a program does at once that only tests whether
/// it can connect. Whatever a peer sends on a connection comes a round trip later.
fn aborted(growth: Growth<'_>) -> u64 {
    growth.of(Counter::AbortOnData).unwrap_or(0)
}

/// Whether no segment was received while attempts were watched, for long enough for an answer.
fn is_unheard(host: &Host) -> bool {
    let growth = host.while_watched();
    growth.is_some_and(|growth| {
        growth.time.saturating_sub(host.window) >= LEAST_WINDOW
            && growth.of(Counter::InSegs) == Ok(0)
    })
}
