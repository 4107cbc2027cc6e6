//! A peer that loses one segment in four, and others that lose none.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::zoo::segment::Segment;
use crate::zoo::{Behaviour, Family, Peer};

const ID: &str = "retransmission";

/// Sends messages until `ends`. The peer acknowledges three of four when they arrive, and the fourth
/// when it is retransmitted.
fn send_lossily(peer: &Peer, ends: &AtomicBool) {
    let address = Peer::address(Behaviour::HandshakeOnly, Family::V4);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let source = stream.local_addr().unwrap();
    let mut sequence = None;
    for number in 1_usize.. {
        if ends.load(Ordering::Relaxed) {
            return;
        }
        stream.write_all(&[7; 100]).unwrap();
        let transmission = usize::from(number % 4 == 0);
        let received = peer.wait_for(source, transmission, |segment| {
            let is_next = sequence.is_none_or(|next| segment.sequence == next);
            is_next && !segment.payload.is_empty()
        });
        sequence = Some(received.end());
        peer.send(&Segment {
            ack: true,
            acknowledgment: received.end(),
            sequence: received.acknowledgment,
            ..Segment::between(received.destination, received.source)
        });
    }
}

/// Sends many messages, all of which arrive, until `ends`.
fn send_without_loss(ends: &AtomicBool) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    while !ends.load(Ordering::Relaxed) {
        for _ in 0..50 {
            client.write_all(&[7; 100]).unwrap();
            server.read_exact(&mut [0; 100]).unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

in_namespace!(
    fn a_lossy_peer_is_named_though_the_host_retransmits_little() {
        let peer = Peer::open();
        let ends = AtomicBool::new(false);
        let lossy = Behaviour::HandshakeOnly.address(Family::V4);
        std::thread::scope(|scope| {
            scope.spawn(|| send_lossily(&peer, &ends));
            scope.spawn(|| send_without_loss(&ends));
            let filter = format!("dst {lossy}");
            let reports = std::panic::catch_unwind(|| {
                // What is lost elsewhere is no finding about these.
                let healthy = run(["doctor", "--json", "dst 127.0.0.1"]);
                let healthy = Report::of(&healthy);
                assert!(healthy.findings_of(ID).is_empty(), "{healthy:?}");
                [vec![], vec![filter.as_str()]].map(|filter| {
                    let take = || Report::of(&run([&["doctor", "--json"][..], &filter].concat()));
                    Report::until_from(take, |report| {
                        let found = report.findings_of(ID);
                        found
                            .iter()
                            .any(|one| one.subject.contains_key("remote_addr"))
                    })
                })
            });
            let reports = reports.inspect(|reports| {
                for report in reports {
                    let found = report.findings_of(ID);
                    let of_peer = found
                        .iter()
                        .find(|one| one.subject.contains_key("remote_addr"));
                    let finding = of_peer.unwrap();
                    assert_eq!(finding.severity, "WARNING");
                    assert_eq!(finding.subject["remote_addr"], lossy.to_string());
                    assert_eq!(finding.processes[0].pid, std::process::id());
                    assert_commands_run(finding);
                }
            });
            ends.store(true, Ordering::Relaxed);
            reports.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
    }
);
