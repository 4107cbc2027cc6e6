//! Peers and processes that stop reading.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::wait::DEADLINE;
use crate::zoo::{Behaviour, Family, Peer};

const ID: &str = "stuck-peers";

/// Writes until the send queue is full.
fn fill(mut stream: &TcpStream) {
    stream.set_nonblocking(true).unwrap();
    loop {
        match stream.write(&[7; 65_536]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => panic!("{error}"),
        }
    }
}

in_namespace!(
    fn a_process_that_stops_reading_is_reported_until_it_reads() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        fill(&client);
        let has_one = |report: &Report| report.findings_of(ID).len() == 1;
        let report = Report::until(has_one);
        // That the sender waits follows from it, and is no finding of its own.
        let finding = report.finding(ID);
        assert!(
            finding.title.starts_with("1 connection has ")
                && finding.title.ends_with(" unread bytes"),
            "{finding:?}"
        );
        assert_eq!(finding.severity, "WARNING");
        assert_eq!(finding.processes.len(), 1, "{finding:?}");
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert_commands_run(finding);
        // /proc shows it too; a probe may still deliver some bytes.
        let arguments = ["doctor", "--json", "--window=0.1", "--source=proc"];
        Report::until_from(|| Report::of(&run(arguments)), has_one);
        drop(client);
        let mut bytes = Vec::new();
        server.set_read_timeout(Some(DEADLINE)).unwrap();
        server.read_to_end(&mut bytes).unwrap();
        assert!(Report::after("0.1").findings_of(ID).is_empty());
    }
);

in_namespace!(
    fn peers_that_take_nothing_are_reported_with_their_address_and_port() {
        let _peers = Peer::open();
        let address = Peer::address(Behaviour::ClosedWindow, Family::V4);
        let streams: Vec<TcpStream> = (0..3)
            .map(|_| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(&[7; 100]).unwrap();
                stream
            })
            .collect();
        let report = Report::until(|report| !report.findings_of(ID).is_empty());
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "WARNING");
        let title = format!(
            "peers read nothing on 3 of 3 outbound connections to {address}: 300 bytes wait"
        );
        assert_eq!(finding.title, title);
        assert_eq!(finding.subject["remote_port"], address.port());
        assert_eq!(finding.processes[0].sockets, 3);
        assert_commands_run(finding);
        drop(streams);
    }
);
