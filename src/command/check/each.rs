//! `--by KEYS`: each group judged on its own; `accept-queue=RANGE`: each listener's queue judged by
//! its limit.

use super::{Check, Messages};
use crate::command::groups::{GroupSampler, Groups, Labels};
use crate::command::outcome::Failure;
use crate::command::sample::Sample;
use crate::judge::{Ranking, judge_queue, worse};
use crate::model::{
    CheckStatus, Counts, GroupKey, JudgedGroup, JudgedGroups, JudgedQueue, JudgedQueues, Listeners,
    Part, Thresholds, Trust, Verdict, thousands,
};

/// Takes what samples are needed and judges each group.
pub(super) fn judge_groups(
    request: &Check,
    keys: &[GroupKey],
    messages: &mut Messages,
) -> Result<Verdict, Failure> {
    let mut sampler = GroupSampler::new(&request.target, keys, None)?;
    let mut take = || {
        let sample = sampler.sample()?;
        messages.sample(&sample);
        Ok(sample)
    };
    let earlier = request.earlier(&mut take)?;
    let now = take()?;
    let (ranking, judged_empty) = rank(request, &now, earlier.as_ref());
    // A group that was counted with others before would seem to be new.
    let beyond = earlier.iter().chain([&now]);
    let beyond = beyond.filter_map(|sample| sample.found.beyond.as_ref());
    let beyond = beyond.map(|beyond| beyond.counts.total()).max();
    let failures = beyond.map(|sockets| {
        let sockets = thousands(sockets);
        format!("too many groups: {sockets} sockets of further ones were not judged")
    });
    let fields = sampler.question().fields.clone();
    let mut labels = Labels::of_place(sampler.place().clone());
    let mut label = |key: &[Part]| labels.of(&fields, key);
    let (status, groups) = (ranking.status, ranking.groups);
    let (warning, critical) = (ranking.warning, ranking.critical);
    let (listed, worst) = ranking.into_worst();
    let listed = listed.into_iter().map(|(key, judgements)| {
        let statuses = judgements.iter().map(|judgement| judgement.status);
        JudgedGroup {
            key: label(&key),
            status: statuses.max().unwrap_or(CheckStatus::Ok),
            judgements,
        }
    });
    let listed = listed.collect();
    let worst = worst
        .iter()
        .map(|(key, judgement)| (label(key), *judgement));
    let worst = worst.collect();
    Ok(Verdict {
        status,
        failures: failures.into_iter().collect(),
        groups: Some(JudgedGroups {
            groups,
            all: beyond.is_none(),
            warning,
            critical,
            listed,
            worst,
            judged_empty,
            fields,
        }),
        ..request.observed(&now, earlier.as_ref(), now.found.counts.clone())
    })
}

/// Judges every group of the sample, and those that were there before and have vanished. Where
/// there is none at all, a group of no sockets is judged, which is returned as well: "at least one"
/// must not hold for nothing.
fn rank(
    request: &Check,
    now: &Sample<Groups>,
    earlier: Option<&Sample<Groups>>,
) -> (Ranking<Box<[Part]>>, bool) {
    let mut ranking = Ranking::new(request.top);
    let none = Counts::default();
    let judged = |key: &[Part], counts| {
        let earlier = earlier.map(|earlier| {
            let counts = earlier.found.groups.get(key).unwrap_or(&none);
            (earlier, counts)
        });
        request.judgements((now, counts), earlier, |trust| worth(trust, key))
    };
    let groups = &now.found.groups;
    for (key, counts) in groups {
        ranking.add(key, judged(key, counts));
    }
    let before = earlier.iter().flat_map(|sample| sample.found.groups.keys());
    for key in before.filter(|key| !groups.contains_key(*key)) {
        ranking.add(key, judged(key, &none));
    }
    let is_empty = ranking.groups == 0;
    if is_empty {
        let key: Box<[Part]> = Box::new([]);
        ranking.add(&key, judged(&key, &none));
        ranking.groups = 0;
    }
    (ranking, is_empty)
}

/// What the numbers of a group are worth. If an owner may have been missed, the group without an
/// owner may be too large; if a listener, every group that depends on listeners.
fn worth(trust: Trust, key: &[Part]) -> Trust {
    let may_have_others = |part: &Part| {
        matches!(
            part,
            Part::Process(None) | Part::Pid(None) | Part::Direction(_) | Part::Service(_)
        )
    };
    match trust {
        Trust::AtLeast if key.iter().any(may_have_others) => Trust::Nothing,
        Trust::AtLeast | Trust::Exact | Trust::Nothing => trust,
    }
}

/// Judges the queues and adds the result to the verdict. If no source knows the limits, the queues
/// are unknown, and the other judgements stay.
pub(super) fn judge_queues(
    request: &Check,
    thresholds: Thresholds,
    verdict: &mut Verdict,
    messages: &mut Messages,
) -> Result<(), Failure> {
    let sample = request.target.accept_queues().and_then(|mut sampler| {
        sampler.sample(|observer, _| {
            let mut listeners = Listeners::default();
            Ok((observer.list(&mut listeners)?, listeners))
        })
    });
    let judged = match sample {
        Ok(sample) => {
            messages.sample(&sample);
            let completeness = &sample.report.completeness;
            if let Some(observation) = &mut verdict.observation {
                observation.completeness.join(completeness);
            }
            judge_all(thresholds, &sample.found, completeness.trust(), request.top)
        }
        Err(failure @ (Failure::Observe(_) | Failure::CannotKnow(_))) => {
            let label = thresholds.aspect.label();
            verdict.failures.push(format!("{label}: {failure}"));
            JudgedQueues {
                thresholds,
                listeners: None,
                broken: 0,
                listed: Vec::new(),
            }
        }
        Err(failure) => return Err(failure),
    };
    let statuses = judged.listed.iter().map(|queue| queue.judgement.status);
    verdict.status = statuses.fold(verdict.status, CheckStatus::max);
    verdict.queues = Some(judged);
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Direction;

    #[test]
    fn groups_that_a_loss_may_make_too_large_prove_nothing() {
        let (least, nothing) = (Trust::AtLeast, Trust::Nothing);
        for (part, worth_of_it) in [
            (Part::Process(None), nothing),
            (Part::Pid(None), nothing),
            (Part::Direction(Some(Direction::Out)), nothing),
            (Part::Pid(Some(1)), least),
            (Part::Port(None), least),
        ] {
            let key = [Part::Port(Some(80)), part];
            assert_eq!(worth(least, &key), worth_of_it, "{part:?}");
            assert_eq!(worth(Trust::Exact, &key), Trust::Exact);
        }
    }
}
