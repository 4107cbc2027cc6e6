//! The rule on hosts made for it: a range of 100 ports.

use super::*;
use crate::diagnose::testing::{assert_names_settings, host as any_host, socket};
use crate::model::{Holders, ProcessName, Setting, Sink, Socket, Timer, TimerKind};
use std::time::Duration;

/// A host with these listeners, and tcp_tw_reuse as given.
fn host(listeners: &[&str], reuse: &str) -> Host {
    any_host()
        .listening_at(listeners)
        .with_setting(Setting::LocalPortRange, "40000 40099")
        .with_setting(Setting::LocalReservedPorts, "")
        .with_setting(Setting::Timestamps, "1")
        .with_setting(Setting::TwReuse, reuse)
}

/// Connections from these ports of the range to a host of this number.
fn to(ports: std::ops::Range<u16>, host: u8) -> Vec<Socket> {
    let one = |port: u16| Socket {
        inode: u64::from(port) + 1,
        ..socket(
            State::Established,
            &format!("192.0.2.9:{}", 40_000 + port),
            &format!("192.0.2.{host}:80"),
        )
    };
    ports.map(one).collect()
}

fn found(host: &Host, sockets: &[Socket]) -> Vec<Finding> {
    let examined = host.examine::<EphemeralPorts>(&host.read(&[], sockets));
    assert!(examined.lacking.is_empty());
    examined.findings.iter().for_each(assert_names_settings);
    examined.findings
}

fn severities(host: &Host, sockets: &[Socket]) -> Vec<Severity> {
    let found = found(host, sockets);
    found.iter().map(|finding| finding.severity).collect()
}

#[test]
fn a_destination_warns_from_three_quarters_and_is_critical_from_nine_tenths() {
    let taken = |ports| severities(&host(&[], "0"), &to(0..ports, 1));
    assert_eq!(taken(74), []);
    assert_eq!(taken(75), [Severity::Warning]);
    assert_eq!(taken(89), [Severity::Warning]);
    assert_eq!(taken(90), [Severity::Critical]);
    assert_eq!(taken(100), [Severity::Critical]);
}

#[test]
fn listeners_in_the_range_leave_fewer_ports() {
    let host = host(&["127.0.0.1:40099", "[::]:40098"], "0");
    assert_eq!(severities(&host, &to(0..88, 1)), [Severity::Warning]);
    let found = found(&host, &to(0..89, 1));
    assert_eq!(found[0].severity, Severity::Critical);
    assert_eq!((found[0].value, found[0].limit), (89.0, Some(98.0)));
}

#[test]
fn many_listeners_in_the_range_come_before_the_connections() {
    for (listeners, are_first) in [(9, false), (10, true)] {
        let addresses: Vec<String> = (0..listeners)
            .map(|number| format!("127.0.0.1:{}", 40_099 - number))
            .collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let found = found(&host(&addresses, "0"), &to(0..80, 1)).remove(0);
        assert_eq!(
            found.remedy[0].starts_with("Move the 10 services"),
            are_first
        );
        assert_eq!(found.evidence[0].contains("have listeners"), are_first);
        assert_eq!(found.commands.len(), 1 + usize::from(are_first));
    }
}

#[test]
fn time_wait_that_can_be_replaced_is_counted_separately() {
    let waits = |age: u64| -> Vec<Socket> {
        let one = |port: u16| Socket {
            timer: Some(Timer {
                kind: TimerKind::TimeWait,
                remaining: Duration::from_millis(60_000 - age),
            }),
            ..socket(
                State::TimeWait,
                &format!("192.0.2.9:{port}"),
                "192.0.2.1:80",
            )
        };
        (40_000..40_092).map(one).collect()
    };
    let reused = host(&[], "1");
    assert!(found(&reused, &waits(1000)).is_empty());
    assert_eq!(severities(&reused, &waits(999)), [Severity::Critical]);
    let loopback = found(&host(&[], "2"), &waits(1000));
    let text = loopback[0].evidence.join("; ");
    assert!(
        text.contains("0 of these connections are open, 92 are in TIME_WAIT"),
        "{text}"
    );
    assert!(
        text.contains("tcp_tw_reuse and net.ipv4.tcp_timestamps let no"),
        "{text}"
    );
    let remedy = &loopback[0].remedy;
    assert!(remedy[0].starts_with("Keep connections to 192.0.2.1:80 open"));
    assert!(remedy[3].contains("set net.ipv4.tcp_tw_reuse to 1"));

    let young = found(&reused, &waits(999));
    assert!(young[0].evidence[2].ends_with("and none has been yet"));
    assert_eq!(young[0].remedy.len(), 3);

    let both = [waits(30_000), to(0..75, 1)].concat();
    let both = found(&reused, &both);
    assert_eq!(both[0].value, 75.0);
    let evidence = &both[0].evidence[2];
    assert!(evidence.starts_with("92 more have been in TIME_WAIT for at least 1000 ms"));
}

#[test]
fn connections_that_share_ports_between_destinations_are_no_exhaustion() {
    // Each starts elsewhere, as connect() does.
    let destinations = 0..10_u8;
    let shared = destinations.flat_map(|to_host| {
        let first = u16::from(to_host) * 7;
        to(first..first + 20, to_host)
    });
    assert!(found(&host(&[], "0"), &shared.collect::<Vec<_>>()).is_empty());
}

#[test]
fn ports_of_which_each_serves_one_connection_are_lost_to_bind() {
    let host = host(&[], "0");
    let bound = |each: u16| -> Vec<Socket> {
        let destinations = 0..10_u8;
        let bound = destinations.flat_map(|to_host| {
            let first = u16::from(to_host) * each;
            to(first..first + each, to_host)
        });
        bound.collect()
    };
    assert!(found(&host, &bound(7)).is_empty());
    assert_eq!(severities(&host, &bound(8)), [Severity::Warning]);
    let found = found(&host, &bound(10));
    assert_eq!((found.len(), found[0].severity), (1, Severity::Critical));
    assert_eq!((found[0].value, found[0].limit), (100.0, Some(100.0)));
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
    assert_eq!(found[0].inodes.len(), 100);
}

#[test]
fn one_large_destination_beside_small_ones_is_no_sign_of_bind() {
    let sockets = [to(0..92, 1), to(92..95, 2)].concat();
    let found = found(&host(&[], "0"), &sockets);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].subject.len(), 3);
}

#[test]
fn bound_sockets_and_listeners_alone_can_take_the_range() {
    let host = host(&["0.0.0.0:40099"], "0");
    let rule = |ports: u16| {
        let mut bound = BoundPorts::default();
        for port in 40_000..40_000 + ports {
            let mut one = socket(State::Bound, &format!("127.0.0.1:{port}"), "0.0.0.0:0");
            one.inode = port.into();
            assert!(bound.socket(&one).is_continue());
        }
        let mut rule: EphemeralPorts = host.read(&[], &[]);
        rule.set_bound(Ok(bound));
        rule
    };
    let severity = |ports| {
        let found = host.examine(&rule(ports)).findings;
        found.first().map(|finding| finding.severity)
    };
    assert_eq!(severity(73), None);
    assert_eq!(severity(74), Some(Severity::Warning));
    let mut holders = Holders::default();
    holders.set(40_001, ProcessName::new(b"binder"), 7);
    let found = host.examine_with(&rule(89), &holders).findings;
    assert_eq!(
        (found[0].severity, found[0].value),
        (Severity::Critical, 90.0)
    );
    assert_eq!(found[0].processes[0].name.as_deref(), Some("binder"));
    assert_eq!(found[0].inodes.len(), 89);
    assert!(found[0].commands[0].to_string().contains("listen,bound"));
}

#[test]
fn bound_sockets_are_requested_where_it_is_cheap_or_may_matter() {
    let host = host(&[], "0");
    let wants = |ports: u16, sockets: u64| {
        let rule: EphemeralPorts = host.read(&[], &to(0..ports, 1));
        rule.wants_bound(sockets)
    };
    assert!(wants(0, FEW_SOCKETS));
    assert!(!wants(49, FEW_SOCKETS + 1));
    assert!(wants(50, FEW_SOCKETS + 1));
}

#[test]
fn what_is_unknown_is_reported_and_the_rest_is_examined() {
    let host = any_host()
        .with_setting(Setting::LocalPortRange, "40000 40099")
        .with_setting(Setting::LocalReservedPorts, "");
    let mut rule: EphemeralPorts = host.read(&[], &to(0..92, 1));
    rule.set_bound(Err("not from /proc".to_owned()));
    let examined = host.examine(&rule);
    assert_eq!(examined.findings.len(), 1);
    let lacking = examined.lacking;
    assert!(
        lacking[0].contains("tcp_tw_reuse was not read"),
        "{lacking:?}"
    );
    assert_eq!(
        lacking[1],
        "sockets that are only bound are unknown: not from /proc"
    );

    let blind: EphemeralPorts = any_host().read(&[], &[]);
    let examined = any_host().examine(&blind);
    assert!(examined.findings.is_empty() && !examined.lacking.is_empty());
    assert!(!blind.wants_bound(0));
}

#[test]
fn only_the_worst_destinations_have_findings_of_their_own() {
    let sockets: Vec<Socket> = (0..8).flat_map(|to_host| to(0..80, to_host)).collect();
    let found = found(&host(&[], "0"), &sockets);
    assert_eq!(found.len(), REPORTED);
    let last = found[REPORTED - 1].evidence.last().unwrap();
    assert_eq!(last, "3 more destinations are short of ports too");
}
