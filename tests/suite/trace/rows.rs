//! The JSON of `trace`, read into types of the tests' own that refuse unknown keys.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One line.
#[derive(Debug)]
pub(crate) enum Row {
    Transition(Box<Transition>),
    Connection(Box<Connection>),
    Summary(Box<Summary>),
}

impl Row {
    #[track_caller]
    pub(crate) fn parse(line: &str) -> Row {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let kind = value.get("type").and_then(|kind| kind.as_str());
        let kind = kind.map(str::to_owned);
        let row = match kind.as_deref() {
            Some("transition") => serde_json::from_value(value).map(Row::Transition),
            Some("connection") => serde_json::from_value(value).map(Row::Connection),
            Some("summary") => serde_json::from_value(value).map(Row::Summary),
            _ => panic!("no type that is known: {line}"),
        };
        row.unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "every key is read, so that none is missing")]
pub(crate) struct Transition {
    pub(crate) r#type: String,
    pub(crate) time: String,
    pub(crate) cookie: String,
    pub(crate) family: String,
    pub(crate) local_addr: String,
    pub(crate) local_port: u16,
    pub(crate) remote_addr: String,
    pub(crate) remote_port: u16,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) duration_us: Option<f64>,
    pub(crate) process: Option<Process>,
    pub(crate) error: Option<String>,
    pub(crate) netns_inode: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "every key is read, so that none is missing")]
pub(crate) struct Connection {
    pub(crate) r#type: String,
    pub(crate) time: String,
    pub(crate) cookie: String,
    pub(crate) family: String,
    pub(crate) local_addr: String,
    pub(crate) local_port: u16,
    pub(crate) remote_addr: String,
    pub(crate) remote_port: u16,
    pub(crate) opened: Option<String>,
    pub(crate) time_opened: Option<String>,
    pub(crate) lifetime_us: Option<f64>,
    pub(crate) states_us: BTreeMap<String, Option<f64>>,
    pub(crate) first_close: Option<String>,
    pub(crate) close: Close,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: Option<u64>,
    pub(crate) segments_sent: u64,
    pub(crate) segments_received: u64,
    pub(crate) total_retrans: u64,
    pub(crate) rtt_us: Option<u64>,
    pub(crate) uid: u32,
    pub(crate) opened_by: Option<Process>,
    pub(crate) closed_by: Option<Process>,
    pub(crate) error: Option<String>,
    pub(crate) netns_inode: Option<u32>,
    pub(crate) segments: Option<Vec<Segment>>,
    pub(crate) other_end: Option<Box<Connection>>,
}

impl Connection {
    pub(crate) fn has_port(&self, port: u16) -> bool {
        self.local_port == port || self.remote_port == port
    }

    pub(crate) fn shape(&self) -> Option<&str> {
        self.close.shape.as_deref()
    }

    pub(crate) fn evidence(&self) -> Option<&str> {
        self.close.evidence.as_deref()
    }

    /// The flags of its segments as tcpdump marks them, `>` from the local end.
    pub(crate) fn marks(&self) -> Vec<String> {
        let segments = self.segments.iter().flatten();
        let mark = |segment: &Segment| match segment.from.as_str() {
            "local" => format!(">{}", segment.flags),
            "remote" => format!("<{}", segment.flags),
            other => panic!("{other}"),
        };
        segments.map(mark).collect()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Close {
    pub(crate) shape: Option<String>,
    pub(crate) ack: Option<String>,
    pub(crate) parked: Option<String>,
    pub(crate) fin_retransmits: Option<u32>,
    pub(crate) reset_by: Option<String>,
    pub(crate) reset_reason: Option<String>,
    pub(crate) evidence: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "every key is read, so that none is missing")]
pub(crate) struct Segment {
    pub(crate) us: f64,
    pub(crate) from: String,
    pub(crate) flags: String,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) length: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "every key is read, so that none is missing")]
pub(crate) struct Summary {
    pub(crate) r#type: String,
    pub(crate) version: u32,
    pub(crate) time: String,
    pub(crate) source: String,
    pub(crate) complete: bool,
    pub(crate) duration_ms: u64,
    pub(crate) transitions: Option<u64>,
    pub(crate) connections: u64,
    pub(crate) lost: Lost,
    pub(crate) shapes: BTreeMap<String, u64>,
    pub(crate) states: BTreeMap<String, Times>,
    pub(crate) first_close: Vec<FirstClose>,
    pub(crate) first_close_other: Option<FirstClose>,
    #[serde(default)]
    pub(crate) longest: Vec<Connection>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lost {
    pub(crate) ring: Option<u64>,
    pub(crate) nested: u64,
    pub(crate) gaps: u64,
    pub(crate) forgotten: u64,
    pub(crate) capture: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Times {
    pub(crate) count: u64,
    pub(crate) p50_us: f64,
    pub(crate) p90_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) max_us: f64,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstClose {
    pub(crate) key: Option<BTreeMap<String, serde_json::Value>>,
    pub(crate) local: u64,
    pub(crate) remote: u64,
    pub(crate) both: u64,
    pub(crate) nobody: u64,
}
