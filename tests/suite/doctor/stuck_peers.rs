//! A peer that stops reading.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::commands::assert_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::program::run;

/// Writes until nothing more is taken.
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
        let start = Instant::now();
        let report = loop {
            // The window closes, and its probes begin, some time after the last write.
            let report = Report::after("0.1");
            if report.findings_of("stuck-peers").len() == 2 {
                break report;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{report:?}");
        };
        let findings = report.findings_of("stuck-peers");
        let [sends, reads] = findings[..] else {
            unreachable!()
        };
        assert!(
            sends
                .title
                .starts_with("1 of 2 established connections stuck at peers"),
            "{sends:?}"
        );
        assert!(
            sends.evidence[1].starts_with("1 with 127.0.0.1: "),
            "{sends:?}"
        );
        assert!(
            reads.title.contains("bytes lie unread on 1 connection"),
            "{reads:?}"
        );
        for finding in [sends, reads] {
            assert_eq!(finding.severity, "WARNING");
            assert_eq!(finding.processes.len(), 1, "{finding:?}");
            assert_eq!(finding.processes[0].pid, std::process::id());
            assert_run(finding);
        }
        // The tables of /proc know of it, too; a probe may still bring some bytes.
        loop {
            let proc = run(["doctor", "--json", "--window=0.1", "--source=proc"]);
            let proc = Report::of(&proc);
            if proc.findings_of("stuck-peers").len() == 2 {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{proc:?}");
        }
        drop(client);
        let mut bytes = Vec::new();
        server.read_to_end(&mut bytes).unwrap();
        assert!(Report::after("0.1").findings_of("stuck-peers").is_empty());
    }
);
