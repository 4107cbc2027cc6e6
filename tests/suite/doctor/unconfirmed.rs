//! Clients that never confirm a handshake.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::thread::sleep;
use std::time::Duration;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::wait::Repeated;
use crate::zoo::segment::Segment;
use crate::zoo::sysctl::write_sysctl;
use crate::zoo::{Family, Peer, SocketCounts, State, Zoo};

const ID: &str = "unconfirmed";

/// A listener, and a number of requests from a peer that sends nothing after its SYN.
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

/// SYNs from many addresses to a listener, one after the other.
fn flood(listener: SocketAddr) -> Repeated {
    let peer = Peer::open();
    // Each is forgotten after one retransmission.
    write_sysctl("ipv4/tcp_synack_retries", "1");
    let IpAddr::V4(local) = Peer::local_address(Family::V4) else {
        unreachable!()
    };
    let [a, b, c, _] = local.octets();
    let mut ports = (1_024..u16::MAX).cycle();
    Repeated::start(move || {
        for host in 100..220 {
            let source = (Ipv4Addr::new(a, b, c, host), ports.next().unwrap()).into();
            peer.send(&Segment {
                syn: true,
                sequence: 7,
                ..Segment::between(source, (local, listener.port()).into())
            });
            sleep(Duration::from_millis(15));
        }
    })
}

in_namespace!(
    fn a_flood_is_found_as_soon_as_it_is_older_than_the_first_retransmission() {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let _flood = flood(listener.local_addr().unwrap());
        let report = Report::until(|report| !report.findings_of(ID).is_empty());
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "WARNING");
        assert!(finding.value >= Some(50.0), "{finding:?}");
        assert_eq!(finding.evidence[0], "each SYN-ACK was retransmitted once");
        assert!(finding.remedy[0].contains("SYN flood"), "{finding:?}");
        assert_commands_run(finding);
    }
);
