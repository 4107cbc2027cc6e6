//! Traced connections as JSON, an object a line; the summary is the last one. The shape is promised
//! in tcpstates-trace(1); within a version, keys are only ever added.

mod summary;

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::RowStyle;
use super::words::error_name;
use crate::model::trace::{
    Close, Connection, Evidence, FirstClose, Segment, Shape, Side, Story, Task, Transition,
};
use crate::model::{InetEnds, State};
use crate::output::utc_stamp;

pub use summary::write_trace_summary_json;

/// A value that is written as the string it is displayed as, without a string in between.
struct Text<T>(T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The kernel's number for a socket, as ss prints it.
struct Cookie(u64);

impl Display for Cookie {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

#[derive(Serialize)]
struct EndsJson {
    family: &'static str,
    local_addr: IpAddr,
    local_port: u16,
    remote_addr: IpAddr,
    remote_port: u16,
}

impl From<&InetEnds> for EndsJson {
    fn from(ends: &InetEnds) -> EndsJson {
        EndsJson {
            family: ends.class().name(),
            local_addr: ends.local.ip(),
            local_port: ends.local.port(),
            remote_addr: ends.remote.ip(),
            remote_port: ends.remote.port(),
        }
    }
}

#[derive(Serialize)]
struct TaskJson {
    pid: u32,
    name: String,
}

impl From<&Task> for TaskJson {
    fn from(task: &Task) -> TaskJson {
        TaskJson {
            pid: task.pid,
            name: task.text(),
        }
    }
}

#[derive(Serialize)]
struct TransitionJson {
    r#type: &'static str,
    time: String,
    cookie: Text<Cookie>,
    #[serde(flatten)]
    ends: EndsJson,
    from: Text<State>,
    to: Text<State>,
    duration_us: Option<f64>,
    process: Option<TaskJson>,
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netns_inode: Option<u32>,
}

/// Appends a transition.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_transition_json(
    out: &mut Vec<u8>,
    row: &Transition,
    style: RowStyle,
) -> io::Result<()> {
    let object = TransitionJson {
        r#type: "transition",
        time: utc_stamp(style.clock.at(row.time_ns)),
        cookie: Text(Cookie(row.cookie)),
        ends: (&row.ends).into(),
        from: Text(row.from),
        to: Text(row.to),
        duration_us: row.after.map(micros),
        process: row.by.as_ref().map(TaskJson::from),
        error: row.error.map(error_name),
        netns_inode: style.with_netns.then_some(row.netns),
    };
    write_line(out, &object)
}

#[derive(Serialize)]
struct CloseJson {
    shape: Option<&'static str>,
    ack: Option<&'static str>,
    parked: Option<String>,
    fin_retransmits: Option<u32>,
    reset_by: Option<&'static str>,
    reset_reason: Option<String>,
    evidence: Option<&'static str>,
}

impl CloseJson {
    fn of(close: Option<&Close>, shape: Option<Shape>, evidence: Option<Evidence>) -> CloseJson {
        let reset = close.and_then(|close| close.reset);
        CloseJson {
            shape: shape.map(Shape::name),
            ack: close.and_then(|close| Some(close.acknowledged?.name())),
            parked: close.and_then(|close| Some(close.parked?.to_string())),
            fin_retransmits: close.map(|close| close.retransmits),
            reset_by: reset.map(|reset| reset.by.name()),
            reset_reason: reset.and_then(|reset| Some(reset.reason?.key())),
            evidence: evidence.map(Evidence::name),
        }
    }
}

#[derive(Serialize)]
struct SegmentJson {
    us: f64,
    from: &'static str,
    flags: String,
    seq: u32,
    ack: u32,
    length: u32,
}

#[derive(Serialize)]
struct ConnectionJson {
    r#type: &'static str,
    time: String,
    cookie: Text<Cookie>,
    #[serde(flatten)]
    ends: EndsJson,
    opened: Option<&'static str>,
    time_opened: Option<String>,
    lifetime_us: Option<f64>,
    states_us: BTreeMap<String, Option<f64>>,
    first_close: Option<&'static str>,
    close: CloseJson,
    bytes_sent: u64,
    bytes_received: Option<u64>,
    segments_sent: u32,
    segments_received: u32,
    total_retrans: u32,
    rtt_us: Option<u32>,
    uid: u32,
    opened_by: Option<TaskJson>,
    closed_by: Option<TaskJson>,
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netns_inode: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<Vec<SegmentJson>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_end: Option<Box<ConnectionJson>>,
}

impl ConnectionJson {
    fn of(row: &Connection, style: RowStyle) -> ConnectionJson {
        let stamp = |time_ns| utc_stamp(style.clock.at(time_ns));
        let mut states_us = BTreeMap::new();
        for (state, lasted) in &row.states {
            states_us.insert(state.to_string(), lasted.map(micros));
        }
        ConnectionJson {
            r#type: "connection",
            time: stamp(row.ended_ns),
            cookie: Text(Cookie(row.cookie)),
            ends: (&row.ends).into(),
            opened: row.opened.name(),
            time_opened: row.opened_ns.map(stamp),
            lifetime_us: row.lifetime().map(micros),
            states_us,
            first_close: row.first_close().map(FirstClose::name),
            close: CloseJson::of(
                row.close.as_ref(),
                row.shape(),
                row.shape().map(|_| Evidence::State),
            ),
            bytes_sent: row.counters.bytes_sent,
            bytes_received: row.bytes_received(),
            segments_sent: row.counters.segments_out,
            segments_received: row.counters.segments_in,
            total_retrans: row.counters.total_retrans,
            rtt_us: Some(row.counters.rtt_us).filter(|rtt| *rtt != 0),
            uid: row.uid,
            opened_by: row.opened_by.as_ref().map(TaskJson::from),
            closed_by: row.closed_by.as_ref().map(TaskJson::from),
            error: row.error.map(error_name),
            netns_inode: style.with_netns.then_some(row.netns),
            segments: None,
            other_end: None,
        }
    }
}

/// Appends a connection that has ended.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_connection_json(
    out: &mut Vec<u8>,
    row: &Connection,
    style: RowStyle,
) -> io::Result<()> {
    write_line(out, &ConnectionJson::of(row, style))
}

/// Appends a close: the connection of the end that closed first, with its other end.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_close_json(out: &mut Vec<u8>, story: &Story, style: RowStyle) -> io::Result<()> {
    let mut object = ConnectionJson::of(&story.first, style);
    let close = story.first.close.as_ref();
    object.close = CloseJson::of(close, story.shape(), story.evidence());
    let other = story.other.as_ref();
    object.other_end = other.map(|other| Box::new(ConnectionJson::of(other, style)));
    object.segments = style.with_segments.then(|| segments(&story.segments));
    object.first_close = story.first_close().map(FirstClose::name);
    object.close.reset_by = story.reset_by().map(Side::name);
    write_line(out, &object)
}

fn segments(segments: &[Segment]) -> Vec<SegmentJson> {
    let begin = segments.first().map_or(0, |first| first.time_ns);
    let object = |one: &Segment| SegmentJson {
        us: micros(Duration::from_nanos(one.time_ns.saturating_sub(begin))),
        from: match one.from {
            Side::Local => "local",
            Side::Remote => "remote",
        },
        flags: one.flags.marks(),
        seq: one.seq,
        ack: one.ack,
        length: one.length,
    };
    segments.iter().map(object).collect()
}

/// Microseconds with three places.
fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}

fn write_line(out: &mut Vec<u8>, object: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    out.push(b'\n');
    Ok(())
}
