//! `accept-queue=RANGE`: each listener's queue judged by its limit.

use super::{Check, Messages};
use crate::command::outcome::Failure;
use crate::command::sample::Sample;
use crate::judge::{judge_queue, worse};
use crate::model::{CheckStatus, JudgedQueue, JudgedQueues, Listeners, Thresholds, Trust, Verdict};

/// Judges the queues and adds what comes of it to the verdict. That no source knows the limits
/// leaves the queues unknown, and what else was judged as it is.
pub(super) fn judge(
    request: &Check,
    thresholds: Thresholds,
    verdict: &mut Verdict,
    messages: &mut Messages,
) -> Result<(), Failure> {
    match sample(request) {
        Ok(sample) => {
            messages.sample(&sample);
            let completeness = &sample.report.completeness;
            if let Some(observation) = &mut verdict.observation {
                observation.completeness.join(completeness);
            }
            let judged = judge_all(thresholds, &sample.found, completeness.trust(), request.top);
            let statuses = judged.listed.iter().map(|queue| queue.judgement.status);
            verdict.status = statuses.fold(verdict.status, CheckStatus::max);
            verdict.queues = Some(judged);
            Ok(())
        }
        Err(failure @ (Failure::Observe(_) | Failure::CannotKnow(_))) => {
            let label = thresholds.aspect.label();
            verdict.failures.push(format!("{label}: {failure}"));
            verdict.queues = Some(JudgedQueues {
                thresholds,
                listeners: None,
                broken: 0,
                listed: Vec::new(),
            });
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

fn sample(request: &Check) -> Result<Sample<Listeners>, Failure> {
    request.target.accept_queues()?.sample(|observer, _| {
        let mut listeners = Listeners::default();
        Ok((observer.list(&mut listeners)?, listeners))
    })
}

fn judge_all(
    thresholds: Thresholds,
    listeners: &Listeners,
    trust: Trust,
    most: usize,
) -> JudgedQueues {
    let queues = listeners.iter().filter_map(|listener| {
        // A source that does not report limits has refused the question.
        Some(JudgedQueue {
            local: listener.local,
            judgement: judge_queue(thresholds, listener.waiting, listener.limit?, trust),
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
        thresholds,
        listeners: Some(listeners),
        broken,
        listed,
    }
}
