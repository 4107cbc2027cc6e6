//! The JSON of `check`, read without the program's own types.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::STATUSES;
use crate::program::Ran;

/// One check, version 1.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Checked {
    pub(super) version: u32,
    pub(super) time: String,
    pub(super) source: Option<String>,
    pub(super) complete: bool,
    pub(super) total: Option<u64>,
    pub(super) status: String,
    pub(super) reasons: Vec<String>,
    pub(super) metrics: Vec<Metric>,
    pub(super) waited: Option<Waited>,
    pub(super) judged: Option<Judged>,
    pub(super) groups: Option<Vec<Group>>,
    pub(super) accept_queues: Option<Vec<Queue>>,
    #[serde(default)]
    pub(super) warnings: Vec<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) kind: String,
    #[serde(deserialize_with = "number_or_nan")]
    pub(super) value: f64,
    pub(super) spread: Option<u64>,
    pub(super) sockets: Option<u64>,
    pub(super) part: Option<u64>,
    pub(super) of: Option<u64>,
    pub(super) warning: Option<String>,
    pub(super) critical: Option<String>,
    pub(super) status: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) local_addr: Option<String>,
    pub(super) local_port: Option<u16>,
    pub(super) remote_addr: Option<String>,
    pub(super) remote_port: Option<u16>,
}

/// A value that is null, because it is unknown, as NaN.
fn number_or_nan<'a, D: serde::Deserializer<'a>>(value: D) -> Result<f64, D::Error> {
    Option::<f64>::deserialize(value).map(|value| value.unwrap_or(f64::NAN))
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Waited {
    pub(super) seconds: f64,
    pub(super) checks: u64,
    pub(super) ok_in_a_row: u32,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Judged {
    pub(super) groups: u64,
    pub(super) warning: u64,
    pub(super) critical: u64,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) key: BTreeMap<String, serde_json::Value>,
    pub(super) status: String,
    pub(super) metrics: Vec<Metric>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Queue {
    pub(super) local_addr: String,
    pub(super) local_port: u16,
    pub(super) interface: Option<String>,
    pub(super) v6only: Option<bool>,
    pub(super) accept_queue: u64,
    pub(super) accept_limit: u64,
    pub(super) share: f64,
    pub(super) status: String,
}

impl Checked {
    /// The only object of a run; its status must fit the exit status.
    #[track_caller]
    pub(super) fn of(ran: &Ran) -> Checked {
        let line = ran.stdout.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "{ran:?}");
        let checked: Checked =
            serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
        let word = STATUSES[usize::try_from(ran.status).unwrap()];
        assert_eq!((checked.version, &*checked.status), (1, word), "{ran:?}");
        assert!(checked.time.ends_with('Z'), "{ran:?}");
        assert_eq!(checked.reasons.is_empty(), ran.status == 0, "{ran:?}");
        checked
    }

    #[track_caller]
    pub(super) fn metric(&self, name: &str) -> &Metric {
        let found = self.metrics.iter().find(|metric| metric.name == name);
        found.unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }
}
