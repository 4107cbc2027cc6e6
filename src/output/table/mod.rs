//! Answers as tables, for people and awk: cells are words with blanks between them.
//!
//! If the output is not a terminal, the columns do not depend on a terminal. On one, columns are
//! omitted and long cells shortened until the rest fits.

mod column;
mod fit;
mod groups;
mod list;
mod summary;
#[cfg(test)]
mod tests;

pub(super) use groups::write_group_rows;
pub use list::render_list;

use std::io::Write as _;
use std::time::SystemTime;

use super::width::text_width;
use super::{Format, Style, utc_stamp};
use crate::model::{
    Counts, Earlier, Grouped, Names, Note, Observation, Snapshot, Socket, duration_words,
};
use list::List;

/// The blanks between two columns.
const GAP: usize = 2;

/// Tables.
#[derive(Debug)]
pub struct Table {
    style: Style,
    /// Whether no sample was shown yet.
    is_first: bool,
    /// The numbers of the last summary, for the changes.
    before: Option<Counts>,
    list: List,
    /// The headings of the columns that did not fit.
    omitted: Vec<String>,
}

impl Table {
    /// Tables in this style.
    pub fn new(style: Style) -> Table {
        Table {
            list: List::new(&style),
            before: style.earlier.as_ref().map(|earlier| earlier.counts.clone()),
            style,
            is_first: true,
            omitted: Vec::new(),
        }
    }

    /// The time of one of several samples, after an empty line; what an answer is compared with.
    fn begin(&self, out: &mut Vec<u8>, time: SystemTime) {
        if let Some(earlier) = self
            .style
            .earlier
            .as_ref()
            .filter(|_| !self.style.no_header)
        {
            let _ = writeln!(out, "{}", comparison_text(earlier, time));
        }
        if self.style.repeated {
            let gap = if self.is_first { "" } else { "\n" };
            // Writing to memory does not fail.
            let _ = writeln!(out, "{gap}{}", utc_stamp(time));
        }
    }
}

impl Format for Table {
    fn write_summary(&mut self, out: &mut Vec<u8>, snapshot: &Snapshot) {
        self.begin(out, snapshot.observation.time);
        summary::write_rows(out, snapshot, self.before.as_ref(), &self.style);
        self.before = Some(snapshot.counts.clone());
        self.is_first = false;
    }

    fn write_groups(&mut self, out: &mut Vec<u8>, grouped: &Grouped) {
        self.begin(out, grouped.observation.time);
        self.omitted = write_group_rows(out, grouped, &self.style);
        self.is_first = false;
    }

    fn begin_list(&mut self, out: &mut Vec<u8>, time: SystemTime) {
        self.begin(out, time);
        self.list.begin();
    }

    fn write_socket(&mut self, out: &mut Vec<u8>, socket: &Socket, names: &mut dyn Names) {
        self.list.push(out, socket, names);
    }

    fn end_list(
        &mut self,
        out: &mut Vec<u8>,
        observation: &Observation,
        _listed: u64,
        names: &mut dyn Names,
    ) {
        self.omitted = self.list.end(out, names);
        if !observation.completeness.is_complete() {
            let style = self.style.look.heading();
            let _ = writeln!(out, "{style}incomplete{style:#}");
        }
        self.is_first = false;
    }

    fn note(&self) -> Option<Note> {
        let width = self.style.look.width?;
        let headings = self.omitted.clone();
        (!headings.is_empty()).then_some(Note::Omitted { width, headings })
    }
}

/// Appends a line of cells, the first `left` ones aligned to the left, the others to the right, and
/// the text that follows them.
fn write_line(
    out: &mut Vec<u8>,
    style: anstyle::Style,
    cells: &[String],
    (widths, left): (&[usize], usize),
    tail: &str,
) {
    let _ = write!(out, "{style}");
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let gap = if column == 0 { 0 } else { GAP };
        let blanks = width.saturating_sub(text_width(cell));
        let _ = match column < left {
            true => write!(out, "{:gap$}{cell}{:blanks$}", "", ""),
            false => write!(out, "{:gap$}{:blanks$}{cell}", "", ""),
        };
    }
    let _ = writeln!(out, "{tail}{style:#}");
}

/// The width of a line of such columns.
fn line_width(widths: impl ExactSizeIterator<Item = usize>) -> usize {
    let gaps = GAP * widths.len().saturating_sub(1);
    widths.sum::<usize>() + gaps
}

/// A change since the sample before: `+12`, `0`; `-` where there was none.
pub(super) fn change_text(change: Option<i128>) -> String {
    match change {
        None => "-".to_owned(),
        Some(0) => "0".to_owned(),
        Some(change) => format!("{change:+}"),
    }
}

/// What an answer at `now` is compared with.
fn comparison_text(earlier: &Earlier, now: SystemTime) -> String {
    let (age, direction) = match now.duration_since(earlier.time) {
        Ok(age) => (age, "earlier"),
        Err(error) => (error.duration(), "later, by this host's clock"),
    };
    let incomplete = if earlier.is_complete {
        ""
    } else {
        ", incomplete"
    };
    format!(
        "compared with {}, {} {direction}{incomplete}",
        utc_stamp(earlier.time),
        duration_words(age.as_secs()),
    )
}

/// What follows the total.
fn completeness_text(observation: &Observation) -> &'static str {
    match observation.completeness.is_complete() {
        true => "",
        false => "  incomplete",
    }
}
