//! Clients that never confirm a handshake.

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::zoo::{Family, SocketCounts, State, Zoo};

const ID: &str = "unconfirmed";

/// A listener, and so many requests of a peer that sends nothing after its SYN.
fn open_requests(count: usize) -> Zoo {
    let wanted = SocketCounts::none().with(Family::V4, State::Listen, 1);
    Zoo::open(&wanted.with(Family::V4, State::SynRecv, count))
}

in_namespace!(
    fn handshakes_that_no_client_confirms_are_critical_once_they_were_retransmitted() {
        let _zoo = open_requests(12);
        assert!(Report::after("0.1").findings_of(ID).is_empty());
        let report = Report::until(|report| {
            let found = report.findings_of(ID);
            found.first().is_some_and(|found| found.value == Some(12.0))
        });
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "CRITICAL");
        assert!(finding.subject.contains_key("local_port"), "{finding:?}");
        let evidence = finding.evidence.join("; ");
        for expected in [
            "each SYN-ACK was retransmitted 3",
            "they came from 1 address, 12 of them from 192.0.2.11",
            "TcpPassiveOpens grew by 0, TcpExtTCPSynRetrans grew by ",
        ] {
            assert!(evidence.contains(expected), "{evidence}");
        }
        assert_commands_run(finding);
    }
);
