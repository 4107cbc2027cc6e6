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
pub struct PacketDump {
    /// Whether attributes are read.
    pub with_attributes: bool,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Protocol;

    /// A header and three attributes, as Linux 6.18 sends them.
    fn record() -> Vec<u8> {
        let mut bytes = vec![17, 3, 3, 0];
        bytes.extend(88_u32.to_ne_bytes());
        bytes.extend(7_u64.to_ne_bytes());
        let mut memory = [0_u32; 9];
        (memory[0], memory[2], memory[8]) = (832, 5, 9);
        let memory: Vec<u8> = memory.iter().flat_map(|one| one.to_ne_bytes()).collect();
        let info = [&2_u32.to_ne_bytes()[..], &[0; 16]].concat();
        for (kind, value) in [(0_u16, info), (5, 33_u32.to_ne_bytes().into()), (6, memory)] {
            let length = u16::try_from(value.len() + 4).unwrap();
            bytes.extend(length.to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(value);
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Option<Socket>, String> {
        let dump = PacketDump {
            with_attributes: true,
        };
        dump.decode(bytes, &mut Spare::default())
    }

    #[test]
    fn a_packet_socket_has_its_protocol_interface_owner_and_queues() {
        let socket = decode(&record()).unwrap().unwrap();
        let all = Protocol {
            kind: Kind::Packet,
            number: 3,
        };
        assert_eq!(socket.protocol(), Some(all));
        assert_eq!(socket.socket_type(), Some("raw"));
        assert_eq!((socket.inode, socket.cookie), (88, Some(7)));
        assert_eq!((socket.interface, socket.uid), (Some(2), 33));
        let queues = (socket.receive_queue, socket.send_queue, socket.drops);
        assert_eq!(queues, (832, 5, Some(9)));
    }

    #[test]
    fn a_record_that_is_cut_off_is_an_error_in_its_header_and_has_less_behind_it() {
        let record = record();
        for end in 0..record.len() {
            assert_eq!(decode(&record[..end]).is_err(), end < 16, "{end}");
        }
    }

    #[test]
    fn attributes_are_requested_only_where_they_are_read() {
        for (with_attributes, show) in [(false, 0_u32), (true, 0x11)] {
            let bytes = PacketDump { with_attributes }.encode(1);
            assert_eq!(bytes.len(), 36);
            assert_eq!(bytes[16..20], [17, 0, 0, 0]);
            assert_eq!(bytes[24..28], show.to_ne_bytes());
        }
    }
}
