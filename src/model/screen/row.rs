//! One line of the live view's table of states.

use crate::model::State;

/// A state now, and how it came to be so.
#[derive(Clone, Debug, PartialEq)]
pub struct StateRow {
    /// The state; `None` for the sum of all.
    pub state: Option<State>,
    /// Its sockets.
    pub sockets: u64,
    /// By how much the number may be off; 0 where it is exact.
    pub spread: u64,
    /// The change since the sample before; absent in the first.
    pub change: Option<i128>,
    /// Sockets a second that it grew by, over the last ten samples; absent in the first.
    pub rate: Option<f64>,
    /// The fewest since the start, or since that was reset.
    pub min: u64,
    /// The most since then.
    pub max: u64,
    /// The last numbers, the oldest first; the last one is `sockets`.
    pub history: Vec<u64>,
    /// Whether it grows steadily.
    pub is_growing: bool,
    /// Whether it stands at a limit that the kernel names.
    pub is_at_limit: bool,
    /// Whether the keys concern this row.
    pub is_selected: bool,
}
