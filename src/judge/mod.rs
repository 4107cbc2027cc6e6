//! From what was observed and the limits given to judgements.
//!
//! Pure: knows neither sources nor words for people. A value that is not exact is judged as far as
//! it proves anything: that so many were seen proves that there are too many, never that there are
//! too few.

mod rank;
mod ranking;

pub use rank::worse;
pub use ranking::Ranking;

use std::time::Duration;

use crate::model::{
    Aspect, Breach, CheckStatus, Counts, Judgement, Limits, Measure, Quantity, Range, Reading,
    State, StateSet, Subject, Trust,
};

/// Sockets that are judged together.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// How many they are.
    pub counts: &'a Counts,
    /// By how much derived numbers may be off.
    pub spread: &'a Counts,
    /// What the counts are worth.
    pub trust: Trust,
}

impl Evidence<'_> {
    /// How many, and how far off that may be.
    fn count(&self, subject: Subject) -> Option<(u64, u64)> {
        match subject {
            Subject::State(state) => Some((self.counts.get(state), self.spread.get(state))),
            Subject::Total => Some((self.counts.total(), self.spread.total())),
            Subject::AcceptQueue => None,
        }
    }
}

/// What is observed now and, where a rate is judged, some time before.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// Now.
    pub now: Evidence<'a>,
    /// Before, and how long before.
    pub earlier: Option<(Evidence<'a>, Duration)>,
}

/// The judgement by `limits`; `None` where they are about something that was not observed.
pub fn judge(limits: Limits, observed: Observed<'_>) -> Option<Judgement> {
    Some(conclude(limits, read(limits.aspect, observed)?))
}

/// The judgement on a listener of which `waiting` connections wait, of `limit` that may. More than
/// the limit is full; a limit of 0 holds one, which is 200 %.
pub fn judge_queue(limits: Limits, waiting: u32, limit: u32, trust: Trust) -> Judgement {
    let value = match limit {
        0 => Quantity::whole(u64::from(waiting) * 200),
        limit => Quantity::new(i128::from(waiting) * 100, limit.into()),
    };
    // A listener that was seen was seen whole; what was lost are others.
    let trust = if trust == Trust::Exact {
        Trust::Exact
    } else {
        Trust::AtLeast
    };
    let reading = Reading {
        parts: Some((waiting.into(), limit.into())),
        ..exactly(value, trust)
    };
    conclude(limits, reading)
}

/// Whether the judgement could be another one if every socket were listed.
pub fn depends_on_spread(judgement: &Judgement) -> bool {
    let Reading { low, high, .. } = judgement.reading;
    let Limits {
        warning, critical, ..
    } = judgement.limits;
    let mut ranges = warning.iter().chain(&critical);
    low != high && ranges.any(|range| range.has_end_within(low, high))
}

/// The state that would have to be among those asked for, for this to be judged, and is not.
pub fn unasked(aspect: Aspect, asked: StateSet) -> Option<State> {
    let state = match aspect.subject {
        Subject::State(state) => state,
        Subject::AcceptQueue => State::Listen,
        Subject::Total => return None,
    };
    (!asked.contains(state)).then_some(state)
}

fn exactly(value: Quantity, trust: Trust) -> Reading {
    Reading {
        value,
        low: value,
        high: value,
        parts: None,
        spread: 0,
        trust,
    }
}

/// Measures an aspect.
fn read(aspect: Aspect, observed: Observed<'_>) -> Option<Reading> {
    let Observed { now, earlier } = observed;
    let (count, spread) = now.count(aspect.subject)?;
    let (least, most) = (count.saturating_sub(spread), count.saturating_add(spread));
    Some(match aspect.measure {
        Measure::Count => Reading {
            low: Quantity::whole(least),
            high: Quantity::whole(most),
            spread,
            ..exactly(Quantity::whole(count), now.trust)
        },
        Measure::Share => {
            let (total, off) = (now.counts.total(), now.spread.total());
            Reading {
                low: share(least, total.saturating_add(off)),
                high: share(most, total.saturating_sub(off)),
                parts: Some((count, total)),
                spread,
                // What was lost may be of this state, or of another.
                ..exactly(share(count, total), all_or_nothing(&[now.trust]))
            }
        }
        Measure::Rate => {
            let (earlier, elapsed) = earlier?;
            let (before, spread_before) = earlier.count(aspect.subject)?;
            let change = i128::from(count) - i128::from(before);
            let off = i128::from(spread) + i128::from(spread_before);
            let trust = all_or_nothing(&[now.trust, earlier.trust]);
            Reading {
                low: rate(change - off, elapsed),
                high: rate(change + off, elapsed),
                spread: spread.saturating_add(spread_before),
                ..exactly(rate(change, elapsed), trust)
            }
        }
    })
}

fn all_or_nothing(trusts: &[Trust]) -> Trust {
    if trusts.iter().all(|trust| *trust == Trust::Exact) {
        Trust::Exact
    } else {
        Trust::Nothing
    }
}

/// In percent; nothing is 0 % of nothing.
fn share(count: u64, total: u64) -> Quantity {
    Quantity::new(i128::from(count) * 100, total.into())
}

/// Per second.
fn rate(change: i128, elapsed: Duration) -> Quantity {
    Quantity::new(change * 1_000_000_000, elapsed.as_nanos())
}

/// Judges a value.
fn conclude(limits: Limits, reading: Reading) -> Judgement {
    let by = |range: Option<Range>, status| {
        let range = range?;
        let side = range.breach(reading.value)?;
        Some(Breach {
            status,
            range,
            side,
        })
    };
    let breach = by(limits.critical, CheckStatus::Critical)
        .or_else(|| by(limits.warning, CheckStatus::Warning));
    let proven = limits
        .critical
        .is_some_and(|range| range.alerts_from(reading.low));
    let status = match reading.trust {
        Trust::Exact => breach.map_or(CheckStatus::Ok, |breach| breach.status),
        Trust::AtLeast if proven => CheckStatus::Critical,
        Trust::AtLeast | Trust::Nothing => CheckStatus::Unknown,
    };
    Judgement {
        limits,
        reading,
        breach,
        status,
    }
}

#[cfg(test)]
mod tests;
