//! MPTCP connections to a server that uses plain TCP.

use std::net::TcpListener;
use std::time::Duration;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::wait::Repeated;
use crate::zoo::Family;
use crate::zoo::special::mptcp;

const ID: &str = "mptcp-fallback";

in_namespace!(
    fn mptcp_connections_that_become_plain_tcp_are_reported() {
        let _kept = mptcp::fallback(Family::V4, 12);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _beginning = Repeated::start(move || {
            let client = mptcp::connect_client(address);
            drop((client, listener.accept().unwrap()));
            std::thread::sleep(Duration::from_millis(1));
        });
        let report = Report::until(|report| !report.findings_of(ID).is_empty());
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "WARNING", "{finding:?}");
        let part = "MPTCP connections that this host began fell back to plain TCP in ";
        assert!(finding.title.contains(part), "{finding:?}");
        let counters = &finding.evidence[0];
        for name in ["MPTcpExtMPCapableFallbackSYNACK", "MPTcpExtMPCapableSYNTX"] {
            let grew = format!("{name} grew by ");
            assert!(counters.contains(&grew), "{counters}");
        }
        assert_commands_run(finding);
    }
);
