//! An answer as one line of JSON, the shape of which is promised in tcpstates(1).
//!
//! Within a version, keys are only ever added.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::Serializer;
use serde_json::ser::Formatter;

use super::{escape, utc_stamp};
use crate::model::{Counts, Observation, Ownership, Snapshot, State};

/// The version of the shape.
pub(in crate::output) const VERSION: u32 = 1;

/// What every answer begins with.
#[derive(Serialize)]
pub(in crate::output) struct Envelope {
    version: u32,
    time: String,
    source: &'static str,
    complete: bool,
    total: u64,
}

impl Envelope {
    pub(in crate::output) fn of(observation: &Observation, total: u64) -> Envelope {
        Envelope {
            version: VERSION,
            time: utc_stamp(observation.time),
            source: observation.source.name(),
            complete: observation.completeness.is_complete(),
            total,
        }
    }
}

/// How many sockets have a known holder, and why the others have none.
#[derive(Serialize)]
pub(in crate::output) struct Owners {
    held: u64,
    kernel: u64,
    never_accepted: u64,
    no_permission: u64,
    hidden: u64,
    time_up: u64,
}

impl From<Ownership> for Owners {
    fn from(ownership: Ownership) -> Owners {
        let Ownership {
            held,
            kernel,
            never_accepted,
            no_permission,
            hidden,
            time_up,
        } = ownership;
        Owners {
            held,
            kernel,
            never_accepted,
            no_permission,
            hidden,
            time_up,
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    envelope: Envelope,
    states: PerState<'a>,
    #[serde(skip_serializing_if = "PerState::is_empty")]
    spread: PerState<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Numbers by the names of states, in the order of a connection's life.
pub(super) struct PerState<'a> {
    states: Vec<State>,
    numbers: &'a Counts,
}

impl<'a> PerState<'a> {
    pub(super) fn new(states: Vec<State>, numbers: &'a Counts) -> Self {
        PerState { states, numbers }
    }

    fn is_empty(&self) -> bool {
        self.states.is_empty()
    }
}

impl Serialize for PerState<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.states
                .iter()
                .map(|state| (state.to_string(), self.numbers.get(*state))),
        )
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
            for c in hidden.chars() {
                write!(out, "\\u{:04x}", u32::from(c))?;
            }
        }
        Ok(())
    }
}

/// Writes one object and a line end.
///
/// # Errors
/// The writer's.
pub fn write_json(out: &mut impl Write, snapshot: &Snapshot) -> io::Result<()> {
    let observation = &snapshot.observation;
    let line = Line {
        envelope: Envelope::of(observation, snapshot.counts.total()),
        states: PerState::new(snapshot.states().collect(), &snapshot.counts),
        spread: PerState::new(
            snapshot
                .states()
                .filter(|state| snapshot.spread.get(*state) > 0)
                .collect(),
            &snapshot.spread,
        ),
        warnings: observation
            .completeness
            .losses()
            .iter()
            .map(ToString::to_string)
            .collect(),
    };
    write_line(out, &line)
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
            write_json(&mut out, snapshot).unwrap();
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
        let text = "a\x1b\x7f\u{9b}\u{61c}\u{200b}\u{2028}\u{202e}\u{feff}é\"";
        let mut out = Vec::new();
        write_value(&mut out, text).unwrap();
        let json = String::from_utf8(out).unwrap();
        let expected = r#""a\u001b\u007f\u009b\u061c\u200b\u2028\u202e\ufeffé\"""#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
