//! UNIX sockets over netlink: `struct unix_diag_req`, 24 bytes, and the records that answer it,
//! `struct unix_diag_msg`, 16 bytes, then attributes (`linux/unix_diag.h`, since 3.3).
//!
//! One dump has every type of them. The kernel selects states only, and leaves out what has no inode:
//! the server's ends of connections that wait to be accepted, and ends that were closed
//! (`sk_diag_dump`, net/unix/diag.c). Attributes that were not requested are not sent.

use netlink_packet_core::NlasIterator;
use netlink_packet_sock_diag::constants::AF_UNIX;

use super::{Request, Spare};
use crate::model::{Field, Kind, KindSet, Socket, UnixEnds, UnixName, UnixPeer, UnixShutdown};
use crate::question::Question;
use crate::source::kernel::{decode_state, encode_mask};

/// What to report of each socket: `UDIAG_SHOW_NAME` and the others.
const SHOW_NAME: u32 = 1;
const SHOW_PEER: u32 = 4;
const SHOW_ICONS: u32 = 8;
const SHOW_RQLEN: u32 = 0x10;
/// Since 5.3; earlier kernels ignore it.
const SHOW_UID: u32 = 0x40;

/// Attributes: `UNIX_DIAG_NAME` and the others.
const NAME: u16 = 0;
const PEER: u16 = 2;
const ICONS: u16 = 3;
const RQLEN: u16 = 4;
const SHUTDOWN: u16 = 6;
const UID: u16 = 7;

/// Types of sockets, socket(2).
const SOCK_STREAM: u8 = 1;
const SOCK_DGRAM: u8 = 2;
const SOCK_SEQPACKET: u8 = 5;

/// `sizeof(struct unix_diag_msg)`.
const HEADER_LEN: usize = 16;

/// A dump of UNIX sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixDump {
    /// Those that are selected; the kernel lists all.
    kinds: KindSet,
    /// The bits of `udiag_states`.
    states: u32,
    /// The bits of `udiag_show`.
    show: u32,
}

impl UnixDump {
    /// What `question` needs, and in an answer of `rows` what each row shows.
    pub fn new(question: &Question, rows: bool) -> UnixDump {
        let kinds = question.kinds();
        let usual = SHOW_NAME | SHOW_PEER | SHOW_RQLEN | SHOW_UID;
        let needed = question.needed().map(show);
        UnixDump {
            kinds,
            states: match question.states == kinds.states() {
                // Those without a name here too.
                true => u32::MAX,
                false => encode_mask(question.states),
            },
            show: needed.fold(if rows { usual } else { 0 }, |all, one| all | one),
        }
    }
}

/// What the kernel must report for a field.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "every other field is in each record, or is none of UNIX sockets"
)]
fn show(field: Field) -> u32 {
    match field {
        Field::Name => SHOW_NAME,
        // What was shut down is sent without a request.
        Field::Peer | Field::Shutdown => SHOW_PEER,
        Field::PeerProcess => SHOW_PEER | SHOW_ICONS | SHOW_UID,
        Field::Service => SHOW_NAME | SHOW_PEER,
        Field::ReceiveQueue | Field::SendQueue | Field::AcceptQueue | Field::AcceptLimit => {
            SHOW_RQLEN
        }
        Field::Uid | Field::User => SHOW_UID,
        // The processes of the owner are searched first.
        field if field.needs_owners() => SHOW_UID,
        _ => 0,
    }
}

impl Request for UnixDump {
    fn kind(&self) -> Kind {
        self.kinds.first()
    }

    fn body(&self) -> Vec<u8> {
        // Family, protocol, padding; states, the inode of a single socket, what to show, and the
        // cookie, which a dump ignores.
        let numbers = [self.states, 0, self.show, 0, 0].map(u32::to_ne_bytes);
        [&[AF_UNIX, 0, 0, 0], numbers.as_flattened()].concat()
    }

    fn decode(&self, record: &[u8], _: &mut Spare) -> Result<Option<Socket>, String> {
        let Some((header, attributes)) = record.split_first_chunk::<HEADER_LEN>() else {
            return Err(format!(
                "unix_diag_msg: {} bytes, of at least {HEADER_LEN}",
                record.len()
            ));
        };
        let [family, kind, state, _, i0, i1, i2, i3, cookie @ ..] = *header;
        if family != AF_UNIX {
            return Err(format!("unix_diag_msg: unknown address family {family}"));
        }
        let kind = match kind {
            SOCK_STREAM => Kind::UnixStream,
            SOCK_DGRAM => Kind::UnixDgram,
            SOCK_SEQPACKET => Kind::UnixSeqpacket,
            other => return Err(format!("unix_diag_msg: unknown type of socket {other}")),
        };
        if !self.kinds.contains(kind) {
            return Ok(None);
        }
        let state = kind.named(decode_state(state));
        let mut socket = Socket {
            uid: Socket::NO_UID,
            retransmits: None,
            inode: u32::from_ne_bytes([i0, i1, i2, i3]).into(),
            cookie: Some(u64::from_ne_bytes(cookie)),
            ..Socket::bare(kind, state, UnixEnds::default())
        };
        if self.show != 0 {
            socket.ends = self.read(attributes, &mut socket).into();
        }
        Ok(Some(socket))
    }
}

impl UnixDump {
    /// Reads the attributes into `socket`, and returns its ends. Those behind one that cannot be read
    /// are unknown.
    fn read(&self, attributes: &[u8], socket: &mut Socket) -> UnixEnds {
        let mut ends = UnixEnds::default();
        let mut peer = None;
        let number = |bytes: &[u8]| bytes.first_chunk().copied().map(u32::from_ne_bytes);
        for attribute in NlasIterator::new(attributes) {
            let Ok(attribute) = attribute else {
                return ends;
            };
            let value = attribute.value();
            match attribute.kind() {
                NAME => ends.name = UnixName::parse(value),
                PEER => peer = number(value),
                ICONS => {
                    ends.clients = value
                        .as_chunks()
                        .0
                        .iter()
                        .map(|inode| u32::from_ne_bytes(*inode))
                        .collect()
                }
                RQLEN => {
                    if let (Some(received), Some(sent)) =
                        (number(value), value.get(4..).and_then(number))
                    {
                        (socket.receive_queue, socket.send_queue) = (received, sent);
                        socket.full = Some(true);
                    }
                }
                SHUTDOWN => ends.shutdown = value.first().map(|bits| UnixShutdown::of_bits(*bits)),
                UID => socket.uid = number(value).unwrap_or(Socket::NO_UID),
                _ => {}
            }
        }
        if self.show & SHOW_PEER != 0 {
            ends.peer = Some(peer_of(socket.kind, peer, ends.shutdown));
        }
        ends
    }
}

/// The other end, by the inode that the kernel reports of it: 0 for one that belongs to no process.
///
/// That of a connection which waits to be accepted has none yet. A stream whose other end was closed is
/// shut down in both directions (`unix_release_sock`, net/unix/af_unix.c); datagrams keep their peer
/// until the next one is sent.
fn peer_of(kind: Kind, inode: Option<u32>, shutdown: Option<UnixShutdown>) -> UnixPeer {
    match inode {
        None => UnixPeer::None,
        Some(0) if kind == Kind::UnixDgram || shutdown == Some(UnixShutdown::Both) => {
            UnixPeer::Gone
        }
        Some(0) => UnixPeer::Waiting,
        Some(inode) => UnixPeer::Inode(inode),
    }
}

#[cfg(test)]
mod tests;
