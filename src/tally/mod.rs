//! How sockets add up: per state, and per state and group; which are the first in some order;
//! and sockets kept until their holders are known.
//!
//! Sinks that count keep numbers and no sockets: their memory does not grow with the table, but at most
//! with the number of groups, which is bounded. Sinks
//! do not know where sockets come from.

mod best;
mod groups;
mod kept;
mod packed;
mod states;

pub use best::Best;
pub use groups::{GroupTally, GroupedCounts};
pub use kept::Kept;
pub use states::StateTally;
