//! Readers and peers that may pause, at, below and above the limit.

use super::*;

/// What is found of these, each seen again and again with measures that do not change.
fn still(sockets: &[Socket]) -> Vec<Finding> {
    let mut host = web();
    let rule: StuckPeers = host.read(sockets, sockets);
    host.see(&rule, sockets);
    host.see(&rule, sockets);
    host.examine(&rule).findings
}

#[test]
fn a_reader_that_may_pause_is_information_for_two_minutes_and_one_that_never_read_warns() {
    let reader = |number, received, since| {
        let measures = [
            (Metric::BytesReceived, received),
            (Metric::LastDataReceived, since),
        ];
        seen(connection(number, LONG_QUEUE, 0, false), &measures)
    };
    let unread = u64::from(LONG_QUEUE);
    for (received, since, severity) in [
        (unread + 1, 119_999, Severity::Info),
        (unread + 1, 120_000, Severity::Warning),
        (unread, 0, Severity::Warning),
    ] {
        let found = still(&[reader(1, received, since)]);
        assert_eq!((found.len(), found[0].severity), (1, severity), "{found:?}");
    }
    let pauses = still(&[reader(1, unread + 1, 7_250), reader(2, unread + 1, 9_000)]);
    assert_eq!(
        pauses[0].title,
        "2 connections have 32,768 unread bytes, of which nothing was read in 5.0 s"
    );
    let since = "no data has arrived on any of them for 7.2 s or longer";
    assert_eq!(pauses[0].evidence[1], since);
    let both = still(&[reader(1, unread + 1, 7_250), reader(2, unread + 1, 120_000)]);
    assert_eq!(both.len(), 1, "{both:?}");
    assert_eq!(both[0].title, "1 connection has 16,384 unread bytes");
    let evidence = both[0].evidence.join("; ");
    assert!(evidence.contains("for 120.0 s or longer"), "{evidence}");
    let more = "1 more connection from which nothing was read in that time may be read later";
    assert!(evidence.ends_with(more), "{evidence}");
}

#[test]
fn peers_that_may_pause_are_information_for_two_minutes_and_those_that_never_read_warn_after_20_s()
{
    let taken = 128 << 10;
    for (acknowledged, since, severity) in [
        (taken + 1, 119_999, Severity::Info),
        (taken + 1, 120_000, Severity::Warning),
        (taken, 19_999, Severity::Info),
        (taken, 20_000, Severity::Warning),
    ] {
        let measures = [
            (Metric::BytesAcked, acknowledged),
            (Metric::LastDataSent, since),
        ];
        let peers = (1..=3).map(|number| seen(connection(number, 0, 500, true), &measures));
        let found = still(&peers.collect::<Vec<_>>());
        assert_eq!((found.len(), found[0].severity), (1, severity), "{found:?}");
    }
}

#[test]
fn over_proc_it_is_unknown_whether_a_reader_pauses() {
    let mut host = web();
    host.source = SourceName::Proc;
    let one = [connection(1, LONG_QUEUE, 0, false)];
    let rule: StuckPeers = host.read(&one, &one);
    host.see(&rule, &one);
    host.see(&rule, &one);
    let examined = host.examine(&rule);
    assert_eq!(examined.findings[0].severity, Severity::Info);
    assert_eq!(examined.lacking, [UNTIMED]);
}
