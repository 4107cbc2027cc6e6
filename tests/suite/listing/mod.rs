//! `tcpstates list`: the sockets themselves.

mod agreement;
mod asking;
mod halving;
mod names;
mod row;
mod streaming;
mod tcp_info;
mod width;
