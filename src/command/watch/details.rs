//! The thread that finds out what is shown besides the counts: groups, or the sockets of a state.
//!
//! Once at once when something else is wanted, since a key asked for it; then as often as a tenth
//! of a core allows.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::event::{Event, Events};
use super::listing;
use crate::command::groups::{GroupSampler, ShownGroups};
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::live::{Detail, Found, Wanted};
use crate::model::{State, StateSet};

/// A wish that another one follows within this time was on the way to that one.
const SETTLING: Duration = Duration::from_millis(120);

/// More groups than these are not told apart: they could take all the memory the view may have.
/// As many as a hash table of 16,384 buckets holds before it doubles.
const MOST_GROUPS: usize = 14_336;

/// More groups than any screen has lines.
const SHOWN_GROUPS: usize = 200;

/// What is wanted, and of what.
#[derive(Clone, PartialEq)]
pub(super) struct Wish {
    pub(super) wanted: Wanted,
    pub(super) target: Target,
    /// The number of the filter.
    pub(super) filter: u64,
    /// The time between two samples.
    pub(super) interval: Duration,
    /// The columns of the terminal.
    pub(super) width: usize,
}

/// Fulfils wishes until there are no more.
pub(super) fn run(top: Option<NonZeroUsize>, events: &Events, wishes: &Receiver<Wish>) {
    let Ok(mut wish) = wishes.recv() else {
        return;
    };
    loop {
        // The last of several wishes that come at once.
        loop {
            match wishes.recv_timeout(SETTLING) {
                Ok(other) => wish = other,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        match fulfil(top, events, wishes, &wish) {
            Some(other) => wish = other,
            None => return,
        }
    }
}

/// Finds out what is wished, again and again, until something else is; `None` where nobody wishes
/// any more.
fn fulfil(
    top: Option<NonZeroUsize>,
    events: &Events,
    wishes: &Receiver<Wish>,
    wish: &Wish,
) -> Option<Wish> {
    let mut groups = None;
    loop {
        let (begin, cpu) = (Instant::now(), cpu_time());
        let found = find(top, wish, &mut groups).transpose();
        let cpu = cpu_time().saturating_sub(cpu);
        if let Some(found) = found {
            let detail = Detail {
                wanted: wish.wanted.clone(),
                filter: wish.filter,
                at: begin,
                cpu,
                found: found.map_err(|failure| failure.to_string()),
            };
            if !events.send(Event::Detail(Box::new(detail))) {
                return None;
            }
        }
        let pause = match wish.wanted {
            Wanted::Nothing => Duration::MAX,
            Wanted::Groups { .. } | Wanted::Sockets { .. } => pause(cpu, wish.interval),
        };
        let pause = pause.saturating_sub(begin.elapsed());
        match wishes.recv_timeout(pause) {
            Ok(other) => return Some(other),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

fn find(
    top: Option<NonZeroUsize>,
    wish: &Wish,
    groups: &mut Option<ShownGroups>,
) -> Result<Option<Found>, Failure> {
    Ok(match &wish.wanted {
        Wanted::Nothing => None,
        Wanted::Groups { state, keys } => {
            let groups = match groups {
                Some(groups) => groups,
                None => {
                    let target = narrow(&wish.target, *state)?;
                    let sampler = GroupSampler::new(&target, keys, Some(MOST_GROUPS))?;
                    let top = top.or(NonZeroUsize::new(SHOWN_GROUPS));
                    groups.insert(ShownGroups::new(sampler, top, true))
                }
            };
            Some(Found::Groups(Arc::new(groups.sample()?.1)))
        }
        Wanted::Sockets { state, sort } => {
            let target = narrow(&wish.target, *state)?;
            let listing = listing::list(&target, *sort, wish.width)?;
            Some(Found::Sockets(Arc::new(listing)))
        }
    })
}

/// The same about one state.
fn narrow(target: &Target, state: Option<State>) -> Result<Target, Failure> {
    let Some(state) = state else {
        return Ok(target.clone());
    };
    let target = target.within(StateSet::NONE.with(state));
    if target.question.states.is_empty() {
        return Err(Failure::Usage(
            "sockets in this state cannot be requested alone".to_owned(),
        ));
    }
    Ok(target)
}

/// The CPU time of every twelfth second: a tenth, and room for what is not measured.
const SHARE: u32 = 12;

/// Nobody reads groups faster.
const LEAST: Duration = Duration::from_secs(1);

/// The CPU time this process has used, all threads together. What others used meanwhile is then
/// in the difference too, so that it is never too small.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// How long after its begin something may begin again that took `cpu`, and is of use every
/// `interval`.
fn pause(cpu: Duration, interval: Duration) -> Duration {
    interval.max(LEAST).max(cpu.saturating_mul(SHARE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dear_is_rare_and_what_is_cheap_comes_with_the_samples() {
        let milliseconds = Duration::from_millis;
        for (cpu, interval, expected) in [
            (1, 1_000, 1_000),
            (1, 50, 1_000),
            (1, 5_000, 5_000),
            (400, 1_000, 4_800),
        ] {
            let pause = pause(milliseconds(cpu), milliseconds(interval));
            assert_eq!(pause, milliseconds(expected));
            assert!(cpu * 10 <= expected);
        }
    }
}
