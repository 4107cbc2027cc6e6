//! How answers are shown: as a table, as JSON, as CSV, or as a line for monitoring.
//!
//! A [`Format`] appends to bytes in memory, which does not fail. Does not access the terminal: the
//! caller passes its width, and whether colour is allowed.

mod check;
mod csv;
mod doctor;
pub mod escape;
mod facts;
mod json;
mod metrics;
mod owners;
pub mod screen;
mod share;
mod table;
#[cfg(test)]
mod tests;
mod text;
pub mod trace;
mod value;
mod width;

pub use check::{check_progress, write_check, write_check_json};
pub use csv::Csv;
pub use doctor::{write_diagnosis, write_diagnosis_brief, write_diagnosis_json};
pub use facts::render_facts;
pub use json::Json;
pub use json::recorded::SocketLines;
pub use metrics::render_page;
pub use table::{Table, render_list};
pub use value::label_text;

use std::time::SystemTime;

use anstyle::{AnsiColor, Style as TextStyle};

use crate::model::{
    Asked, Earlier, Field, Grouped, KindSet, Names, Note, Observation, Snapshot, Socket,
};

/// How a table may look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Whether escape sequences for colour may be written.
    pub color: bool,
    /// The terminal's width in columns; `None` if the output is not a terminal: then lines do not
    /// depend on a width.
    pub width: Option<usize>,
    /// The terminal's height in rows; `None` if the output is not a terminal.
    pub height: Option<usize>,
    /// Whether block characters can be shown; else bars are drawn in ASCII.
    pub utf8: bool,
}

impl Look {
    /// For headers and totals.
    fn heading(self) -> TextStyle {
        self.styled(TextStyle::new().bold())
    }

    /// For what needs attention. Yellow is readable on light and on dark.
    fn attention(self) -> TextStyle {
        self.styled(AnsiColor::Yellow.on_default())
    }

    /// For what fails.
    fn alarm(self) -> TextStyle {
        self.styled(AnsiColor::Red.on_default().bold())
    }

    fn styled(self, style: TextStyle) -> TextStyle {
        match self.color {
            true => style,
            false => TextStyle::new(),
        }
    }
}

/// Settings that a command passes to a format.
#[derive(Clone, Debug, Default)]
pub struct Style {
    /// What the output can show.
    pub look: Look,
    /// What was asked.
    pub asked: Asked,
    /// The answer to compare with.
    pub earlier: Option<Earlier>,
    /// Whether this is one of several samples, each with its time and the changes since the last.
    pub repeated: bool,
    /// Whether states without sockets are shown.
    pub zeros: bool,
    /// Whether headings and totals of tables, and the header of CSV, are left out.
    pub no_header: bool,
    /// The columns of a list after the usual ones, in their order.
    pub columns: Vec<Field>,
    /// The kinds of the sockets of a list; none where only internet sockets are listed.
    pub kinds: KindSet,
    /// Whether a list may have listeners.
    pub listeners: bool,
    /// Whether every socket of a list is an IPv4 one.
    pub only_v4: bool,
    /// Whether every socket of a list is a listener.
    pub only_listeners: bool,
    /// The columns of a list that are shown as those in `columns` are: usual ones that were named, and
    /// those that it is sorted by.
    pub needed: Vec<Field>,
    /// Columns of a list that may be omitted although they are in `columns`, or because a title names
    /// the state of all rows.
    pub optional: Vec<Field>,
}

/// A format of answers. One value writes all samples of a command, so that it can show changes.
pub trait Format {
    /// Appends the number of sockets in each state.
    fn write_summary(&mut self, out: &mut Vec<u8>, snapshot: &Snapshot);

    /// Appends the number of sockets in each state by group.
    fn write_groups(&mut self, out: &mut Vec<u8>, grouped: &Grouped);

    /// Begins the list of a sample taken at `time`; one that was begun and not ended is dropped.
    fn begin_list(&mut self, out: &mut Vec<u8>, time: SystemTime);

    /// Appends a socket to the list, or keeps it for later.
    fn write_socket(&mut self, out: &mut Vec<u8>, socket: &Socket, names: &mut dyn Names);

    /// Ends the list of `listed` sockets, and appends what was kept.
    fn end_list(
        &mut self,
        out: &mut Vec<u8>,
        observation: &Observation,
        listed: u64,
        names: &mut dyn Names,
    );

    /// What the last sample did not show.
    fn note(&self) -> Option<Note> {
        None
    }
}

impl Style {
    /// The columns in front of the usual ones of a list, and those after them.
    fn columns_in_order(&self) -> (Vec<Field>, Vec<Field>) {
        let is_first = |field: &Field| matches!(field, Field::Netns | Field::Kind);
        self.columns.iter().copied().partition(is_first)
    }

    /// Whether changes are shown.
    fn has_changes(&self) -> bool {
        self.repeated || self.earlier.is_some()
    }
}

/// The time that [`utc_stamp`] wrote; `None` for any other text.
pub fn parse_stamp(text: &str) -> Option<SystemTime> {
    let stamp: jiff::Timestamp = text.parse().ok()?;
    SystemTime::try_from(stamp).ok()
}

/// A time as RFC 3339 in UTC, with milliseconds: `2026-11-23T15:53:43.123Z`.
pub fn utc_stamp(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time)
        // A clock beyond the year 9999 shows as the last time that has a stamp.
        .map_or(format!("{:.3}", jiff::Timestamp::MAX), |stamp| {
            format!("{stamp:.3}")
        })
}
