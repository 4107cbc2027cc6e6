//! A socket that is connected to itself.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;

const ID: &str = "self-connection";

in_namespace!(
    fn a_connection_of_a_socket_to_itself_is_reported_with_its_process() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(Report::after("0.1").findings.is_empty());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
        let flags = SocketFlags::CLOEXEC;
        let own = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
        bind(&own, &address).unwrap();
        connect(&own, &address).unwrap();
        let report = Report::after("0.1");
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "WARNING");
        assert_eq!(finding.subject["remote_port"], 40_000);
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert_eq!(finding.processes[0].sockets, 1);
        assert_commands_run(finding);
        drop(own);
        assert!(Report::after("0.1").findings_of(ID).is_empty());
    }
);
