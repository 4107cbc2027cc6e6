//! How answers show: as a table, as JSON, as CSV or as a line for monitoring, into
//! any writer.
//!
//! Knows no terminal: whoever calls says how wide it is, and whether there may be colour.

mod bar;
mod check;
mod csv;
mod doctor;
pub mod escape;
mod groups;
mod json;
pub mod list;
mod look;
pub mod screen;
mod table;

pub use check::{write_check, write_check_json};
pub use csv::write_csv;
pub use doctor::{write_diagnosis, write_diagnosis_json};
pub use groups::{GroupRows, write_groups_csv, write_groups_json, write_groups_table};
pub use json::write_json;
pub use look::Look;
pub use table::{Rows, write_table};

use std::time::SystemTime;

/// A time as RFC 3339 in UTC, with milliseconds: `2026-11-23T15:53:43.123Z`.
pub fn utc_stamp(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time)
        // A clock beyond the year 9999 shows as the last time that has a stamp.
        .map_or(format!("{:.3}", jiff::Timestamp::MAX), |stamp| {
            format!("{stamp:.3}")
        })
}
