//! Retransmissions to a peer that acknowledges nothing.

use std::io::Write;
use std::net::TcpStream;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::zoo::{Behaviour, Family, Peer};

in_namespace!(
    fn retransmissions_are_reported_with_the_peer_that_does_not_acknowledge() {
        let _peers = Peer::open();
        let address = Peer::address(Behaviour::HandshakeOnly, Family::V4);
        let mut streams = Vec::new();
        let send_and_report = || {
            for _ in 0..20 {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(&[7; 100]).unwrap();
                streams.push(stream);
            }
            Report::after("0.5")
        };
        let report = Report::until_from(send_and_report, |report| {
            !report.findings_of("retransmission").is_empty()
        });
        let finding = report.finding("retransmission");
        assert_eq!(finding.severity, "WARNING");
        let evidence = finding.evidence.join("; ");
        assert!(evidence.contains("TcpRetransSegs grew by "), "{evidence}");
        assert!(
            evidence.contains(&format!("to {}, one of them retransmitted", address.ip())),
            "{evidence}"
        );
        // tcp_info is requested for the suspects only.
        assert!(evidence.contains("(total-retrans "), "{evidence}");
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert!(finding.processes[0].sockets >= 20, "{finding:?}");
        assert_commands_run(finding);
        for stuck in report.findings_of("stuck-peers") {
            assert_eq!(stuck.follows_from.as_deref(), Some("retransmission"));
        }
    }
);
