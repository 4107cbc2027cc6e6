//! The tables of the trace pane, as columns; those that fit are shown.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::trace::{Clock, Shape, Story, Transition};
use crate::output::trace::{
    clock_second, close_ends, close_took, reset_text, short_time, transition_by,
};

/// The least width of a column that is cut where it does not fit.
const LEAST_WIDTH: usize = 8;

/// The space between columns.
const GAP: usize = 1;

/// A column of a table.
pub(super) struct Column {
    heading: &'static str,
    cells: Vec<String>,
    alignment: Alignment,
    /// Columns with a larger rank are left out first; those of rank 0 never.
    rank: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alignment {
    Left,
    Right,
    /// To the left, and cut where it does not fit; only the last column.
    Cut,
}

impl Column {
    fn new<T>(
        heading: &'static str,
        alignment: Alignment,
        rank: u8,
        rows: &VecDeque<T>,
        cell: impl Fn(&T) -> String,
    ) -> Column {
        Column {
            heading,
            cells: rows.iter().map(cell).collect(),
            alignment,
            rank,
        }
    }

    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| cell.chars().count());
        cells.fold(self.heading.len(), usize::max)
    }

    /// What it needs at least.
    fn least(&self) -> usize {
        match self.alignment {
            Alignment::Left | Alignment::Right => self.width(),
            Alignment::Cut => self.width().min(LEAST_WIDTH),
        }
    }
}

/// The lines of a table, as many of its columns as fit; none without rows. Columns without a text are
/// left out.
pub(super) fn lines(mut columns: Vec<Column>, width: usize, has_heading: bool) -> Vec<String> {
    columns.retain(|column| column.cells.iter().any(|cell| !cell.is_empty()));
    if columns.is_empty() {
        return Vec::new();
    }
    loop {
        let needed: usize = columns.iter().map(|column| column.least() + GAP).sum();
        let last = columns.iter().map(|column| column.rank).max().unwrap_or(0);
        if needed <= width + GAP || last == 0 {
            break;
        }
        columns.retain(|column| column.rank != last);
    }
    let widths: Vec<usize> = columns.iter().map(Column::width).collect();
    let line = |cell: &dyn Fn(&Column) -> &str| {
        let mut line = String::new();
        for (column, width) in columns.iter().zip(&widths) {
            let cell = cell(column);
            line.push_str(&match column.alignment {
                Alignment::Right => format!("{cell:>width$} "),
                Alignment::Left | Alignment::Cut => format!("{cell:<width$} "),
            });
        }
        line.trim_end().to_owned()
    };
    let rows = columns.first().map_or(0, |column| column.cells.len());
    let cell = |row: usize| line(&|column: &Column| column.cells.get(row).map_or("", |c| c));
    let heading = has_heading.then(|| line(&|column: &Column| column.heading));
    heading.into_iter().chain((0..rows).map(cell)).collect()
}

/// Closes, with who closed first.
pub(super) fn closes(rows: &VecDeque<Arc<Story>>, clock: Clock) -> Vec<Column> {
    use Alignment::{Cut, Left, Right};
    let time = |row: &Arc<Story>| clock_second(clock, row.ended_ns());
    let shape = |row: &Arc<Story>| row.shape().map_or("-", Shape::name).to_owned();
    let took = |row: &Arc<Story>| close_took(row).map_or("-".to_owned(), short_time);
    let first = |row: &Arc<Story>| close_ends(row).0;
    let other = |row: &Arc<Story>| close_ends(row).1;
    vec![
        Column::new("ENDED", Left, 2, rows, time),
        Column::new("CLOSE", Left, 0, rows, shape),
        Column::new("TOOK", Right, 3, rows, took),
        Column::new("FIRST", Left, 0, rows, first),
        Column::new("OTHER", Left, 0, rows, other),
        Column::new("RESET", Cut, 4, rows, |row| {
            reset_text(row).unwrap_or_default()
        }),
    ]
}

/// Ends of connections, where the source reports no more.
pub(super) fn ends(rows: &VecDeque<Arc<Story>>, clock: Clock) -> Vec<Column> {
    use Alignment::{Left, Right};
    let time = |row: &Arc<Story>| clock_second(clock, row.ended_ns());
    let local = |row: &Arc<Story>| row.first.ends.local.to_string();
    let remote = |row: &Arc<Story>| row.first.ends.remote.to_string();
    let sent = |row: &Arc<Story>| row.first.counters.bytes_sent.to_string();
    let received = |row: &Arc<Story>| row.first.counters.bytes_received.to_string();
    let retrans = |row: &Arc<Story>| row.first.counters.total_retrans.to_string();
    vec![
        Column::new("ENDED", Left, 2, rows, time),
        Column::new("LOCAL", Left, 0, rows, local),
        Column::new("REMOTE", Left, 0, rows, remote),
        Column::new("SENT", Right, 1, rows, sent),
        Column::new("RECEIVED", Right, 1, rows, received),
        Column::new("RETRANS", Right, 3, rows, retrans),
    ]
}

/// Transitions.
pub(super) fn transitions(rows: &VecDeque<Transition>, clock: Clock) -> Vec<Column> {
    use Alignment::{Cut, Left, Right};
    let time = |row: &Transition| clock_second(clock, row.time_ns);
    let after = |row: &Transition| row.after.map_or("-".to_owned(), short_time);
    vec![
        Column::new("TIME", Left, 3, rows, time),
        Column::new("FROM", Left, 0, rows, |row| row.from.to_string()),
        Column::new("TO", Left, 0, rows, |row| row.to.to_string()),
        Column::new("AFTER", Right, 2, rows, after),
        Column::new("LOCAL", Left, 0, rows, |row| row.ends.local.to_string()),
        Column::new("REMOTE", Left, 0, rows, |row| row.ends.remote.to_string()),
        Column::new("BY", Cut, 1, rows, transition_by),
    ]
}
