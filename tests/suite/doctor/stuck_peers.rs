//! A peer that stops reading.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::wait::DEADLINE;

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
    fn a_peer_that_stops_reading_is_reported_at_both_ends_until_it_reads() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        fill(&client);
        // The window closes, and its probes begin, some time after the last write.
        let has_both = |report: &Report| report.findings_of("stuck-peers").len() == 2;
        let report = Report::until(has_both);
        let findings = report.findings_of("stuck-peers");
        let [sends, reads] = findings[..] else {
            unreachable!()
        };
        assert!(
            sends
                .title
                .starts_with("1 of 2 established connections are stuck at peers"),
            "{sends:?}"
        );
        assert!(
            sends.evidence[1].starts_with("1 with 127.0.0.1: "),
            "{sends:?}"
        );
        assert!(
            reads.title.starts_with("1 connection has ") && reads.title.ends_with(" unread bytes"),
            "{reads:?}"
        );
        for finding in [sends, reads] {
            assert_eq!(finding.severity, "WARNING");
            assert_eq!(finding.processes.len(), 1, "{finding:?}");
            assert_eq!(finding.processes[0].pid, std::process::id());
            assert_commands_run(finding);
        }
        // /proc shows it too; a probe may still deliver some bytes.
        let arguments = ["doctor", "--json", "--window=0.1", "--source=proc"];
        Report::until_from(|| Report::of(&run(arguments)), has_both);
        drop(client);
        let mut bytes = Vec::new();
        server.set_read_timeout(Some(DEADLINE)).unwrap();
        server.read_to_end(&mut bytes).unwrap();
        assert!(Report::after("0.1").findings_of("stuck-peers").is_empty());
    }
);
