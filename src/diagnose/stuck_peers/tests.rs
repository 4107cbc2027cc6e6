//! The rule at, below and above its limits.

use std::time::Duration;

use super::*;
use crate::diagnose::Measures;
use crate::diagnose::testing::{facts, socket};
use crate::model::Timer;

fn connection(unread: u32, unsent: u32, timer: Option<TimerKind>) -> Socket {
    Socket {
        receive_queue: unread,
        send_queue: unsent,
        timer: timer.map(|kind| Timer {
            kind,
            remaining: Duration::ZERO,
        }),
        retransmits: Some(1),
        inode: 5,
        cookie: Some(7),
        ..socket(State::Established, "192.0.2.1:80", "192.0.2.9:1")
    }
}

/// The titles of what is found of one connection among `others` on which nothing waits.
fn titles(before: &Socket, after: &Socket, others: u32) -> Vec<String> {
    let mut queues = Queues::default();
    queues.add(before);
    let mut seen = Stuck::after(queues);
    seen.add(after);
    for _ in 0..others {
        seen.add(&connection(0, 0, None));
    }
    let examined = examine(&seen, &facts(), &Holders::default());
    assert_eq!(examined.lacking, None);
    let wanted = wanted(&seen, &facts());
    assert_eq!(wanted.len(), examined.findings.len());
    examined
        .findings
        .into_iter()
        .map(|finding| finding.title)
        .collect()
}

#[test]
fn a_queue_is_stuck_that_is_probed_or_sent_again_and_has_not_moved() {
    use TimerKind::{KeepAlive, Persist, Retransmit};
    for (before, after, timer, stuck) in [
        (500, 500, Some(Persist), true),
        (500, 500, Some(Retransmit), true),
        (500, 500, Some(KeepAlive), false),
        (500, 500, None, false),
        (500, 400, Some(Persist), false),
        (0, 500, Some(Persist), false),
    ] {
        let titles = titles(
            &connection(0, before, None),
            &connection(0, after, timer),
            0,
        );
        assert_eq!(
            titles.len(),
            usize::from(stuck),
            "{before} {after} {timer:?}"
        );
    }
}

/// What is said of a connection that had so much to send twice, and sent so much in a second.
fn of_long(before: u32, after: u32, sent: u64, round_trip: u64) -> Examined {
    let mut queues = Queues::default();
    queues.add(&connection(0, before, None));
    assert_eq!(
        queues.longest().len(),
        usize::from(before >= LONG_SEND_QUEUE)
    );
    let mut seen = Stuck::after(queues);
    seen.add(&connection(0, after, None));
    let mut facts = facts();
    for ends in suspects(&seen) {
        facts.measures_before = Measures::default().with(ends, Metric::BytesSent, 7);
        facts.measures = Measures::default()
            .with(ends, Metric::BytesSent, 7 + sent)
            .with(ends, Metric::RoundTripTime, round_trip);
    }
    examine(&seen, &facts, &Holders::default())
}

#[test]
fn a_long_queue_that_moves_is_a_transfer_and_one_that_hardly_moves_is_slow() {
    let long = LONG_SEND_QUEUE;
    let tenth = u64::from(long) / 10;
    for (before, after, sent, found) in [
        (long, long, 0, true),
        (long, long, tenth, true),
        (long, long, tenth + 1, false),
        (long, long, 1 << 30, false),
        (long, long - 1, 0, false),
        (long - 1, long, 0, false),
    ] {
        let examined = of_long(before, after, sent, 40_000);
        assert_eq!(examined.findings.len(), usize::from(found), "{sent}");
        assert_eq!(examined.lacking, None);
    }
    let finding = of_long(long, long, 5, 40_000).findings.remove(0);
    assert_eq!(
        finding.title,
        "1 of 1 established connection stuck at peers that take little or nothing of 1,048,576 bytes"
    );
    assert_eq!(
        finding.evidence[0],
        "over 1.0 s, 1 too slow to empty 1 MiB or more within 10 s"
    );
    assert!(finding.causes.is_empty());
}

#[test]
fn how_fast_a_long_queue_moves_is_not_known_within_two_round_trips_or_without_measures() {
    let long = LONG_SEND_QUEUE;
    assert_eq!(of_long(long, long, 0, 500_000).findings.len(), 1);
    let within = of_long(long, long, 0, 500_001);
    assert!(within.findings.is_empty());
    assert!(
        within
            .lacking
            .unwrap()
            .starts_with("how fast 1 connection with 1 MiB")
    );
    let mut queues = Queues::default();
    let one = |number: u64| Socket {
        cookie: Some(number),
        ..connection(0, long, None)
    };
    (0..=MEASURED as u64).for_each(|number| queues.add(&one(number)));
    let mut seen = Stuck::after(queues);
    (0..=MEASURED as u64).for_each(|number| seen.add(&one(number)));
    assert_eq!(suspects(&seen).len(), MEASURED);
    let examined = examine(&seen, &facts(), &Holders::default());
    assert!(examined.findings.is_empty());
    assert!(
        examined
            .lacking
            .unwrap()
            .starts_with("how fast 65 connections")
    );
}

#[test]
fn a_first_retransmission_that_is_only_planned_is_none() {
    let mut sent_once = connection(0, 500, Some(TimerKind::Retransmit));
    sent_once.retransmits = Some(0);
    assert!(titles(&connection(0, 500, None), &sent_once, 0).is_empty());
}

#[test]
fn one_peer_in_a_hundred_is_told_or_many_bytes() {
    let stuck = |bytes| connection(0, bytes, Some(TimerKind::Persist));
    assert_eq!(titles(&stuck(500), &stuck(500), 99).len(), 1);
    assert!(titles(&stuck(500), &stuck(500), 100).is_empty());
    let many = u32::try_from(STUCK_BYTES).unwrap();
    assert_eq!(titles(&stuck(many), &stuck(many), 1_000).len(), 1);
    assert!(titles(&stuck(many - 1), &stuck(many - 1), 1_000).is_empty());
}

#[test]
fn what_is_long_and_stands_still_lies_unread() {
    for (before, after, found) in [
        (LONG_RECEIVE_QUEUE, LONG_RECEIVE_QUEUE, true),
        (LONG_RECEIVE_QUEUE + 1, LONG_RECEIVE_QUEUE + 1, true),
        (LONG_RECEIVE_QUEUE, LONG_RECEIVE_QUEUE + 1, false),
        (LONG_RECEIVE_QUEUE - 1, LONG_RECEIVE_QUEUE, false),
        (LONG_RECEIVE_QUEUE - 1, LONG_RECEIVE_QUEUE - 1, false),
        (LONG_RECEIVE_QUEUE + 1, LONG_RECEIVE_QUEUE, false),
    ] {
        let titles = titles(
            &connection(before, 0, None),
            &connection(after, 0, None),
            900,
        );
        assert_eq!(titles.len(), usize::from(found), "{before} {after}");
        let told = titles.iter();
        assert!(
            told.clone()
                .all(|title| title.ends_with("bytes lie unread on 1 connection"))
        );
    }
}

#[test]
fn what_nobody_holds_is_nobodys_to_read_and_a_copy_does_not_move() {
    let mut unaccepted = connection(LONG_RECEIVE_QUEUE, 0, None);
    unaccepted.inode = 0;
    assert!(titles(&unaccepted, &unaccepted, 0).is_empty());
    let mut facts = facts();
    facts.copied = true;
    let examined = examine(&Stuck::default(), &facts, &Holders::default());
    assert!(examined.lacking.is_some());
}

#[test]
fn all_that_are_stuck_are_counted_though_the_holders_of_some_are_looked_for() {
    let mut queues = Queues::default();
    let stuck = connection(0, 10, Some(TimerKind::Persist));
    queues.add(&stuck);
    let mut seen = Stuck::after(queues);
    (0..=KEPT).for_each(|_| seen.add(&stuck));
    assert_eq!(wanted(&seen, &facts()).len(), KEPT);
    let finding = peers(&seen, &facts(), &Holders::default()).unwrap();
    assert_eq!(
        finding.title,
        "20,001 of 20,001 established connections stuck at peers that take nothing of 200,010 bytes"
    );
    assert_eq!(finding.evidence[2], "holders are those of the first 20,000");
}
