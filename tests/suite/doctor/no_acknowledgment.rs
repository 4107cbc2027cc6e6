//! Peers that acknowledge nothing.

use std::io::Write;
use std::net::TcpStream;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::zoo::{Behaviour, Family, Peer};

const ID: &str = "no-acknowledgment";

in_namespace!(
    fn a_destination_that_acknowledges_nothing_is_one_critical_finding() {
        let _peers = Peer::open();
        let address = Peer::address(Behaviour::HandshakeOnly, Family::V4);
        let _streams: Vec<TcpStream> = (0..20)
            .map(|_| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(&[7; 100]).unwrap();
                stream
            })
            .collect();
        let report = Report::until(|report| {
            let found = report.findings_of(ID);
            found.first().is_some_and(|found| found.value == Some(20.0))
        });
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "CRITICAL");
        let title = format!("no acknowledgment on 20 of 20 outbound connections to {address}");
        assert_eq!(finding.title, title);
        let evidence = finding.evidence.join("; ");
        assert!(
            evidence.contains("2,000 bytes in all, retransmitted "),
            "{evidence}"
        );
        assert!(
            evidence.contains(" measured, the peer was last heard from "),
            "{evidence}"
        );
        assert!(evidence.contains("net.ipv4.tcp_retries2 is "), "{evidence}");
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert_eq!(finding.processes[0].sockets, 20);
        assert_commands_run(finding);
        // What is sent to them again is neither loss nor a peer that does not read.
        assert_eq!(report.findings.len(), 1, "{report:?}");
    }
);
