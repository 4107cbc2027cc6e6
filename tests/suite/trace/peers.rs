//! Closes that only a scripted peer makes: FINs that cross, are lost, come apart from their ACK, or
//! are answered by a reset or by nothing. The peer's own socket is not observed.

use std::net::{SocketAddr, TcpListener, TcpStream};

use super::rows::Connection;
use super::{Traced, Tracing, has_bpf, until_complete};
use crate::namespace::in_namespace;
use crate::wait::poll;
use crate::zoo::sysctl::write_sysctl;
use crate::zoo::{Behaviour, Family, Peer, Segment};

/// A connection to a peer that leaves everything after the handshake to the test.
fn connect(peer: &Peer, family: Family) -> (TcpStream, SocketAddr) {
    let _ = peer;
    let stream = TcpStream::connect(Peer::address(Behaviour::HandshakeOnly, family)).unwrap();
    let local = stream.local_addr().unwrap();
    (stream, local)
}

fn is_fin(segment: &Segment) -> bool {
    segment.fin
}

/// What a peer answers to a segment: its ACK.
fn ack(received: &Segment) -> Segment {
    Segment {
        ack: true,
        acknowledgment: received.end(),
        sequence: received.acknowledgment,
        ..Segment::between(received.destination, received.source)
    }
}

fn fin(received: &Segment) -> Segment {
    Segment {
        fin: true,
        ..ack(received)
    }
}

/// Waits until the kernel has sent a segment that acknowledges the peer's FIN.
fn wait_for_last_ack(peer: &Peer, local: SocketAddr, fin: &Segment) {
    peer.wait_for(local, 0, |one| one.ack && one.acknowledgment == fin.end());
}

/// The close of one connection, from states and from segments.
struct Closed {
    states: Traced,
    segments: Traced,
    port: u16,
}

impl Closed {
    /// Closes a connection to a peer as the script says, which returns its local address.
    fn by(family: Family, script: impl Fn(&Peer, TcpStream, SocketAddr)) -> Closed {
        until_complete(|| Closed::once(family, &script))
    }

    fn once(family: Family, script: impl Fn(&Peer, TcpStream, SocketAddr)) -> Option<Closed> {
        let peer = Peer::open();
        // Orphans give up after 600 ms.
        write_sysctl("ipv4/tcp_orphan_retries", "1");
        let states = Tracing::start(&[]);
        let segments = Tracing::start(&["--segments"]);
        let (stream, local) = connect(&peer, family);
        script(&peer, stream, local);
        let (states, segments) = (states.interrupt(), segments.interrupt());
        let is_complete = states.is_complete() && segments.is_complete();
        is_complete.then_some(Closed {
            states,
            segments,
            port: local.port(),
        })
    }

    /// Checks both closes and returns that of the states, where they are recorded.
    #[track_caller]
    fn is(&self, shape: &str, segments_evidence: &str) -> Option<&Connection> {
        let captured = self.segments.close(self.port);
        if !has_bpf() {
            let expected = (segments_evidence == "segments").then_some(shape);
            assert_eq!(captured.shape(), expected, "{captured:?}");
            return None;
        }
        let shown = (captured.shape(), captured.evidence());
        assert_eq!(
            shown,
            (Some(shape), Some(segments_evidence)),
            "{captured:?}"
        );
        let close = self.states.close(self.port);
        let shown = (close.shape(), close.evidence());
        assert_eq!(shown, (Some(shape), Some("state")), "{close:?}");
        assert!(close.other_end.is_none(), "{close:?}");
        Some(close)
    }
}

in_namespace!(
    fn fins_that_cross_are_crossed() {
        for family in Family::ALL {
            let closed = Closed::by(family, |peer, stream, local| {
                drop(stream);
                let sent = peer.wait_for(local, 0, is_fin);
                let crossing = Segment {
                    acknowledgment: sent.sequence,
                    ..fin(&sent)
                };
                peer.send(&crossing);
                wait_for_last_ack(peer, local, &crossing);
                peer.send(&Segment {
                    sequence: crossing.end(),
                    ..ack(&sent)
                });
                wait_until_gone(local);
            });
            if let Some(close) = closed.is("crossed", "segments") {
                assert_eq!(close.first_close.as_deref(), Some("both"));
                assert_eq!(close.close.parked.as_deref(), Some("TIME_WAIT"));
            }
        }
    }
);

in_namespace!(
    fn an_ack_apart_from_the_fin_makes_four_segments_and_leaves_fin_wait2_parked() {
        let closed = Closed::by(Family::V4, |peer, stream, local| {
            drop(stream);
            let sent = peer.wait_for(local, 0, is_fin);
            peer.send(&ack(&sent));
            wait_until_gone(local);
            let second = fin(&sent);
            peer.send(&second);
            wait_for_last_ack(peer, local, &second);
        });
        if let Some(close) = closed.is("four", "segments") {
            assert_eq!(close.close.parked.as_deref(), Some("FIN_WAIT2"));
            assert_eq!(close.first_close.as_deref(), Some("local"));
        }
    }
);

in_namespace!(
    fn a_fin_that_is_sent_again_is_counted() {
        let closed = Closed::by(Family::V6, |peer, stream, local| {
            drop(stream);
            let sent = peer.wait_for(local, 1, is_fin);
            let second = fin(&sent);
            peer.send(&second);
            wait_for_last_ack(peer, local, &second);
        });
        if let Some(close) = closed.is("three", "segments") {
            assert!(close.close.fin_retransmits >= Some(1), "{close:?}");
        }
        let marks = closed.segments.close(closed.port).marks();
        assert!(
            marks.starts_with(&[">F.".to_owned(), ">F.".to_owned()]),
            "{marks:?}"
        );
    }
);

in_namespace!(
    fn a_reset_in_answer_to_a_fin_is_the_peers() {
        let closed = Closed::by(Family::V4, |peer, stream, local| {
            drop(stream);
            let sent = peer.wait_for(local, 0, is_fin);
            peer.send(&Segment {
                rst: true,
                ..ack(&sent)
            });
            wait_until_gone(local);
        });
        if let Some(close) = closed.is("reset", "segments") {
            assert_eq!(close.close.reset_by.as_deref(), Some("remote"));
            assert_eq!(close.first_close.as_deref(), Some("local"));
        }
    }
);

in_namespace!(
    fn a_fin_without_an_answer_times_out() {
        let closed = Closed::by(Family::V4, |_, stream, local| {
            drop(stream);
            wait_until_gone(local);
        });
        if let Some(close) = closed.is("timeout", "state") {
            assert!(close.close.fin_retransmits >= Some(1), "{close:?}");
            assert_eq!(close.error.as_deref(), Some("ETIMEDOUT"));
        }
    }
);

in_namespace!(
    fn a_connection_that_is_refused_ends_by_a_reset_and_one_without_an_answer_by_a_timeout() {
        let _peer = Peer::open();
        write_sysctl("ipv4/tcp_syn_retries", "1");
        let refused = TcpListener::bind("127.0.0.1:0").unwrap();
        let refused_at = refused.local_addr().unwrap();
        drop(refused);
        let silent = Peer::address(Behaviour::NoReply, Family::V4);
        let traced = until_complete(|| {
            let tracing = Tracing::start(&[]);
            TcpStream::connect(refused_at).unwrap_err();
            TcpStream::connect(silent).unwrap_err();
            let traced = tracing.interrupt();
            traced.is_complete().then_some(traced)
        });
        for (at, shape, error) in [
            (refused_at, "reset", "ECONNREFUSED"),
            (silent, "timeout", "ETIMEDOUT"),
        ] {
            if !has_bpf() {
                // The kernel has cleared the peer of the socket when it is destroyed.
                assert!(traced.closes(at.port()).is_empty(), "{:?}", traced.ran);
                continue;
            }
            let close = traced.close(at.port());
            assert_eq!(close.shape(), Some(shape), "{close:?}");
            assert_eq!(close.error.as_deref(), Some(error), "{close:?}");
            assert_eq!(
                (
                    close.opened.as_deref().unwrap(),
                    close.first_close.as_deref()
                ),
                ("local", Some("nobody"))
            );
            let by = close.opened_by.as_ref().unwrap();
            assert_eq!(by.pid, std::process::id());
        }
    }
);

/// Waits until the kernel's full socket at this address has ended; FIN_WAIT2 and TIME_WAIT of
/// minisockets may remain.
#[track_caller]
fn wait_until_gone(local: SocketAddr) {
    let name = match local {
        SocketAddr::V4(_) => "tcp",
        SocketAddr::V6(_) => "tcp6",
    };
    let port = format!(":{:04X}", local.port());
    let is_gone = || {
        let table = std::fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap();
        let mut rows = table
            .lines()
            .map(|row| row.split_whitespace().collect::<Vec<_>>());
        let is_there = |row: Vec<&str>| {
            // FIN_WAIT2 is of a minisocket where its inode is 0 and its uid too; TIME_WAIT always.
            let is_parked = matches!(row.get(3), Some(&"06")) || is_minisocket(&row);
            row.get(1).is_some_and(|at| at.ends_with(&port)) && !is_parked
        };
        (!rows.any(is_there)).then_some(())
    };
    poll(is_gone).unwrap_or_else(|| panic!("the socket at {local} has not ended"));
}

/// A minisocket's row has the timer of TIME_WAIT, number 3 (`get_timewait4_sock`).
fn is_minisocket(row: &[&str]) -> bool {
    row.get(5).is_some_and(|timer| timer.starts_with("03:"))
}
