//! What a recorded kernel reported of its connections, and what an older one would have reported.

use netlink_packet_core::NlasIterator;

use super::*;
use crate::model::{Kind, Socket};
use crate::source::wire::{Depth, Messages, Payload, Spare, decode_socket};

/// Recorded answers to a TCPDIAG_GETSOCK dump; see tests/fixtures/README.md.
const RECORDED: &[u8] = include_bytes!("../../../../tests/fixtures/netlink/tcp_info.bin");

/// `sizeof(struct tcp_info)` of the kernel that was recorded.
const WHOLE: usize = 280;

const INET_DIAG_INFO: u16 = 2;

fn records() -> Vec<&'static [u8]> {
    let messages = Messages::new(RECORDED).map(|message| message.unwrap().payload);
    messages
        .filter_map(|payload| match payload {
            Payload::Record { bytes, .. } => Some(bytes),
            Payload::Done { .. } | Payload::Error { .. } | Payload::Overrun | Payload::Noop => None,
        })
        .collect()
}

/// Decoded into a place that held something else before.
fn decode(bytes: &[u8], state: State) -> Option<Box<TcpInfo>> {
    let used = Metric::ALL.iter().copied();
    let used = used.fold(TcpInfo::default(), |used, metric| used.with(metric, 77));
    decode_tcp_info(bytes, state, Box::new(used))
}

fn read(bytes: &[u8]) -> Result<Socket, String> {
    decode_socket(
        bytes,
        Kind::Tcp,
        State::Close,
        Depth::Attributes,
        &mut Spare::default(),
    )
}

/// The socket with these ports, and the bytes of its tcp_info.
fn recorded(local: u16, remote: u16) -> (Socket, Option<Vec<u8>>) {
    let records = records().into_iter();
    let mut all = records.map(|bytes| (read(bytes).unwrap(), bytes));
    let (socket, bytes) = all
        .find(|(socket, _)| {
            socket
                .internet()
                .is_some_and(|ends| (ends.local.port(), ends.remote.port()) == (local, remote))
        })
        .unwrap();
    let mut attributes = NlasIterator::new(&bytes[72..]).map(Result::unwrap);
    let info = attributes.find(|attribute| attribute.kind() == INET_DIAG_INFO);
    (socket, info.map(|info| info.value().to_vec()))
}

/// The client, which wrote 12,345 bytes and read 678.
fn client() -> (Socket, Vec<u8>) {
    let (socket, info) = recorded(40_001, 8080);
    (socket, info.unwrap())
}

fn algorithm(socket: &Socket) -> Option<&str> {
    socket.congestion_control.as_ref().map(|found| found.name())
}

#[test]
#[cfg(target_endian = "little")]
fn every_metric_of_a_recorded_connection_is_what_ss_showed_of_it() {
    let (socket, bytes) = client();
    assert_eq!((bytes.len(), algorithm(&socket)), (WHOLE, Some("reno")));
    let info = socket.info.unwrap();
    for (metric, expected) in [
        (Metric::RoundTripTime, 26),
        (Metric::MinRoundTripTime, 5),
        (Metric::CongestionWindow, 20),
        (Metric::Mss, 988),
        (Metric::Unacked, 0),
        (Metric::Sacked, 0),
        (Metric::RetransNow, 0),
        (Metric::TotalRetrans, 0),
        (Metric::Lost, 0),
        (Metric::DataSegsOut, 13),
        (Metric::BytesSent, 12_345),
        (Metric::BytesAcked, 12_346),
        (Metric::BytesReceived, 678),
        (Metric::BytesNotSent, 0),
        // ss shows bits per second: 4742400000 and 11764093016.
        (Metric::DeliveryRate, 592_800_000),
        (Metric::PacingRate, 1_470_511_627),
        (Metric::BusyTime, 0),
        (Metric::RwndLimited, 0),
        // ss, which ran a tick later, showed 1304.
        (Metric::LastDataSent, 1_300),
        (Metric::LastDataReceived, 1_300),
        (Metric::LastAckReceived, 1_300),
    ] {
        assert_eq!(info.get(metric), Some(expected), "{metric:?}");
    }
}

#[test]
#[cfg(target_endian = "little")]
fn a_connection_in_handshake_has_no_times_of_data() {
    let (socket, _) = recorded(40_004, 8081);
    assert_eq!(socket.state, State::SynSent);
    let info = socket.info.unwrap();
    for (metric, expected) in [
        (Metric::Unacked, Some(1)),
        (Metric::RetransNow, Some(1)),
        (Metric::TotalRetrans, Some(1)),
        (Metric::RoundTripTime, None),
        (Metric::MinRoundTripTime, None),
        (Metric::DeliveryRate, None),
        (Metric::PacingRate, None),
        (Metric::LastDataSent, None),
        (Metric::LastDataReceived, None),
        (Metric::LastAckReceived, None),
    ] {
        assert_eq!(info.get(metric), expected, "{metric:?}");
    }
}

#[test]
#[cfg(target_endian = "little")]
fn a_socket_without_connection_has_no_metrics_and_a_listener_has_an_algorithm() {
    for (ports, expected) in [((8081, 0), "bbr"), ((8080, 0), "reno")] {
        let (listener, bytes) = recorded(ports.0, ports.1);
        assert_eq!(bytes.unwrap().len(), WHOLE);
        assert_eq!((listener.state, &listener.info), (State::Listen, &None));
        assert_eq!(algorithm(&listener), Some(expected));
    }
    let (time_wait, bytes) = recorded(40_002, 8080);
    assert_eq!((time_wait.info, bytes), (None, None));
    assert_eq!(time_wait.congestion_control, None);
    for state in [State::Listen, State::Close, State::Bound] {
        assert_eq!(decode(&client().1, state), None);
    }
}

/// The metrics in the first `length` bytes of the client's.
fn known(length: usize) -> Vec<Metric> {
    let info = decode(&client().1[..length], State::Established).unwrap();
    let metrics = Metric::ALL.iter().copied();
    metrics
        .filter(|metric| info.get(*metric).is_some())
        .collect()
}

#[test]
fn an_older_kernel_reports_less_and_the_rest_is_absent() {
    // Lengths that kernels have sent, the first version that did, and what was new to us.
    let mut so_far = vec![
        Metric::RoundTripTime,
        Metric::CongestionWindow,
        Metric::Mss,
        Metric::Unacked,
        Metric::Sacked,
        Metric::RetransNow,
        Metric::TotalRetrans,
        Metric::Lost,
        Metric::LastDataSent,
        Metric::LastDataReceived,
        Metric::LastAckReceived,
    ];
    for (length, version, new) in [
        (104, "2.6", &[][..]),
        (120, "3.15", &[Metric::PacingRate]),
        (136, "4.1", &[Metric::BytesAcked, Metric::BytesReceived]),
        (144, "4.2", &[]),
        (
            160,
            "4.6",
            &[
                Metric::BytesNotSent,
                Metric::MinRoundTripTime,
                Metric::DataSegsOut,
            ],
        ),
        (168, "4.9", &[Metric::DeliveryRate]),
        (192, "4.10", &[Metric::BusyTime, Metric::RwndLimited]),
        (200, "4.18", &[]),
        (224, "4.19", &[Metric::BytesSent]),
        (232, "5.4", &[]),
        (240, "6.2", &[]),
        (248, "6.7", &[]),
        (WHOLE, "6.18", &[]),
    ] {
        so_far.extend(new);
        let expected: Vec<_> = Metric::ALL
            .iter()
            .copied()
            .filter(|metric| so_far.contains(metric))
            .collect();
        assert_eq!(known(length), expected, "{version}");
    }
}

/// Where each metric ends, `linux/tcp.h`.
const ENDS: [(Metric, usize); 21] = [
    (Metric::Mss, 20),
    (Metric::Unacked, 28),
    (Metric::Sacked, 32),
    (Metric::Lost, 36),
    (Metric::RetransNow, 40),
    (Metric::LastDataSent, 48),
    (Metric::LastDataReceived, 56),
    (Metric::LastAckReceived, 60),
    (Metric::RoundTripTime, 72),
    (Metric::CongestionWindow, 84),
    (Metric::TotalRetrans, 104),
    (Metric::PacingRate, 112),
    (Metric::BytesAcked, 128),
    (Metric::BytesReceived, 136),
    (Metric::BytesNotSent, 148),
    (Metric::MinRoundTripTime, 152),
    (Metric::DataSegsOut, 160),
    (Metric::DeliveryRate, 168),
    (Metric::BusyTime, 176),
    (Metric::RwndLimited, 184),
    (Metric::BytesSent, 208),
];

#[test]
fn at_every_length_exactly_the_whole_metrics_are_reported_unchanged() {
    let (_, bytes) = client();
    let whole = decode(&bytes, State::Established).unwrap();
    for length in 0..=bytes.len() {
        let info = decode(&bytes[..length], State::Established).unwrap();
        for (metric, end) in ENDS {
            let expected = whole.get(metric).filter(|_| end <= length);
            assert_eq!(info.get(metric), expected, "{metric:?} of {length}");
        }
    }
}

#[test]
fn what_the_kernel_uses_for_none_is_absent_and_every_other_0_is_reported() {
    let zeros = decode(&[0; WHOLE], State::Established).unwrap();
    let ones = decode(&[0xff; WHOLE], State::Established).unwrap();
    for &metric in Metric::ALL {
        let none_is_0 = [
            Metric::RoundTripTime,
            Metric::MinRoundTripTime,
            Metric::DeliveryRate,
        ];
        let none_is_most = [Metric::MinRoundTripTime, Metric::PacingRate];
        let reported = [zeros.get(metric), ones.get(metric)].map(|value| value.is_some());
        let expected = [none_is_0.contains(&metric), none_is_most.contains(&metric)];
        assert_eq!(reported, expected.map(|is_none| !is_none), "{metric:?}");
    }
}

#[test]
fn no_changed_byte_makes_it_panic_or_costs_a_socket() {
    for at in 0..RECORDED.len() {
        for byte in [0, 1, 2, 0x7f, 0x80, 0xff] {
            let mut datagrams = RECORDED.to_vec();
            datagrams[at] = byte;
            for message in Messages::new(&datagrams) {
                if let Ok(Payload::Record { bytes, .. }) = message.map(|m| m.payload) {
                    let decoded = read(bytes);
                    let is_readable = matches!(bytes.first(), Some(2 | 10)) && bytes.len() >= 72;
                    assert_eq!(decoded.is_ok(), is_readable, "{at}: {byte}");
                }
            }
        }
    }
    let (_, bytes) = client();
    for at in 0..bytes.len() {
        for byte in 0..=u8::MAX {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            assert!(decode(&bytes, State::Established).is_some());
        }
    }
}

#[test]
fn names_of_algorithms_end_at_their_nul_and_odd_ones_are_absent() {
    for (bytes, expected) in [
        (&b"cubic\0"[..], Some("cubic")),
        (b"bbr", Some("bbr")),
        (b"reno\0\0\xff", Some("reno")),
        (b"", None),
        (b"\0cubic", None),
        (b"\xff\xfe\0", None),
        (b"a_name_of_17_byte", None),
    ] {
        let decoded = decode_congestion_control(bytes);
        assert_eq!(decoded.as_ref().map(|found| found.name()), expected);
    }
}
