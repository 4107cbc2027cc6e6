//! The thread that samples what is shown besides the counts: groups, sockets, or one socket.
//!
//! A new request, which follows a key, is answered at once; then again as often as the counts and
//! findings leave room in what the view may take of a core.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::inspect::Inspector;
use super::listing::list;
use super::player::told;
use super::{Event, Events};
use crate::command::clock::cpu_time;
use crate::command::groups::{GroupSampler, ShownGroups};
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::live::{Detail, DetailQuery, DetailResult};
use crate::model::{State, StateSet};
use crate::output::Look;

/// A request that another one follows within this time is skipped: keys were pressed in a row.
const SETTLING: Duration = Duration::from_millis(120);

/// More groups than these are counted together: they could take all the memory the view may have.
/// As many as a hash table of 16,384 buckets holds before it doubles.
const MOST_GROUPS: usize = 14_336;

/// More groups than any screen has lines.
const SHOWN_GROUPS: usize = 200;

/// What to sample, and for which sockets.
#[derive(Clone, PartialEq)]
pub(super) struct DetailRequest {
    pub(super) wanted: DetailQuery,
    pub(super) target: Target,
    /// The number of the filter.
    pub(super) filter: u64,
    /// The time between two samples.
    pub(super) interval: Duration,
    /// The columns of the terminal.
    pub(super) width: usize,
}

/// What is kept from one answer to a request to the next.
#[derive(Default)]
struct Kept {
    groups: Option<ShownGroups>,
    inspector: Option<Inspector>,
}

/// What the thread works with.
pub(super) struct Details {
    /// How many groups are shown, if that is limited.
    pub(super) top: Option<NonZeroUsize>,
    /// Whether characters beyond ASCII can be shown.
    pub(super) utf8: bool,
    pub(super) events: Events,
    pub(super) requests: Receiver<DetailRequest>,
}

impl Details {
    /// Answers requests until the other end of one of its channels is gone.
    pub(super) fn run(self) {
        let mut next = self.requests.recv().ok();
        while let Some(mut request) = next {
            // The last of several requests in a row.
            next = loop {
                let settling = match request.target.sources.record() {
                    None => SETTLING,
                    // What is read there is small.
                    Some(record) if record.counted().is_some() => Duration::ZERO,
                    Some(_) => SETTLING,
                };
                match self.requests.recv_timeout(settling) {
                    Ok(other) => request = other,
                    Err(RecvTimeoutError::Timeout) => {
                        break match is_trace(&request) {
                            true => self.trace(request),
                            false => self.answer(&request),
                        };
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            };
        }
    }

    /// Repeats the answer to a request until another one arrives, which it returns; `None` if none
    /// can.
    fn answer(&self, request: &DetailRequest) -> Option<DetailRequest> {
        let record = request.target.sources.record();
        let is_sample = record.is_some_and(|record| record.counted().is_some());
        let mut kept = Kept::default();
        let mut spent = Spent::default();
        loop {
            let (begin, cpu) = (Instant::now(), cpu_time());
            let found = self.find(request, &mut kept).transpose();
            let cpu = cpu_time().saturating_sub(cpu);
            if let Some(found) = found {
                let detail = Detail {
                    wanted: request.wanted.clone(),
                    filter: request.filter,
                    at: begin,
                    cpu,
                    found: found.map_err(|failure| told(&failure, !is_sample)),
                };
                if !self.events.send(Event::Detail(Box::new(detail))) {
                    return None;
                }
            }
            let pause = match request.wanted {
                DetailQuery::Nothing | DetailQuery::Trace { .. } => Duration::MAX,
                // Nothing changes there.
                _ if record.is_some() => Duration::MAX,
                DetailQuery::Groups { .. }
                | DetailQuery::Sockets { .. }
                | DetailQuery::Socket(_) => pause(cpu, spent.by_others(cpu), request.interval),
            };
            let pause = pause.saturating_sub(begin.elapsed());
            match self.requests.recv_timeout(pause) {
                Ok(other) => return Some(other),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn find(
        &self,
        request: &DetailRequest,
        kept: &mut Kept,
    ) -> Result<Option<DetailResult>, Failure> {
        Ok(match &request.wanted {
            DetailQuery::Nothing | DetailQuery::Trace { .. } => None,
            DetailQuery::Groups { state, keys, all } => {
                let groups = match &mut kept.groups {
                    Some(groups) => groups,
                    None => {
                        let target = narrow(&request.target, *state)?;
                        let sampler = GroupSampler::new(&target, keys, Some(MOST_GROUPS))?;
                        let top = self.top.or(NonZeroUsize::new(SHOWN_GROUPS));
                        let top = top.filter(|_| !all);
                        let groups = ShownGroups::new(sampler, top, true);
                        kept.groups.insert(groups)
                    }
                };
                Some(DetailResult::Groups(Arc::new(groups.sample()?.1)))
            }
            DetailQuery::Sockets {
                state,
                sort,
                columns,
                group,
            } => {
                let target = narrow(&request.target, *state)?;
                let look = Look {
                    width: Some(request.width),
                    utf8: self.utf8,
                    ..Look::default()
                };
                let listing = list(&target, *sort, columns, group.as_ref(), *state, look)?;
                Some(DetailResult::Sockets(Arc::new(listing)))
            }
            DetailQuery::Socket(id) => {
                let inspector = match &mut kept.inspector {
                    Some(inspector) => inspector,
                    None => kept.inspector.insert(Inspector::new(&request.target, *id)?),
                };
                let facts = inspector.look()?;
                Some(DetailResult::Socket(Arc::new(facts.clone())))
            }
        })
    }
}

/// Whether the trace pane is shown.
pub(super) fn is_trace(request: &DetailRequest) -> bool {
    matches!(request.wanted, DetailQuery::Trace { .. })
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

/// The part of a core that the view takes at most with all its threads: a tenth, less what varies.
const WHOLE_VIEW: f64 = 0.09;

/// The part of it for what this thread samples, at most; and at least, where the counts leave none.
const OWN_SHARE: f64 = 0.05;
const LEAST_SHARE: f64 = 0.005;

/// The shortest time between two: groups are not read faster.
const LEAST: Duration = Duration::from_secs(1);

/// The part of a core that other threads are assumed to take until that is measured.
const OTHERS_AT_FIRST: f64 = 0.07;

/// What other threads take of a core: when that was measured last, and the CPU time of the process then.
#[derive(Default)]
struct Spent(Option<(Instant, Duration)>);

impl Spent {
    /// The part of a core that they have taken since the last call, without this thread's `own` time.
    fn by_others(&mut self, own: Duration) -> f64 {
        let now = (Instant::now(), cpu_time());
        self.0
            .replace(now)
            .map_or(OTHERS_AT_FIRST, |(since, before)| {
                let others = now.1.saturating_sub(before).saturating_sub(own);
                others.as_secs_f64() / (now.0 - since).as_secs_f64().max(f64::EPSILON)
            })
    }
}

/// The time between the starts of two samples, each of which takes `cpu`, while other threads take a
/// part of a core; never less than `interval`.
fn pause(cpu: Duration, others: f64, interval: Duration) -> Duration {
    let share = (WHOLE_VIEW - others).clamp(LEAST_SHARE, OWN_SHARE);
    interval.max(LEAST).max(cpu.div_f64(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_is_the_interval_or_as_long_as_the_share_that_others_leave_requires() {
        let milliseconds = Duration::from_millis;
        for (cpu, others, interval, expected) in [
            (1, 0.0, 1_000, 1_000),
            (1, 0.0, 50, 1_000),
            (1, 0.0, 5_000, 5_000),
            (400, 0.0, 1_000, 8_000),
            (400, 0.04, 1_000, 8_000),
            (400, 0.07, 1_000, 20_000),
            (400, 0.085, 1_000, 80_000),
            (400, 0.5, 1_000, 80_000),
        ] {
            let pause = pause(milliseconds(cpu), others, milliseconds(interval));
            let off = pause.abs_diff(milliseconds(expected));
            assert!(
                off < milliseconds(1),
                "{cpu} {others} {interval}: {pause:?}"
            );
        }
    }

    #[test]
    fn what_others_spend_is_known_from_the_second_time_on() {
        let mut spent = Spent::default();
        assert!(spent.by_others(Duration::ZERO) == OTHERS_AT_FIRST);
        let begin = cpu_time();
        while cpu_time() - begin < Duration::from_millis(20) {}
        assert!(spent.by_others(Duration::ZERO) > 0.0);
        while cpu_time() - begin < Duration::from_millis(40) {}
        assert!(spent.by_others(Duration::MAX) == 0.0);
    }
}
