//! Connections of a service that end while others take their place.

use std::time::Duration;

use super::*;

/// What is found of 120, if the ends of the first `late` have been unread for `age`, those of the others only
/// since the last sample, and the first `ends` have ended when they are seen again.
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
fn a_finding_says_for_how_many_of_its_sockets_no_process_was_found() {
    let host = host().listening_at(&["0.0.0.0:80"]);
    let sockets: Vec<Socket> = (1..=12).map(|number| one(number, number)).collect();
    let rule: CloseWait = host.read(&sockets, &sockets);
    let mut holders = Holders::default();
    (1..=11).for_each(|inode| holders.set(inode, ProcessName::new(b"web"), 7));
    holders.miss(12);
    holders.unknown = Some("closed meanwhile".to_owned());
    let found = host.examine_with(&rule, &holders).findings.remove(0);
    assert_eq!(found.processes[0].sockets, 11);
    let line = "for 1 of 12, no process was found: closed meanwhile";
    assert!(found.evidence.contains(&line.to_owned()), "{found:?}");
}
