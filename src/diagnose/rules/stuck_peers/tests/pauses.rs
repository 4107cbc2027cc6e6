//! Readers and peers that may pause, at, below and above the limit.

use super::*;

/// What is found of these, each seen again and again with measures that do not change.
fn still(mut host: Host, sockets: &[Socket]) -> Vec<Finding> {
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
        let found = still(web(), &[reader(1, received, since)]);
        assert_eq!((found.len(), found[0].severity), (1, severity), "{found:?}");
    }
    let pauses = still(
        web(),
        &[reader(1, unread + 1, 7_250), reader(2, unread + 1, 9_000)],
    );
    assert_eq!(
        pauses[0].title,
        "2 connections have 32,768 unread bytes, of which nothing was read in 5.0 s"
    );
    let since = "no data has arrived on any of them for 7.2 s or longer";
    assert_eq!(pauses[0].evidence[1], since);
    let both = still(
        web(),
        &[reader(1, unread + 1, 7_250), reader(2, unread + 1, 120_000)],
    );
    assert_eq!(both.len(), 1, "{both:?}");
    assert_eq!(both[0].title, "1 connection has 16,384 unread bytes");
    let evidence = both[0].evidence.join("; ");
    assert!(evidence.contains("for 120.0 s or longer"), "{evidence}");
    let more = "1 more connection from which nothing was read in that time may be read later";
    assert!(evidence.ends_with(more), "{evidence}");
}

/// No more than a first buffer, which needs no reading.
const TAKEN: u64 = 128 << 10;

/// Clients that this much was sent to, this long ago.
fn unopened(number: u64, acknowledged: u64, since: u64) -> Vec<Socket> {
    let measures = [
        (Metric::BytesAcked, acknowledged),
        (Metric::LastDataSent, since),
    ];
    let one = |number| seen(connection(number, 0, 500, true), &measures);
    (1..=number).map(one).collect()
}

#[test]
fn peers_that_may_pause_are_information_for_two_minutes_and_those_that_never_read_warn_after_20_s()
{
    for (acknowledged, since, severity) in [
        (TAKEN + 1, 119_999, Severity::Info),
        (TAKEN + 1, 120_000, Severity::Warning),
        (TAKEN, 19_999, Severity::Info),
        (TAKEN, 20_000, Severity::Warning),
    ] {
        let found = still(web(), &unopened(3, acknowledged, since));
        assert_eq!((found.len(), found[0].severity), (1, severity), "{found:?}");
    }
}

#[test]
fn a_service_that_has_never_read_on_any_connection_warns_after_5_s() {
    for (number, acknowledged, since, severity) in [
        (2, TAKEN, 4_999, Severity::Info),
        (2, TAKEN, 5_000, Severity::Warning),
        (2, TAKEN + 1, 5_000, Severity::Info),
        (1, TAKEN, 5_000, Severity::Info),
    ] {
        let to_one = unopened(number, acknowledged, since).into_iter();
        let to_one = (40_000..).zip(to_one).map(|(port, one)| Socket {
            ends: socket(one.state, &format!("192.0.2.1:{port}"), "192.0.2.9:9000").ends,
            ..one
        });
        let found = still(host(), &to_one.collect::<Vec<Socket>>());
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
