//! Peers that vanished: nothing that is sent to them is acknowledged.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::commands::assert_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::zoo::{Behaviour, Family, Peer};

in_namespace!(
    fn retransmissions_are_reported_with_the_peer_that_does_not_acknowledge() {
        let _peers = Peer::open();
        let address = Peer::address(Behaviour::HandshakeOnly, Family::V4);
        let mut streams = Vec::new();
        let start = Instant::now();
        let report = loop {
            for _ in 0..20 {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(&[7; 100]).unwrap();
                streams.push(stream);
            }
            let report = Report::after("0.5");
            if !report.findings_of("retransmission").is_empty() {
                break report;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{report:?}");
        };
        let finding = report.finding("retransmission");
        assert_eq!(finding.severity, "WARNING");
        let told = finding.evidence.join("; ");
        assert!(told.contains("TcpRetransSegs grew by "), "{told}");
        assert!(
            told.contains(&format!("to {}, one of them sent again", address.ip())),
            "{told}"
        );
        // Of the suspects alone TCP's own measures are asked for.
        assert!(told.contains("(total-retrans "), "{told}");
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert!(finding.processes[0].sockets >= 20, "{finding:?}");
        assert_run(finding);
        for stuck in report.findings_of("stuck-peers") {
            assert_eq!(stuck.follows_from.as_deref(), Some("retransmission"));
        }
    }
);
