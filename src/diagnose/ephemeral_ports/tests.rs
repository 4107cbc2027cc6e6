//! The rule on hosts made up for it: a range of 100 ports.

use super::*;
use crate::diagnose::testing::{assert_names_settings, facts, listening_at, socket};
use crate::model::{ProcessName, Setting, Sink, Timer, TimerKind};
use std::time::Duration;

/// A host with these listeners, and tcp_tw_reuse as given.
fn host(listeners: &[&str], reuse: &str) -> EphemeralPorts {
    let settings = facts()
        .with_setting(Setting::LocalPortRange, "40000 40099")
        .with_setting(Setting::LocalReservedPorts, "")
        .with_setting(Setting::Timestamps, "1")
        .with_setting(Setting::TwReuse, reuse)
        .settings;
    EphemeralPorts::new(&settings, &listening_at(listeners))
}

/// Connections by these ports of the range to a host of this number.
fn connect(seen: &mut EphemeralPorts, ports: std::ops::Range<u16>, host: u8) {
    for port in ports {
        let local = format!("192.0.2.9:{}", 40_000 + port);
        let mut one = socket(State::Established, &local, &format!("192.0.2.{host}:80"));
        one.inode = u64::from(port) + 1;
        seen.add(&one);
    }
}

fn found(seen: &EphemeralPorts) -> Vec<Finding> {
    let examined = examine(seen, &Holders::default());
    assert_eq!(examined.lacking, None);
    examined.findings.iter().for_each(assert_names_settings);
    examined.findings
}

fn severities(seen: &EphemeralPorts) -> Vec<Severity> {
    found(seen).iter().map(|finding| finding.severity).collect()
}

#[test]
fn a_destination_warns_from_three_quarters_and_is_critical_from_nine_tenths() {
    let taken = |ports| {
        let mut seen = host(&[], "0");
        connect(&mut seen, 0..ports, 1);
        severities(&seen)
    };
    assert_eq!(taken(74), []);
    assert_eq!(taken(75), [Severity::Warning]);
    assert_eq!(taken(89), [Severity::Warning]);
    assert_eq!(taken(90), [Severity::Critical]);
    assert_eq!(taken(100), [Severity::Critical]);
}

#[test]
fn listeners_in_the_range_leave_fewer_ports() {
    let mut seen = host(&["127.0.0.1:40099", "[::]:40098"], "0");
    connect(&mut seen, 0..88, 1);
    assert_eq!(severities(&seen), [Severity::Warning]);
    connect(&mut seen, 88..89, 1);
    let found = found(&seen);
    assert_eq!(found[0].severity, Severity::Critical);
    assert_eq!((found[0].value, found[0].limit), (Some(89.0), Some(98.0)));
}

#[test]
fn time_wait_that_can_be_taken_over_is_told_apart() {
    let seen = |reuse: &str, age: u64| {
        let mut seen = host(&[], reuse);
        for port in 40_000..40_092 {
            let mut one = socket(
                State::TimeWait,
                &format!("192.0.2.9:{port}"),
                "192.0.2.1:80",
            );
            one.timer = Some(Timer {
                kind: TimerKind::TimeWait,
                remaining: Duration::from_millis(60_000 - age),
            });
            seen.add(&one);
        }
        seen
    };
    assert!(found(&seen("1", 1000)).is_empty());
    assert_eq!(severities(&seen("1", 999)), [Severity::Critical]);
    let found = found(&seen("2", 1000));
    let text = found[0].evidence.join("; ");
    assert!(
        text.contains("0 of these connections are open, 92 in TIME_WAIT"),
        "{text}"
    );
    assert!(
        text.contains("tcp_tw_reuse and net.ipv4.tcp_timestamps let no"),
        "{text}"
    );
    assert!(found[0].remedy[0].starts_with("Keep connections to 192.0.2.1:80 open"));
    assert!(found[0].remedy[3].contains("set net.ipv4.tcp_tw_reuse to 1"));

    let found = super::tests::found(&seen("1", 999));
    assert!(found[0].evidence[2].ends_with("and none is yet"));
    assert_eq!(found[0].remedy.len(), 3);

    let mut both = seen("1", 30_000);
    connect(&mut both, 0..75, 1);
    let found = super::tests::found(&both);
    assert_eq!(found[0].value, Some(75.0));
    assert!(found[0].evidence[2].starts_with("92 more are in TIME_WAIT for at least 1000 ms"));
}

#[test]
fn connections_that_share_ports_between_destinations_are_no_exhaustion() {
    let mut seen = host(&[], "0");
    for destination in 0..10 {
        // Each starts elsewhere, as connect() does.
        let first = u16::from(destination) * 7;
        connect(&mut seen, first..first + 20, destination);
    }
    assert!(found(&seen).is_empty());
}

#[test]
fn ports_of_which_each_serves_one_connection_are_lost_to_bind() {
    let bound = |each: u16| {
        let mut seen = host(&[], "0");
        for destination in 0..10_u8 {
            let first = u16::from(destination) * each;
            connect(&mut seen, first..first + each, destination);
        }
        seen
    };
    assert!(found(&bound(7)).is_empty());
    assert_eq!(severities(&bound(8)), [Severity::Warning]);
    let ten = bound(10);
    let found = found(&ten);
    assert_eq!((found.len(), found[0].severity), (1, Severity::Critical));
    assert_eq!((found[0].value, found[0].limit), (Some(100.0), Some(100.0)));
    assert!(found[0].remedy[0].starts_with("Set IP_BIND_ADDRESS_NO_PORT"));
    let evidence = &found[0].evidence;
    assert!(
        evidence[0].contains("to 10 destinations, the largest of which has 10"),
        "{evidence:?}"
    );
    assert!(
        evidence[1].starts_with("39 would if connect() had chosen"),
        "{evidence:?}"
    );
    assert_eq!(ten.wanted().len(), 100);
}

#[test]
fn one_large_destination_beside_small_ones_is_no_sign_of_bind() {
    let mut seen = host(&[], "0");
    connect(&mut seen, 0..92, 1);
    connect(&mut seen, 92..95, 2);
    let found = found(&seen);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].subject.len(), 3);
}

#[test]
fn bound_sockets_and_listeners_alone_can_take_the_range() {
    let bound = |ports: u16| {
        let mut bound = BoundPorts::default();
        for port in 40_000..40_000 + ports {
            let mut one = socket(State::Bound, &format!("127.0.0.1:{port}"), "0.0.0.0:0");
            one.inode = port.into();
            assert!(bound.socket(&one).is_continue());
        }
        let mut seen = host(&["0.0.0.0:40099"], "0");
        seen.set_bound(Ok(bound));
        seen
    };
    assert!(found(&bound(73)).is_empty());
    assert_eq!(severities(&bound(74)), [Severity::Warning]);
    let seen = bound(89);
    let mut holders = Holders::default();
    holders.set(40_001, ProcessName::new(b"binder"), 7);
    let examined = examine(&seen, &holders);
    let found = &examined.findings[0];
    assert_eq!(
        (found.severity, found.value),
        (Severity::Critical, Some(90.0))
    );
    assert_eq!(found.processes[0].name, "binder");
    assert_eq!(seen.wanted().len(), 89);
}

#[test]
fn bound_sockets_are_asked_for_where_it_is_cheap_or_may_matter() {
    let mut seen = host(&[], "0");
    assert!(seen.wants_bound(FEW_SOCKETS));
    connect(&mut seen, 0..49, 1);
    assert!(!seen.wants_bound(FEW_SOCKETS + 1));
    connect(&mut seen, 49..50, 1);
    assert!(seen.wants_bound(FEW_SOCKETS + 1));
}

#[test]
fn what_is_not_known_is_told_and_the_rest_is_judged() {
    let settings = facts()
        .with_setting(Setting::LocalPortRange, "40000 40099")
        .with_setting(Setting::LocalReservedPorts, "")
        .settings;
    let mut seen = EphemeralPorts::new(&settings, &Listeners::default());
    seen.set_bound(Err("not from /proc".to_owned()));
    connect(&mut seen, 0..92, 1);
    let examined = examine(&seen, &Holders::default());
    assert_eq!(examined.findings.len(), 1);
    let lacking = examined.lacking.unwrap();
    assert!(lacking.contains("tcp_tw_reuse was not read"), "{lacking}");
    assert!(
        lacking.ends_with("sockets that are bound only: not from /proc"),
        "{lacking}"
    );

    let blind = EphemeralPorts::new(&Settings::default(), &Listeners::default());
    let examined = examine(&blind, &Holders::default());
    assert!(examined.findings.is_empty() && examined.lacking.is_some());
    assert!(blind.wanted().is_empty() && !blind.wants_bound(0));
}

#[test]
fn only_the_worst_destinations_have_findings_of_their_own() {
    let mut seen = host(&[], "0");
    for destination in 0..8 {
        connect(&mut seen, 0..80, destination);
    }
    let found = found(&seen);
    assert_eq!(found.len(), TOLD);
    let last = found[TOLD - 1].evidence.last().unwrap();
    assert_eq!(last, "3 further destinations are short of ports too");
}
