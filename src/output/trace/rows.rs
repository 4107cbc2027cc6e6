//! Traced connections as rows: columns for people and awk, no blanks inside.

use std::io::{self, Write as _};
use std::time::Duration;

use super::RowStyle;
use super::words::{clock_time, error_name};
use crate::model::trace::{Connection, Evidence, FirstClose, Shape, Side, Story, Task, Transition};
use crate::output::escape;
use crate::output::width::text_width;

/// A column of rows.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    heading: &'static str,
    /// The blanks before it.
    gap: usize,
    width: usize,
    is_right_aligned: bool,
}

const fn left(heading: &'static str, width: usize) -> Column {
    let is_right_aligned = false;
    Column {
        heading,
        gap: 1,
        width,
        is_right_aligned,
    }
}

const fn right(heading: &'static str, gap: usize, width: usize) -> Column {
    let is_right_aligned = true;
    Column {
        heading,
        gap,
        width,
        is_right_aligned,
    }
}

/// A process; few names are longer.
const BY: Column = left("BY", 15);

/// The columns of transitions.
pub const TRANSITIONS: &[Column] = &[
    left("TIME", 14),
    left("LOCAL", 22),
    left("REMOTE", 22),
    left("FROM", 12),
    left("TO", 12),
    left("AFTER-MS", 11),
    left("ERROR", 12),
    BY,
];

/// The columns of connections.
pub const CONNECTIONS: &[Column] = &[
    left("TIME", 14),
    left("LOCAL", 22),
    left("REMOTE", 22),
    left("OPENED", 7),
    left("CLOSED", 7),
    left("SHAPE", 8),
    left("LIFE-MS", 11),
    right("SENT", 1, 7),
    right("RECEIVED", 2, 8),
    right("RETRANS", 2, 7),
    right("RTT-US", 2, 6),
    Column { gap: 2, ..BY },
];

/// The columns of closes.
pub const CLOSES: &[Column] = &[
    left("TIME", 14),
    left("FIRST", 30),
    left("OTHER", 30),
    left("SHAPE", 8),
    left("MS", 11),
    left("EVIDENCE", 8),
];

/// The columns of closes if it is not known which end closed first.
pub const ENDS: &[Column] = &[
    left("TIME", 14),
    left("LOCAL", 30),
    left("REMOTE", 30),
    left("SHAPE", 8),
    left("MS", 11),
    left("EVIDENCE", 8),
];

/// The column of rows that name their network namespace.
const NETNS: Column = Column {
    gap: 2,
    ..left("NETNS_INODE", 11)
};

/// The blanks before a line that continues a row.
const INDENT: usize = 4;

/// Appends a row: its cells, and the network namespace if rows name theirs. On a terminal it continues
/// on another line where the next column does not fit, or the next cell.
fn write_row(
    out: &mut Vec<u8>,
    columns: &[Column],
    cells: impl IntoIterator<Item = String>,
    netns: &str,
    style: RowStyle,
) -> io::Result<()> {
    let room = style.width.unwrap_or(usize::MAX);
    let netns = style.with_netns.then(|| (&NETNS, netns.to_owned()));
    let mut line = String::new();
    // Where the column before ends, unless its cell is wider.
    let mut end: usize = 0;
    for (at, (column, cell)) in columns.iter().zip(cells).chain(netns).enumerate() {
        let width = text_width(&cell);
        let blanks = end.saturating_sub(text_width(&line)) + column.gap;
        end += column.gap + column.width;
        if at == 0 {
            end = column.width;
        } else if end > room || text_width(&line) + blanks + width > room {
            writeln!(out, "{line}")?;
            line = " ".repeat(INDENT);
            end = INDENT + column.width;
        } else {
            line.extend(std::iter::repeat_n(' ', blanks));
        }
        if column.is_right_aligned {
            let blanks = column.width.saturating_sub(width);
            line.extend(std::iter::repeat_n(' ', blanks));
        }
        line.push_str(&cell);
    }
    writeln!(out, "{line}")
}

/// Appends the heading of rows with these columns.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_heading(out: &mut Vec<u8>, columns: &[Column], style: RowStyle) -> io::Result<()> {
    let headings = columns.iter().map(|column| column.heading.to_owned());
    write_row(out, columns, headings, NETNS.heading, style)
}

/// Appends a transition.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_transition(out: &mut Vec<u8>, row: &Transition, style: RowStyle) -> io::Result<()> {
    let cells = [
        clock_time(style.clock, row.time_ns),
        row.ends.local.to_string(),
        row.ends.remote.to_string(),
        row.from.to_string(),
        row.to.to_string(),
        row.after.map_or("-".to_owned(), thousandths),
        row.error.map_or("-".to_owned(), error_name),
        row.by.as_ref().map_or("-".to_owned(), task),
    ];
    write_row(out, TRANSITIONS, cells, &row.netns.to_string(), style)
}

/// The process of a transition, or its error.
pub(in crate::output) fn transition_by(row: &Transition) -> String {
    match (&row.by, row.error) {
        (Some(by), _) => task(by),
        (None, Some(error)) => error_name(error),
        (None, None) => "-".to_owned(),
    }
}

/// Appends a connection that has ended.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_connection(out: &mut Vec<u8>, row: &Connection, style: RowStyle) -> io::Result<()> {
    let by = row.closed_by.as_ref().or(row.opened_by.as_ref());
    let received = row.bytes_received().map(|bytes| bytes.to_string());
    let cells = [
        clock_time(style.clock, row.ended_ns),
        row.ends.local.to_string(),
        row.ends.remote.to_string(),
        row.opened.name().unwrap_or("-").to_owned(),
        row.first_close().map_or("-", FirstClose::name).to_owned(),
        row.shape().map_or("-", Shape::name).to_owned(),
        row.lifetime().map_or("-".to_owned(), thousandths),
        row.counters.bytes_sent.to_string(),
        received.unwrap_or_else(|| "-".to_owned()),
        row.counters.total_retrans.to_string(),
        row.counters.rtt_us.to_string(),
        by.map_or("-".to_owned(), task),
    ];
    write_row(out, CONNECTIONS, cells, &row.netns.to_string(), style)
}

/// Appends a close.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_close(out: &mut Vec<u8>, story: &Story, style: RowStyle) -> io::Result<()> {
    let (one, two) = close_ends(story);
    let cells = [
        clock_time(style.clock, close_begin(story)),
        one,
        two,
        story.shape().map_or("-", Shape::name).to_owned(),
        close_took(story).map_or("-".to_owned(), thousandths),
        story.evidence().map_or("-", Evidence::name).to_owned(),
    ];
    write_row(out, CLOSES, cells, &story.first.netns.to_string(), style)
}

/// Both ends, with their processes; the one that closed first or, without a FIN, sent the reset is
/// named first, also where only the other one was traced.
pub(in crate::output) fn close_ends(story: &Story) -> (String, String) {
    let first = &story.first;
    let own = place(first);
    let other = match &story.other {
        Some(other) => place(other),
        None => first.ends.remote.to_string(),
    };
    match story.first_actor() {
        Some(Side::Remote) => (other, own),
        Some(Side::Local) | None => (own, other),
    }
}

/// When each state of a close was entered, or each segment of it captured, in nanoseconds of
/// CLOCK_MONOTONIC.
fn close_times(story: &Story) -> impl Iterator<Item = u64> {
    let ends = std::iter::once(&story.first).chain(&story.other);
    let closes = ends.filter_map(|end| end.close.as_ref());
    let steps = closes.flat_map(|close| close.steps.iter().map(|step| step.0));
    steps.chain(story.segments.iter().map(|segment| segment.time_ns))
}

/// When a close began, in nanoseconds of CLOCK_MONOTONIC.
fn close_begin(story: &Story) -> u64 {
    close_times(story).min().unwrap_or(story.first.ended_ns)
}

/// From the first state of a close to the last.
pub(in crate::output) fn close_took(story: &Story) -> Option<Duration> {
    let end = close_times(story).max()?;
    end.checked_sub(close_begin(story))
        .map(Duration::from_nanos)
}

/// `127.0.0.1:8080(web)`
fn place(end: &Connection) -> String {
    let by = end.closed_by.as_ref().or(end.opened_by.as_ref());
    match by {
        Some(by) => format!("{}({})", end.ends.local, escape::word(&by.text())),
        None => end.ends.local.to_string(),
    }
}

/// `web(13877)`
fn task(task: &Task) -> String {
    format!("{}({})", escape::word(&task.text()), task.pid)
}

/// Milliseconds with three places.
fn thousandths(duration: Duration) -> String {
    let micros = duration.as_micros();
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}
