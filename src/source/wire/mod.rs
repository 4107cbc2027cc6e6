//! Bytes to records and back, as `linux/netlink.h`, `linux/inet_diag.h` and
//! `linux/unix_diag.h` lay them out.
//!
//! Pure: no system call is made here, and no byte from outside makes it panic. `source::sock_diag`
//! sends and receives the bytes.

#![warn(clippy::indexing_slicing)]

mod bytecode;
mod datagram;
mod inet;
mod memory;
mod netlink;
mod packet;
#[cfg(test)]
mod recorded;
mod request;
mod socket;
mod spare;
mod tcp_info;
#[cfg(test)]
pub(super) mod testing;
mod unix;

pub(super) use bytecode::{MOST_BYTES, Operations, encode, list, most_bytes};
pub use datagram::{Message, Messages, Payload};
pub(super) use inet::{InetDump, One, Ports, walks};
pub use netlink::NetlinkDump;
pub use packet::PacketDump;
pub use request::Request;
pub(super) use socket::Depth;
use socket::decode_socket;
pub use spare::Spare;
pub use unix::UnixDump;
