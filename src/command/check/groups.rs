//! `--by KEYS`: each group judged on its own.

use super::{Check, Messages};
use crate::command::groups::{GroupSampler, Groups, Labels};
use crate::command::outcome::Failure;
use crate::command::sample::Sample;
use crate::judge::Ranking;
use crate::model::{
    CheckStatus, Counts, GroupKey, JudgedGroup, JudgedGroups, Part, Trust, Verdict, thousands,
};

/// Takes what samples are needed and judges each group.
pub(super) fn judge_each(
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
    // A group that could not be told apart before would seem to be new.
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
/// there is none at all, a group of no sockets is judged: "at least one" must not hold for nothing;
/// whether that was so is told as well.
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
