//! Groups as a table: the key, the total, the change, then the states that occur.
//!
//! The total stands before the states, so that a narrow terminal, which has room for the first
//! states only, still shows it. Lines are never broken and keys never cut.

use std::io::{self, Write};

use super::{numbers, states_of};
use crate::model::{Counts, Grouped, Label, State};
use crate::output::{Look, escape, utc_stamp};

/// What surrounds the rows of groups.
#[derive(Clone, Copy, Debug)]
pub struct GroupRows {
    /// Whether states that do not occur have a column too.
    pub zeros: bool,
    /// Whether this is one of several samples.
    pub repeated: bool,
    /// Whether it is the first.
    pub first: bool,
}

/// Writes the table and returns the names of the columns left out for want of room: those of the
/// states with the fewest sockets.
///
/// # Errors
/// The writer's.
pub fn write_groups_table(
    out: &mut impl Write,
    grouped: &Grouped,
    rows: GroupRows,
    look: Look,
) -> io::Result<Vec<String>> {
    if rows.repeated {
        if !rows.first {
            writeln!(out)?;
        }
        writeln!(out, "{}", utc_stamp(grouped.observation.time))?;
    }
    let all = states_of(grouped);
    let occurs = |state: &State| rows.zeros || grouped.counts.get(*state) > 0;
    let mut states: Vec<State> = all.into_iter().filter(occurs).collect();
    let mut left_out = Vec::new();
    loop {
        let table = Table {
            grouped,
            states: &states,
            changes: rows.repeated,
        };
        let widths = table.widths();
        let fits = look.width.is_none_or(|width| line_width(&widths) <= width);
        match rarest(grouped, &states) {
            Some(rarest) if !fits => {
                states.retain(|state| *state != rarest);
                left_out.push(rarest.to_string());
            }
            _ => {
                table.write(out, &widths, look)?;
                return Ok(left_out);
            }
        }
    }
}

/// The state with the fewest sockets.
fn rarest(grouped: &Grouped, states: &[State]) -> Option<State> {
    states
        .iter()
        .copied()
        .min_by_key(|state| grouped.counts.get(*state))
}

/// The cells of one line.
type Line = Vec<String>;

/// The lines, made anew for each pass over them: a million groups need not be held as text.
struct Table<'a> {
    grouped: &'a Grouped,
    states: &'a [State],
    changes: bool,
}

impl Table<'_> {
    /// The heading, a line a group, the others, the total.
    fn lines(&self) -> impl Iterator<Item = Line> {
        let groups = self.grouped.groups.iter().map(|group| {
            let key = group.key.iter().map(cell).collect();
            self.line(key, &group.counts, group.change)
        });
        let other = self.grouped.other.iter().map(|other| {
            let name = format!("OTHER({})", other.groups);
            self.line(self.name(&name), &other.counts, None)
        });
        let total = std::iter::once_with(|| {
            self.line(
                self.name("TOTAL"),
                &self.grouped.counts,
                self.grouped.change,
            )
        });
        std::iter::once_with(|| self.heading())
            .chain(groups)
            .chain(other)
            .chain(total)
    }

    fn heading(&self) -> Line {
        let keys = self.grouped.fields.iter().map(|field| field.heading());
        let change = self.changes.then(|| "CHANGE".to_owned());
        keys.chain(["TOTAL".to_owned()])
            .chain(change)
            .chain(self.states.iter().map(ToString::to_string))
            .collect()
    }

    fn line(&self, key: Vec<String>, counts: &Counts, changed: Option<i128>) -> Line {
        key.into_iter()
            .chain([counts.total().to_string()])
            .chain(self.changes.then(|| change(changed)))
            .chain(numbers(self.states, counts).map(|number| number.to_string()))
            .collect()
    }

    /// A name in the place of a key, with as many cells.
    fn name(&self, name: &str) -> Vec<String> {
        let mut key = vec!["-".to_owned(); self.grouped.fields.len()];
        if let Some(first) = key.first_mut() {
            name.clone_into(first);
        }
        key
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for line in self.lines() {
            widths.resize(line.len(), 0);
            for (width, cell) in widths.iter_mut().zip(&line) {
                *width = cell.chars().count().max(*width);
            }
        }
        widths
    }

    fn write(&self, out: &mut impl Write, widths: &[usize], look: Look) -> io::Result<()> {
        let mut lines = self.lines().enumerate().peekable();
        while let Some((number, line)) = lines.next() {
            let is_last = lines.peek().is_none();
            let style = if number == 0 || is_last {
                look.heading()
            } else {
                anstyle::Style::new()
            };
            write!(out, "{style}")?;
            self.write_cells(out, &line, widths)?;
            if is_last && !self.grouped.observation.completeness.is_complete() {
                write!(out, "  incomplete")?;
            }
            writeln!(out, "{style:#}")?;
        }
        Ok(())
    }

    /// Keys to the left, numbers to the right.
    fn write_cells(&self, out: &mut impl Write, line: &Line, widths: &[usize]) -> io::Result<()> {
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            if column < self.grouped.fields.len() {
                write!(out, "{gap}{cell:<width$}")?;
            } else {
                write!(out, "{gap}{cell:>width$}")?;
            }
        }
        Ok(())
    }
}

fn change(change: Option<i128>) -> String {
    match change {
        None => "-".to_owned(),
        Some(0) => "0".to_owned(),
        Some(change) => format!("{change:+}"),
    }
}

/// A cell is one word, whatever it holds, so that awk can count columns.
fn cell(label: &Label) -> String {
    match label {
        Label::None => "-".to_owned(),
        Label::Number(number) => number.to_string(),
        Label::Text(text) => escape::word(text).into_owned(),
    }
}

/// The columns with two blanks between them.
fn line_width(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)
}
