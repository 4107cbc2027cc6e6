//! The summary of a trace as JSON: the last line.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::{ConnectionJson, micros, write_line};
use crate::model::Label;
use crate::model::trace::{FirstCloses, Losses, Summary};
use crate::output::trace::RowStyle;
use crate::output::utc_stamp;

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
    transitions: Option<u64>,
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
    style: RowStyle,
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
        (times.state.to_string(), object)
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
            .map(|row| ConnectionJson::of(row, style))
            .collect(),
    };
    write_line(out, &object)
}
