//! A destination that does not reply to a SYN.

use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::zoo::{Behaviour, Family, Peer};

const ID: &str = "no-answer";

in_namespace!(
    fn ten_unanswered_attempts_to_one_destination_are_critical() {
        let _peers = Peer::open();
        let address = Peer::address(Behaviour::NoReply, Family::V4);
        let send_syn = || {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
            let _ = connect(&socket, &address);
            socket
        };
        let _attempts: Vec<OwnedFd> = (0..10).map(|_| send_syn()).collect();
        let report = Report::until(|report| {
            let found = report.findings_of(ID);
            found.first().is_some_and(|found| found.value == Some(10.0))
        });
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "CRITICAL");
        assert_eq!(finding.subject["remote_addr"], address.ip().to_string());
        assert_eq!(finding.subject["remote_port"], address.port());
        let evidence = finding.evidence.join("; ");
        assert!(
            evidence.contains("net.ipv4.tcp_syn_retries is 20"),
            "{evidence}"
        );
        assert!(
            evidence.contains("TcpAttemptFails grew by 0 in"),
            "{evidence}"
        );
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert_eq!(finding.processes[0].sockets, 10);
        assert_commands_run(finding);
    }
);
