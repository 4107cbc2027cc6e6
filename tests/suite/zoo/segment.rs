//! TCP segments decoded from and encoded to IP packets.
//!
//! Pure. Must not know connections: `behaviour` decides on replies. RFC 9293 section 3.1.

use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TcpHeader, TransportSlice};
use std::net::{IpAddr, SocketAddr};

/// One TCP segment with its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) sequence: u32,
    /// Meaningful only with `ack`.
    pub(crate) acknowledgment: u32,
    pub(crate) syn: bool,
    pub(crate) ack: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    pub(crate) window: u16,
    pub(crate) payload: Vec<u8>,
}

impl Segment {
    /// A segment without flags, sequence numbers and payload, with the largest window.
    pub(crate) fn between(source: SocketAddr, destination: SocketAddr) -> Self {
        Self {
            source,
            destination,
            sequence: 0,
            acknowledgment: 0,
            syn: false,
            ack: false,
            fin: false,
            rst: false,
            window: u16::MAX,
            payload: Vec::new(),
        }
    }

    /// The sequence number after this segment: SYN and FIN count as one byte each.
    pub(crate) fn end(&self) -> u32 {
        let payload = u32::try_from(self.payload.len()).expect("a payload fits a packet");
        self.sequence
            .wrapping_add(payload)
            .wrapping_add(u32::from(self.syn))
            .wrapping_add(u32::from(self.fin))
    }

    /// `None` for packets other than TCP: a new interface also carries ICMPv6.
    pub(crate) fn decode(packet: &[u8]) -> Option<Self> {
        let packet = SlicedPacket::from_ip(packet).ok()?;
        let (source, destination): (IpAddr, IpAddr) = match packet.net? {
            NetSlice::Ipv4(ip) => {
                let header = ip.header();
                (
                    header.source_addr().into(),
                    header.destination_addr().into(),
                )
            }
            NetSlice::Ipv6(ip) => {
                let header = ip.header();
                (
                    header.source_addr().into(),
                    header.destination_addr().into(),
                )
            }
            NetSlice::Arp(_) => return None,
        };
        let Some(TransportSlice::Tcp(tcp)) = packet.transport else {
            return None;
        };
        Some(Self {
            source: (source, tcp.source_port()).into(),
            destination: (destination, tcp.destination_port()).into(),
            sequence: tcp.sequence_number(),
            acknowledgment: tcp.acknowledgment_number(),
            syn: tcp.syn(),
            ack: tcp.ack(),
            fin: tcp.fin(),
            rst: tcp.rst(),
            window: tcp.window_size(),
            payload: tcp.payload().to_vec(),
        })
    }

    /// The IP packet, with its checksums.
    pub(crate) fn encode(&self) -> Vec<u8> {
        const HOPS: u8 = 64;
        let ip = match (self.source.ip(), self.destination.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                PacketBuilder::ipv4(from.octets(), to.octets(), HOPS)
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                PacketBuilder::ipv6(from.octets(), to.octets(), HOPS)
            }
            mixed => panic!("addresses of different families: {mixed:?}"),
        };
        let ports = (self.source.port(), self.destination.port());
        let mut header = TcpHeader::new(ports.0, ports.1, self.sequence, self.window);
        header.acknowledgment_number = self.acknowledgment;
        header.syn = self.syn;
        header.ack = self.ack;
        header.fin = self.fin;
        header.rst = self.rst;
        let mut packet = Vec::new();
        let builder = ip.tcp_header(header);
        builder.write(&mut packet, &self.payload).unwrap();
        packet
    }
}

mod tests {
    use super::Segment;

    #[test]
    fn a_segment_survives_encoding_and_decoding() {
        for (source, destination) in [
            ("192.0.2.1:5", "192.0.2.2:6"),
            ("[2001:db8::1]:5", "[2001:db8::2]:6"),
        ] {
            let segment = Segment {
                sequence: u32::MAX,
                acknowledgment: 7,
                syn: true,
                fin: true,
                window: 0,
                payload: b"abc".to_vec(),
                ..Segment::between(source.parse().unwrap(), destination.parse().unwrap())
            };
            assert_eq!(Segment::decode(&segment.encode()), Some(segment.clone()));
            assert_eq!(segment.end(), 4, "sequence numbers wrap; SYN and FIN count");
        }
    }

    #[test]
    fn truncated_packets_are_not_decoded() {
        let whole = Segment::between("1.2.3.4:5".parse().unwrap(), "1.2.3.5:6".parse().unwrap());
        let whole = whole.encode();
        assert!((0..whole.len()).all(|length| Segment::decode(&whole[..length]).is_none()));
    }
}
