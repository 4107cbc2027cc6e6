//! What is said of a close, in words and numbers.

use crate::model::State;
use crate::model::trace::{
    Clock, Connection, FirstClose, Opened, ResetReason, Shape, Side, Story, Task,
};
use crate::output::{escape, utc_stamp};

/// `17:52:24.387Z`
pub(super) fn clock_time(clock: Clock, time_ns: u64) -> String {
    let stamp = utc_stamp(clock.at(time_ns));
    stamp
        .split_once('T')
        .map_or(stamp.clone(), |(_, time)| time.to_owned())
}

/// `17:52:24`
pub(in crate::output) fn clock_second(clock: Clock, time_ns: u64) -> String {
    let time = clock_time(clock, time_ns);
    time.split('.').next().unwrap_or_default().to_owned()
}

/// `0.213 ms`, of nanoseconds.
pub(super) fn milliseconds(ns: u64) -> String {
    format!("{}.{:03} ms", ns / 1_000_000, ns / 1_000 % 1_000)
}

/// What errno(3) calls an error of a connection, or its number.
pub(super) fn error_name(error: u32) -> String {
    match error {
        32 => "EPIPE".to_owned(),
        103 => "ECONNABORTED".to_owned(),
        104 => "ECONNRESET".to_owned(),
        110 => "ETIMEDOUT".to_owned(),
        111 => "ECONNREFUSED".to_owned(),
        113 => "EHOSTUNREACH".to_owned(),
        other => format!("errno({other})"),
    }
}

/// `web[13877]`
pub(super) fn task_name(task: &Task) -> String {
    format!("{}[{}]", escape::line(&task.text()), task.pid)
}

/// The process of an end, where one is known.
pub(super) fn end_name(end: &Connection) -> Option<String> {
    let task = end.closed_by.as_ref().or(end.opened_by.as_ref())?;
    Some(task_name(task))
}

/// An end: its process, else its address.
fn who(end: &Connection) -> String {
    end_name(end).unwrap_or_else(|| end.ends.local.to_string())
}

/// `THREE  web[13877] closed first`
pub(super) fn headline(story: &Story) -> String {
    let shape = story
        .shape()
        .map_or("-".to_owned(), |shape| shape.name().to_uppercase());
    let first = &story.first;
    let who = match first.first_close() {
        Some(FirstClose::By(Side::Local)) => format!("{} closed first", who(first)),
        Some(FirstClose::By(Side::Remote)) => format!("{} closed first", first.ends.remote),
        Some(FirstClose::Both) => "both ends closed at once".to_owned(),
        Some(FirstClose::Nobody) | None => match first.opened {
            Opened::By(Side::Local) => format!("opened by {}", who(first)),
            Opened::By(Side::Remote) | Opened::Before => {
                format!("{} and {}", first.ends.local, first.ends.remote)
            }
        },
    };
    format!("{shape}  {who}")
}

/// One sentence on how it was closed, without a full stop.
pub(super) fn explanation(story: &Story) -> String {
    match story.shape() {
        None => "this source does not report how connections are closed".to_owned(),
        Some(Shape::Three) => {
            "three segments: the ACK of the first FIN came on the second FIN".to_owned()
        }
        Some(Shape::Four) => four(story),
        Some(Shape::Crossed) => {
            "crossed: each end sent its FIN before it received the other's".to_owned()
        }
        Some(Shape::Reset) => reset(story),
        Some(Shape::Timeout) => format!(
            "timed out: nothing was acknowledged; {} sent again after the FIN",
            crate::model::counted(retransmits(story), "segment", "segments")
        ),
        Some(Shape::Unknown) => "unknown: a part of the close was not observed".to_owned(),
    }
}

fn four(story: &Story) -> String {
    let entered = |end: Option<&Connection>, state: State| end?.entered(state);
    let ends = super::rungs::Ends::of(story);
    let acknowledged = entered(ends.left, State::FinWait2);
    let fin = entered(ends.right, State::LastAck).or(entered(ends.left, State::TimeWait));
    match (acknowledged, fin) {
        (Some(acknowledged), Some(fin)) if fin >= acknowledged => format!(
            "four segments: the ACK came alone, {} before the FIN",
            milliseconds(fin - acknowledged)
        ),
        (Some(_), None) => {
            "four segments: the ACK came alone; the FIN had not come when the socket ended"
                .to_owned()
        }
        _ => "four segments: the first FIN was acknowledged before the second was sent".to_owned(),
    }
}

fn reset(story: &Story) -> String {
    match sent_reset(story) {
        Some((who, Some(reason))) => format!("reset by {who}: {reason}"),
        Some((who, None)) => format!("reset by {who}"),
        None => "reset".to_owned(),
    }
}

/// `closed with unread data, by web[13877]`, of a reset that was seen.
pub(in crate::output) fn reset_text(story: &Story) -> Option<String> {
    let (who, reason) = sent_reset(story)?;
    let reason = reason.map_or(String::new(), |reason| format!("{reason}, "));
    Some(format!("{reason}by {who}"))
}

/// Who sent the reset, and why, where that is known.
fn sent_reset(story: &Story) -> Option<(String, Option<String>)> {
    let ends = std::iter::once(&story.first).chain(&story.other);
    let mut resets = ends.filter_map(|end| Some((end, end.close.as_ref()?.reset?)));
    // The sender knows why.
    let sent = resets
        .clone()
        .find(|(_, reset)| reset.by == Side::Local)
        .or_else(|| resets.next());
    let (end, reset) = sent?;
    Some(match reset.by {
        Side::Local => (who(end), reset.reason.map(ResetReason::text)),
        Side::Remote => (end.ends.remote.to_string(), None),
    })
}

/// Segments that either end sent again after its FIN.
fn retransmits(story: &Story) -> u64 {
    let ends = std::iter::once(&story.first).chain(&story.other);
    let closes = ends.filter_map(|end| end.close.as_ref());
    closes.map(|close| u64::from(close.retransmits)).sum()
}
