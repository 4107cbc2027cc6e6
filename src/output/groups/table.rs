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

/// A row: the cells of its key, then its numbers.
struct Row {
    cells: Vec<String>,
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
        let lines = lines(grouped, &states, rows.repeated);
        let widths = widths(&lines);
        let fits = look.width.is_none_or(|width| line_width(&widths) <= width);
        match rarest(grouped, &states) {
            Some(rarest) if !fits => {
                states.retain(|state| *state != rarest);
                left_out.push(rarest.to_string());
            }
            _ => {
                write_lines(out, grouped, &lines, &widths, look)?;
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

/// The heading, a row a group, the others, the total.
fn lines(grouped: &Grouped, states: &[State], changes: bool) -> Vec<Row> {
    let mut heading: Vec<String> = grouped.fields.iter().map(|f| f.heading()).collect();
    heading.push("TOTAL".to_owned());
    if changes {
        heading.push("CHANGE".to_owned());
    }
    heading.extend(states.iter().map(ToString::to_string));
    let mut lines = vec![Row { cells: heading }];
    for group in &grouped.groups {
        let key = group.key.iter().map(cell).collect();
        let change = changes.then(|| change(group.change));
        lines.push(row(key, &group.counts, change, states));
    }
    let unknown = changes.then(|| change(None));
    if let Some(other) = &grouped.other {
        let name = format!("OTHER({})", other.groups);
        let key = name_for_key(&name, grouped);
        lines.push(row(key, &other.counts, unknown, states));
    }
    let key = name_for_key("TOTAL", grouped);
    let change = changes.then(|| change(grouped.change));
    lines.push(row(key, &grouped.counts, change, states));
    lines
}

fn row(key: Vec<String>, counts: &Counts, change: Option<String>, states: &[State]) -> Row {
    let total = counts.total().to_string();
    let numbers = numbers(states, counts).map(|number| number.to_string());
    Row {
        cells: key
            .into_iter()
            .chain([total])
            .chain(change)
            .chain(numbers)
            .collect(),
    }
}

/// A name in the place of a key, with as many cells.
fn name_for_key(name: &str, grouped: &Grouped) -> Vec<String> {
    let mut key = vec!["-".to_owned(); grouped.fields.len()];
    if let Some(first) = key.first_mut() {
        name.clone_into(first);
    }
    key
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
        Label::Text(text) => escape::word(text),
    }
}

fn widths(lines: &[Row]) -> Vec<usize> {
    let columns = lines.first().map_or(0, |line| line.cells.len());
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.cells.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    (0..columns).map(width).collect()
}

/// The columns with two blanks between them.
fn line_width(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)
}

fn write_lines(
    out: &mut impl Write,
    grouped: &Grouped,
    lines: &[Row],
    widths: &[usize],
    look: Look,
) -> io::Result<()> {
    let last = lines.len().saturating_sub(1);
    for (number, line) in lines.iter().enumerate() {
        let style = if number == 0 || number == last {
            look.heading()
        } else {
            anstyle::Style::new()
        };
        write!(out, "{style}")?;
        for (column, (cell, width)) in line.cells.iter().zip(widths).enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            if column < grouped.fields.len() {
                write!(out, "{gap}{cell:<width$}")?;
            } else {
                write!(out, "{gap}{cell:>width$}")?;
            }
        }
        if number == last && !grouped.observation.completeness.is_complete() {
            write!(out, "  incomplete")?;
        }
        writeln!(out, "{style:#}")?;
    }
    Ok(())
}
