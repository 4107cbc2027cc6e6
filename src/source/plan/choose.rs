//! Chooses the cheapest plan, from what is requested, what is allowed, and how many sockets the
//! kernel counts.
//!
//! What a walk costs: some 100 ns to pass a socket, 800 ns more to report it (Linux 6.18,
//! x86_64). So the kernel selects the states, both families are requested in one walk, and where
//! most sockets are in ESTABLISHED or TIME_WAIT, those are not listed at all but derived from
//! counters that cost 40 µs to read.

use std::thread;

use super::{Derivation, Dumps, Need, Reason};
use crate::model::{State, StateSet};
use crate::proc_root::ProcRoot;
use crate::question::{Families, Question};
use crate::source::UnsupportedTest;
use crate::source::counters::SocketCounters;
use crate::source::derive::Doubt;
use crate::source::kernel::counts_time_wait_per_namespace;
use crate::source::read_local_port_range;
use crate::source::wire::Operations;

/// From how many sockets on deriving is worth the two readings of the counters: listing as many
/// takes a millisecond, ten times as long.
const WORTH_DERIVING: u64 = 1000;

/// A state with fewer than this part of all sockets is listed while another is derived: it costs
/// little there, and a small number would have to agree with its counter to the last socket.
const SMALL_PART: u64 = 50;

/// From how many sockets on a second dump in parallel is worth its walk over the table: to list as
/// many takes eight milliseconds, to pass an empty table half of one (Linux 6.18, x86_64).
const WORTH_PARALLEL: u64 = 10_000;

/// How often to derive before listing everything. Connections come in bursts, so a second attempt
/// often finds the counters still, and a state of few sockets can be listed in addition.
const ATTEMPTS: u32 = 2;

/// Whether numbers may be derived from counters instead of listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Deriving {
    /// Never: the user requested a listing.
    Never,
    /// Where it is cheaper than listing.
    WhereCheaper,
    /// Wherever it is possible, whatever it costs.
    WherePossible,
}

/// Chooses the plans of one observation over netlink: after an attempt to derive that failed,
/// another one.
#[derive(Debug)]
pub(in crate::source) struct Planner {
    question: Question,
    need: Need,
    deriving: Deriving,
    /// Whether the counters were unreliable in an earlier observation.
    doubted_lately: bool,
    failed_attempts: u32,
    /// Why the last attempt failed.
    doubt: Option<Reason>,
    /// The states not to derive in the next attempt.
    listed: StateSet,
}

impl Planner {
    /// A planner of one observation. `doubted_lately`: see [`Caution::take`].
    pub(in crate::source) fn new(
        question: Question,
        need: Need,
        deriving: Deriving,
        doubted_lately: bool,
    ) -> Planner {
        Planner {
            question,
            need,
            deriving,
            doubted_lately,
            failed_attempts: 0,
            doubt: None,
            listed: StateSet::NONE,
        }
    }

    /// The dumps to make, and why. `read` reads the counters, and is called only where they
    /// matter.
    ///
    /// # Errors
    /// The filter cannot be evaluated.
    pub(in crate::source) fn plan(
        &self,
        read: impl Fn() -> Result<SocketCounters, String>,
    ) -> Result<(Dumps, Reason), UnsupportedTest> {
        let reason = match self.derivation(&read) {
            Ok((derivation, reason)) => {
                let states = states_to_list(self.question.states, derivation.states);
                let mut dumps = Dumps::new(&self.question, states, Operations::All)?;
                dumps.derivation = Some(derivation);
                return Ok((dumps, reason));
            }
            Err(reason) => reason,
        };
        let mut dumps = Dumps::new(&self.question, self.question.states, Operations::All)?;
        dumps.rows = self.need == Need::SocketsInOrder;
        // Listeners and few sockets are not worth reading the counters again.
        let may_be_parallel = self.need != Need::SocketsInOrder
            && !matches!(reason, Reason::Few | Reason::OnlyListeners);
        let middle = may_be_parallel.then(|| self.middle_port(&read)).flatten();
        match middle {
            Some(middle) => Ok((dumps.in_parallel(middle), reason)),
            None => Ok((dumps, reason)),
        }
    }

    /// Records that an attempt to derive failed for `reason`. The state in doubt is listed in the
    /// next one, if it is the smaller part.
    pub(in crate::source) fn fail(&mut self, derivation: Derivation, reason: Reason) {
        self.failed_attempts += 1;
        if let Reason::Doubt(Doubt::Spread { state, sockets, .. }) = reason
            && sockets < derivation.before.total() / 4
        {
            self.listed = self.listed.with(state);
        }
        self.doubt = Some(reason);
    }

    /// Whether every attempt to derive has failed.
    pub(in crate::source) fn has_failed(&self) -> bool {
        self.failed_attempts == ATTEMPTS
    }

    /// What to derive and why, or why nothing.
    fn derivation(
        &self,
        read: impl Fn() -> Result<SocketCounters, String>,
    ) -> Result<(Derivation, Reason), Reason> {
        if let Some(doubt) = self.doubt.as_ref().filter(|_| self.has_failed()) {
            return Err(doubt.clone());
        }
        if self.need != Need::Counts {
            return Err(Reason::Needed);
        }
        if self.deriving == Deriving::Never {
            return Err(Reason::Requested);
        }
        let states = self.question.states;
        if states == StateSet::NONE.with(State::Listen) {
            return Err(Reason::OnlyListeners);
        }
        if self.question.filter.is_some() {
            return Err(Reason::Filtered);
        }
        let derivable = StateSet::NONE
            .with(State::Established)
            .with(State::TimeWait);
        let derivable = states.intersection(derivable);
        // With the bound bit set, the kernel walks the hash of bound ports as well, and what it
        // lists as CLOSE is not in the counters.
        let has_counters = self.question.kind.has_counters();
        if !has_counters || derivable.is_empty() || states.contains(State::Bound) {
            return Err(Reason::NotDerivable);
        }
        if self.question.families != Families::Both {
            return Err(Reason::OneFamily);
        }
        if self.doubted_lately {
            return Err(Reason::DoubtedLately);
        }
        let before = read().map_err(Reason::Unreadable)?;
        let mut states = self.worth_deriving(derivable, before);
        if states.is_empty() {
            return Err(self.doubt.clone().unwrap_or(Reason::Few));
        }
        if states.contains(State::TimeWait) && !counts_time_wait_per_namespace() {
            states = states.without(State::TimeWait);
        }
        let reason = match self.deriving {
            _ if states.is_empty() => return Err(Reason::NotDerivable),
            Deriving::WherePossible => Reason::Requested,
            Deriving::Never | Deriving::WhereCheaper => Reason::Many,
        };
        Ok((Derivation { states, before }, reason))
    }

    /// Those of the derivable states that are worth it, or all of them where counters are
    /// requested.
    fn worth_deriving(&self, derivable: StateSet, counters: SocketCounters) -> StateSet {
        let mut derived = self.listed.iter().fold(derivable, StateSet::without);
        if self.deriving == Deriving::WhereCheaper {
            let worth = WORTH_DERIVING.max(counters.total() / SMALL_PART);
            if counters.full < worth {
                derived = derived.without(State::Established);
            }
            if counters.minisockets < worth {
                derived = derived.without(State::TimeWait);
            }
        }
        derived
    }

    /// The port at which to split a large table for two dumps in parallel: the larger port of a
    /// connection is nearly always one that a kernel chose from its range. `None` where one dump
    /// is as fast.
    fn middle_port(&self, read: impl Fn() -> Result<SocketCounters, String>) -> Option<u64> {
        let states = self.question.states;
        // The kernel's part of a filter may leave little to list, and bound sockets are in a
        // table of their own.
        let has_counters = self.question.kind.has_counters();
        if !has_counters || self.question.filter.is_some() || states.contains(State::Bound) {
            return None;
        }
        let counters = read().ok()?;
        let mut sockets = 0;
        if states.contains(State::Established) {
            sockets += counters.full;
        }
        if states.contains(State::TimeWait) {
            sockets += counters.minisockets;
        }
        if sockets < WORTH_PARALLEL || thread::available_parallelism().ok()?.get() < 2 {
            return None;
        }
        let range = read_local_port_range(&ProcRoot::own()).ok()?;
        Some(u64::midpoint(
            (*range.start()).into(),
            (*range.end()).into(),
        ))
    }
}

/// The states to list: the selected ones that are not derived, those of full sockets, which are
/// subtracted to get ESTABLISHED, and FIN_WAIT2, which shares its minisockets with TIME_WAIT.
fn states_to_list(selected: StateSet, derived: StateSet) -> StateSet {
    let mut needed = StateSet::NONE.with(State::FinWait2);
    if derived.contains(State::Established) {
        needed = StateSet::ALL.without(State::TimeWait);
    }
    derived
        .iter()
        .fold(needed.union(selected), |states, state| {
            states.without(state)
        })
}

/// Remembers across the samples of one observer that the counters were unreliable. They are then
/// not used for a number of samples, which doubles, so that a busy host is not walked twice each
/// time.
#[derive(Debug, Default, PartialEq)]
pub(in crate::source) struct Caution {
    /// How many more observations to list.
    remaining: u32,
    /// How many the last doubt was good for.
    span: u32,
}

impl Caution {
    const SHORTEST: u32 = 8;
    const LONGEST: u32 = 256;

    /// Whether the coming observation should list because of an earlier doubt.
    pub(in crate::source) fn take(&mut self) -> bool {
        let doubted_lately = self.remaining > 0;
        self.remaining = self.remaining.saturating_sub(1);
        doubted_lately
    }

    /// The counters were unreliable in every attempt of one observation.
    pub(in crate::source) fn doubt(&mut self) {
        self.span = (self.span * 2).clamp(Self::SHORTEST, Self::LONGEST);
        self.remaining = self.span;
    }

    /// The counters were reliable.
    pub(in crate::source) fn trust(&mut self) {
        self.span = 0;
    }
}

#[cfg(test)]
mod tests;
