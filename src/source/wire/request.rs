//! The two requests for a dump of TCP sockets.
//!
//! `SOCK_DIAG_BY_FAMILY` (since 3.3) carries `struct inet_diag_req_v2` and walks the kernel's
//! hash once for one family. `TCPDIAG_GETSOCK` (since 2.6.14, for TCP only) carries the older
//! `struct inet_diag_req`; its dump ignores the family, so that one walk returns IPv4 and IPv6
//! (`inet_diag_dump_compat`, net/ipv4/inet_diag.c, to 6.18 at least). Both have room for a local
//! and a remote port, and take a filter as an attribute behind them.

use netlink_packet_core::{Emitable, NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer};
use netlink_packet_sock_diag::SOCK_DIAG_BY_FAMILY;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};

use super::Depth;
use crate::model::{Family, State, StateSet};
use crate::source::divide::Ports;
use crate::source::kernel_state::encode_mask;

/// `TCPDIAG_GETSOCK` in `linux/inet_diag.h`.
const TCPDIAG_GETSOCK: u16 = 18;

/// `sizeof(struct nlmsghdr)`.
const NETLINK_HEADER_LEN: usize = 16;

/// `sizeof(struct inet_diag_req)`: family, source and destination length, extensions (a byte
/// each), `struct inet_diag_sockid` (48), states and dbs (4 each). The kernel answers EINVAL to
/// any shorter one.
const COMPAT_LEN: usize = 60;

/// Where `idiag_ext`, `idiag_sport`, `idiag_dport` and `idiag_states` begin in it.
const COMPAT_EXTENSIONS: usize = 3;
const COMPAT_LOCAL_PORT: usize = 4;
const COMPAT_REMOTE_PORT: usize = 6;
const COMPAT_STATES: usize = 52;

/// `INET_DIAG_REQ_BYTECODE`.
const REQ_BYTECODE: u16 = 1;

/// `sizeof(struct nlattr)`.
const ATTRIBUTE_HEADER_LEN: usize = 4;

/// One walk over the kernel's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Walk {
    /// IPv4 and IPv6 together.
    BothFamilies,
    /// One family.
    OneFamily(Family),
}

/// What a dump tells of each socket beyond what every dump does: bits of `idiag_ext`, which has
/// the same meaning and width in both requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::source) struct Extensions {
    /// INET_DIAG_INFO: `struct tcp_info`.
    pub(in crate::source) tcp_info: bool,
    /// INET_DIAG_CONG: the name of the congestion control algorithm.
    pub(in crate::source) congestion_control: bool,
    /// INET_DIAG_SKMEMINFO: the memory of the socket, and how much was dropped.
    pub(in crate::source) socket_memory: bool,
}

impl Extensions {
    fn flags(self) -> ExtensionFlags {
        let mut flags = ExtensionFlags::empty();
        flags.set(ExtensionFlags::INFO, self.tcp_info);
        flags.set(ExtensionFlags::CONG, self.congestion_control);
        flags.set(ExtensionFlags::SKMEMINFO, self.socket_memory);
        flags
    }
}

/// A dump of the sockets in some states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) struct Request<'a> {
    pub(in crate::source) walk: Walk,
    pub(in crate::source) states: StateSet,
    pub(in crate::source) ports: Ports,
    /// What the kernel judges by; empty for nothing. At most `MOST_BYTES`.
    pub(in crate::source) bytecode: &'a [u8],
    /// What more the kernel is to tell; nothing unasked, since it costs time there.
    pub(in crate::source) extensions: Extensions,
    /// How much of each answer to read; the kernel sends all of it anyway.
    pub(in crate::source) depth: Depth,
}

impl Request<'_> {
    /// The type of the request, which is also the type of every message that answers it.
    pub(in crate::source) fn message_type(self) -> u16 {
        match self.walk {
            Walk::BothFamilies => TCPDIAG_GETSOCK,
            Walk::OneFamily(_) => SOCK_DIAG_BY_FAMILY,
        }
    }

    /// What a socket told to be in CLOSE is in. The kernel reports bound sockets as CLOSE, and
    /// nothing else so: with the bound bit set, CLOSE means BOUND.
    pub(in crate::source) fn close_means(self) -> State {
        if self.states.contains(State::Bound) {
            State::Bound
        } else {
            State::Close
        }
    }

    /// The bytes to send, netlink header included.
    pub(in crate::source) fn encode(self, sequence: u32) -> Vec<u8> {
        let mut body = match self.walk {
            Walk::BothFamilies => self.encode_compat().to_vec(),
            Walk::OneFamily(family) => self.encode_v2(family),
        };
        if !self.bytecode.is_empty() {
            let length = ATTRIBUTE_HEADER_LEN + self.bytecode.len();
            body.extend(u16::try_from(length).unwrap_or(u16::MAX).to_ne_bytes());
            body.extend(REQ_BYTECODE.to_ne_bytes());
            body.extend(self.bytecode);
        }
        let length = NETLINK_HEADER_LEN + body.len();
        let mut bytes = vec![0; length];
        let mut message = NetlinkBuffer::new(&mut bytes);
        // A request is some 70 bytes long, and its attribute no longer than 64 KiB.
        message.set_length(u32::try_from(length).unwrap_or(u32::MAX));
        message.set_message_type(self.message_type());
        message.set_flags(NLM_F_REQUEST | NLM_F_DUMP);
        message.set_sequence_number(sequence);
        message.payload_mut().copy_from_slice(&body);
        bytes
    }

    fn encode_compat(self) -> [u8; COMPAT_LEN] {
        let mut body = [0; COMPAT_LEN];
        let mut set = |at, value: &[u8]| {
            let place = body.iter_mut().skip(at);
            place.zip(value).for_each(|(byte, value)| *byte = *value);
        };
        set(COMPAT_EXTENSIONS, &[self.extensions.flags().bits()]);
        set(COMPAT_LOCAL_PORT, &self.ports.local.to_be_bytes());
        set(COMPAT_REMOTE_PORT, &self.ports.remote.to_be_bytes());
        set(COMPAT_STATES, &encode_mask(self.states).to_ne_bytes());
        body
    }

    fn encode_v2(self, family: Family) -> Vec<u8> {
        let (family, any) = match family {
            Family::V4 => (AF_INET, SocketId::new_v4()),
            Family::V6 => (AF_INET6, SocketId::new_v6()),
        };
        let socket_id = SocketId {
            source_port: self.ports.local,
            destination_port: self.ports.remote,
            ..any
        };
        let request = InetRequest {
            family,
            protocol: IPPROTO_TCP,
            extensions: self.extensions.flags(),
            // The crate's flags know 1 to 11 only.
            states: StateFlags::from_bits_retain(encode_mask(self.states)),
            socket_id,
        };
        let mut body = vec![0; request.buffer_len()];
        request.emit(&mut body);
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_walk_for_both_families_is_the_older_request_of_76_bytes() {
        let request = Request {
            walk: Walk::BothFamilies,
            states: StateSet::ALL,
            ports: Ports::default(),
            bytecode: &[],
            extensions: Extensions::default(),
            depth: Depth::Header,
        };
        let bytes = request.encode(7);
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
        let request = Request {
            walk: Walk::OneFamily(Family::V6),
            states: StateSet::NONE.with(State::Bound).with(State::Listen),
            ports: Ports::default(),
            bytecode: &[],
            extensions: Extensions::default(),
            depth: Depth::Header,
        };
        let bytes = request.encode(1);
        assert_eq!(bytes.len(), 72);
        assert_eq!(bytes[4..6], 20u16.to_ne_bytes());
        assert_eq!(bytes[16..20], [10, 6, 0, 0]);
        assert_eq!(bytes[20..24], (1u32 << 13 | 1 << 10).to_ne_bytes());
    }

    #[test]
    fn ports_have_their_place_in_both_requests_and_a_filter_follows() {
        for (walk, ports_at, length) in [
            (Walk::BothFamilies, 20, 76u32),
            (Walk::OneFamily(Family::V4), 24, 72),
        ] {
            let request = Request {
                walk,
                states: StateSet::ALL,
                ports: Ports {
                    local: 443,
                    remote: 0x1234,
                },
                bytecode: &[6, 4, 8, 0],
                extensions: Extensions::default(),
                depth: Depth::Header,
            };
            let bytes = request.encode(1);
            assert_eq!(bytes[ports_at..ports_at + 4], [1, 0xbb, 0x12, 0x34]);
            assert_eq!(bytes[0..4], (length + 8).to_ne_bytes());
            let attribute = [&8u16.to_ne_bytes()[..], &1u16.to_ne_bytes(), &[6, 4, 8, 0]];
            assert_eq!(bytes[bytes.len() - 8..], attribute.concat());
        }
    }

    #[test]
    fn what_is_asked_beyond_the_usual_is_one_byte_in_either_request() {
        for (tcp_info, congestion_control, socket_memory, bits) in [
            (true, false, false, 2),
            (false, true, false, 8),
            (false, false, true, 0x40),
            (true, true, true, 0x4a),
        ] {
            let request = |walk| Request {
                walk,
                states: StateSet::ALL,
                ports: Ports::default(),
                bytecode: &[],
                extensions: Extensions {
                    tcp_info,
                    congestion_control,
                    socket_memory,
                },
                depth: Depth::Attributes,
            };
            let compat = request(Walk::BothFamilies).encode(1);
            assert_eq!(compat[16..20], [0, 0, 0, bits]);
            let v2 = request(Walk::OneFamily(Family::V4)).encode(1);
            assert_eq!(v2[16..20], [2, 6, bits, 0]);
        }
    }
}
