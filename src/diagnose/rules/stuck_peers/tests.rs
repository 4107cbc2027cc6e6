//! The rule at, below and above its limits.

use std::time::Duration;

use super::*;
use crate::diagnose::rule::FirstPass;
use crate::diagnose::testing::{host, socket};
use crate::model::{Socket, SourceName, Timer};

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
    let host = host();
    let mut rule: StuckPeers = host.read(std::slice::from_ref(before), std::slice::from_ref(after));
    (0..others).for_each(|_| host.add(&mut rule, &connection(0, 0, None)));
    let examined = host.examine(&rule);
    assert!(examined.lacking.is_empty());
    let found = examined.findings.into_iter();
    found
        .map(|finding| {
            assert_eq!(finding.inodes, [5]);
            finding.title
        })
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

/// What is found of a connection that had so much to send twice, and sent so much in a second.
fn of_long(before: u32, after: u32, sent: u64, round_trip: u64) -> Examined {
    let mut host = host();
    let mut queues = Queues::default();
    let earlier = connection(0, before, None);
    queues.add(&earlier, earlier.internet().unwrap());
    let is_long = before >= LONG_SEND_QUEUE;
    assert_eq!(queues.suspects().len(), usize::from(is_long));
    let mut rule = StuckPeers::default();
    rule.begin(queues, &host);
    host.add(&mut rule, &connection(0, after, None));
    for ends in rule.suspects(&host) {
        host.measures_before = Measures::default().with(ends, Metric::BytesSent, 7);
        host.measures = Measures::default()
            .with(ends, Metric::BytesSent, 7 + sent)
            .with(ends, Metric::RoundTripTime, round_trip);
    }
    host.examine(&rule)
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
        assert!(examined.lacking.is_empty());
    }
    let finding = of_long(long, long, 5, 40_000).findings.remove(0);
    assert_eq!(
        finding.title,
        "1 of 1 established connection is stuck at peers that take little or nothing of 1,048,576 bytes"
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
    assert!(within.lacking[0].starts_with("the rate of 1 connection with 1 MiB"));
    let one = |number: u64| Socket {
        cookie: Some(number),
        ..connection(0, long, None)
    };
    let sockets: Vec<Socket> = (0..=MEASURED as u64).map(one).collect();
    let host = host();
    let rule: StuckPeers = host.read(&sockets, &sockets);
    assert_eq!(rule.suspects(&host).len(), MEASURED);
    let examined = host.examine(&rule);
    assert!(examined.findings.is_empty());
    assert!(examined.lacking[0].starts_with("the rate of 65 connections"));
}

#[test]
fn a_first_retransmission_that_is_only_planned_is_none() {
    let mut sent_once = connection(0, 500, Some(TimerKind::Retransmit));
    sent_once.retransmits = Some(0);
    assert!(titles(&connection(0, 500, None), &sent_once, 0).is_empty());
}

#[test]
fn one_peer_in_a_hundred_is_reported_or_many_bytes() {
    let stuck = |bytes| connection(0, bytes, Some(TimerKind::Persist));
    assert_eq!(titles(&stuck(500), &stuck(500), 99).len(), 1);
    assert!(titles(&stuck(500), &stuck(500), 100).is_empty());
    let many = u32::try_from(STUCK_BYTES).unwrap();
    assert_eq!(titles(&stuck(many), &stuck(many), 1_000).len(), 1);
    assert!(titles(&stuck(many - 1), &stuck(many - 1), 1_000).is_empty());
}

#[test]
fn long_receive_queues_that_do_not_change_are_unread() {
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
        let is_unread = |title: &String| title.starts_with("1 connection has ");
        assert!(titles.iter().all(is_unread));
    }
}

#[test]
fn without_a_process_nothing_is_unread() {
    let mut unaccepted = connection(LONG_RECEIVE_QUEUE, 0, None);
    unaccepted.inode = 0;
    assert!(titles(&unaccepted, &unaccepted, 0).is_empty());
}

#[test]
fn with_mptcp_sockets_or_in_a_copied_tree_it_is_not_examined() {
    let lacking = |host: Host| {
        let examined = host.examine::<StuckPeers>(&host.read(&[], &[]));
        assert!(examined.findings.is_empty());
        examined.lacking
    };
    let mut over_proc = host();
    over_proc.source = SourceName::Proc;
    assert!(lacking(over_proc).is_empty());
    let mut mptcp = host();
    mptcp.unlisted.mptcp = Ok(1);
    assert!(lacking(mptcp)[0].starts_with("1 MPTCP socket is not in the TCP table"));
    let mut copied = host();
    copied.copied = true;
    assert!(lacking(copied)[0].contains("copied tree"));
}

#[test]
fn all_that_are_stuck_are_counted_though_processes_are_searched_for_a_part() {
    let host = host();
    let stuck = connection(0, 10, Some(TimerKind::Persist));
    let mut rule: StuckPeers = host.read(std::slice::from_ref(&stuck), &[]);
    (0..=20_000).for_each(|_| host.add(&mut rule, &stuck));
    let finding = host.examine(&rule).findings.remove(0);
    assert_eq!(finding.inodes.len(), 20_000);
    assert_eq!(
        finding.title,
        "20,001 of 20,001 established connections are stuck at peers that take nothing of 200,010 bytes"
    );
    assert_eq!(
        finding.evidence[2],
        "processes are searched only for the first 20,000 sockets"
    );
}
