//! Traced connections as rows: columns for people and awk, no blanks inside.

use std::io::{self, Write as _};
use std::time::Duration;

use super::RowStyle;
use super::words::{clock_time, error_name};
use crate::model::trace::{Connection, Evidence, FirstClose, Shape, Side, Story, Task, Transition};
use crate::output::escape;

/// The heading of transitions.
pub const TRANSITIONS: &str = "TIME           LOCAL                  REMOTE                 FROM         TO           AFTER-MS    ERROR        BY";

/// The heading of connections.
pub const CONNECTIONS: &str = "TIME           LOCAL                  REMOTE                 OPENED  CLOSED  SHAPE    LIFE-MS       SENT  RECEIVED  RETRANS  RTT-US  BY";

/// The heading of closes.
pub const CLOSES: &str = "TIME           FIRST                          OTHER                          SHAPE    MS          EVIDENCE";

/// The heading of closes if it is not known which end closed first.
pub const ENDS: &str = "TIME           LOCAL                          REMOTE                         SHAPE    MS          EVIDENCE";

/// Appends a transition.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_transition(out: &mut Vec<u8>, row: &Transition, style: RowStyle) -> io::Result<()> {
    writeln!(
        out,
        "{:<14} {:<22} {:<22} {:<12} {:<12} {:<11} {:<12} {}{}",
        clock_time(style.clock, row.time_ns),
        row.ends.local,
        row.ends.remote,
        row.from,
        row.to,
        row.after.map_or("-".to_owned(), thousandths),
        row.error.map_or("-".to_owned(), error_name),
        row.by.as_ref().map_or("-".to_owned(), task),
        netns(style, row.netns)
    )
}

/// Appends a heading, with a further column if rows name their network namespace.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_heading(out: &mut Vec<u8>, heading: &str, style: RowStyle) -> io::Result<()> {
    let netns = if style.with_netns {
        "  NETNS_INODE"
    } else {
        ""
    };
    writeln!(out, "{heading}{netns}")
}

/// The last column of rows that name their network namespace.
fn netns(style: RowStyle, inode: u32) -> String {
    match style.with_netns {
        true => format!("  {inode}"),
        false => String::new(),
    }
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
    let opened = row.opened.name().unwrap_or("-");
    let by = row.closed_by.as_ref().or(row.opened_by.as_ref());
    writeln!(
        out,
        "{:<14} {:<22} {:<22} {opened:<7} {:<7} {:<8} {:<11} {:>7}  {:>8}  {:>7}  {:>6}  {}{}",
        clock_time(style.clock, row.ended_ns),
        row.ends.local,
        row.ends.remote,
        row.first_close().map_or("-", FirstClose::name),
        row.shape().map_or("-", Shape::name),
        row.lifetime().map_or("-".to_owned(), thousandths),
        row.counters.bytes_sent,
        row.bytes_received()
            .map_or("-".to_owned(), |bytes| bytes.to_string()),
        row.counters.total_retrans,
        row.counters.rtt_us,
        by.map_or("-".to_owned(), task),
        netns(style, row.netns)
    )
}

/// Appends a close.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_close(out: &mut Vec<u8>, story: &Story, style: RowStyle) -> io::Result<()> {
    let (one, two) = close_ends(story);
    writeln!(
        out,
        "{:<14} {one:<30} {two:<30} {:<8} {:<11} {}{}",
        clock_time(style.clock, close_begin(story)),
        story.shape().map_or("-", Shape::name),
        close_took(story).map_or("-".to_owned(), thousandths),
        story.evidence().map_or("-", Evidence::name),
        netns(style, story.first.netns)
    )
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
