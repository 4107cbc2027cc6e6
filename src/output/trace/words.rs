//! What is said of a close, in words and numbers.

use crate::model::trace::{
    Acknowledged, Clock, Connection, FirstClose, Opened, ResetReason, Shape, Side, Story, Task,
};
use crate::model::{State, counted};
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

/// The end that is not the story's first.
fn other_who(story: &Story) -> String {
    let address = || story.first.ends.remote.to_string();
    story.other.as_ref().map_or_else(address, who)
}

/// `THREE  web[13877] closed first`
pub(super) fn headline(story: &Story) -> String {
    let shape = story
        .shape()
        .map_or("-".to_owned(), |shape| shape.name().to_uppercase());
    let first = &story.first;
    let actor = match story.first_actor() {
        Some(Side::Local) => who(first),
        Some(Side::Remote) => other_who(story),
        None => String::new(),
    };
    let who = match story.first_close() {
        Some(FirstClose::By(_)) => format!("{actor} closed first"),
        Some(FirstClose::Both) => "both ends closed at once".to_owned(),
        Some(FirstClose::Nobody) if !actor.is_empty() => format!("by {actor}"),
        Some(FirstClose::Nobody) | None => match first.opened {
            Opened::By(Side::Local) => format!("opened by {}", who(first)),
            Opened::By(Side::Remote) | Opened::Before | Opened::Unknown => {
                format!("{} and {}", first.ends.local, first.ends.remote)
            }
        },
    };
    format!("{shape}  {who}")
}

/// One sentence on how it was closed, without a full stop.
pub(super) fn explanation(story: &Story) -> String {
    let text = match story.shape() {
        None => "this source does not report how connections are closed".to_owned(),
        Some(Shape::Three) => {
            "three segments: the ACK of the first FIN came on the second FIN".to_owned()
        }
        Some(Shape::Four) => four(story),
        Some(Shape::Crossed) => {
            "crossed: each end sent its FIN before it received the other's".to_owned()
        }
        Some(Shape::Reset) => reset(story),
        Some(Shape::Timeout) => "timed out: the peer acknowledged nothing".to_owned(),
        Some(Shape::Unknown) => "unknown: a part of the close was not observed".to_owned(),
    };
    match retransmits(story) {
        0 => text,
        count => {
            let sent = counted(count, "retransmission", "retransmissions");
            format!("{text}; {sent} after a FIN")
        }
    }
}

fn four(story: &Story) -> String {
    let entered = |end: Option<&Connection>, state: State| end?.entered(state);
    let ends = super::rungs::Ends::of(story);
    let acknowledged = entered(ends.left, State::FinWait2);
    let fin = entered(ends.right, State::LastAck).or(entered(ends.left, State::TimeWait));
    let how = match story.acknowledged() {
        Some(Acknowledged::WithData) => "came with data",
        Some(Acknowledged::Alone | Acknowledged::WithFin) => "came alone",
        None => "came before the second FIN",
    };
    let is_parked = |end: &Connection| {
        let close = end.close.as_ref();
        close.is_some_and(|close| close.parked == Some(State::FinWait2))
    };
    match (acknowledged, fin) {
        (Some(acknowledged), Some(fin)) if fin >= acknowledged => format!(
            "four segments: the ACK {how}, {} before the FIN",
            milliseconds(fin - acknowledged)
        ),
        _ if story.captured.is_none() && ends.left.is_some_and(is_parked) => {
            format!(
                "half closed: the ACK {how}; the peer had not sent its FIN when the socket ended"
            )
        }
        _ => format!("four segments: the ACK of the first FIN {how}"),
    }
}

fn reset(story: &Story) -> String {
    match (sent_reset(story), story.reset_by()) {
        (Some((who, Some(reason))), _) => format!("reset by {who}: {reason}"),
        (Some((who, None)), _) => format!("reset by {who}"),
        // By a segment, after the socket was gone.
        (None, Some(Side::Local)) => format!("reset by {}", who(&story.first)),
        (None, Some(Side::Remote)) => format!("reset by {}", other_who(story)),
        (None, None) => "reset".to_owned(),
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
