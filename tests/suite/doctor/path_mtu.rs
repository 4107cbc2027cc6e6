//! A path that loses full segments, and a peer that acknowledges nothing at all.

use std::io::Write;
use std::net::TcpStream;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::zoo::{Behaviour, Family, Peer};

const ID: &str = "path-mtu";

/// Connections to a peer, with a small request on each and a large answer after it.
fn answer(behaviour: Behaviour, connections: usize) -> Vec<TcpStream> {
    let connect = |_| {
        let mut stream = TcpStream::connect(Peer::address(behaviour, Family::V4)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(&[7; 100]).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        stream.write_all(&[7; 20_000]).unwrap();
        stream
    };
    (0..connections).map(connect).collect()
}

in_namespace!(
    fn a_path_that_loses_full_segments_is_the_cause_of_what_is_not_acknowledged() {
        let _peers = Peer::open();
        let _streams = answer(Behaviour::SmallSegments, 5);
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
            "path MTU: full segments are not acknowledged and small ones were, on 5 of 5 outbound connections",
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
        let _streams = answer(Behaviour::SmallSegments, 2);
        let report = Report::until(|report| {
            let found = report.findings_of(ID);
            found.first().is_some_and(|found| found.value == Some(2.0))
        });
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "CRITICAL");
        let title = "path MTU: full segments are not acknowledged and small ones were, on 2 of 2 outbound connections to ";
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
        let _streams = answer(Behaviour::HandshakeOnly, 5);
        let report = Report::until(|report| !report.findings_of("no-acknowledgment").is_empty());
        assert!(report.findings_of(ID).is_empty(), "{report:?}");
    }
);
