//! One socket out of the bytes that answer a request: `struct inet_diag_msg`, 72 bytes, then
//! attributes (`linux/inet_diag.h`, unchanged since 2.6.14).
//!
//! The fixed header is read in place and without allocating; attributes are not read where the
//! answer does not need them.

use std::net::SocketAddr;
use std::time::Duration;

use netlink_packet_core::{NlasIterator, Parseable};
use netlink_packet_sock_diag::constants::AF_INET;
use netlink_packet_sock_diag::inet::InetResponseHeader;

use super::Spare;
use super::memory::SocketMemory;
use super::tcp_info::{decode_congestion_control, decode_mptcp_info, decode_tcp_info};
use crate::model::{
    CongestionControl, Ends, Family, Field, InetEnds, Kind, Netns, Socket, State, TcpInfo, Timer,
};
use crate::source::kernel::{decode_state, decode_timer};

/// Attributes, linux/inet_diag.h.
pub(super) const INET_DIAG_INFO: u16 = 2;
pub(super) const INET_DIAG_CONG: u16 = 4;
pub(super) const INET_DIAG_SKMEMINFO: u16 = 7;
const INET_DIAG_SHUTDOWN: u16 = 8;
const INET_DIAG_SKV6ONLY: u16 = 11;
const INET_DIAG_MARK: u16 = 15;
const INET_DIAG_CGROUP_ID: u16 = 21;

/// Where fields begin in the header.
const TIMER: usize = 2;
const RETRANSMITS: usize = 3;
const EXPIRES: usize = 52;

/// `sizeof(struct inet_diag_msg)`.
const HEADER_LEN: usize = 72;

/// How much of a message to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Depth {
    /// The header; and the attributes of the few sockets whose rows always need one: whether a socket
    /// is a full one, and whether a listener takes IPv6 only.
    Header,
    /// The attributes as well.
    Attributes,
}

/// Decodes one socket of this kind. `close_means` is the state that the kernel reports as CLOSE in
/// this dump.
///
/// # Errors
/// A line that says what is wrong, for bytes shorter than the header or of a family that is
/// neither AF_INET nor AF_INET6; the socket is lost and must be reported as such.
pub(super) fn decode_socket(
    bytes: &[u8],
    kind: Kind,
    close_means: State,
    depth: Depth,
    spare: &mut Spare,
) -> Result<Socket, String> {
    let header =
        InetResponseHeader::parse(bytes).map_err(|error| format!("inet_diag_msg: {error}"))?;
    let reported = decode_state(header.state);
    let id = header.socket_id;
    let in_every_row = matches!(
        reported,
        State::SynRecv | State::FinWait2 | State::Listen | State::Close
    );
    let needed = depth == Depth::Attributes || in_every_row;
    let attributes = match bytes.get(HEADER_LEN..) {
        Some(rest) if needed => Attributes::read(rest, kind, reported, spare),
        _ => Attributes::default(),
    };
    Ok(Socket {
        full: is_full(reported, &attributes),
        state: if reported == State::Close {
            close_means
        } else {
            reported
        },
        kind,
        netns: Netns::CALLER,
        ends: Ends::Internet(InetEnds {
            // The parser refuses every other family.
            family: if header.family == AF_INET {
                Family::V4
            } else {
                Family::V6
            },
            local: SocketAddr::new(id.source_address, id.source_port),
            remote: SocketAddr::new(id.destination_address, id.destination_port),
        }),
        receive_queue: header.recv_queue,
        send_queue: header.send_queue,
        uid: header.uid,
        inode: header.inode.into(),
        timer: read_timer(bytes),
        retransmits: bytes.get(RETRANSMITS).copied().map(u32::from),
        interface: Some(id.interface_id),
        cookie: Some(u64::from_ne_bytes(id.cookie)),
        mark: attributes.mark,
        cgroup: attributes.cgroup,
        drops: attributes.drops,
        receive_limit: attributes.receive_limit,
        v6only: attributes.v6only,
        info: attributes.info,
        congestion_control: attributes.congestion_control,
    })
}

/// Whether a socket reported in `state` is a full one, as far as its attributes show it.
fn is_full(state: State, attributes: &Attributes) -> Option<bool> {
    if matches!(state, State::SynRecv | State::FinWait2) {
        attributes.has_shutdown
    } else {
        Some(state != State::TimeWait)
    }
}

/// The timer, read from the bytes: the crate's own drops the time left of TIME_WAIT.
fn read_timer(bytes: &[u8]) -> Option<Timer> {
    let milliseconds = u32::from_ne_bytes(*bytes.get(EXPIRES..)?.first_chunk()?);
    let remaining = Duration::from_millis(milliseconds.into());
    decode_timer(*bytes.get(TIMER)?, remaining)
}

/// What the attributes of a record contain.
#[derive(Default)]
struct Attributes {
    /// Whether INET_DIAG_SHUTDOWN is there, which full sockets always carry and others never
    /// (`inet_diag_msg_attrs_fill`, net/ipv4/inet_diag.c, since 3.9). `None` where the attributes
    /// cannot be read.
    has_shutdown: Option<bool>,
    mark: Option<u32>,
    cgroup: Option<u64>,
    drops: Option<u32>,
    receive_limit: Option<u32>,
    v6only: Option<bool>,
    info: Option<Box<TcpInfo>>,
    congestion_control: Option<CongestionControl>,
}

impl Attributes {
    /// The attributes of a socket reported in `state`.
    fn read(bytes: &[u8], kind: Kind, state: State, spare: &mut Spare) -> Attributes {
        let mut read = Attributes {
            has_shutdown: Some(false),
            ..Attributes::default()
        };
        for attribute in NlasIterator::new(bytes) {
            let Ok(attribute) = attribute else {
                read.has_shutdown = None;
                return read;
            };
            let value = attribute.value();
            match attribute.kind() {
                INET_DIAG_SKMEMINFO => {
                    let memory = SocketMemory(value);
                    read.drops = memory.drops();
                    let limit = memory.receive_limit();
                    read.receive_limit = limit.filter(|_| Field::ReceiveLimit.is_of(kind));
                }
                INET_DIAG_SHUTDOWN => read.has_shutdown = Some(true),
                // Of TCP sockets that are only bound too.
                INET_DIAG_SKV6ONLY if kind.named(state) == kind.waiting() => {
                    read.v6only = value.first().map(|only| *only != 0);
                }
                INET_DIAG_MARK => read.mark = value.first_chunk().copied().map(u32::from_ne_bytes),
                INET_DIAG_CGROUP_ID => {
                    read.cgroup = value.first_chunk().copied().map(u64::from_ne_bytes);
                }
                INET_DIAG_INFO => {
                    let place = spare.take_info();
                    read.info = match (kind == Kind::Tcp, kind == Kind::Mptcp) {
                        (true, _) => decode_tcp_info(value, state, place),
                        (_, true) => decode_mptcp_info(value, state, place),
                        _ => None,
                    };
                }
                INET_DIAG_CONG => read.congestion_control = decode_congestion_control(value),
                _ => {}
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::TimerKind;
    use crate::source::wire::testing::inet_diag_msg;
    use crate::source::wire::{Messages, Payload};

    /// Recorded answers to a TCPDIAG_GETSOCK dump; see tests/fixtures/README.md.
    const AS_ROOT: &[u8] = include_bytes!("../../../tests/fixtures/netlink/root.bin");
    const AS_NOBODY: &[u8] = include_bytes!("../../../tests/fixtures/netlink/nobody.bin");

    fn records(datagrams: &[u8]) -> Vec<&[u8]> {
        Messages::new(datagrams)
            .filter_map(|message| {
                if let Payload::Record { bytes, .. } = message.unwrap().payload {
                    Some(bytes)
                } else {
                    None
                }
            })
            .collect()
    }

    fn decode_socket(bytes: &[u8], close_means: State, depth: Depth) -> Result<Socket, String> {
        super::decode_socket(bytes, Kind::Tcp, close_means, depth, &mut Spare::default())
    }

    fn sockets(datagrams: &[u8]) -> Vec<Socket> {
        records(datagrams)
            .into_iter()
            .map(|bytes| decode_socket(bytes, State::Close, Depth::Attributes).unwrap())
            .collect()
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn recorded_sockets_are_read_alike_as_root_and_as_nobody() {
        for (root, nobody) in sockets(AS_ROOT).iter().zip(sockets(AS_NOBODY)) {
            // Without CAP_NET_ADMIN there is no mark; and time passed between the two.
            assert_eq!((root.mark.is_some(), nobody.mark), (true, None));
            let alike = Socket {
                mark: root.mark,
                timer: root.timer,
                ..nobody
            };
            assert_eq!(*root, alike);
        }
        let mut counts = BTreeMap::new();
        for socket in sockets(AS_ROOT) {
            *counts
                .entry((socket.state, socket.internet().unwrap().family))
                .or_insert(0) += 1;
        }
        let expected = BTreeMap::from([
            ((State::Listen, Family::V4), 1),
            ((State::Listen, Family::V6), 1),
            ((State::Established, Family::V4), 3),
            ((State::Established, Family::V6), 1),
            ((State::FinWait2, Family::V6), 1),
            ((State::CloseWait, Family::V6), 1),
            ((State::TimeWait, Family::V6), 1),
        ]);
        assert_eq!(counts, expected);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_time_left_of_a_recorded_time_wait_is_reported() {
        let time_wait = sockets(AS_ROOT)
            .into_iter()
            .find(|socket| socket.state == State::TimeWait)
            .unwrap();
        let timer = time_wait.timer.unwrap();
        assert_eq!(timer.kind, TimerKind::TimeWait);
        assert_eq!(timer.remaining, Duration::from_millis(59_796));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn every_field_of_a_recorded_listener_is_what_it_was() {
        let listener = sockets(AS_ROOT)
            .into_iter()
            .find(|socket| {
                socket.state == State::Listen && socket.internet().unwrap().family == Family::V6
            })
            .unwrap();
        assert_eq!(
            listener,
            Socket {
                state: State::Listen,
                kind: Kind::Tcp,
                netns: Netns::CALLER,
                ends: Ends::Internet(InetEnds {
                    family: Family::V6,
                    local: "[::]:9090".parse().unwrap(),
                    remote: "[::]:0".parse().unwrap(),
                }),
                receive_queue: 0,
                send_queue: 7,
                full: Some(true),
                uid: 0,
                inode: 3_525_812,
                timer: None,
                retransmits: Some(0),
                interface: Some(0),
                cookie: Some(0x17_fdc4),
                mark: Some(0),
                cgroup: Some(1),
                drops: None,
                receive_limit: None,
                v6only: Some(false),
                info: None,
                congestion_control: None,
            }
        );
    }

    #[test]
    fn a_timewait_minisocket_in_fin_wait2_is_distinguished_from_a_full_one() {
        for recorded in [AS_ROOT, AS_NOBODY] {
            for socket in sockets(recorded) {
                let minisocket = matches!(socket.state, State::FinWait2 | State::TimeWait);
                assert_eq!(socket.full, Some(!minisocket), "{socket:?}");
            }
        }
        let mut unreadable = inet_diag_msg(5).to_vec();
        unreadable.extend([0xff; 8]);
        assert_eq!(
            decode_socket(&unreadable, State::Close, Depth::Header)
                .unwrap()
                .full,
            None
        );
    }

    #[test]
    fn a_record_is_refused_exactly_when_its_header_is_cut() {
        for bytes in records(AS_ROOT) {
            for length in 0..=bytes.len() {
                let decoded = decode_socket(&bytes[..length], State::Close, Depth::Header);
                assert_eq!(decoded.is_ok(), length >= 72, "{length}");
            }
        }
    }

    #[test]
    fn no_changed_byte_makes_it_panic() {
        for at in 0..AS_ROOT.len() {
            for byte in 0..=u8::MAX {
                let mut datagrams = AS_ROOT.to_vec();
                datagrams[at] = byte;
                for message in Messages::new(&datagrams) {
                    if let Ok(Payload::Record { bytes, .. }) = message.map(|m| m.payload) {
                        let _ = decode_socket(bytes, State::Close, Depth::Header);
                    }
                }
            }
        }
    }

    #[test]
    fn only_an_unknown_family_is_refused_and_unknown_states_are_kept() {
        for number in 0..=u8::MAX {
            let mut bytes = inet_diag_msg(number);
            let socket = decode_socket(&bytes, State::Bound, Depth::Header).unwrap();
            match number {
                7 => assert_eq!(socket.state, State::Bound),
                1..=11 => assert!(!matches!(socket.state, State::Unknown(_))),
                _ => assert_eq!(socket.state, State::Unknown(number)),
            }
            bytes[0] = number;
            let known = number == 2 || number == 10;
            assert_eq!(
                decode_socket(&bytes, State::Close, Depth::Header).is_ok(),
                known,
                "{number}"
            );
        }
    }

    #[test]
    fn unknown_or_broken_attributes_cost_no_socket() {
        let mut bytes = inet_diag_msg(1).to_vec();
        bytes.extend([0xff; 9]);
        assert_eq!(
            decode_socket(&bytes, State::Close, Depth::Header)
                .unwrap()
                .state,
            State::Established
        );
    }
}
