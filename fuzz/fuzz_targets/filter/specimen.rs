//! A socket made from bytes, with everything that netlink reports to root.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use tcpstates::model::{CongestionControl, Family, InetEnds, Kind, Metric, Socket, State, TcpInfo};

/// The number of bytes of one.
pub(crate) const LEN: usize = 32;

pub(crate) struct Specimen {
    pub(crate) socket: Socket,
    /// Whether the kernel chose its port, which no record contains.
    pub(crate) autobound: bool,
}

impl Specimen {
    /// Takes one off the front.
    pub(crate) fn split(input: &[u8]) -> Option<(Specimen, &[u8])> {
        let (bytes, rest) = input.split_first_chunk::<LEN>()?;
        let [kinds, state, local, remote, a, b, c, d, ..] = *bytes;
        let family = if kinds & 1 == 0 {
            Family::V4
        } else {
            Family::V6
        };
        let at = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let wide = |from: usize| u32::from(at(from)) << 16 | u32::from(at(from + 2));
        let ends = InetEnds {
            family,
            local: SocketAddr::new(address(family, local, [a, b, c, d]), at(8)),
            remote: SocketAddr::new(address(family, remote, [d, c, b, a]), at(10)),
        };
        let state = State::named().nth(usize::from(state) % State::NAMED)?;
        let socket = Socket {
            receive_queue: wide(12),
            send_queue: wide(14),
            uid: wide(16),
            full: Some(kinds & 2 == 0),
            inode: wide(18).into(),
            retransmits: Some(u32::from(bytes[22])),
            interface: Some(u32::from(bytes[23])),
            cookie: Some(wide(24).into()),
            mark: Some(wide(26)),
            cgroup: (kinds & 4 == 0).then_some(u64::from(at(30))),
            v6only: (state == State::Listen && family == Family::V6).then_some(kinds & 64 == 0),
            info: (kinds & 16 == 0).then(|| {
                let mut info = TcpInfo::default();
                info.set(Metric::RoundTripTime, wide(12).into());
                info.set(Metric::BytesSent, u64::from(wide(14)) << 16);
                Box::new(info)
            }),
            congestion_control: CongestionControl::new(if kinds & 32 == 0 { "bbr" } else { "" }),
            ..Socket::bare(Kind::Tcp, state, ends)
        };
        let autobound = kinds & 8 == 0;
        Some((Specimen { socket, autobound }, rest))
    }
}

/// An address of one of the kinds between which filters differ.
fn address(family: Family, kind: u8, octets: [u8; 4]) -> IpAddr {
    let [a, b, c, d] = octets;
    match (family, kind % 4) {
        (Family::V4, 0) => [127, 0, 0, 1].into(),
        (Family::V4, 1) => [0; 4].into(),
        (Family::V4, _) => octets.into(),
        (Family::V6, 0) => Ipv6Addr::LOCALHOST.into(),
        (Family::V6, 1) => Ipv6Addr::UNSPECIFIED.into(),
        (Family::V6, 2) => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d].into(),
        (Family::V6, _) => [a, b, c, d, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d].into(),
    }
}
