//! `--by KEYS`: each group judged on its own.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use super::{limits, top};
use crate::cli::Check;
use crate::command::failure::Failure;
use crate::command::grouped::{Sample, Sampler};
use crate::command::labels::Labels;
use crate::command::notes::Notes;
use crate::judge::{Evidence, Observed, Ranking, judge};
use crate::model::{
    CheckStatus, Counts, Field, JudgedGroup, JudgedGroups, Judgement, Key, Label, Limits, Part,
    Trust, Verdict, thousands,
};

/// A sample, and the middle of the time it took.
struct Taken {
    sample: Sample,
    middle: Instant,
    trust: Trust,
}

/// Takes what samples are needed and judges them.
pub(super) fn judged(
    typed: &Check,
    keys: &[Key],
    by: &[Limits],
    window: Option<Duration>,
    notes: &mut Notes<impl Write>,
) -> Result<Verdict, Failure> {
    let mut sampler = Sampler::new(&typed.selection, &typed.sourcing, &typed.owning, keys)?;
    limits::refuse_unasked(typed, sampler.asked())?;
    let earlier = match window {
        None => None,
        Some(window) => {
            let earlier = take(&mut sampler, notes)?;
            thread::sleep(window);
            Some(earlier)
        }
    };
    let now = take(&mut sampler, notes)?;
    let (ranking, judged_empty) = rank(by, &now, earlier.as_ref(), top(typed));
    let status = ranking.status;
    // A group that could not be told apart before would seem to be new.
    let beyond = earlier.iter().chain([&now]);
    let beyond = beyond.filter_map(|taken| taken.sample.beyond.as_ref());
    let beyond = beyond.map(|beyond| beyond.counts.total()).max();
    let groups = JudgedGroups {
        all: beyond.is_none(),
        judged_empty,
        ..arrange(ranking, sampler.fields())
    };
    let mut observation = now.sample.report.observation(now.sample.time);
    if let Some(earlier) = &earlier {
        observation
            .completeness
            .join(&earlier.sample.report.completeness);
    }
    let failures = beyond.map(|sockets| {
        let sockets = thousands(sockets);
        format!("too many groups: {sockets} sockets of further ones were not judged")
    });
    Ok(Verdict {
        time: observation.time,
        observation: Some(observation),
        status,
        failures: failures.into_iter().collect(),
        asked: sampler.asked(),
        counts: now.sample.counts,
        spread: Counts::default(),
        judgements: Vec::new(),
        groups: Some(groups),
        queues: None,
        remarks: Vec::new(),
    })
}

fn take(sampler: &mut Sampler, notes: &mut Notes<impl Write>) -> Result<Taken, Failure> {
    let sample = sampler.sample(notes)?;
    let middle = Instant::now()
        .checked_sub(sample.took / 2)
        .unwrap_or_else(Instant::now);
    notes.sample_with(&sample.report, sample.search.as_ref(), sample.took);
    let trust = sample.report.completeness.trust();
    Ok(Taken {
        sample,
        middle,
        trust,
    })
}

/// Judges every group of the sample, and those that were there before and have vanished. Where
/// there is none at all, a group of no sockets is judged: "at least one" must not hold for nothing;
/// whether that was so is told as well.
fn rank(
    by: &[Limits],
    now: &Taken,
    earlier: Option<&Taken>,
    most: usize,
) -> (Ranking<Box<[Part]>>, bool) {
    let mut ranking = Ranking::new(most);
    let none = Counts::default();
    let groups = &now.sample.groups;
    for (key, counts) in groups {
        ranking.add(key, judge_group(by, now, earlier, key, counts));
    }
    let before = earlier
        .iter()
        .flat_map(|earlier| earlier.sample.groups.keys());
    for key in before.filter(|key| !groups.contains_key(*key)) {
        ranking.add(key, judge_group(by, now, earlier, key, &none));
    }
    let is_empty = ranking.groups == 0;
    if is_empty {
        let key: Box<[Part]> = Box::new([]);
        ranking.add(&key, judge_group(by, now, earlier, &key, &none));
        ranking.groups = 0;
    }
    (ranking, is_empty)
}

fn judge_group(
    by: &[Limits],
    now: &Taken,
    earlier: Option<&Taken>,
    key: &[Part],
    counts: &Counts,
) -> Vec<Judgement> {
    let none = Counts::default();
    let evidence = |taken: &Taken, counts| Evidence {
        counts,
        spread: &none,
        trust: worth(taken.trust, key),
    };
    let earlier = earlier.map(|taken| {
        let counts = taken.sample.groups.get(key).unwrap_or(&none);
        let elapsed = now.middle.saturating_duration_since(taken.middle);
        (evidence(taken, counts), elapsed)
    });
    let observed = Observed {
        now: evidence(now, counts),
        earlier,
    };
    by.iter()
        .filter_map(|limits| judge(*limits, observed))
        .collect()
}

/// What the numbers of a group are worth. Where a holder may have been missed, the group of those
/// that nobody holds may be too large; where a listener, any that hangs on who listens.
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

/// Labels the worst groups.
fn arrange(ranking: Ranking<Box<[Part]>>, fields: Vec<Field>) -> JudgedGroups {
    let mut labels = Labels::default();
    let mut label = |key: &[Part]| -> Vec<Label> {
        let parts = fields.iter().zip(key);
        parts
            .map(|(field, part)| labels.label(*field, *part))
            .collect()
    };
    let (groups, warning, critical) = (ranking.groups, ranking.warning, ranking.critical);
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
    let worst = worst.into_iter();
    let worst = worst.map(|(key, judgement)| (label(&key), judgement));
    let worst = worst.collect();
    JudgedGroups {
        groups,
        all: true,
        warning,
        critical,
        listed,
        worst,
        judged_empty: false,
        fields,
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
