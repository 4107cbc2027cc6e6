//! The rule at, below and above its limits.

use super::*;
use crate::diagnose::testing::{assert_names_settings, host, socket};
use crate::model::{Setting, Socket, Timer};

fn retransmitting(peer: u8, port: u16) -> Socket {
    Socket {
        retransmits: Some(RETRANSMITS),
        send_queue: 20_000,
        timer: Some(Timer {
            kind: TimerKind::Retransmit,
            remaining: Duration::from_secs(1),
        }),
        ..socket(
            State::Established,
            "192.0.2.9:80",
            &format!("192.0.2.{peer}:{port}"),
        )
    }
}

/// A host that measured these connections, with the bytes acknowledged and received on each.
fn measured(sockets: &[(Socket, u64, u64)]) -> Host {
    let mut host = host().with_setting(Setting::MtuProbing, "0");
    for (socket, acknowledged, received) in sockets {
        let ends = *socket.internet().unwrap();
        for (metric, value) in [
            (Metric::Mss, 1_448),
            (Metric::Unacked, 11),
            (Metric::BytesAcked, *acknowledged),
            (Metric::BytesReceived, *received),
            (Metric::Sacked, u64::from(*acknowledged > 1)),
            (Metric::LastDataSent, 1_000),
            (Metric::LastAckReceived, 9_000),
            (Metric::BusyTime, 9_000_000),
        ] {
            host.measures = host.measures.with(ends, metric, value);
        }
    }
    host
}

fn found(sockets: &[(Socket, u64, u64)]) -> Option<Finding> {
    let all: Vec<Socket> = sockets.iter().map(|(socket, ..)| socket.clone()).collect();
    let host = measured(sockets);
    let rule: PathMtu = host.read(&[], &all);
    host.examine(&rule).findings.pop()
}

fn to_one(number: u16, acknowledged: u64, received: u64) -> Vec<(Socket, u64, u64)> {
    let sockets = (0..number).map(|n| retransmitting(1, 5_000 + n));
    sockets.map(|one| (one, acknowledged, received)).collect()
}

#[test]
fn three_connections_to_one_address_without_a_full_segment_warn() {
    assert!(found(&to_one(2, 0, 18)).is_none());
    let three = found(&to_one(3, 0, 18)).unwrap();
    let title = "full segments to 192.0.2.1 do not arrive, on 3 of 3 connections that retransmit";
    assert_eq!((three.severity, &*three.title), (Severity::Warning, title));
    assert_names_settings(&three);
    assert!(found(&to_one(3, 1_447, 0)).is_some());
    assert!(
        found(&to_one(3, 1_448, 18)).is_none(),
        "a full segment arrived"
    );
    assert!(found(&to_one(3, 1, 0)).is_none(), "nothing arrives");
    let mut some = to_one(3, 0, 18);
    some.extend(to_one(7, 9_000, 18).into_iter().skip(3));
    assert!(found(&some).is_none(), "less than half");
}

#[test]
fn ten_to_any_addresses_warn() {
    let to_all = |number: u8| -> Vec<(Socket, u64, u64)> {
        let sockets = (1..=number).map(|peer| retransmitting(peer, 5_000));
        sockets.map(|one| (one, 0, 18)).collect()
    };
    assert!(found(&to_all(9)).is_none());
    let ten = found(&to_all(10)).unwrap();
    assert!(
        ten.title
            .starts_with("full segments do not arrive, on 10 of 10")
    );
}

/// Whether three connections, on which this was acknowledged, are in a black hole if one of them
/// has these measures.
fn is_path(acknowledged: u64, of_one: &[(Metric, u64)]) -> bool {
    let sockets = to_one(3, acknowledged, 18);
    let all: Vec<Socket> = sockets.iter().map(|(socket, ..)| socket.clone()).collect();
    let mut host = measured(&sockets);
    for one in &all {
        let ends = *one.internet().unwrap();
        host.measures = host.measures.with(ends, Metric::Sacked, 0);
    }
    for (metric, value) in of_one {
        let ends = *all[0].internet().unwrap();
        host.measures = host.measures.with(ends, *metric, *value);
    }
    let rule: PathMtu = host.read(&[], &all);
    !host.examine(&rule).findings.is_empty()
}

#[test]
fn a_peer_of_which_nothing_has_come_since_full_segments_were_lost_is_no_path() {
    assert!(!is_path(100, &[]), "a peer that vanished");
    assert!(is_path(100, &[(Metric::Sacked, 1)]));
    // Two timeouts, of which the second is one second and one that is left.
    assert!(is_path(100, &[(Metric::LastAckReceived, 1_999)]));
    assert!(!is_path(100, &[(Metric::LastAckReceived, 2_000)]));
    // The first data that was sent, at once after the peer was heard from.
    assert!(is_path(1, &[]));
    assert!(!is_path(2, &[]));
    let heard = |ms| is_path(1, &[(Metric::LastAckReceived, ms)]);
    assert!(heard(10_000));
    assert!(!heard(10_001), "two are too few");
}

#[test]
fn what_is_small_or_hardly_retransmitted_is_no_suspect() {
    let short = Socket {
        send_queue: 1_447,
        ..retransmitting(1, 5_000)
    };
    let short: Vec<_> = (0..5).map(|_| (short.clone(), 0, 18)).collect();
    assert!(found(&short).is_none());
    let first = Socket {
        retransmits: Some(1),
        ..retransmitting(1, 5_000)
    };
    let rule: PathMtu = host().read(&[], &vec![first; 9]);
    assert!(rule.suspects(&host()).is_empty());
}
