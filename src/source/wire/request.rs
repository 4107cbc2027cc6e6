//! Requests for a dump of sockets, netlink(7): `struct nlmsghdr`, a body, attributes.

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer};
use netlink_packet_sock_diag::SOCK_DIAG_BY_FAMILY;

use super::Spare;
use crate::model::{Kind, Socket};

/// `sizeof(struct nlmsghdr)`.
const NETLINK_HEADER_LEN: usize = 16;

/// `sizeof(struct nlattr)`.
const ATTRIBUTE_HEADER_LEN: usize = 4;

/// What to send for a dump, and how to read the records that answer it. One for each family of
/// requests that sock_diag(7) knows.
pub trait Request {
    /// The kind of sockets it lists.
    fn kind(&self) -> Kind;

    /// The type of the request, which is also the type of every record that answers it.
    fn message_type(&self) -> u16 {
        SOCK_DIAG_BY_FAMILY
    }

    /// The bytes between the netlink header and the attributes.
    fn body(&self) -> Vec<u8>;

    /// The attributes: type and value of each.
    fn attributes(&self) -> Vec<(u16, &[u8])> {
        Vec::new()
    }

    /// What kind of request it is: that for a dump.
    fn flags(&self) -> u16 {
        NLM_F_REQUEST | NLM_F_DUMP
    }

    /// Decodes a record that answers the request; `None` for a socket that it is not about, or that
    /// an earlier record was about.
    ///
    /// # Errors
    /// A line that says what is wrong; the socket is lost and must be reported as such.
    fn decode(&self, record: &[u8], spare: &mut Spare) -> Result<Option<Socket>, String>;

    /// The bytes to send, netlink header included.
    fn encode(&self, sequence: u32) -> Vec<u8> {
        let mut bytes = vec![0; NETLINK_HEADER_LEN];
        bytes.extend(self.body());
        for (kind, value) in self.attributes() {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            // No attribute is longer than `MOST_BYTES` of bytecode.
            let length = ATTRIBUTE_HEADER_LEN + value.len();
            bytes.extend(u16::try_from(length).unwrap_or(u16::MAX).to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(value);
        }
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut message = NetlinkBuffer::new(&mut bytes);
        message.set_length(length);
        message.set_message_type(self.message_type());
        message.set_flags(self.flags());
        message.set_sequence_number(sequence);
        bytes
    }
}
