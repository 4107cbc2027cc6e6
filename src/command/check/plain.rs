//! All sockets selected, judged together.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::limits;
use crate::cli::{Check, SourceChoice};
use crate::command::failure::Failure;
use crate::command::notes::Notes;
use crate::command::{asking, holders, owning};
use crate::judge::{Evidence, Observed, depends_on_spread, judge};
use crate::model::{CheckStatus, Counts, Judgement, Limits, Observation, Verdict};
use crate::source::Observer;
use crate::tally::StateTally;

/// The counts at one time.
struct Sample {
    observation: Observation,
    counts: Counts,
    spread: Counts,
    /// The middle of the time it took.
    taken: Instant,
}

impl Sample {
    fn evidence(&self) -> Evidence<'_> {
        Evidence {
            counts: &self.counts,
            spread: &self.spread,
            trust: self.observation.completeness.trust(),
        }
    }
}

/// Takes what samples are needed and judges them.
pub(super) fn judged(
    typed: &Check,
    by: &[Limits],
    window: Option<Duration>,
    notes: &mut Notes<impl Write>,
) -> Result<Verdict, Failure> {
    owning::refuse_timeout(&typed.owning)?;
    let mut observer = asking::observer(&typed.selection, &typed.sourcing, Vec::new())?;
    limits::refuse_unasked(typed, observer.question().states)?;
    // Whoever wants the counters wants their numbers; they are shown with their spread.
    let derives = typed.sourcing.source == SourceChoice::NetlinkAndCounters;
    let mut take = |exactly: bool, notes: &mut _| {
        holders::refresh(&mut observer, &typed.sourcing, notes)?;
        sample(&mut observer, exactly && !derives, notes)
    };
    let mut earlier = None;
    if let Some(window) = window {
        // A change is a small difference of large numbers, and keeps the whole error of both.
        earlier = Some(take(true, notes)?);
        thread::sleep(window);
    }
    let mut now = take(window.is_some(), notes)?;
    let mut judgements = all_judged(by, &now, earlier.as_ref());
    if !derives && judgements.iter().any(depends_on_spread) {
        now = take(true, notes)?;
        judgements = all_judged(by, &now, earlier.as_ref());
    }
    if let Some(earlier) = &earlier {
        now.observation
            .completeness
            .join(&earlier.observation.completeness);
    }
    let statuses = judgements.iter().map(|judgement| judgement.status);
    Ok(Verdict {
        time: now.observation.time,
        status: statuses.max().unwrap_or(CheckStatus::Ok),
        observation: Some(now.observation),
        failures: Vec::new(),
        asked: observer.question().states,
        counts: now.counts,
        spread: now.spread,
        judgements,
        groups: None,
        queues: None,
        remarks: Vec::new(),
    })
}

fn all_judged(by: &[Limits], now: &Sample, earlier: Option<&Sample>) -> Vec<Judgement> {
    let observed = Observed {
        now: now.evidence(),
        earlier: earlier.map(|earlier| {
            let elapsed = now.taken.saturating_duration_since(earlier.taken);
            (earlier.evidence(), elapsed)
        }),
    };
    by.iter()
        .filter_map(|limits| judge(*limits, observed))
        .collect()
}

/// Counts; `exactly` lists every socket, whatever the counters could tell.
fn sample(
    observer: &mut Observer,
    exactly: bool,
    notes: &mut Notes<impl Write>,
) -> Result<Sample, Failure> {
    let time = SystemTime::now();
    let begin = Instant::now();
    let mut tally = StateTally::default();
    let report = if exactly {
        observer.gather(&mut tally)?
    } else {
        observer.count(&mut tally)?
    };
    let took = begin.elapsed();
    notes.sample(&report, took);
    Ok(Sample {
        observation: report.observation(time),
        counts: tally.into_counts(),
        spread: report.spread,
        taken: begin + took / 2,
    })
}
