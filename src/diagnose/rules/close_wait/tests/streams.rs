//! Streams with pauses to peers that have closed their own direction, and programs that forget to close
//! after the answer.

use super::*;
use crate::diagnose::Standing;
use crate::model::Sink;

#[test]
fn streams_with_pauses_are_no_finding_beside_others_that_are_used() {
    let sockets: Vec<Socket> = (1..=32).map(|number| one(number, number)).collect();
    let found = |used, sent| {
        watched(&sockets, |number, one| {
            let sent = if number <= used { 1_000 } else { sent };
            let measures = [
                (Metric::LastDataSent, sent),
                (Metric::LastAckReceived, 5_500),
            ];
            Some(with(one, &measures))
        })
    };
    // A tenth of 32, and four minutes. If any are used, the others are information.
    assert!(found(4, 239_999).is_none());
    for (used, sent) in [(3, 239_999), (4, 240_000)] {
        assert_eq!(found(used, sent).unwrap().severity, Severity::Info);
    }
    assert_eq!(found(0, 239_999).unwrap().severity, Severity::Info);
}

/// What is found of 12 whose last data came, was sent and was acknowledged so long ago.
fn last(received: u64, sent: u64, acknowledged: u64) -> Option<Finding> {
    let sockets: Vec<Socket> = (1..=12).map(|number| one(number, number)).collect();
    watched(&sockets, |_, one| {
        let measures = [
            (Metric::LastDataReceived, received),
            (Metric::LastDataSent, sent),
            (Metric::LastAckReceived, acknowledged),
        ];
        Some(with(one, &measures))
    })
}

#[test]
fn what_was_sent_a_minute_after_the_last_data_and_acknowledged_at_once_is_part_of_a_stream() {
    assert!(last(299_999, 239_999, 239_000).is_none());
    for (received, sent, acknowledged, severity) in [
        (300_000, 240_000, 240_000, Severity::Info),
        (3_600_000, 3_000_000, 2_999_001, Severity::Info),
        // The peer closed when nothing had been sent for a second.
        (3_600_000, 3_000_000, 2_999_000, Severity::Warning),
        // It may be the answer.
        (300_000, 240_001, 240_001, Severity::Warning),
        (4_000_000, 3_600_000, 3_600_000, Severity::Warning),
    ] {
        let found = last(received, sent, acknowledged).unwrap();
        assert_eq!(found.severity, severity, "{received} {sent} {acknowledged}");
    }
}

/// The finding about 12, answered or not, if one ended after the window or none, and these were added in it
/// and after it.
fn grown(is_answered: bool, ended: bool, in_window: u64, later: u64) -> Finding {
    let sent = if is_answered { 30_000 } else { 30_001 };
    let measures = [
        (Metric::BytesReceived, 9),
        (Metric::BytesAcked, 500),
        (Metric::LastDataReceived, 30_000),
        (Metric::LastDataSent, sent),
        (Metric::LastAckReceived, 30_000),
    ];
    let sockets = (1..=12 + in_window + later).map(|number| seen(one(number, number), &measures));
    let sockets: Vec<Socket> = sockets.collect();
    let after = &sockets[..usize::try_from(12 + in_window).unwrap()];
    let mut host = host().listening_at(&["0.0.0.0:80"]);
    let rule: CloseWait = host.read(&sockets[..12], after);
    host.see(&rule, &sockets);
    host.see(&rule, &sockets);
    let mut standing = Standing::default();
    // Which one has ended was not watched.
    for socket in sockets.iter().skip(usize::from(ended)) {
        assert!(standing.socket(socket).is_continue());
    }
    host.watch.close_wait = Some(standing);
    host.examine(&rule).findings.remove(0)
}

#[test]
fn a_number_grows_by_what_is_added_until_suspects_were_last_seen_if_none_ends() {
    for (is_answered, ended, in_window, later, severity) in [
        (true, false, 0, 1, Severity::Info),
        (true, false, 0, 2, Severity::Warning),
        (true, false, 1, 1, Severity::Warning),
        (true, true, 0, 9, Severity::Info),
        (false, false, 4, 5, Severity::Info),
        (false, false, 4, 6, Severity::Warning),
    ] {
        let found = grown(is_answered, ended, in_window, later);
        assert_eq!(found.severity, severity, "{is_answered} {ended} {found:?}");
        let ended = u64::from(ended);
        let line = match later {
            1 => format!("in the 4.0 s after it, 1 more was added and {ended} ended"),
            _ => format!("in the 4.0 s after it, {later} more were added and {ended} ended"),
        };
        assert_eq!(found.evidence[1], line);
    }
}
