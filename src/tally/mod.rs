//! How sockets add up: per state, and per state and group.
//!
//! Sinks that keep numbers and no sockets: their memory does not grow with the table, but at most
//! with the number of groups, which is bounded. They do not know where sockets come from.

mod groups;
mod listeners;
mod states;

pub use groups::{GroupTally, GroupedCounts};
pub use listeners::Listeners;
pub use states::StateTally;
