//! The worst of many groups, without keeping all of them.

use std::cmp::Ordering;

use super::worse;
use crate::model::{CheckStatus, Judgement};

/// Groups judged by the same limits, of which the worst are kept.
#[derive(Debug)]
pub struct Ranking<K> {
    /// How many of the worst to keep.
    most: usize,
    /// How many were judged.
    pub groups: u64,
    /// How many break a range for warnings and none that is critical.
    pub warning: u64,
    /// How many break a critical range.
    pub critical: u64,
    /// The status of the worst.
    pub status: CheckStatus,
    listed: Vec<(K, Vec<Judgement>)>,
    /// Of each aspect the worst, whether it breaks a range or not.
    worst: Vec<(K, Judgement)>,
}

impl<K: Clone + Ord> Ranking<K> {
    /// Keeps the `most` worst of those that break a range.
    pub fn new(most: usize) -> Ranking<K> {
        Ranking {
            most,
            groups: 0,
            warning: 0,
            critical: 0,
            status: CheckStatus::Ok,
            listed: Vec::new(),
            worst: Vec::new(),
        }
    }

    /// Takes a group with its judgements, one for each aspect, in the same order for all groups.
    pub fn add(&mut self, key: &K, judgements: Vec<Judgement>) {
        self.groups += 1;
        self.status = self
            .status
            .max(known(&judgements).unwrap_or(CheckStatus::Ok));
        for (place, judgement) in judgements.iter().enumerate() {
            match self.worst.get_mut(place) {
                None => self.worst.push((key.clone(), *judgement)),
                Some(worst) => {
                    let order = worse(judgement, &worst.1);
                    if order.then_with(|| worst.0.cmp(key)).is_gt() {
                        *worst = (key.clone(), *judgement);
                    }
                }
            }
        }
        match apparent(&judgements) {
            CheckStatus::Ok | CheckStatus::Unknown => return,
            CheckStatus::Warning => self.warning += 1,
            CheckStatus::Critical => self.critical += 1,
        }
        self.listed.push((key.clone(), judgements));
        if self.listed.len() > self.most.saturating_mul(2).saturating_add(1_000) {
            self.cut();
        }
    }

    /// The worst groups of those that break a range, the worst first; and of each aspect the
    /// worst group.
    #[allow(
        clippy::type_complexity,
        reason = "two lists of what was put in, nothing more"
    )]
    pub fn into_worst(mut self) -> (Vec<(K, Vec<Judgement>)>, Vec<(K, Judgement)>) {
        self.cut();
        (self.listed, self.worst)
    }

    fn cut(&mut self) {
        self.listed
            .sort_by(|(a_key, a), (b_key, b)| compare(b, a).then_with(|| a_key.cmp(b_key)));
        self.listed.truncate(self.most);
    }
}

/// The worst that is known of them.
fn known(judgements: &[Judgement]) -> Option<CheckStatus> {
    judgements.iter().map(|judgement| judgement.status).max()
}

/// The worst that the values say, whether they prove anything or not.
fn apparent(judgements: &[Judgement]) -> CheckStatus {
    let breaches = judgements.iter().filter_map(|judgement| judgement.breach);
    let worst = breaches.map(|breach| breach.status).max();
    worst.unwrap_or(CheckStatus::Ok)
}

/// What is known comes before what only seems so: the first of the groups explains the status.
fn compare(a: &[Judgement], b: &[Judgement]) -> Ordering {
    let known = known(a).cmp(&known(b));
    let severity = known.then_with(|| apparent(a).cmp(&apparent(b)));
    severity.then_with(|| {
        let mut pairs = a.iter().zip(b);
        let first = pairs.find_map(|(a, b)| Some(worse(a, b)).filter(|order| order.is_ne()));
        first.unwrap_or(Ordering::Equal)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::judge_queue;
    use crate::model::{Aspect, Decimal, Limits, Measure, Range, Subject, Trust};

    fn judged(waiting: u32) -> Vec<Judgement> {
        let above = |end| {
            Some(Range {
                inside: false,
                start: Some(Decimal::ZERO),
                end: Decimal::parse(end),
            })
        };
        let limits = Limits {
            aspect: Aspect {
                subject: Subject::AcceptQueue,
                measure: Measure::Share,
            },
            warning: above("10"),
            critical: above("1000"),
        };
        vec![judge_queue(limits, waiting, 100, Trust::Exact)]
    }

    #[test]
    fn the_worst_of_many_are_kept_in_their_order_and_all_are_counted() {
        let mut ranking = Ranking::new(3);
        for key in 0..5_000_u32 {
            ranking.add(&key, judged(key));
        }
        assert_eq!(ranking.status, CheckStatus::Critical);
        let counted = (ranking.groups, ranking.warning, ranking.critical);
        assert_eq!(counted, (5_000, 990, 3_999));
        let (listed, worst) = ranking.into_worst();
        let keys: Vec<_> = listed.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, [4_999, 4_998, 4_997]);
        assert_eq!(worst[0].0, 4_999);
    }

    #[test]
    fn what_is_proven_critical_comes_before_what_only_seems_so() {
        let unproven = judge_queue(judged(1)[0].limits, 9_999, 100, Trust::AtLeast);
        let unproven = Judgement {
            status: CheckStatus::Unknown,
            ..unproven
        };
        let quiet = Judgement {
            breach: None,
            ..unproven
        };
        let mut ranking = Ranking::new(1);
        ranking.add(&"seems", vec![unproven, quiet]);
        ranking.add(&"is", vec![quiet, judged(1_001)[0]]);
        assert_eq!(ranking.status, CheckStatus::Critical);
        assert_eq!(ranking.into_worst().0[0].0, "is");
    }

    #[test]
    fn of_equals_the_first_key_comes_first_and_the_harmless_are_not_listed() {
        let mut ranking = Ranking::new(9);
        for key in ["c", "a", "b"] {
            ranking.add(&key, judged(50));
        }
        ranking.add(&"harmless", judged(10));
        let (listed, worst) = ranking.into_worst();
        let keys: Vec<_> = listed.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["a", "b", "c"]);
        assert_eq!(worst[0].0, "a");
    }
}
