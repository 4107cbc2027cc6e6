//! A path that loses full segments, and a peer that acknowledges nothing at all.

use std::io::Write;
use std::net::TcpStream;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::wait::poll;
use crate::zoo::{Behaviour, Family, Peer};

const ID: &str = "path-mtu";

/// Connections to a peer, with a small request on each.
fn opened(behaviour: Behaviour, connections: usize) -> Vec<TcpStream> {
    let connect = |_| {
        let mut stream = TcpStream::connect(Peer::address(behaviour, Family::V4)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(&[7; 100]).unwrap();
        stream
    };
    let streams = (0..connections).map(connect).collect();
    let acknowledged = poll(|| {
        let waiting = format!("{STATE} and send-queue > 0 and not retransmits > 0");
        (count(&waiting) == 0 || behaviour == Behaviour::HandshakeOnly).then_some(())
    });
    assert!(acknowledged.is_some());
    streams
}

const STATE: &str = "state established and dport = 443";

/// How many sockets pass a filter.
fn count(filter: &str) -> u64 {
    let ran = run(["--json", filter]);
    let counts: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    counts["total"].as_u64().unwrap()
}

/// A large answer on each.
fn answer(streams: &mut [TcpStream]) {
    for stream in streams {
        stream.write_all(&[7; 20_000]).unwrap();
    }
}

/// Connections to a peer, with a large answer on the first, and on the others when that has been
/// retransmitted: the peer was heard from after that.
fn answered(connections: usize) -> Vec<TcpStream> {
    let mut streams = opened(Behaviour::SmallSegments, 1);
    answer(&mut streams);
    let is_lost = || (count(&format!("{STATE} and retransmits >= 3")) > 0).then_some(());
    assert!(poll(is_lost).is_some());
    let mut others = opened(Behaviour::SmallSegments, connections - 1);
    answer(&mut others);
    streams.append(&mut others);
    streams
}

in_namespace!(
    fn a_path_that_loses_full_segments_is_the_cause_of_what_is_not_acknowledged() {
        let _peers = Peer::open();
        let _streams = answered(5);
        let report = Report::until(|report| {
            let found = report.findings_of(ID);
            found.first().is_some_and(|found| {
                found.value == Some(5.0) && found.severity == "CRITICAL" && found.subject.is_empty()
            })
        });
        let finding = report.finding(ID);
        let peer = Behaviour::SmallSegments.address(Family::V4).to_string();
        assert!(finding.title.contains(&peer), "{finding:?}");
        let evidence = finding.evidence.join("; ");
        assert!(
            evidence.contains(&format!("5 connections to {peer}")),
            "{evidence}"
        );
        for expected in [
            "net.ipv4.tcp_mtu_probing is 0",
            "path MTU: full segments are not acknowledged and small ones are, on 5 of 5 outbound connections",
        ] {
            assert!(evidence.contains(expected), "{evidence}");
        }
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert_commands_run(finding);
        for other in report.findings.iter().filter(|found| found.id != ID) {
            assert_eq!(other.follows_from.as_deref(), Some(ID), "{other:?}");
        }
    }
);

in_namespace!(
    fn two_connections_that_lose_full_segments_are_no_less_urgent() {
        let _peers = Peer::open();
        let _streams = answered(2);
        let report = Report::until(|report| {
            let found = report.findings_of(ID);
            found.first().is_some_and(|found| found.value == Some(2.0))
        });
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "CRITICAL");
        let title = "path MTU: full segments are not acknowledged and small ones are, on 2 of 2 outbound connections to ";
        assert!(finding.title.starts_with(title), "{finding:?}");
        assert_eq!(finding.processes[0].sockets, 2);
        assert!(
            report.findings_of("no-acknowledgment").is_empty(),
            "{report:?}"
        );
        assert_commands_run(finding);
    }
);

in_namespace!(
    fn a_peer_that_acknowledges_nothing_is_no_question_of_size() {
        let _peers = Peer::open();
        let mut streams = opened(Behaviour::HandshakeOnly, 5);
        answer(&mut streams);
        let report = Report::until(|report| !report.findings_of("no-acknowledgment").is_empty());
        assert!(report.findings_of(ID).is_empty(), "{report:?}");
    }
);

in_namespace!(
    fn a_peer_that_was_not_heard_from_since_it_lost_full_segments_may_have_vanished() {
        let _peers = Peer::open();
        let mut streams = opened(Behaviour::SmallSegments, 5);
        answer(&mut streams);
        let report = Report::until(|report| {
            let found = report.findings_of("no-acknowledgment");
            found.first().is_some_and(|found| found.value == Some(5.0))
        });
        assert!(report.findings_of(ID).is_empty(), "{report:?}");
        let evidence = report.finding("no-acknowledgment").evidence.join("; ");
        let line = "small ones got through before: if the peer answers `ping PEER`";
        assert!(evidence.contains(line), "{evidence}");
    }
);
