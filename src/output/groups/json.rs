//! Groups in JSON: the keys of the summary, with `groups` and `other` beside `states`.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::Serializer;

use super::states_of;
use crate::model::{Field, Group, Grouped, Label, Other, State};
use crate::output::json::{Envelope, Owners, PerState, write_line};

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    envelope: Envelope,
    states: PerState<'a>,
    groups: Vec<GroupLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<OtherLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owners: Option<Owners>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct GroupLine<'a> {
    key: KeyLine<'a>,
    total: u64,
    states: PerState<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<i128>,
}

#[derive(Serialize)]
struct OtherLine<'a> {
    groups: u64,
    total: u64,
    states: PerState<'a>,
}

/// A key as an object: `{"local_port":443}`.
pub(in crate::output) struct KeyLine<'a> {
    pub(in crate::output) fields: &'a [Field],
    pub(in crate::output) labels: &'a [Label],
}

impl Serialize for KeyLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = self.fields.iter().map(|field| field.json_key());
        serializer.collect_map(names.zip(self.labels.iter().map(Value)))
    }
}

/// A label as JSON: absent, a number or text.
pub(in crate::output) struct Value<'a>(pub(in crate::output) &'a Label);

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Label::None => serializer.serialize_none(),
            Label::Number(number) => number.serialize(serializer),
            Label::Text(text) => text.serialize(serializer),
        }
    }
}

/// Writes one object and a line end.
///
/// # Errors
/// The writer's.
pub fn write_groups_json(out: &mut impl Write, grouped: &Grouped) -> io::Result<()> {
    let observation = &grouped.observation;
    let states = states_of(grouped);
    let losses = observation.completeness.losses().iter();
    let line = Line {
        envelope: Envelope::of(observation, grouped.counts.total()),
        states: PerState::new(states.clone(), &grouped.counts),
        groups: grouped
            .groups
            .iter()
            .map(|group| group_line(grouped, group, &states))
            .collect(),
        other: grouped
            .other
            .as_ref()
            .map(|other| other_line(other, &states)),
        owners: grouped.ownership.map(Owners::from),
        warnings: losses
            .map(ToString::to_string)
            .chain(grouped.remarks.iter().cloned())
            .collect(),
    };
    write_line(out, &line)
}

fn group_line<'a>(grouped: &'a Grouped, group: &'a Group, states: &[State]) -> GroupLine<'a> {
    GroupLine {
        key: KeyLine {
            fields: &grouped.fields,
            labels: &group.key,
        },
        total: group.counts.total(),
        states: PerState::new(states.to_vec(), &group.counts),
        change: group.change,
    }
}

fn other_line<'a>(other: &'a Other, states: &[State]) -> OtherLine<'a> {
    OtherLine {
        groups: other.groups,
        total: other.counts.total(),
        states: PerState::new(states.to_vec(), &other.counts),
    }
}
