//! Peers and processes that stop reading.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::child::Start;
use crate::namespace::in_namespace;
use crate::program::{command, ran, run};
use crate::wait::{DEADLINE, poll};
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
    fn a_reader_that_pauses_is_information() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        fill(&server);
        // Enough for the window to open again.
        client.read_exact(&mut vec![0; 512 << 10]).unwrap();
        fill(&server);
        let report = Report::until(|report| !report.findings_of(ID).is_empty());
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "INFO", "{finding:?}");
        assert!(
            finding
                .title
                .contains(" unread bytes, of which nothing was read in "),
            "{finding:?}"
        );
        let evidence = finding.evidence.join("; ");
        assert!(
            evidence.contains("no data has arrived on any of them for "),
            "{evidence}"
        );
        assert_commands_run(finding);
    }
);

in_namespace!(
    fn what_did_not_move_is_no_finding_if_the_measurement_was_stopped() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _server = listener.accept().unwrap();
        fill(&client);
        Report::until(|report| report.findings_of(ID).len() == 1);
        let why = "the machine was suspended or overloaded, or this program stopped, for ";
        let measured = poll(|| {
            let running = command(["doctor", "--json", "--window=0.2"])
                .start()
                .unwrap();
            sleep(Duration::from_millis(300));
            running.signal(Signal::STOP);
            sleep(Duration::from_secs(3));
            running.signal(Signal::CONT);
            let ran = ran(running.finish());
            // It may have been stopped too early or too late.
            ran.stdout.contains(why).then_some(ran)
        });
        let measured = measured.unwrap();
        assert_eq!(measured.status, 3, "incomplete: {measured:?}");
        let report = Report::of(&measured);
        assert!(report.findings.is_empty(), "{report:?}");
        let reason = report.not_examined(ID).unwrap();
        assert!(
            reason.ends_with("that nothing moved proves nothing"),
            "{reason}"
        );
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
        // It may read slowly for the first 20 s.
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "INFO", "{finding:?}");
        let report = Report::until_warning(ID);
        let finding = report.finding(ID);
        let title = format!(" s on 3 of 3 outbound connections to {address}: 300 bytes wait");
        assert!(finding.title.starts_with("peers took nothing in "));
        assert!(finding.title.ends_with(&title), "{finding:?}");
        assert_eq!(finding.subject["remote_port"], address.port());
        assert_eq!(finding.processes[0].sockets, 3);
        assert_commands_run(finding);
        drop(streams);
    }
);
