//! Queues with room that connections do not leave, or leave late.

use super::*;
use crate::model::Socket;

/// Connections with these numbers that wait at port 80.
fn waiting(numbers: std::ops::Range<u64>) -> Vec<Socket> {
    let one = |number| Socket {
        cookie: Some(number),
        ..socket(
            State::Established,
            "192.0.2.1:80",
            &format!("192.0.2.7:{number}"),
        )
    };
    numbers.map(one).collect()
}

/// What is found where those before the window and those after it wait at the first of these listeners,
/// and of the measured ones the first `long` have waited for `wait` ms, the others for 1 s.
fn found(
    [before, after]: [std::ops::Range<u64>; 2],
    (long, wait): (usize, u64),
    listeners: &[Socket],
    holders: &Holders,
) -> Vec<Finding> {
    let mut host = quiet().with_listeners(listeners);
    let rule: AcceptQueue = host.read(&waiting(before), &waiting(after));
    let measures = rule.suspects(&host).into_iter().enumerate();
    host.measures = measures.fold(Measures::default(), |measures, (place, ends)| {
        let wait = if place < long { wait } else { 1_000 };
        measures.with(ends, Metric::LastDataSent, wait)
    });
    host.examine_with(&rule, holders).findings
}

/// The severity at a single listener with room at which those after the window wait.
fn severity(
    [before, after]: [std::ops::Range<u64>; 2],
    measured: (usize, u64),
) -> Option<Severity> {
    let length = u32::try_from(after.end - after.start).unwrap();
    let one = listener("0.0.0.0:80", length, 4_096, 1);
    let found = found([before, after], measured, &[one], &Holders::default());
    found.first().map(|finding| finding.severity)
}

#[test]
fn a_queue_that_stands_still_is_critical_if_five_have_waited_for_five_seconds() {
    let (critical, warning) = (Some(Severity::Critical), Some(Severity::Warning));
    for (samples, measured, expected) in [
        ([1..6, 1..6], (5, 5_000), critical),
        ([1..6, 1..6], (5, 4_999), None),
        ([1..5, 1..5], (4, 60_000), None),
        ([1..2, 1..2], (1, 600_000), None),
        ([1..300, 1..300], (5, 21_000), critical),
        // They only wait longer than a second.
        ([1..300, 1..300], (4, 21_000), warning),
        // More arrive, and none leaves.
        ([1..6, 1..300], (5, 5_000), critical),
        // One left.
        ([1..7, 2..7], (5, 5_000), None),
        ([1..300, 2..300], (32, 21_000), warning),
        // They are all new.
        ([1..300, 300..600], (32, 5_000), None),
        ([1..1, 1..300], (32, 5_000), None),
    ] {
        let text = format!("{samples:?} {measured:?}");
        assert_eq!(severity(samples, measured), expected, "{text}");
    }
}

#[test]
fn a_slow_queue_warns_from_ten_that_waited_for_a_second() {
    for (samples, measured, expected) in [
        ([1..12, 2..12], (10, 1_000), Some(Severity::Warning)),
        ([1..12, 2..12], (1, 999), None),
        ([1..11, 2..11], (9, 4_000), None),
        ([1..901, 21..921], (32, 14_700), Some(Severity::Warning)),
    ] {
        let text = format!("{samples:?} {measured:?}");
        assert_eq!(severity(samples, measured), expected, "{text}");
    }
}

#[test]
fn a_finding_about_a_queue_with_room_advises_no_larger_backlog() {
    let one = || [listener("0.0.0.0:80", 299, 4_096, 1)];
    let stopped = found([1..300, 1..300], (32, 21_300), &one(), &Holders::default()).remove(0);
    assert_eq!(
        stopped.title,
        "299 connections wait to be accepted at 0.0.0.0:80: none left the queue in 1.0 s"
    );
    let evidence = stopped.evidence.join("; ");
    for text in [
        "299 connections waited throughout the window of 1.0 s, and none left the queue",
        "the longest wait of 32 connections measured: 21.3 s",
    ] {
        assert!(evidence.contains(text), "{evidence}");
    }
    let slow = found([1..320, 21..320], (32, 4_000), &one(), &Holders::default()).remove(0);
    assert_eq!(
        slow.title,
        "299 connections wait to be accepted at 0.0.0.0:80, some for a second or longer"
    );
    let evidence = slow.evidence.join("; ");
    assert!(
        evidence.contains("1.0 s, and 20 left the queue"),
        "{evidence}"
    );
    assert!(stopped.remedy[0].contains("there does not accept"));
    assert!(slow.remedy[0].contains("there accepts so late"));
    for finding in [stopped, slow] {
        assert!(!finding.remedy.join(" ").contains("backlog"), "{finding:?}");
    }
}

#[test]
fn without_a_descriptor_left_a_queue_that_stands_still_for_a_second_is_critical() {
    let mut holders = Holders::default();
    holders.set(1, ProcessName::new(b"api"), 10);
    for (open, samples, severity) in [
        (64, [1..11, 1..11], Severity::Critical),
        (63, [1..11, 1..11], Severity::Warning),
        (64, [1..12, 2..12], Severity::Warning),
    ] {
        holders.set_descriptors(10, Ok(Descriptors { open, limit: 64 }));
        let one = listener("0.0.0.0:80", 10, 16, 1);
        let found = found(samples, (0, 0), &[one], &holders).remove(0);
        assert_eq!(found.severity, severity, "{found:?}");
        assert_eq!(found.evidence[0].contains("EMFILE"), open == 64);
    }
}

#[test]
fn connections_that_may_wait_at_another_listener_do_not_count() {
    for (beside, expected) in [(0, true), (5, true), (6, false)] {
        let listeners = [
            listener("0.0.0.0:80", 10, 128, 1),
            listener("0.0.0.0:80", beside, 128, 2),
        ];
        let found = found([1..11, 1..11], (10, 9_000), &listeners, &Holders::default());
        let found: Vec<_> = found.iter().map(|finding| &finding.inodes[..]).collect();
        let expected: &[&[u64]] = if expected { &[&[1]] } else { &[] };
        assert_eq!(found, expected, "{beside}");
    }
}

#[test]
fn sockets_without_a_program_that_are_in_no_queue_do_not_count() {
    for (length, expected) in [(10, 1), (5, 1), (4, 0)] {
        let one = listener("0.0.0.0:80", length, 128, 1);
        let found = found([1..11, 1..11], (10, 9_000), &[one], &Holders::default());
        assert_eq!(found.len(), expected, "{length}");
    }
}

#[test]
fn without_measures_a_queue_with_room_is_not_evaluated() {
    let host = quiet().with_listeners(&[listener("0.0.0.0:80", 299, 4_096, 1)]);
    let rule: AcceptQueue = host.read(&waiting(1..300), &waiting(1..300));
    assert!(host.examine(&rule).findings.is_empty());
}

#[test]
fn one_that_waits_is_critical_if_a_process_of_the_listener_has_no_descriptor_left() {
    let one = listener("0.0.0.0:80", 1, 16, 1);
    let mut holders = Holders::default();
    holders.set(1, ProcessName::new(b"web"), 10);
    for (samples, open, expected) in [
        ([1..2, 1..2], 64, Some(Severity::Critical)),
        ([1..2, 1..2], 63, None),
        // It left the queue, or has just come.
        ([1..3, 2..3], 64, None),
        ([1..1, 1..2], 64, None),
    ] {
        holders.set_descriptors(10, Ok(Descriptors { open, limit: 64 }));
        let found = found(
            samples.clone(),
            (1, 1_000),
            std::slice::from_ref(&one),
            &holders,
        );
        let severity = found.first().map(|finding| finding.severity);
        assert_eq!(severity, expected, "{samples:?} {open}");
    }
    let mut host = quiet().with_listeners(&[one]);
    let rule: AcceptQueue = host.read(&waiting(1..2), &waiting(1..2));
    host.measures = Measures::default();
    let examined = host.examine(&rule);
    assert!(examined.findings.is_empty());
    assert_eq!(examined.searched, [1]);
}
