//! How sockets add up: per state, and per state and group; which are the first in some order;
//! and sockets buffered until their holders are known.
//!
//! Sinks that count keep numbers and no sockets: their memory does not grow with the table, but at
//! most with the number of groups, which is bounded. Sinks do not know where sockets come from.

mod buffered;
mod compact;
mod groups;
mod states;
mod top_n;

pub use buffered::BufferedSockets;
pub use groups::{GroupTally, GroupedCounts};
pub use states::StateTally;
pub use top_n::TopN;
