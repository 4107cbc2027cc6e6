//! How connections live and close: events in, transitions, connections and verdicts out. Pure.
//!
//! Nothing here reads a clock or asks the kernel; times are those of the events. What is kept is
//! bounded: the oldest connection is forgotten, and counted, where there are too many.

mod connections;
mod ending;
mod histogram;
mod segments;
mod stories;
mod tally;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verdict;

pub use connections::{Connections, Gaps};
pub use histogram::Histogram;
pub use segments::{Segments, Sent};
pub use stories::Stories;
pub use tally::TraceTally;
