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
pub struct NetlinkDump {
    /// Those that are selected; the kernel lists all.
    pub states: StateSet,
    /// Whether attributes are read.
    pub with_attributes: bool,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of a socket of this protocol, state, port and cookie.
    fn record(protocol: u8, state: u8, port: u32, cookie: u64) -> Vec<u8> {
        let words = [port, 0, 0, 99].map(u32::to_ne_bytes).concat();
        [&[16, 3, protocol, state][..], &words, &cookie.to_ne_bytes()].concat()
    }

    fn decode(bytes: &[u8], spare: &mut Spare) -> Option<Socket> {
        let dump = NetlinkDump {
            states: Kind::Netlink.states(),
            with_attributes: true,
        };
        dump.decode(bytes, spare).unwrap()
    }

    #[test]
    fn a_socket_that_is_reported_twice_counts_once() {
        let spare = &mut Spare::default();
        let ports: Vec<u64> = [(5, 1), (5, 1), (6, 2)]
            .into_iter()
            .filter_map(|(port, cookie)| decode(&record(0, 0, port, cookie), spare))
            .filter_map(|socket| socket.number(crate::model::Field::PortId))
            .collect();
        assert_eq!(ports, [5, 6]);
    }

    #[test]
    fn the_socket_that_asks_is_left_out_and_those_of_the_kernel_are_held_by_no_process() {
        let spare = &mut Spare::of(7);
        assert_eq!(decode(&record(SOCK_DIAG, 0, 7, 1), spare), None);
        let other = decode(&record(0, CONNECTED, 7, 2), spare).unwrap();
        assert_eq!(other.state, State::Established);
        assert_eq!((other.held_inode(), other.owner()), (Some(99), None));
        let kernel = decode(&record(0, 0, 0, 3), spare).unwrap();
        assert_eq!((kernel.inode, kernel.held_inode()), (99, None));
    }

    #[test]
    fn a_state_that_is_not_selected_is_left_out() {
        let dump = NetlinkDump {
            states: StateSet::NONE.with(State::Established),
            with_attributes: false,
        };
        let spare = &mut Spare::default();
        assert_eq!(dump.decode(&record(0, 0, 1, 1), spare), Ok(None));
        assert!(dump.decode(&record(0, 1, 1, 2), spare).unwrap().is_some());
        assert!(dump.decode(&[0; 27], spare).is_err());
    }
}
