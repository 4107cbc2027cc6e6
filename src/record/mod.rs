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
pub use lines::{Lines, not_regular};
pub use open::{At, RecordError, is_record, open};
pub use ring::{Bounds, Ring, lock};
pub use row::{CLIENTS, PEER_PORT_ID, Rows};
pub use sampled::{FileRead, SampleWriter, Sampled, SampledNamespace};
pub use samples::Samples;
pub use sockets::Sockets;
pub use unchanged::{Comparison, Known};
pub use writer::Writer;

use std::borrow::Cow;

use crate::model::{SourceName, counted};

/// Every line of a socket begins so, as this program writes them.
const SOCKET: &[u8] = b"{\"type\":\"socket\"";

/// The same of the line that ends a moment.
const END: &[u8] = b"{\"type\":\"end\"";

/// The same of the sockets of a process.
const HOLDS: &[u8] = b"{\"type\":\"holds\"";

/// More warnings than these, and more text of them in bytes, are not kept one by one: each network namespace of a
/// record has those of all.
const MOST_WARNINGS: usize = 100;
const MOST_WARNINGS_TEXT: usize = 64 << 10;

/// The warnings of a line, as far as they are kept, and how many others there are.
fn bounded_warnings(warnings: &[Cow<'_, str>]) -> Vec<String> {
    let mut text = 0;
    let kept = warnings.iter().take(MOST_WARNINGS).take_while(|one| {
        text += one.len();
        text <= MOST_WARNINGS_TEXT
    });
    let mut kept: Vec<String> = kept.map(|one| one.to_string()).collect();
    let others = (warnings.len() - kept.len()) as u64;
    if others > 0 {
        let others = counted(others, "other warning", "other warnings");
        kept.push(format!("{others} in the record"));
    }
    kept
}

/// The source of this name. One of a later version is taken for the most reliable one.
fn source_of(name: Option<&str>) -> SourceName {
    let known = [SourceName::Proc, SourceName::NetlinkAndCounters];
    let mut known = known.into_iter();
    let named = known.find(|source| Some(source.name()) == name);
    named.unwrap_or(SourceName::Netlink)
}
