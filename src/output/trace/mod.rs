//! How traced connections are shown: rows, ladders, objects, and the summary.

mod csv;
mod json;
mod ladder;
mod rows;
mod rungs;
mod summary;
mod words;

use crate::model::trace::Clock;

pub use csv::CsvTrace;
pub use json::{
    write_close_json, write_connection_json, write_trace_summary_json, write_transition_json,
};
pub use ladder::{LadderStyle, NARROWEST, write_ladder};
pub use rows::{
    CLOSES, CONNECTIONS, Column, ENDS, TRANSITIONS, write_close, write_connection, write_heading,
    write_transition,
};
pub use summary::{describe_losses, write_trace_summary};

pub(super) use rows::{close_ends, close_took, transition_by};
pub(super) use summary::short_time;
pub(super) use words::{clock_second, reset_text};

/// What all rows of a trace have in common.
#[derive(Clone, Copy, Debug)]
pub struct RowStyle {
    /// The times of its events.
    pub clock: Clock,
    /// Whether rows name their network namespace, by its inode number.
    pub with_netns: bool,
    /// The columns of the terminal; `None` for rows of one line.
    pub width: Option<usize>,
    /// Whether segments are captured.
    pub with_segments: bool,
}
