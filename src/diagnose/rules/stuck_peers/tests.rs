//! The rule at, below and above its limits.

mod pauses;

use std::time::Duration;

use super::*;
use crate::diagnose::testing::{host, seen, socket};
use crate::model::{Holders, Metric, ProcessName, SourceName, Timer, TimerKind};

/// A client's connection with so much unread, and to send behind a closed window or not.
fn connection(number: u64, unread: u32, unsent: u32, is_closed: bool) -> Socket {
    let remote = format!("192.0.2.9:{number}");
    Socket {
        receive_queue: unread,
        send_queue: unsent,
        timer: is_closed.then_some(Timer {
            kind: TimerKind::Persist,
            remaining: Duration::ZERO,
        }),
        inode: 100 + number,
        cookie: Some(number),
        ..socket(State::Established, "192.0.2.1:80", &remote)
    }
}

/// A rule that has read these in both samples, and has seen them with these bytes acknowledged and
/// received at first, and those later.
fn watched(host: &mut Host, sockets: &[Socket], growth: (u64, u64)) -> StuckPeers {
    let rule: StuckPeers = host.read(sockets, sockets);
    for (acknowledged, received) in [(0, 0), growth] {
        let measures = [
            (Metric::BytesAcked, acknowledged),
            (Metric::BytesReceived, received),
            (Metric::LastDataSent, 20_000),
        ];
        let now: Vec<Socket> = sockets
            .iter()
            .map(|one| seen(one.clone(), &measures))
            .collect();
        host.see(&rule, &now);
    }
    rule
}

fn web() -> Host {
    host().listening_at(&["0.0.0.0:80"])
}

/// The titles of what is found of one connection.
fn titles(one: &Socket, growth: (u64, u64)) -> Vec<String> {
    let mut host = web();
    let rule = watched(&mut host, std::slice::from_ref(one), growth);
    let examined = host.examine(&rule);
    assert!(examined.lacking.is_empty());
    let found = examined.findings.into_iter();
    found.map(|finding| finding.title).collect()
}

#[test]
fn a_closed_window_is_stuck_if_nothing_is_acknowledged_while_it_is_watched() {
    let stuck = connection(1, 0, 500, true);
    assert_eq!(
        titles(&stuck, (0, 0)),
        ["no window opened in 5.0 s on 1 of 1 inbound connection to port 80: 500 bytes wait"]
    );
    assert!(titles(&stuck, (1, 0)).is_empty());
    assert!(titles(&connection(1, 0, 5_000_000, false), (0, 0)).is_empty());
}

#[test]
fn unread_data_is_reported_from_16_kib_on_if_nothing_is_read() {
    for (unread, received, found) in [
        (LONG_QUEUE, 0, true),
        (LONG_QUEUE - 1, 0, false),
        // As long as before, because as much was received as read.
        (LONG_QUEUE, 1, false),
        (LONG_QUEUE, 1 << 30, false),
    ] {
        let titles = titles(&connection(1, unread, 0, false), (0, received));
        assert_eq!(titles.len(), usize::from(found), "{unread} {received}");
        assert!(titles.iter().all(|title| title.ends_with(" unread bytes")));
    }
}

#[test]
fn a_queue_that_grows_by_all_that_is_received_is_not_read() {
    let mut host = web();
    let one = connection(1, LONG_QUEUE, 0, false);
    let rule: StuckPeers = host.read(std::slice::from_ref(&one), std::slice::from_ref(&one));
    for more in [0, 7_000] {
        let mut now = seen(one.clone(), &[(Metric::BytesReceived, u64::from(more))]);
        now.receive_queue += more;
        host.see(&rule, &[now]);
    }
    assert_eq!(host.examine(&rule).findings.len(), 1);
}

#[test]
fn one_connection_in_a_hundred_is_reported_or_all_of_a_destination() {
    let mut host = host();
    let stuck = |number| Socket {
        ends: socket(
            State::Established,
            &format!("192.0.2.1:{}", 40_000 + number),
            "192.0.2.8:9092",
        )
        .ends,
        ..connection(number, 0, 500, true)
    };
    let others = (0..300).map(|number| connection(1_000 + number, 0, 0, false));
    for (number, found) in [(1, 0), (2, 1), (4, 1)] {
        let sockets: Vec<Socket> = (0..number).map(stuck).chain(others.clone()).collect();
        let rule = watched(&mut host, &sockets, (0, 0));
        assert_eq!(host.examine(&rule).findings.len(), found, "{number}");
    }
}

/// The severity for a number of clients of a listener that read nothing, beside others that do.
fn of_clients(stuck: u64, others: u64) -> (Option<Severity>, Vec<String>) {
    let stuck = (0..stuck).map(|number| connection(number, 0, 500, true));
    let others = (0..others).map(|number| connection(1_000 + number, 0, 0, false));
    let sockets: Vec<Socket> = stuck.chain(others).collect();
    let mut host = web();
    let rule = watched(&mut host, &sockets, (0, 0));
    let found = host.examine(&rule).findings;
    let commands = found.iter().flat_map(|one| &one.commands);
    let commands = commands.map(ToString::to_string).collect();
    (found.first().map(|one| one.severity), commands)
}

#[test]
fn clients_that_take_nothing_warn_from_three_and_a_tenth_on() {
    for (stuck, others, severity) in [
        (1, 0, Some(Severity::Info)),
        (1, 19, Some(Severity::Info)),
        (2, 0, Some(Severity::Info)),
        (2, 10, Some(Severity::Info)),
        (3, 0, Some(Severity::Warning)),
        (3, 27, Some(Severity::Warning)),
        (3, 28, Some(Severity::Info)),
        (6, 6, Some(Severity::Warning)),
        (1, 99, Some(Severity::Info)),
        (1, 100, None),
    ] {
        assert_eq!(of_clients(stuck, others).0, severity, "{stuck} {others}");
    }
}

#[test]
fn the_command_shows_those_first_that_sent_nothing_for_the_longest_time() {
    let (_, commands) = of_clients(1, 19);
    let test = "--sort last-data-sent:desc 'send-queue > 0 and sport = 80'";
    assert!(commands[0].ends_with(test), "{commands:?}");
}

#[test]
fn half_of_a_destination_warns_beside_any_number_of_others() {
    let mut host = host();
    let producer = |number| Socket {
        ends: socket(
            State::Established,
            &format!("192.0.2.1:{}", 40_000 + number),
            "192.0.2.8:9092",
        )
        .ends,
        ..connection(number, 0, 500, number < 6)
    };
    let idle = (0..1_500).map(|number| connection(1_000 + number, 0, 0, false));
    let sockets: Vec<Socket> = (0..12).map(producer).chain(idle).collect();
    let rule = watched(&mut host, &sockets, (0, 0));
    let found = host.examine(&rule).findings.remove(0);
    assert_eq!(found.severity, Severity::Warning);
    assert!(found.title.contains("on 6 of 12 outbound"), "{found:?}");
}

#[test]
fn a_connection_that_stopped_in_both_directions_is_one_finding() {
    let blocked = connection(1, LONG_QUEUE, 500, false);
    assert_eq!(
        titles(&blocked, (0, 0)),
        ["1 connection has stopped in both directions, with 16,384 unread bytes"]
    );
    assert_eq!(
        titles(&blocked, (1, 0)),
        ["1 connection has 16,384 unread bytes"]
    );
    // With its peer elsewhere, which takes nothing either.
    let closed = connection(1, LONG_QUEUE, 500, true);
    assert_eq!(titles(&closed, (0, 0)), titles(&blocked, (0, 0)));
}

#[test]
fn a_connection_of_this_host_to_itself_is_one_though_both_ends_have_stopped() {
    let end = |number: u64, local: &str, remote: &str| Socket {
        ends: socket(State::Established, local, remote).ends,
        ..connection(number, LONG_QUEUE, 500, true)
    };
    let (one, other) = ("127.0.0.1:80", "127.0.0.1:40000");
    let mut host = web();
    let rule = watched(&mut host, &[end(1, one, other), end(2, other, one)], (0, 0));
    let findings = host.examine(&rule).findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    let title = "1 connection has stopped in both directions, with 32,768 unread bytes";
    assert_eq!(findings[0].title, title);
    assert_eq!(findings[0].inodes, [101, 102]);
    let evidence = findings[0].evidence.join("; ");
    assert!(
        evidence.ends_with("1 with 127.0.0.1: 32,768 bytes"),
        "{evidence}"
    );
}

#[test]
fn a_writer_on_this_host_follows_from_its_reader_and_is_no_finding() {
    let reader = Socket {
        ends: socket(State::Established, "127.0.0.1:80", "127.0.0.1:40000").ends,
        ..connection(1, LONG_QUEUE, 0, false)
    };
    let writer = Socket {
        ends: socket(State::Established, "127.0.0.1:40000", "127.0.0.1:80").ends,
        ..connection(2, 0, 500, true)
    };
    let mut host = web();
    let sockets = [reader, writer.clone()];
    let rule = watched(&mut host, &sockets, (0, 0));
    let findings = host.examine(&rule).findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].inodes, [101]);
    // A reader with little data that reads it has taken some.
    let slow = Socket {
        ends: sockets[0].ends.clone(),
        ..connection(1, 9, 0, false)
    };
    let mut host = web();
    let rule = watched(&mut host, &[slow, writer], (0, 5));
    assert!(host.examine(&rule).findings.is_empty());
}

#[test]
fn a_process_that_waits_for_slower_peers_is_information() {
    let reads = connection(1, LONG_QUEUE, 0, false);
    for (unsent, severity) in [
        (LONG_QUEUE, Severity::Info),
        (LONG_QUEUE - 1, Severity::Warning),
    ] {
        let mut host = web();
        let sends = connection(2, 0, unsent, false);
        let rule = watched(&mut host, &[reads.clone(), sends], (0, 0));
        let mut holders = Holders::default();
        for inode in [101, 102] {
            holders.set(inode, ProcessName::new(b"proxy"), 7);
        }
        let found = host.examine_with(&rule, &holders).findings.remove(0);
        assert_eq!(found.severity, severity, "{found:?}");
        assert_eq!(found.processes[0].sockets, 1);
        // Of another process, or of an unknown one of the same user.
        let mut holders = Holders::default();
        holders.set(101, ProcessName::new(b"proxy"), 7);
        holders.set(102, ProcessName::new(b"other"), 8);
        let found = host.examine_with(&rule, &holders).findings.remove(0);
        assert_eq!(found.severity, Severity::Warning);
        let found = host.examine(&rule).findings.remove(0);
        assert_eq!(found.severity, severity);
    }
}

#[test]
fn a_proxy_and_its_slow_clients_are_one_information() {
    let mut host = web();
    let reads = |number| connection(number, LONG_QUEUE, 0, false);
    let sends = connection(3, 0, LONG_QUEUE, true);
    let rule = watched(&mut host, &[reads(1), reads(2), sends], (0, 0));
    let mut holders = Holders::default();
    for (inode, pid) in [(101, 7), (102, 8), (103, 7)] {
        holders.set(inode, ProcessName::new(b"proxy"), pid);
    }
    let found = host.examine_with(&rule, &holders).findings;
    let of_one = |one: &Finding| one.severity == Severity::Info && one.inodes.contains(&103);
    let information: Vec<&Finding> = found.iter().filter(|one| of_one(one)).collect();
    assert_eq!((information.len(), found.len()), (1, 2), "{found:?}");
    assert!(information[0].title.ends_with("waits for slower peers"));
    let other = information[0].evidence.last().unwrap();
    assert!(
        other.starts_with("no window opened in 5.0 s on 1 of 3 "),
        "{other}"
    );
}

#[test]
fn without_a_process_nothing_is_unread() {
    let mut unaccepted = connection(1, LONG_QUEUE, 0, false);
    unaccepted.inode = 0;
    assert!(titles(&unaccepted, (0, 0)).is_empty());
}

#[test]
fn those_that_are_not_watched_are_counted_if_nothing_moved_on_the_others() {
    let sockets: Vec<Socket> = (0..100)
        .map(|number| connection(number, LONG_QUEUE, 0, false))
        .collect();
    let mut host = web();
    let rule = watched(&mut host, &sockets, (0, 0));
    assert_eq!(host.examine(&rule).findings[0].inodes.len(), 100);
    let mut host = web();
    let rule = watched(&mut host, &sockets, (0, 9));
    let examined = host.examine(&rule);
    assert!(examined.findings.is_empty());
    assert!(
        examined.lacking[0].contains("36 connections"),
        "{examined:?}"
    );
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
    copied.still = Some("a copied tree");
    assert!(lacking(copied)[0].contains("copied tree"));
}

/// The findings about a number of destinations with a stuck connection each; every `moves`th of them
/// is acknowledged while it is watched, beside other connections.
fn at_destinations(number: u64, moves: u64, others: u64) -> Vec<(Severity, String)> {
    let mut host = host();
    let stuck = (0..number).map(|number| Socket {
        cookie: Some(1 + number),
        ..socket(
            State::Established,
            "192.0.2.1:5000",
            &format!("198.51.{}.{}:80", number >> 8, number & 255),
        )
    });
    let stuck = stuck.map(|one| Socket {
        send_queue: 500,
        timer: connection(1, 0, 0, true).timer,
        ..one
    });
    let stuck: Vec<Socket> = stuck.collect();
    let fine = (0..others).map(|number| connection(1 + number % 60_000, 0, 0, false));
    let all: Vec<Socket> = stuck.iter().cloned().chain(fine).collect();
    let rule: StuckPeers = host.read(&all, &all);
    for acknowledged in [0, 1] {
        let now = stuck.iter().zip(0..).map(|(one, number)| {
            let is_moving = number % moves == 0;
            let acknowledged = acknowledged * u64::from(is_moving);
            let since = (Metric::LastDataSent, 20_000);
            seen(one.clone(), &[(Metric::BytesAcked, acknowledged), since])
        });
        host.see(&rule, &now.collect::<Vec<_>>());
    }
    let examined = host.examine(&rule);
    let scattered = examined
        .findings
        .iter()
        .any(|one| one.value == number as f64);
    assert!(!scattered || examined.lacking.is_empty(), "{examined:?}");
    let found = examined.findings.into_iter();
    found
        .map(|finding| (finding.severity, finding.title))
        .collect()
}

#[test]
fn stuck_connections_to_many_destinations_are_one_finding_with_how_many_were_watched() {
    let all = at_destinations(3_000, 5_000, 200_000);
    let title = "peers took nothing in 5.0 s on 63 of 64 connections watched, out of 3,000 to 3,000 destinations";
    assert_eq!(all, [(Severity::Warning, title.to_owned())]);
    let few = at_destinations(20, 50, 100);
    let title = "peers took nothing in 5.0 s on 19 of 20 connections to 20 destinations";
    assert_eq!(few, [(Severity::Warning, title.to_owned())]);
    assert!(at_destinations(3_000, 5_000, 300_000).is_empty(), "1 %");
    assert!(at_destinations(3_000, 1, 3_000).is_empty(), "all move");
    let single = at_destinations(3, 50, 100);
    assert!(
        single
            .iter()
            .all(|(severity, _)| *severity == Severity::Info)
    );
}
