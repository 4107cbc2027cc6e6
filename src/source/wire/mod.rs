//! Bytes to records and back, as `linux/netlink.h` and `linux/inet_diag.h` lay them out.
//!
//! Pure: no system call is made here, and no byte from outside makes it panic. The conversation
//! that carries the bytes is `source::sock_diag`.

#![warn(clippy::indexing_slicing)]

#[cfg(test)]
pub(super) mod build;
mod bytecode;
mod datagram;
mod request;
mod socket;
mod tcp_info;

pub(super) use bytecode::{MOST_BYTES, Operations, encode, list, most_bytes};
pub(super) use datagram::{Message, Messages, Payload};
pub(super) use request::{Extensions, Request, Walk};
pub(super) use socket::{Depth, Spare, decode_socket};
