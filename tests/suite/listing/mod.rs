//! `tcpstates list`: the sockets themselves.

mod agreement;
mod asking;
mod names;
pub(crate) mod row;
mod streaming;
mod width;
