//! Traced connections as JSON, an object a line; the summary is the last one. The shape is promised
//! in tcpstates(1); within a version, keys are only ever added.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde::Serialize;

use super::words::error_name;
use crate::model::State;
use crate::model::trace::{
    Clock, Close, Connection, Evidence, FirstClose, FirstCloses, Losses, Opened, Segment, Shape,
    Side, Story, Summary, Task, Transition,
};
use crate::model::{InetEnds, Label};
use crate::output::utc_stamp;

#[derive(Serialize)]
struct EndsJson {
    family: &'static str,
    local_addr: String,
    local_port: u16,
    remote_addr: String,
    remote_port: u16,
}

impl From<&InetEnds> for EndsJson {
    fn from(ends: &InetEnds) -> EndsJson {
        EndsJson {
            family: ends.class().name(),
            local_addr: ends.local.ip().to_string(),
            local_port: ends.local.port(),
            remote_addr: ends.remote.ip().to_string(),
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
    cookie: String,
    #[serde(flatten)]
    ends: EndsJson,
    from: String,
    to: String,
    duration_us: Option<f64>,
    process: Option<TaskJson>,
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netns_inode: Option<u32>,
}

/// Appends a transition; `with_netns` names its network namespace.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_transition_json(
    out: &mut Vec<u8>,
    row: &Transition,
    clock: Clock,
    with_netns: bool,
) -> io::Result<()> {
    let object = TransitionJson {
        r#type: "transition",
        time: utc_stamp(clock.at(row.time_ns)),
        cookie: format!("{:x}", row.cookie),
        ends: (&row.ends).into(),
        from: row.from.to_string(),
        to: row.to.to_string(),
        duration_us: row.after.map(micros),
        process: row.by.as_ref().map(TaskJson::from),
        error: row.error.map(error_name),
        netns_inode: with_netns.then_some(row.netns),
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
    cookie: String,
    #[serde(flatten)]
    ends: EndsJson,
    opened: &'static str,
    time_opened: Option<String>,
    lifetime_us: Option<f64>,
    states_us: BTreeMap<String, Option<f64>>,
    first_close: Option<&'static str>,
    close: CloseJson,
    bytes_sent: u64,
    bytes_received: u64,
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
    fn of(row: &Connection, clock: Clock, with_netns: bool) -> ConnectionJson {
        let stamp = |time_ns| utc_stamp(clock.at(time_ns));
        let mut states_us = BTreeMap::new();
        for (state, lasted) in &row.states {
            states_us.insert(state.to_string(), lasted.map(micros));
        }
        ConnectionJson {
            r#type: "connection",
            time: stamp(row.ended_ns),
            cookie: format!("{:x}", row.cookie),
            ends: (&row.ends).into(),
            opened: match row.opened {
                Opened::By(side) => side.name(),
                Opened::Before => "before",
            },
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
            bytes_received: row.counters.bytes_received,
            segments_sent: row.counters.segments_out,
            segments_received: row.counters.segments_in,
            total_retrans: row.counters.total_retrans,
            rtt_us: Some(row.counters.rtt_us).filter(|rtt| *rtt != 0),
            uid: row.uid,
            opened_by: row.opened_by.as_ref().map(TaskJson::from),
            closed_by: row.closed_by.as_ref().map(TaskJson::from),
            error: row.error.map(error_name),
            netns_inode: with_netns.then_some(row.netns),
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
    clock: Clock,
    with_netns: bool,
) -> io::Result<()> {
    write_line(out, &ConnectionJson::of(row, clock, with_netns))
}

/// Appends a close: the connection of the end that closed first, with its other end.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_close_json(
    out: &mut Vec<u8>,
    story: &Story,
    clock: Clock,
    with_netns: bool,
) -> io::Result<()> {
    let mut object = ConnectionJson::of(&story.first, clock, with_netns);
    let close = story.first.close.as_ref();
    object.close = CloseJson::of(close, story.shape(), story.evidence());
    let other = story.other.as_ref();
    object.other_end = other.map(|other| Box::new(ConnectionJson::of(other, clock, with_netns)));
    object.segments = (!story.segments.is_empty()).then(|| segments(&story.segments));
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

#[derive(Serialize)]
struct LostJson {
    ring: Option<u64>,
    nested: u64,
    gaps: u64,
    forgotten: u64,
    capture: u64,
}

impl From<&Losses> for LostJson {
    fn from(losses: &Losses) -> LostJson {
        LostJson {
            ring: losses.ring,
            nested: losses.nested,
            gaps: losses.gaps,
            forgotten: losses.forgotten,
            capture: losses.capture,
        }
    }
}

#[derive(Serialize)]
struct TimesJson {
    count: u64,
    p50_us: f64,
    p90_us: f64,
    p99_us: f64,
    max_us: f64,
}

#[derive(Serialize)]
struct FirstJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<BTreeMap<String, serde_json::Value>>,
    local: u64,
    remote: u64,
    both: u64,
    nobody: u64,
}

impl FirstJson {
    fn of(sum: &FirstCloses, key: Option<BTreeMap<String, serde_json::Value>>) -> FirstJson {
        FirstJson {
            key,
            local: sum.local,
            remote: sum.remote,
            both: sum.both,
            nobody: sum.nobody,
        }
    }
}

#[derive(Serialize)]
struct SummaryJson {
    r#type: &'static str,
    version: u32,
    time: String,
    source: &'static str,
    complete: bool,
    duration_ms: u128,
    transitions: u64,
    connections: u64,
    lost: LostJson,
    shapes: BTreeMap<&'static str, u64>,
    states: BTreeMap<String, TimesJson>,
    first_close: Vec<FirstJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_close_other: Option<FirstJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    longest: Vec<ConnectionJson>,
}

/// Appends the summary.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_trace_summary_json(
    out: &mut Vec<u8>,
    summary: &Summary,
    clock: Clock,
    with_netns: bool,
) -> io::Result<()> {
    let times = summary.states.iter().map(|times| {
        let [p50, p90, p99] = times.percentiles.map(micros);
        let object = TimesJson {
            count: times.count,
            p50_us: p50,
            p90_us: p90,
            p99_us: p99,
            max_us: micros(times.max),
        };
        (State::to_string(&times.state), object)
    });
    let key = |labels: &[Label]| {
        let fields = summary.fields.iter().zip(labels);
        let value = |label: &Label| match label {
            Label::None => serde_json::Value::Null,
            Label::Number(number) => (*number).into(),
            Label::Flag(flag) => (*flag).into(),
            Label::Text(text) => text.clone().into(),
        };
        fields
            .map(|(field, label)| (field.json_key(), value(label)))
            .collect()
    };
    let groups = summary.first_closes.iter();
    let object = SummaryJson {
        r#type: "summary",
        version: 1,
        time: utc_stamp(summary.time),
        source: summary.source,
        complete: summary.losses.is_complete(),
        duration_ms: summary.lasted.as_millis(),
        transitions: summary.transitions,
        connections: summary.connections,
        lost: (&summary.losses).into(),
        shapes: summary
            .shapes
            .iter()
            .map(|(shape, count)| (shape.name(), *count))
            .collect(),
        states: times.collect(),
        first_close: groups
            .map(|(labels, sum)| FirstJson::of(sum, Some(key(labels))))
            .collect(),
        first_close_other: (summary.other.total() > 0).then(|| FirstJson::of(&summary.other, None)),
        longest: summary
            .longest
            .iter()
            .map(|row| ConnectionJson::of(row, clock, with_netns))
            .collect(),
    };
    write_line(out, &object)
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
