//! An answer as one line of JSON, of the shape documented in tcpstates-output(5).
//!
//! Within a version, keys are only ever added. A character that acts on a terminal is an escape.

mod kinds;
pub(super) mod list;
mod namespaces;
pub(super) mod recorded;

use std::io::{self, Write};
use std::time::SystemTime;

use serde::Serialize;
use serde::ser::Serializer;
use serde_json::ser::Formatter;

use super::{Format, Style, escape, utc_stamp};
use crate::model::{
    Asked, Counts, Earlier, Field, Grouped, Label, Names, Observation, Ownership, Snapshot, Socket,
    State,
};
use kinds::KindKeys;
use list::RowFields;
use namespaces::{NamespaceKeys, NetnsKeys};

/// One object a line: for each observation, or for each socket of a list.
#[derive(Debug)]
pub struct Json {
    fields: RowFields,
    asked: Asked,
    earlier: Option<Earlier>,
}

impl Json {
    /// JSON with the columns of this style.
    pub fn new(style: &Style) -> Json {
        Json {
            fields: RowFields::new(&style.columns, style.kinds, style.asked.kind.is_some()),
            asked: style.asked.clone(),
            earlier: style.earlier.clone(),
        }
    }
}

impl Json {
    fn asked<'a>(&'a self, by: &'a Observation) -> AskedKeys<'a> {
        AskedKeys {
            filter: self.asked.filter.as_deref(),
            kind: self.asked.kind.as_deref(),
            family: self.asked.family,
            netns: NetnsKeys::of(self.asked.netns.as_deref(), by),
            by: &self.asked.by,
        }
    }

    fn compared(&self, states: impl Iterator<Item = State>, now: &Counts) -> Option<Compared> {
        let earlier = self.earlier.as_ref()?;
        let change = |state| now.change(&earlier.counts, state);
        // A state without a name may be gone.
        let states = states.chain(earlier.counts.unknown());
        Some(Compared {
            time: utc_stamp(earlier.time),
            complete: earlier.is_complete,
            change: change(None),
            states: Changes(states.map(|state| (state, change(Some(state)))).collect()),
        })
    }
}

/// What every answer begins with; some of it only where a source answered.
#[derive(Serialize)]
pub(super) struct Envelope {
    /// Of the shape.
    version: u32,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

impl Envelope {
    pub(super) fn of(observation: &Observation, total: u64) -> Envelope {
        Envelope::new(observation.time, Some(observation), total)
    }

    pub(super) fn new(time: SystemTime, by: Option<&Observation>, total: u64) -> Envelope {
        Envelope {
            version: 1,
            time: utc_stamp(time),
            source: by.map(|by| by.source.name()),
            complete: by.is_some_and(|by| by.completeness.is_complete()),
            total: by.map(|_| total),
        }
    }
}

#[derive(Serialize)]
struct AnswerLine<'a> {
    #[serde(flatten)]
    envelope: Envelope,
    states: PerState<'a>,
    #[serde(flatten)]
    asked: AskedKeys<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<Compared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spread: Option<PerState<'a>>,
    #[serde(flatten)]
    kinds: KindKeys<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<GroupLine<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<OtherLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owners: Option<Ownership>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// What was asked, as far as it limits the sockets or groups them.
#[derive(Serialize)]
struct AskedKeys<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netns: Option<NetnsKeys<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    by: &'a [String],
}

/// By how much each state changed.
struct Changes(Vec<(State, i128)>);

impl Serialize for Changes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let changes = self.0.iter();
        serializer.collect_map(changes.map(|(state, change)| (state.to_string(), change)))
    }
}

/// The answer that this one is compared with, and the changes since.
#[derive(Serialize)]
struct Compared {
    time: String,
    complete: bool,
    change: i128,
    states: Changes,
}

#[derive(Serialize)]
struct GroupLine<'a> {
    key: KeyLine<'a>,
    total: u64,
    states: PerState<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<i128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<NamespaceKeys<'a>>,
}

#[derive(Serialize)]
struct OtherLine<'a> {
    groups: u64,
    total: u64,
    states: PerState<'a>,
}

/// Numbers by the names of states, in the order of a connection's life.
struct PerState<'a>(Vec<State>, &'a Counts);

impl Serialize for PerState<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let PerState(states, numbers) = self;
        let number = |state: &State| (state.to_string(), numbers.get(*state));
        serializer.collect_map(states.iter().map(number))
    }
}

/// A key as an object: `{"local_port":443}`.
pub(super) struct KeyLine<'a>(pub(super) &'a [Field], pub(super) &'a [Label]);

impl Serialize for KeyLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = self.0.iter().map(|field| field.json_key());
        serializer.collect_map(names.zip(self.1))
    }
}

/// What was lost.
pub(super) fn losses(observation: &Observation) -> Vec<String> {
    let losses = observation.completeness.losses().iter();
    losses.map(ToString::to_string).collect()
}

// Writing to memory does not fail.
impl Format for Json {
    fn write_summary(&mut self, out: &mut Vec<u8>, snapshot: &Snapshot) {
        let (counts, spread) = (&snapshot.counts, &snapshot.spread);
        let inexact = snapshot.states().filter(|state| spread.get(*state) > 0);
        let inexact: Vec<State> = inexact.collect();
        let line = AnswerLine {
            envelope: Envelope::of(&snapshot.observation, counts.total()),
            states: PerState(snapshot.states().collect(), counts),
            asked: self.asked(&snapshot.observation),
            compared: self.compared(snapshot.states(), counts),
            spread: (!inexact.is_empty()).then_some(PerState(inexact, spread)),
            kinds: KindKeys::default(),
            groups: None,
            other: None,
            owners: None,
            warnings: losses(&snapshot.observation),
        };
        let _ = write_line(out, &line);
    }

    fn write_groups(&mut self, out: &mut Vec<u8>, grouped: &Grouped) {
        let states: Vec<State> = grouped.states().collect();
        let per_state = |numbers| PerState(states.clone(), numbers);
        let groups = grouped.groups.iter().map(|group| GroupLine {
            key: KeyLine(&grouped.fields, &group.key),
            total: group.counts.total(),
            states: per_state(&group.counts),
            change: group.change,
            namespace: NamespaceKeys::of(group, &grouped.observation),
        });
        let other = grouped.other.as_ref().map(|other| OtherLine {
            groups: other.groups,
            total: other.counts.total(),
            states: per_state(&other.counts),
        });
        let mut warnings = losses(&grouped.observation);
        warnings.extend(grouped.notes.iter().map(ToString::to_string));
        let line = AnswerLine {
            envelope: Envelope::of(&grouped.observation, grouped.counts.total()),
            states: per_state(&grouped.counts),
            asked: self.asked(&grouped.observation),
            compared: self.compared(grouped.states(), &grouped.counts),
            spread: None,
            kinds: KindKeys::of(grouped),
            groups: Some(groups.collect()),
            other,
            owners: grouped.ownership,
            warnings,
        };
        let _ = write_line(out, &line);
    }

    fn begin_list(&mut self, _out: &mut Vec<u8>, _time: SystemTime) {}

    fn write_socket(&mut self, out: &mut Vec<u8>, socket: &Socket, names: &mut dyn Names) {
        self.fields.push(out, socket, names);
    }

    fn end_list(
        &mut self,
        out: &mut Vec<u8>,
        observation: &Observation,
        listed: u64,
        names: &mut dyn Names,
    ) {
        let summary = list::ListSummary {
            r#type: "summary",
            envelope: Envelope::of(observation, listed),
            owners: names.ownership(),
            netns: NetnsKeys::of(self.asked.netns.as_deref(), observation),
            warnings: losses(observation),
        };
        let _ = write_line(out, &summary);
    }
}

/// Writes a value and a line end.
pub(super) fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    write_value(out, value)?;
    out.write_all(b"\n")
}

/// Writes a value, with every character that may not be printed as an escape.
pub(super) fn write_value(
    out: &mut impl Write,
    value: &(impl Serialize + ?Sized),
) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Printable);
    Ok(value.serialize(&mut serializer)?)
}

/// The compact form, in which nothing acts on a terminal.
struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for part in fragment.split_inclusive(escape::is_hidden) {
            let hidden = part.rfind(escape::is_hidden).unwrap_or(part.len());
            let (text, hidden) = part.split_at(hidden);
            out.write_all(text.as_bytes())?;
            for unit in hidden.encode_utf16() {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::model::{Completeness, Loss, SourceName, StateSet};

    #[test]
    fn an_answer_has_the_promised_keys_in_the_promised_order() {
        let mut counts = Counts::default();
        counts.add(State::Established, 3);
        counts.add(State::Unknown(14), 1);
        let mut snapshot = Snapshot {
            observation: Observation {
                time: UNIX_EPOCH + Duration::from_millis(1_795_449_223_120),
                source: SourceName::Netlink,
                completeness: Completeness::default(),
            },
            asked: StateSet::NONE.with(State::Established).with(State::Listen),
            counts,
            spread: Counts::default(),
        };
        let render = |snapshot: &Snapshot| {
            let mut out = Vec::new();
            Json::new(&Style::default()).write_summary(&mut out, snapshot);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            render(&snapshot),
            concat!(
                r#"{"version":1,"time":"2026-11-23T15:53:43.120Z","source":"netlink","complete":true,"#,
                r#""total":4,"states":{"LISTEN":0,"ESTABLISHED":3,"UNKNOWN(14)":1}}"#,
                "\n"
            )
        );
        snapshot.spread.add(State::Established, 12);
        let derived = render(&snapshot);
        assert!(
            derived.ends_with("},\"spread\":{\"ESTABLISHED\":12}}\n"),
            "{derived}"
        );
        snapshot.observation.completeness.lose(Loss::Overrun);
        let incomplete = render(&snapshot);
        assert!(incomplete.contains(r#""complete":false"#), "{incomplete}");
        assert!(
            incomplete.ends_with(
                "\"warnings\":[\"the kernel dropped messages; sockets are missing\"]}\n"
            ),
            "{incomplete}"
        );
    }

    #[test]
    fn hidden_characters_are_escapes_that_every_parser_understands() {
        let text = "a\x1b\x7f\u{9b}\u{61c}\u{200b}\u{2028}\u{202e}\u{feff}\u{a0}\u{e0041}é\"";
        let mut out = Vec::new();
        write_value(&mut out, text).unwrap();
        let json = String::from_utf8(out).unwrap();
        let expected =
            r#""a\u001b\u007f\u009b\u061c\u200b\u2028\u202e\ufeff\u00a0\udb40\udc41é\"""#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
