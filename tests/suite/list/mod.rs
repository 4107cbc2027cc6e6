//! `tcpstates list`: one row per socket.

pub(crate) mod against_ss;
pub(crate) mod ends;
mod names;
mod options;
mod parallel;
pub(crate) mod row;
mod sources;
mod streaming;
mod tcp_info;
mod width;
