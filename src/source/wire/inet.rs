//! Requests for a dump of internet sockets, or for one of them.
//!
//! TCP has two. `SOCK_DIAG_BY_FAMILY` (since 3.3) carries `struct inet_diag_req_v2` and walks the
//! kernel's hash once for one family. `TCPDIAG_GETSOCK` (since 2.6.14) carries the older
//! `struct inet_diag_req`; its dump ignores the family, so that one walk returns IPv4 and IPv6
//! (`inet_diag_dump_compat`, net/ipv4/inet_diag.c, to 6.18 at least). Both have room for a local
//! and a remote port.

use std::net::IpAddr;

use netlink_packet_core::NLM_F_REQUEST;
use netlink_packet_sock_diag::SOCK_DIAG_BY_FAMILY;
use netlink_packet_sock_diag::constants::{
    AF_INET, AF_INET6, AF_UNSPEC, IPPROTO_RAW, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE,
};

use super::socket::{INET_DIAG_CONG, INET_DIAG_INFO, INET_DIAG_SKMEMINFO};
use super::{Depth, Request, Spare, decode_socket};
use crate::model::{Extension, Family, InetEnds, Kind, Socket, State, StateSet};
use crate::question::Families;
use crate::source::kernel::encode_mask;

/// `TCPDIAG_GETSOCK` in `linux/inet_diag.h`.
const TCPDIAG_GETSOCK: u16 = 18;

/// The type of the older request for sockets of this kind; `None` for a kind that has none.
const fn older_request(kind: Kind) -> Option<u16> {
    if matches!(kind, Kind::Tcp) {
        Some(TCPDIAG_GETSOCK)
    } else {
        None
    }
}

/// The families of each dump that lists sockets of this kind: both in one, where the kind has a
/// request for that.
pub(in crate::source) fn walks(kind: Kind, families: Families) -> Vec<Families> {
    match older_request(kind) {
        None if kind.is_internet() => families.iter().map(Families::Only).collect(),
        Some(_) | None => vec![families],
    }
}

/// What follows the two ports in `struct inet_diag_sockid`: addresses, interface and cookie, which
/// a dump ignores.
const REST_OF_ID: [u8; 44] = [0; 44];

/// Where the id begins in `struct inet_diag_req_v2`, and the room for an address in it.
const ID_AT: usize = 8;
const ADDRESS_LEN: usize = 16;

/// `INET_DIAG_REQ_BYTECODE`.
const REQ_BYTECODE: u16 = 1;

/// `INET_DIAG_REQ_PROTOCOL` (since 5.9), and `IPPROTO_MPTCP` as its value.
const REQ_PROTOCOL: u16 = 3;
const MPTCP: [u8; 4] = 262_u32.to_ne_bytes();

/// The ports that a request selects; 0 for any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::source) struct Ports {
    pub(in crate::source) local: u16,
    pub(in crate::source) remote: u16,
}

/// What a dump reports of each socket beyond what every dump does: bits of `idiag_ext`, which has
/// the same meaning and width in both requests: the number of the attribute less one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::source) struct Extensions(u8);

impl FromIterator<Extension> for Extensions {
    fn from_iter<T: IntoIterator<Item = Extension>>(extensions: T) -> Extensions {
        let bits = extensions.into_iter().map(|extension| match extension {
            Extension::TcpInfo => 1 << (INET_DIAG_INFO - 1),
            Extension::CongestionControl => 1 << (INET_DIAG_CONG - 1),
            Extension::SocketMemory => 1 << (INET_DIAG_SKMEMINFO - 1),
        });
        Extensions(bits.fold(0, |bits, bit| bits | bit))
    }
}

/// A dump of internet sockets in some states: the parameters of either request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) struct InetDump<'a> {
    pub(in crate::source) kind: Kind,
    /// Families that one dump walks together.
    pub(in crate::source) families: Families,
    pub(in crate::source) states: StateSet,
    pub(in crate::source) ports: Ports,
    /// The filter program that the kernel runs; empty for none. At most `MOST_BYTES`.
    pub(in crate::source) bytecode: &'a [u8],
    pub(in crate::source) extensions: Extensions,
    /// How much of each record to read; the kernel sends all of it anyway.
    pub(in crate::source) depth: Depth,
}

impl Request for InetDump<'_> {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn message_type(&self) -> u16 {
        match (self.families, older_request(self.kind)) {
            (Families::Both, Some(older)) => older,
            (Families::Both, None) | (Families::Only(_), _) => SOCK_DIAG_BY_FAMILY,
        }
    }

    fn body(&self) -> Vec<u8> {
        // All numbers are in host order but the ports, which are in network order.
        let Extensions(extensions) = self.extensions;
        let states = encode_mask(self.states).to_ne_bytes();
        let ports = [self.ports.local, self.ports.remote]
            .map(u16::to_be_bytes)
            .concat();
        let protocol = match self.kind {
            Kind::Tcp => IPPROTO_TCP,
            // In an attribute. A kernel that does not know that refuses protocol 0.
            Kind::Mptcp => 0,
            Kind::Udp => IPPROTO_UDP,
            Kind::UdpLite => IPPROTO_UDPLITE,
            Kind::Raw => IPPROTO_RAW,
            // They have other requests, or none.
            Kind::Ping
            | Kind::UnixStream
            | Kind::UnixDgram
            | Kind::UnixSeqpacket
            | Kind::Packet
            | Kind::Netlink => 0,
        };
        let family = match self.families {
            // The older request ignores it, the newer one has no answer for it (ENOENT).
            Families::Both => AF_UNSPEC,
            Families::Only(Family::V4) => AF_INET,
            Families::Only(Family::V6) => AF_INET6,
        };
        if self.message_type() != SOCK_DIAG_BY_FAMILY {
            // Family, lengths of addresses, which the kernel ignores, and extensions, a byte each;
            // the id, the states, and `idiag_dbs`. EINVAL if it is any shorter.
            return [
                &[family, 0, 0, extensions],
                &ports[..],
                &REST_OF_ID,
                &states,
                &[0; 4],
            ]
            .concat();
        }
        // Family, protocol, extensions, padding, a byte each; the states and the id.
        [
            &[family, protocol, extensions, 0],
            &states[..],
            &ports,
            &REST_OF_ID,
        ]
        .concat()
    }

    fn attributes(&self) -> Vec<(u16, &[u8])> {
        let program = (!self.bytecode.is_empty()).then_some((REQ_BYTECODE, self.bytecode));
        let protocol = (self.kind == Kind::Mptcp).then_some((REQ_PROTOCOL, &MPTCP[..]));
        protocol.into_iter().chain(program).collect()
    }

    fn decode(&self, record: &[u8], spare: &mut Spare) -> Result<Option<Socket>, String> {
        // The kernel reports bound sockets as CLOSE, and nothing else so: with the bound bit set,
        // CLOSE means BOUND.
        let close_means = match self.states.contains(State::Bound) {
            true => State::Bound,
            false => self.kind.named(State::Close),
        };
        decode_socket(record, self.kind, close_means, self.depth, spare).map(Some)
    }
}

/// A request for one socket by its addresses, ports and cookie, with what a dump reports of it. The kernel
/// answers with one record, or with ENOENT, or ESTALE for another cookie.
#[derive(Clone, Copy, Debug)]
pub(in crate::source) struct One<'a> {
    pub(in crate::source) ends: InetEnds,
    /// `None` accepts any.
    pub(in crate::source) cookie: Option<u64>,
    /// The index of the interface it is bound to; 0 for none.
    pub(in crate::source) interface: u32,
    /// The same as a dump of one family; its states and its filter are ignored.
    pub(in crate::source) dump: InetDump<'a>,
}

impl Request for One<'_> {
    fn kind(&self) -> Kind {
        self.dump.kind
    }

    fn flags(&self) -> u16 {
        NLM_F_REQUEST
    }

    fn body(&self) -> Vec<u8> {
        let One {
            ends,
            cookie,
            interface,
            ..
        } = *self;
        let mut body = self.dump.body();
        body.truncate(ID_AT);
        for port in [ends.local.port(), ends.remote.port()] {
            body.extend(port.to_be_bytes());
        }
        for address in [ends.local.ip(), ends.remote.ip()] {
            let at = body.len();
            match address {
                IpAddr::V4(address) => body.extend(address.octets()),
                IpAddr::V6(address) => body.extend(address.octets()),
            }
            body.resize(at + ADDRESS_LEN, 0);
        }
        body.extend(interface.to_ne_bytes());
        // `INET_DIAG_NOCOOKIE` accepts any.
        body.extend(cookie.unwrap_or(u64::MAX).to_ne_bytes());
        body
    }

    fn decode(&self, record: &[u8], spare: &mut Spare) -> Result<Option<Socket>, String> {
        self.dump.decode(record, spare)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(families: Families) -> InetDump<'static> {
        InetDump {
            kind: Kind::Tcp,
            families,
            states: StateSet::ALL,
            ports: Ports::default(),
            bytecode: &[],
            extensions: Extensions::default(),
            depth: Depth::Header,
        }
    }

    #[test]
    fn one_walk_for_both_families_is_the_older_request_of_76_bytes() {
        let bytes = all(Families::Both).encode(7);
        assert_eq!(bytes.len(), 76);
        assert_eq!(bytes[0..4], 76u32.to_ne_bytes());
        assert_eq!(bytes[4..6], 18u16.to_ne_bytes());
        assert_eq!(bytes[6..8], 0x301u16.to_ne_bytes());
        assert_eq!(bytes[8..12], 7u32.to_ne_bytes());
        assert_eq!(bytes[68..72], 0xffeu32.to_ne_bytes());
        assert!(bytes[12..68].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn one_family_is_the_newer_request_of_72_bytes() {
        let dump = InetDump {
            states: StateSet::NONE.with(State::Bound).with(State::Listen),
            ..all(Families::Only(Family::V6))
        };
        let bytes = dump.encode(1);
        assert_eq!(bytes.len(), 72);
        assert_eq!(bytes[4..6], 20u16.to_ne_bytes());
        assert_eq!(bytes[16..20], [10, 6, 0, 0]);
        assert_eq!(bytes[20..24], (1u32 << 13 | 1 << 10).to_ne_bytes());
    }

    #[test]
    fn ports_have_their_place_in_both_requests_and_a_filter_follows() {
        for (walk, ports_at, length) in [
            (Families::Both, 20, 76u32),
            (Families::Only(Family::V4), 24, 72),
        ] {
            let dump = InetDump {
                ports: Ports {
                    local: 443,
                    remote: 0x1234,
                },
                bytecode: &[6, 4, 8, 0],
                ..all(walk)
            };
            let bytes = dump.encode(1);
            assert_eq!(bytes[ports_at..ports_at + 4], [1, 0xbb, 0x12, 0x34]);
            assert_eq!(bytes[0..4], (length + 8).to_ne_bytes());
            let attribute = [&8u16.to_ne_bytes()[..], &1u16.to_ne_bytes(), &[6, 4, 8, 0]];
            assert_eq!(bytes[bytes.len() - 8..], attribute.concat());
        }
    }

    #[test]
    fn a_request_for_one_socket_has_its_whole_id_and_asks_for_no_dump() {
        let ends = InetEnds {
            family: Family::V4,
            local: "192.0.2.1:443".parse().unwrap(),
            remote: "192.0.2.2:4660".parse().unwrap(),
        };
        let bytes = One {
            cookie: Some(0x0102_0304_0506_0708),
            ends,
            interface: 3,
            dump: all(Families::Only(Family::V4)),
        }
        .encode(1);
        assert_eq!(bytes.len(), 72);
        assert_eq!(bytes[6..8], 1u16.to_ne_bytes());
        assert_eq!(bytes[24..28], [1, 0xbb, 0x12, 0x34]);
        assert_eq!(bytes[28..32], [192, 0, 2, 1]);
        assert_eq!(bytes[44..48], [192, 0, 2, 2]);
        assert_eq!(bytes[60..64], 3u32.to_ne_bytes());
        assert_eq!(bytes[64..72], 0x0102_0304_0506_0708u64.to_ne_bytes());
    }

    #[test]
    fn extensions_are_one_byte_in_either_request() {
        use Extension::{CongestionControl, SocketMemory, TcpInfo};
        for (extensions, bits) in [
            (&[TcpInfo][..], 2),
            (&[CongestionControl], 8),
            (&[SocketMemory, SocketMemory], 0x40),
            (&[TcpInfo, CongestionControl, SocketMemory], 0x4a),
        ] {
            let encoded = |walk| {
                let dump = InetDump {
                    extensions: extensions.iter().copied().collect(),
                    ..all(walk)
                };
                dump.encode(1)
            };
            assert_eq!(encoded(Families::Both)[16..20], [0, 0, 0, bits]);
            let v2 = encoded(Families::Only(Family::V4));
            assert_eq!(v2[16..20], [2, 6, bits, 0]);
        }
    }
}
