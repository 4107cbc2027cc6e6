//! `tcpstates list`: the sockets themselves.

mod agreement;
mod asking;
mod halving;
mod names;
pub(crate) mod row;
mod streaming;
mod tcp_info;
mod width;
