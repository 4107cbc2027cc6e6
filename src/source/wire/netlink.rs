//! Netlink sockets, netlink(7): `struct netlink_diag_req` and `struct netlink_diag_msg`
//! (linux/netlink_diag.h, since 3.10).

use netlink_packet_core::NlasIterator;

use super::memory::SocketMemory;
use super::{Request, Spare};
use crate::model::{Ends, Kind, NetlinkEnds, Socket, State, StateSet};

const AF_NETLINK: u8 = 16;

/// `NETLINK_SOCK_DIAG`, linux/netlink.h.
const SOCK_DIAG: u8 = 4;

/// `NDIAG_PROTO_ALL`.
const EVERY_PROTOCOL: u8 = 255;

/// `NDIAG_SHOW_MEMINFO` and `NDIAG_SHOW_GROUPS`.
const SHOW: u32 = 0x01 | 0x02;

/// Attributes.
const NETLINK_DIAG_MEMINFO: u16 = 0;
const NETLINK_DIAG_GROUPS: u16 = 1;

/// `sizeof(struct netlink_diag_msg)`.
const HEADER_LEN: usize = 28;

/// `NETLINK_CONNECTED`, net/netlink/af_netlink.h.
const CONNECTED: u8 = 1;

/// A dump of every netlink socket but the one that asks, those of the kernel included. The kernel selects none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) struct NetlinkDump {
    pub(in crate::source) states: StateSet,
    /// Whether attributes are read.
    pub(in crate::source) with_attributes: bool,
}

impl Request for NetlinkDump {
    fn kind(&self) -> Kind {
        Kind::Netlink
    }

    fn body(&self) -> Vec<u8> {
        let show = if self.with_attributes { SHOW } else { 0 };
        // Family, protocol, padding; inode; what to show; cookie.
        [
            &[AF_NETLINK, EVERY_PROTOCOL, 0, 0, 0, 0, 0, 0],
            &show.to_ne_bytes()[..],
            &[0; 8],
        ]
        .concat()
    }

    fn decode(&self, record: &[u8], spare: &mut Spare) -> Result<Option<Socket>, String> {
        let (header, attributes) = record
            .split_first_chunk::<HEADER_LEN>()
            .ok_or("netlink_diag_msg: shorter than its 28 bytes")?;
        let [_, _, protocol, state, numbers @ ..] = *header;
        let (words, cookie) = (numbers.as_chunks::<4>().0, numbers.last_chunk());
        let word = |at: usize| words.get(at).copied().map_or(0, u32::from_ne_bytes);
        let cookie = cookie.copied().map(u64::from_ne_bytes);
        // Since 6.18 at least, a socket with multicast groups is reported again with the groups of
        // its protocol (`__netlink_diag_dump`, net/netlink/diag.c).
        if cookie.is_some_and(|cookie| !spare.seen.insert(cookie)) {
            return Ok(None);
        }
        // It is there for this answer only.
        let is_asker = protocol == SOCK_DIAG && word(0) == spare.asker;
        let state = match state {
            CONNECTED => State::Established,
            _ => State::Unconnected,
        };
        if is_asker || !self.states.contains(state) {
            return Ok(None);
        }
        let mut groups = None;
        let mut socket = Socket {
            uid: Socket::NO_UID,
            inode: word(3).into(),
            cookie,
            ..Socket::bare(Kind::Netlink, state, Ends::Netlink(NetlinkEnds::default()))
        };
        for attribute in NlasIterator::new(attributes).flatten() {
            let value = attribute.value();
            match attribute.kind() {
                NETLINK_DIAG_MEMINFO => SocketMemory(value).fill(&mut socket),
                NETLINK_DIAG_GROUPS => {
                    groups = value.first_chunk().copied().map(u32::from_ne_bytes)
                }
                _ => {}
            }
        }
        socket.ends = Ends::Netlink(NetlinkEnds {
            protocol,
            port_id: word(0),
            peer: Some(word(1)),
            groups,
        });
        Ok(Some(socket))
    }
}
