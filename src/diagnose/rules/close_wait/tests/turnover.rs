//! Connections of a service that end while others take their place, and streams with pauses.

use std::time::Duration;

use super::*;

/// What is found of 120 of which 32 are watched, whose ends are unread for so long and not read by
/// these when they end.
pub(super) fn slow_handlers(late: u64, ends: u64, age: u64) -> Option<Finding> {
    let sockets: Vec<Socket> = (1..=120).map(|number| one(number, number)).collect();
    let mut host = host().listening_at(&["0.0.0.0:80"]);
    let rule: CloseWait = host.read(&sockets, &sockets);
    let now = (1..).zip(&sockets).map(|(number, socket)| {
        let age = if number <= late { age } else { 0 };
        // Nothing was sent since the connection was made, a second before the window.
        let measures = [
            (Metric::LastAckReceived, age),
            (Metric::LastDataSent, 3_000),
        ];
        Socket {
            receive_queue: 1,
            ..seen(socket.clone(), &measures)
        }
    });
    let now: Vec<Socket> = now.collect();
    host.see_after(&rule, &now, Duration::from_secs(2));
    let left = now.into_iter().skip(usize::try_from(ends).unwrap());
    let left = left.map(|one| with(one, &[(Metric::LastDataSent, 6_000)]));
    host.see(&rule, &left.collect::<Vec<_>>());
    host.examine(&rule).findings.pop()
}

#[test]
fn ends_that_stay_unread_are_those_of_slow_handlers_though_each_connection_ends() {
    let found = slow_handlers(32, 32, 1_000).unwrap();
    assert!(
        found.title.contains("their handlers take longer"),
        "{found:?}"
    );
    assert_eq!(found.severity, Severity::Warning);
    // 7 of 120, or 11.
    assert!(slow_handlers(2, 32, 1_000).is_none());
    assert!(slow_handlers(3, 32, 1_000).is_some());
    assert!(slow_handlers(32, 32, 999).is_none());
}

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
    // A tenth of 32, and a minute.
    assert!(found(4, 59_999).is_none());
    assert!(found(3, 59_999).is_some());
    assert!(found(4, 60_000).is_some());
}
