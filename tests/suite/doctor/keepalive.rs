//! Keepalive probes that are answered, and probes that are not.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::sockopt;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::zoo::{Behaviour, Family, Peer};

const ID: &str = "keepalive";

/// Has a connection probed after a second, and every second then.
fn probe(stream: &TcpStream) {
    let second = Duration::from_secs(1);
    sockopt::set_tcp_keepidle(stream, second).unwrap();
    sockopt::set_tcp_keepintvl(stream, second).unwrap();
    sockopt::set_tcp_keepcnt(stream, 100).unwrap();
    sockopt::set_socket_keepalive(stream, true).unwrap();
}

in_namespace!(
    fn idle_connections_whose_peers_answer_no_probes_are_reported_beside_healthy_ones() {
        let _peers = Peer::open();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let healthy: Vec<TcpStream> = (0..40)
            .map(|_| TcpStream::connect(listener.local_addr().unwrap()).unwrap())
            .collect();
        let _accepted: Vec<_> = healthy.iter().map(|_| listener.accept().unwrap()).collect();
        healthy.iter().for_each(probe);
        let address = Peer::address(Behaviour::HandshakeOnly, Family::V4);
        let dead: Vec<TcpStream> = (0..3)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        dead.iter().for_each(probe);
        assert!(Report::after("0.1").findings.is_empty());
        let report = Report::until(|report| !report.findings_of(ID).is_empty());
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "CRITICAL");
        assert_eq!((finding.value, finding.limit), (Some(3.0), Some(3.0)));
        assert_eq!(finding.subject["remote_addr"], address.ip().to_string());
        let evidence = finding.evidence.join("; ");
        for expected in [
            "of 3 measured, the peer was last heard from ",
            &format!("3 of them to {}", address.ip()),
        ] {
            assert!(evidence.contains(expected), "{evidence}");
        }
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert_commands_run(finding);
        assert_eq!(report.findings.len(), 1, "{report:?}");
    }
);
