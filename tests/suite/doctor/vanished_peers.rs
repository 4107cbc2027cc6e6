//! Peers that do not acknowledge a FIN.

use std::net::{Shutdown, TcpStream};

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::zoo::{Behaviour, Family, Peer};

const ID: &str = "vanished-peers";

in_namespace!(
    fn connections_with_an_unacknowledged_fin_are_reported_with_their_peer() {
        let _peers = Peer::open();
        let address = Peer::address(Behaviour::HandshakeOnly, Family::V4);
        let streams: Vec<_> = (0..12)
            .map(|_| {
                let stream = TcpStream::connect(address).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                stream
            })
            .collect();
        let report = Report::until(|report| {
            let found = report.findings_of(ID);
            found.first().is_some_and(|found| found.value == Some(12.0))
        });
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "WARNING");
        let evidence = finding.evidence.join("; ");
        assert!(
            evidence.contains(&format!("12 wait for {}", address.ip())),
            "{evidence}"
        );
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert_commands_run(finding);
        // As orphans they wait as before.
        drop(streams);
        let report = Report::after("0.1");
        let finding = report.finding(ID);
        assert_eq!(finding.value, Some(12.0));
        assert!(finding.processes.is_empty(), "{finding:?}");
    }
);
