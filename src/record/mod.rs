//! Records: evidence in a file, so that questions can be asked of it later and on other machines.
//!
//! A record is lines of JSON in gzip members one after the other (RFC 1952), so that `zcat FILE | jq` works
//! on it. Sockets are the lines of `list --json`; the other lines are those of [`mod@line`]. It comes from
//! strangers: lines and what is kept of them are bounded, and nothing in it leads to a file.
//!
//! Must not query the kernel, nor know what is asked of a record.

mod compared;
mod continued;
mod cursor;
mod index;
pub mod line;
mod lines;
mod moment;
mod open;
mod ring;
mod row;
mod sampled;
mod samples;
mod sockets;
mod tag;
#[cfg(test)]
mod tests;
mod unchanged;
mod writer;

pub use cursor::Cursor;
pub use lines::Lines;
pub use open::{At, RecordError, is_record, open};
pub use ring::{Bounds, Ring, lock};
pub use row::{CLIENTS, PEER_PORT_ID, Rows};
pub use sampled::{FileRead, SampleWriter, Sampled, SampledNamespace};
pub use samples::Samples;
pub use sockets::Sockets;
pub use unchanged::{Comparison, Known};
pub use writer::Writer;

use crate::model::SourceName;

/// Every line of a socket begins so, as this program writes them.
const SOCKET: &[u8] = b"{\"type\":\"socket\"";

/// The same of the line that ends a moment.
const END: &[u8] = b"{\"type\":\"end\"";

/// The source of this name. One of a later version is taken for the most reliable one.
fn source_of(name: Option<&str>) -> SourceName {
    let known = [SourceName::Proc, SourceName::NetlinkAndCounters];
    let mut known = known.into_iter();
    let named = known.find(|source| Some(source.name()) == name);
    named.unwrap_or(SourceName::Netlink)
}
