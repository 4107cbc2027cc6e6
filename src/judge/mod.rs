//! Compares observed numbers with thresholds.
//!
//! Pure: no sources, no output. A value that is not exact is judged only as far as it proves
//! something: a number of listed sockets can prove that there are too many, never too few.

mod ranking;

pub use ranking::{Ranking, worse};

use std::time::Duration;

use crate::model::{
    Aspect, Breach, CheckStatus, Counts, Judgement, Measure, Measurement, Range, Subject,
    Thresholds, Trust,
};

/// Sockets that are judged together.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Their number by state.
    pub counts: &'a Counts,
    /// By how much derived numbers may be off.
    pub spread: &'a Counts,
    /// How exact the counts are.
    pub trust: Trust,
}

impl Evidence<'_> {
    /// How many, and how far off that may be.
    fn count(&self, subject: Subject) -> Option<(u64, u64)> {
        match subject {
            Subject::State(state) => Some((self.counts.get(state), self.spread.get(state))),
            Subject::Total => Some((self.counts.total(), self.spread.total())),
            Subject::Quantity(_) => None,
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

/// The judgement by `thresholds`; `None` where they are about something that was not observed.
pub fn judge(thresholds: Thresholds, observed: Observed<'_>) -> Option<Judgement> {
    Some(conclude(thresholds, measure(thresholds.aspect, observed)?))
}

/// The judgement on a listener with `waiting` connections in its accept queue. A queue with more than
/// `limit` is full; a limit of 0 holds one, which is 200 %.
pub fn judge_queue(thresholds: Thresholds, waiting: u32, limit: u32, trust: Trust) -> Judgement {
    let value = match limit {
        0 => f64::from(waiting) * 200.0,
        limit => f64::from(waiting) * 100.0 / f64::from(limit),
    };
    // A listener that was listed is complete; what was lost are others.
    let trust = match trust {
        Trust::Exact => Trust::Exact,
        Trust::AtLeast | Trust::Nothing => Trust::AtLeast,
    };
    let parts = Some((waiting.into(), limit.into()));
    judge_value(thresholds, value, parts, trust)
}

/// The judgement on a value without spread; of a share, `parts` is how much of how much.
pub fn judge_value(
    thresholds: Thresholds,
    value: f64,
    parts: Option<(u64, u64)>,
    trust: Trust,
) -> Judgement {
    let measured = Measurement {
        value,
        low: value,
        high: value,
        parts,
        spread: 0,
        trust,
    };
    conclude(thresholds, measured)
}

/// Whether the judgement could be another one if every socket were listed.
pub fn depends_on_spread(judgement: &Judgement) -> bool {
    let Measurement { low, high, .. } = judgement.measured;
    let Thresholds {
        warning, critical, ..
    } = judgement.thresholds;
    let mut ranges = warning.iter().chain(&critical);
    low != high && ranges.any(|range| range.has_end_within(low, high))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "no kernel holds as many sockets as a double cannot count"
)]
fn measure(aspect: Aspect, observed: Observed<'_>) -> Option<Measurement> {
    let Observed { now, earlier } = observed;
    let (count, mut spread) = now.count(aspect.subject)?;
    let mut parts = None;
    let mut trust = now.trust;
    let (least, most) = (count.saturating_sub(spread), count.saturating_add(spread));
    let (value, low, high) = match aspect.measure {
        Measure::Count => (count as f64, least as f64, most as f64),
        Measure::Share => {
            let (total, off) = (now.counts.total(), now.spread.total());
            parts = Some((count, total));
            (
                share(count, total),
                share(least, total.saturating_add(off)),
                share(most, total.saturating_sub(off)),
            )
        }
        Measure::Rate => {
            let (earlier, elapsed) = earlier?;
            let (before, spread_before) = earlier.count(aspect.subject)?;
            if earlier.trust != Trust::Exact {
                trust = Trust::Nothing;
            }
            spread = spread.saturating_add(spread_before);
            let (change, off) = (count as f64 - before as f64, spread as f64);
            let nanoseconds = elapsed.as_nanos().max(1) as f64;
            let rate = |change: f64| change * 1e9 / nanoseconds;
            (rate(change), rate(change - off), rate(change + off))
        }
    };
    // What was lost may be of this state, or of another; or there before, or now.
    if aspect.measure != Measure::Count && trust != Trust::Exact {
        trust = Trust::Nothing;
    }
    Some(Measurement {
        value,
        low,
        high,
        parts,
        spread,
        trust,
    })
}

/// In percent; nothing is 0 % of nothing.
#[allow(clippy::cast_precision_loss, reason = "as above")]
fn share(count: u64, total: u64) -> f64 {
    count as f64 * 100.0 / total.max(1) as f64
}

/// Judges a value.
fn conclude(thresholds: Thresholds, measured: Measurement) -> Judgement {
    let by = |range: Option<Range>, status| {
        let range = range?;
        let side = range.breach(measured.value)?;
        Some(Breach {
            status,
            range,
            side,
        })
    };
    let Thresholds {
        warning, critical, ..
    } = thresholds;
    let breach = by(critical, CheckStatus::Critical).or_else(|| by(warning, CheckStatus::Warning));
    let proven = critical.is_some_and(|range| range.alerts_from(measured.low));
    let status = match measured.trust {
        Trust::Exact => breach.map_or(CheckStatus::Ok, |breach| breach.status),
        Trust::AtLeast if proven => CheckStatus::Critical,
        Trust::AtLeast | Trust::Nothing => CheckStatus::Unknown,
    };
    Judgement {
        thresholds,
        measured,
        breach,
        status,
    }
}

#[cfg(test)]
mod tests;
