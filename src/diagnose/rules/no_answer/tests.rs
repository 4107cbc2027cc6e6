//! The rule on hosts made for it.

use super::*;
use crate::diagnose::testing::{host, socket};
use crate::model::{Socket, State};

fn found(attempts: &[(&str, usize)], retransmits: u32) -> Vec<Finding> {
    let sockets = attempts.iter().flat_map(|(to, number)| {
        let one = Socket {
            retransmits: Some(retransmits),
            ..socket(State::SynSent, "192.0.2.9:40000", to)
        };
        vec![one; *number]
    });
    let sockets: Vec<Socket> = sockets.collect();
    let quiet = [Counter::ActiveOpens, Counter::AttemptFails, Counter::InSegs];
    let host = quiet
        .into_iter()
        .fold(host(), |host, counter| host.with_growth(counter, 7, 7));
    let host = host.with_setting(SynRetries, "6");
    host.examine::<NoAnswer>(&host.read(&[], &sockets)).findings
}

fn severities(attempts: usize, retransmits: u32) -> Vec<Severity> {
    let found = found(&[("192.0.2.1:80", attempts)], retransmits);
    found.iter().map(|finding| finding.severity).collect()
}

#[test]
fn three_to_one_destination_warn_and_ten_are_critical() {
    assert_eq!(severities(2, 2), []);
    assert_eq!(severities(3, 2), [Severity::Warning]);
    assert_eq!(severities(9, 2), [Severity::Warning]);
    assert_eq!(severities(10, 2), [Severity::Critical]);
    assert_eq!(
        severities(50, 1),
        [],
        "a second without an answer is nothing"
    );
}

#[test]
fn all_attempts_are_counted_and_as_many_before_the_window_are_as_severe() {
    let attempts = |ports: std::ops::Range<u16>, often: u16| -> Vec<Socket> {
        let begin = ports.start;
        let attempt = |port: u16| Socket {
            retransmits: Some(if port < begin + often { 2 } else { 0 }),
            inode: port.into(),
            ..socket(State::SynSent, &format!("192.0.2.9:{port}"), "192.0.2.1:80")
        };
        ports.map(attempt).collect()
    };
    for (before, severity) in [(9, Severity::Warning), (10, Severity::Critical)] {
        let host = host()
            .with_growth(Counter::ActiveOpens, 5, 23)
            .with_growth(Counter::AttemptFails, 5, 5)
            .with_growth(Counter::InSegs, 5, 5);
        let rule: NoAnswer = host.read(&attempts(100..100 + before, 0), &attempts(1..10, 3));
        let found = host.examine(&rule).findings.remove(0);
        let busy = host.with_growth(Counter::InSegs, 5, 6);
        let warns = busy.examine(&rule).findings.remove(0);
        assert_eq!(warns.severity, Severity::Warning, "one may have succeeded");
        let evidence = warns.evidence.join("; ");
        let succeeded = "up to 1 attempt that ended in that time may have succeeded";
        assert!(evidence.contains(succeeded), "{evidence}");
        assert_eq!(
            found.title,
            "192.0.2.1:80 does not answer 9 attempts to connect"
        );
        assert_eq!((found.severity, found.inodes.len()), (severity, 9));
        assert_eq!(found.evidence[0], "3 SYNs were retransmitted twice");
    }
}

#[test]
fn when_connect_fails_is_reported_only_where_the_kernel_decides_it() {
    let says_when = |retransmits| {
        let found = found(&[("192.0.2.1:80", 3)], retransmits);
        let mut evidence = found[0].evidence.iter();
        evidence.any(|text| text.contains("connect() fails about 127 s"))
    };
    assert!(!says_when(3));
    assert!(says_when(4));
}

#[test]
fn attempts_that_programs_give_up_are_information_where_the_other_family_answers() {
    let attempt = |port: u16, retransmits| Socket {
        retransmits: Some(retransmits),
        ..socket(
            State::SynSent,
            &format!("[2001:db8::9]:{port}"),
            "[2001:db8::1]:443",
        )
    };
    let range = |ports: std::ops::Range<u16>, retransmits| -> Vec<Socket> {
        ports.map(|port| attempt(port, retransmits)).collect()
    };
    let host = host()
        .with_growth(Counter::ActiveOpens, 0, 40)
        .with_growth(Counter::AttemptFails, 5, 5)
        .with_growth(Counter::SynRetrans, 5, 5);
    let before = range(1..5, 0);
    let mut after = range(11..15, 0);
    let severity = |after: &[Socket]| {
        let found = host
            .examine::<NoAnswer>(&host.read(&before, after))
            .findings;
        assert_eq!(
            found[0].evidence[0],
            "4 attempts before the window of 1.0 s and 4 after it; 4 of the earlier attempts have ended, and none is a connection now"
        );
        found[0].severity
    };
    assert_eq!(severity(&after), Severity::Warning);
    after.push(socket(
        State::Established,
        "192.0.2.9:5000",
        "192.0.2.1:443",
    ));
    assert_eq!(severity(&after), Severity::Info);
    assert_eq!(severity(&range(11..15, 1)), Severity::Warning);
    let older = range(1..5, 3);
    let of_older = host.examine::<NoAnswer>(&host.read(&older, &range(11..15, 0)));
    assert_eq!(
        of_older.findings[0].evidence[1],
        "SYNs were retransmitted at most 3 times"
    );
}

#[test]
fn connect_fails_when_the_kernel_gives_up() {
    // By ip-sysctl.rst, before linear timeouts and with them; then as measured.
    for (retries, linear, seconds) in [(6, 0, 127), (6, 4, 131), (3, 4, 19), (1, 4, 3)] {
        assert_eq!(given_up_after(retries, linear), seconds, "{retries}");
    }
    assert_eq!(given_up_after(7, 0), 247);
    assert_eq!(given_up_after(127, 0), 127 + 121 * 120);
}

#[test]
fn attempts_that_end_one_after_the_other_are_all_counted() {
    let ends = Ends {
        nothing: 3,
        youngest: Some(std::time::Duration::from_millis(700)),
        ..Ends::default()
    };
    let mut tries = Tries::default();
    tries.seen = 9;
    let to = "192.0.2.1:80".parse().unwrap();
    let found = of_one(
        &Attempts::default(),
        to,
        &tries,
        Silence::Ended(ends),
        &host(),
    );
    assert_eq!((found.severity, found.value), (Severity::Warning, 9.0));
    assert_eq!(
        found.evidence[0],
        "3 attempts were looked up several times a second: each ended after 0.7 s or more, and none became a connection"
    );
}

#[test]
fn single_attempts_to_many_destinations_are_reported_together() {
    let names: Vec<String> = (1..=10).map(|n| format!("192.0.2.{n}:80")).collect();
    let one_each: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    assert!(found(&one_each[..9], 2).is_empty());
    let found = found(&one_each, 2);
    assert_eq!((found.len(), found[0].severity), (1, Severity::Warning));
    assert_eq!(
        found[0].evidence[1],
        "1 to 192.0.2.1:80, 1 to 192.0.2.2:80, 1 to 192.0.2.3:80, and others"
    );
}
