//! Packet sockets, packet(7): `struct packet_diag_req` and `struct packet_diag_msg`
//! (linux/packet_diag.h, since 3.7).

use netlink_packet_core::NlasIterator;

use super::memory::SocketMemory;
use super::{Request, Spare};
use crate::model::{Ends, Kind, PacketEnds, Socket, State};

const AF_PACKET: u8 = 17;

/// `PACKET_SHOW_INFO` and `PACKET_SHOW_MEMINFO`: the interface and the owner, and the queues.
const SHOW: u32 = 0x01 | 0x10;

/// Attributes.
const PACKET_DIAG_INFO: u16 = 0;
const PACKET_DIAG_UID: u16 = 5;
const PACKET_DIAG_MEMINFO: u16 = 6;

/// `sizeof(struct packet_diag_msg)`.
const HEADER_LEN: usize = 16;

/// A dump of every packet socket. The kernel selects none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) struct PacketDump {
    /// Whether attributes are read.
    pub(in crate::source) with_attributes: bool,
}

impl Request for PacketDump {
    fn kind(&self) -> Kind {
        Kind::Packet
    }

    fn body(&self) -> Vec<u8> {
        let show = if self.with_attributes { SHOW } else { 0 };
        // Family, protocol and padding; inode; what to show; cookie.
        [
            &[AF_PACKET, 0, 0, 0, 0, 0, 0, 0],
            &show.to_ne_bytes()[..],
            &[0; 8],
        ]
        .concat()
    }

    fn decode(&self, record: &[u8], _: &mut Spare) -> Result<Option<Socket>, String> {
        let (header, attributes) = record
            .split_first_chunk::<HEADER_LEN>()
            .ok_or("packet_diag_msg: shorter than its 16 bytes")?;
        let [_, socket_type, p0, p1, i0, i1, i2, i3, cookie @ ..] = *header;
        let ends = PacketEnds {
            socket_type,
            protocol: u16::from_ne_bytes([p0, p1]),
        };
        let mut socket = Socket {
            inode: u32::from_ne_bytes([i0, i1, i2, i3]).into(),
            cookie: Some(u64::from_ne_bytes(cookie)),
            ..Socket::bare(Kind::Packet, State::Unconnected, Ends::Packet(ends))
        };
        for attribute in NlasIterator::new(attributes).flatten() {
            let value = attribute.value();
            let first = value.first_chunk().copied().map(u32::from_ne_bytes);
            match attribute.kind() {
                PACKET_DIAG_INFO => socket.interface = first,
                PACKET_DIAG_UID => socket.uid = first.unwrap_or_default(),
                PACKET_DIAG_MEMINFO => SocketMemory(value).fill(&mut socket),
                _ => {}
            }
        }
        Ok(Some(socket))
    }
}
