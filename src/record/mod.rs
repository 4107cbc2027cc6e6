//! Records: evidence in a file, so that questions can be asked of it later and on other machines.
//!
//! A record is lines of JSON in gzip members one after the other (RFC 1952), so that `zcat FILE | jq` works
//! on it. Sockets are the lines of `list --json`; the other lines are those of [`mod@line`]. It comes from
//! strangers: lines and what is kept of them are bounded, and nothing in it leads to a file.
//!
//! Must not query the kernel, nor know what is asked of a record.

pub mod line;
mod lines;
mod open;
mod row;
#[cfg(test)]
mod tests;
mod writer;

pub use lines::Lines;
pub use open::{RecordError, open};
pub use row::{CLIENTS, PEER_PORT_ID, Rows};
pub use writer::Writer;
