//! Judgements on counts made up.

use super::*;
use crate::model::{Quantity, State};

fn thresholds(subject: Subject, measure: Measure, warning: &str, critical: &str) -> Thresholds {
    let range = |word: &str| {
        let (inside, word) = match word.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        let (start, end) = word.split_once(':')?;
        Some(Range {
            inside,
            start: start.parse().ok(),
            end: end.parse().ok(),
        })
    };
    Thresholds {
        aspect: Aspect { subject, measure },
        warning: range(warning),
        critical: range(critical),
    }
}

const WAITING: Subject = Subject::State(State::TimeWait);

fn counts(time_wait: u64, others: u64) -> Counts {
    let mut counts = Counts::default();
    counts.add(State::TimeWait, time_wait);
    counts.add(State::Established, others);
    counts
}

fn judged(thresholds: Thresholds, counts: &Counts, trust: Trust) -> Judgement {
    let spread = Counts::default();
    let now = Evidence {
        counts,
        spread: &spread,
        trust,
    };
    judge(thresholds, Observed { now, earlier: None }).unwrap()
}

#[test]
fn the_worse_of_two_ranges_decides() {
    let thresholds = thresholds(WAITING, Measure::Count, "0:10", "0:20");
    for (sockets, expected) in [
        (0, CheckStatus::Ok),
        (10, CheckStatus::Ok),
        (11, CheckStatus::Warning),
        (20, CheckStatus::Warning),
        (21, CheckStatus::Critical),
    ] {
        let judgement = judged(thresholds, &counts(sockets, 5), Trust::Exact);
        assert_eq!(judgement.status, expected, "{sockets}");
    }
}

#[test]
fn a_share_is_of_all_requested_states_and_exact_at_its_limit() {
    let thresholds = thresholds(WAITING, Measure::Share, "0:50", "0:66.6");
    for (time_wait, others, expected) in [
        (0, 0, CheckStatus::Ok),
        (1, 1, CheckStatus::Ok),
        (500_001, 500_000, CheckStatus::Warning),
        (333, 167, CheckStatus::Ok.max(CheckStatus::Warning)),
        (2, 1, CheckStatus::Critical),
    ] {
        let judgement = judged(thresholds, &counts(time_wait, others), Trust::Exact);
        assert_eq!(judgement.status, expected, "{time_wait} {others}");
        let parts = Some((time_wait, time_wait + others));
        assert_eq!(judgement.measured.parts, parts);
    }
}

#[test]
fn a_rate_is_the_net_change_by_the_time_that_really_passed() {
    let thresholds = thresholds(WAITING, Measure::Rate, "-100:", "-200:");
    let (before, spread) = (counts(1_000, 0), Counts::default());
    for (after, milliseconds, expected) in [
        (900, 1_000, CheckStatus::Ok),
        (900, 999, CheckStatus::Warning),
        (900, 500, CheckStatus::Warning),
        (900, 499, CheckStatus::Critical),
        (1_000_000, 10, CheckStatus::Ok),
    ] {
        let now = counts(after, 0);
        let evidence = |counts| Evidence {
            counts,
            spread: &spread,
            trust: Trust::Exact,
        };
        let elapsed = Duration::from_millis(milliseconds);
        let observed = Observed {
            now: evidence(&now),
            earlier: Some((evidence(&before), elapsed)),
        };
        let judgement = judge(thresholds, observed).unwrap();
        assert_eq!(judgement.status, expected, "{after} {milliseconds}");
    }
    let alone = Observed {
        now: Evidence {
            counts: &before,
            spread: &spread,
            trust: Trust::Exact,
        },
        earlier: None,
    };
    assert_eq!(judge(thresholds, alone), None);
}

#[test]
fn after_a_loss_only_a_proven_critical_is_reported() {
    let too_many = |trust, sockets| {
        let thresholds = thresholds(WAITING, Measure::Count, "0:10", "0:20");
        judged(thresholds, &counts(sockets, 0), trust).status
    };
    for (trust, sockets, expected) in [
        (Trust::AtLeast, 21, CheckStatus::Critical),
        (Trust::AtLeast, 20, CheckStatus::Unknown),
        (Trust::AtLeast, 0, CheckStatus::Unknown),
        (Trust::Nothing, 21, CheckStatus::Unknown),
    ] {
        assert_eq!(too_many(trust, sockets), expected, "{trust:?} {sockets}");
    }
    let too_few = thresholds(WAITING, Measure::Count, "", "20:");
    let found = judged(too_few, &counts(1, 0), Trust::AtLeast);
    assert_eq!(found.status, CheckStatus::Unknown);
    assert!(found.breach.is_some());
    let share = thresholds(WAITING, Measure::Share, "", "0:50");
    let found = judged(share, &counts(9, 1), Trust::AtLeast);
    assert_eq!(found.status, CheckStatus::Unknown);
}

#[test]
fn what_may_be_off_proves_only_the_least_it_may_be() {
    let thresholds = thresholds(WAITING, Measure::Count, "", "0:10");
    for (off, expected) in [(1, CheckStatus::Critical), (2, CheckStatus::Unknown)] {
        let (counts, spread) = (counts(12, 0), counts(off, 0));
        let now = Evidence {
            counts: &counts,
            spread: &spread,
            trust: Trust::AtLeast,
        };
        let judgement = judge(thresholds, Observed { now, earlier: None }).unwrap();
        assert_eq!(judgement.status, expected, "{off}");
    }
}

#[test]
fn a_queue_is_full_beyond_its_limit_and_a_limit_of_0_holds_one() {
    let thresholds = thresholds(
        Subject::Quantity(Quantity::AcceptQueue),
        Measure::Share,
        "0:80",
        "0:100",
    );
    for (waiting, limit, expected) in [
        (0, 0, CheckStatus::Ok),
        (1, 0, CheckStatus::Critical),
        (0, 128, CheckStatus::Ok),
        (4, 5, CheckStatus::Ok),
        (103, 128, CheckStatus::Warning),
        (128, 128, CheckStatus::Warning),
        (129, 128, CheckStatus::Critical),
        (u32::MAX, u32::MAX, CheckStatus::Warning),
    ] {
        let judgement = judge_queue(thresholds, waiting, limit, Trust::Exact);
        assert_eq!(judgement.status, expected, "{waiting} {limit}");
    }
    let seen = |waiting| judge_queue(thresholds, waiting, 1, Trust::Nothing).status;
    assert_eq!(
        (seen(2), seen(1)),
        (CheckStatus::Critical, CheckStatus::Unknown)
    );
}

#[test]
fn a_judgement_depends_on_the_spread_where_an_end_is_within_it() {
    let thresholds = thresholds(WAITING, Measure::Count, "0:1000", "0:2000");
    let mut spread = Counts::default();
    spread.add(State::TimeWait, 2);
    for (sockets, expected) in [(997, false), (998, true), (1_002, true), (1_003, false)] {
        let now = counts(sockets, 0);
        let now = Evidence {
            counts: &now,
            spread: &spread,
            trust: Trust::Exact,
        };
        let judgement = judge(thresholds, Observed { now, earlier: None }).unwrap();
        assert_eq!(depends_on_spread(&judgement), expected, "{sockets}");
    }
    let exact = judged(thresholds, &counts(1_000, 0), Trust::Exact);
    assert!(!depends_on_spread(&exact));
}

#[test]
fn the_farther_on_the_wrong_side_the_worse() {
    let between = thresholds(WAITING, Measure::Count, "10:20", "5:30");
    let of = |sockets| judged(between, &counts(sockets, 0), Trust::Exact);
    assert!(worse(&of(31), &of(25)).is_gt());
    assert!(worse(&of(2), &of(3)).is_gt());
    assert!(worse(&of(40), &of(31)).is_gt());
    assert!(worse(&of(15), &of(12)).is_gt());
    let few = thresholds(WAITING, Measure::Count, "", "5:");
    let of = |sockets| judged(few, &counts(sockets, 0), Trust::Exact);
    assert!(worse(&of(6), &of(7)).is_gt());
}
