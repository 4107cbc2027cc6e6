//! The worst of many groups, without keeping all of them.

use std::cmp::Ordering;

use crate::model::{CheckStatus, Judgement, Side};

/// The worst of many groups judged by the same thresholds.
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
        self.status = self.status.max(known(&judgements));
        for (place, judgement) in judgements.iter().enumerate() {
            match self.worst.get_mut(place) {
                None => self.worst.push((key.clone(), *judgement)),
                Some(known) => {
                    let order = worse(judgement, &known.1);
                    if order.then_with(|| known.0.cmp(key)).is_gt() {
                        *known = (key.clone(), *judgement);
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
        self.listed.sort_unstable_by(|(a_key, a), (b_key, b)| {
            compare(b, a).then_with(|| a_key.cmp(b_key))
        });
        self.listed.truncate(self.most);
    }
}

/// The worst that is known of them.
fn known(judgements: &[Judgement]) -> CheckStatus {
    let statuses = judgements.iter().map(|judgement| judgement.status);
    statuses.max().unwrap_or(CheckStatus::Ok)
}

/// The worst that the values say, whether they prove anything or not.
fn apparent(judgements: &[Judgement]) -> CheckStatus {
    let breaches = judgements.iter().filter_map(|judgement| judgement.breach);
    let worst = breaches.map(|breach| breach.status).max();
    worst.unwrap_or(CheckStatus::Ok)
}

/// What is proven comes before what is not: the first of the groups explains the status.
fn compare(a: &[Judgement], b: &[Judgement]) -> Ordering {
    let severity = |judgements| (known(judgements), apparent(judgements));
    severity(a).cmp(&severity(b)).then_with(|| {
        let orders = a.iter().zip(b).map(|(a, b)| worse(a, b));
        orders.fold(Ordering::Equal, Ordering::then)
    })
}

/// Compares two judgements by the same thresholds: `Greater` where `a` is worse. Of those that are
/// equally severe, the one farther on the wrong side.
pub fn worse(a: &Judgement, b: &Judgement) -> Ordering {
    let severity = |one: &Judgement| (one.status, apparent(&[*one]));
    severity(a).cmp(&severity(b)).then_with(|| {
        let by_value = a.measured.value.total_cmp(&b.measured.value);
        let too_many = match a.breach.map(|breach| breach.side) {
            Some(Side::Below) => false,
            Some(Side::Above) => true,
            Some(Side::Within) | None => a.thresholds.are_about_too_many(),
        };
        if too_many {
            by_value
        } else {
            by_value.reverse()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::judge_queue;
    use crate::model::{Aspect, Measure, Quantity, Range, Subject, Thresholds, Trust};

    fn judged(waiting: u32) -> Vec<Judgement> {
        let above = |end| {
            Some(Range {
                inside: false,
                start: Some(0.0),
                end: Some(end),
            })
        };
        let thresholds = Thresholds {
            aspect: Aspect {
                subject: Subject::Quantity(Quantity::AcceptQueue),
                measure: Measure::Share,
            },
            warning: above(10.0),
            critical: above(1_000.0),
        };
        vec![judge_queue(thresholds, waiting, 100, Trust::Exact)]
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
    fn proven_critical_groups_come_before_unproven_ones() {
        let unproven = judge_queue(judged(1)[0].thresholds, 9_999, 100, Trust::AtLeast);
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
    fn equal_groups_are_ordered_by_key_and_those_within_the_range_are_not_listed() {
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
