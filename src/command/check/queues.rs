//! `accept-queue=RANGE`: each listener's queue judged by its limit.

use std::io::Write;

use super::top;
use crate::cli::Check;
use crate::command::failure::Failure;
use crate::command::notes::Notes;
use crate::command::{asking, holders};
use crate::judge::{judge_queue, worse};
use crate::model::{CheckStatus, JudgedQueue, JudgedQueues, Limits, Listeners, Trust, Verdict};
use crate::source::{Observer, Report};

/// Judges the queues and adds what comes of it to the verdict. That no source knows the limits
/// leaves the queues unknown, and what else was judged as it is.
pub(super) fn judge(
    typed: &Check,
    limits: Limits,
    verdict: &mut Verdict,
    notes: &mut Notes<impl Write>,
) -> Result<(), Failure> {
    let mut listeners = Listeners::default();
    match listen(typed, &mut listeners, notes) {
        Ok(report) => {
            let trust = report.completeness.trust();
            if let Some(observation) = &mut verdict.observation {
                observation.completeness.join(&report.completeness);
            }
            let judged = judge_all(limits, &listeners, trust, top(typed));
            let statuses = judged.listed.iter().map(|queue| queue.judgement.status);
            verdict.status = statuses.fold(verdict.status, CheckStatus::max);
            verdict.queues = Some(judged);
            Ok(())
        }
        Err(failure @ (Failure::Observe(_) | Failure::CannotKnow(_))) => {
            let label = limits.aspect.label();
            verdict.failures.push(format!("{label}: {failure}"));
            verdict.queues = Some(JudgedQueues {
                limits,
                listeners: None,
                broken: 0,
                listed: Vec::new(),
            });
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

fn listen(
    typed: &Check,
    listeners: &mut Listeners,
    notes: &mut Notes<impl Write>,
) -> Result<Report, Failure> {
    let mut observer: Observer = asking::queues_observer(&typed.selection, &typed.sourcing)?;
    holders::refresh(&mut observer, &typed.sourcing, notes)?;
    Ok(observer.list(listeners)?)
}

fn judge_all(limits: Limits, listeners: &Listeners, trust: Trust, most: usize) -> JudgedQueues {
    let queues = listeners.iter().filter_map(|listener| {
        // A source that does not report limits has refused the question.
        Some(JudgedQueue {
            local: listener.local,
            judgement: judge_queue(limits, listener.waiting, listener.limit?, trust),
        })
    });
    let mut listed: Vec<JudgedQueue> = queues.collect();
    let listeners = listed.len() as u64;
    let is_broken = |queue: &&JudgedQueue| queue.judgement.breach.is_some();
    let broken = listed.iter().filter(is_broken).count() as u64;
    listed.sort_by(|a, b| {
        let worst_first = worse(&b.judgement, &a.judgement);
        worst_first.then_with(|| a.local.cmp(&b.local))
    });
    listed.truncate(most);
    JudgedQueues {
        limits,
        listeners: Some(listeners),
        broken,
        listed,
    }
}
