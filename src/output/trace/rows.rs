//! Traced connections as rows: columns for people and awk, no blanks inside.

use std::io::{self, Write as _};
use std::time::Duration;

use super::words::{clock_time, error_name};
use crate::model::trace::{
    Clock, Connection, Evidence, FirstClose, Opened, Shape, Side, Story, Task, Transition,
};
use crate::output::escape;

/// The heading of transitions.
pub const TRANSITIONS: &str = "TIME           LOCAL                  REMOTE                 FROM         TO           AFTER-MS    BY";

/// The heading of connections.
pub const CONNECTIONS: &str = "TIME           LOCAL                  REMOTE                 OPENED  CLOSED  SHAPE    LIFE-MS       SENT  RECEIVED  RETRANS  RTT-US  BY";

/// The heading of closes.
pub const CLOSES: &str = "TIME           FIRST                          OTHER                          SHAPE    MS          EVIDENCE";

/// Appends a transition.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_transition(out: &mut Vec<u8>, row: &Transition, clock: Clock) -> io::Result<()> {
    writeln!(
        out,
        "{:<14} {:<22} {:<22} {:<12} {:<12} {:<11} {}",
        clock_time(clock, row.time_ns),
        row.ends.local,
        row.ends.remote,
        row.from,
        row.to,
        row.after.map_or("-".to_owned(), thousandths),
        match (&row.by, row.error) {
            (Some(by), _) => task(by),
            (None, Some(error)) => error_name(error),
            (None, None) => "-".to_owned(),
        }
    )
}

/// Appends a connection that has ended.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_connection(out: &mut Vec<u8>, row: &Connection, clock: Clock) -> io::Result<()> {
    let opened = match row.opened {
        Opened::By(side) => side.name(),
        Opened::Before => "before",
    };
    let by = row.closed_by.as_ref().or(row.opened_by.as_ref());
    writeln!(
        out,
        "{:<14} {:<22} {:<22} {opened:<7} {:<7} {:<8} {:<11} {:>7}  {:>8}  {:>7}  {:>6}  {}",
        clock_time(clock, row.ended_ns),
        row.ends.local,
        row.ends.remote,
        row.first_close().map_or("-", FirstClose::name),
        row.shape().map_or("-", Shape::name),
        row.lifetime().map_or("-".to_owned(), thousandths),
        row.counters.bytes_sent,
        row.counters.bytes_received,
        row.counters.total_retrans,
        row.counters.rtt_us,
        by.map_or("-".to_owned(), task)
    )
}

/// Appends a close.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_close(out: &mut Vec<u8>, story: &Story, clock: Clock) -> io::Result<()> {
    let first = &story.first;
    let own = place(first);
    let other = match &story.other {
        Some(other) => place(other),
        None => first.ends.remote.to_string(),
    };
    // The end that closed first is named first, also where only the other one was traced.
    let (one, two) = match first.first_close() {
        Some(FirstClose::By(Side::Remote)) if story.other.is_none() => (other, own),
        _ => (own, other),
    };
    let ends = std::iter::once(first).chain(&story.other);
    let closes = ends.filter_map(|end| end.close.as_ref());
    let times = closes.flat_map(|close| close.steps.iter().map(|step| step.0));
    let (begin, end) = (times.clone().min(), times.max());
    let took = begin.and_then(|begin| end?.checked_sub(begin));
    writeln!(
        out,
        "{:<14} {one:<30} {two:<30} {:<8} {:<11} {}",
        clock_time(clock, begin.unwrap_or(first.ended_ns)),
        story.shape().map_or("-", Shape::name),
        took.map_or("-".to_owned(), |ns| thousandths(Duration::from_nanos(ns))),
        story.evidence().map_or("-", Evidence::name)
    )
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
