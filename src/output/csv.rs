//! Answers as CSV (RFC 4180): a row for each state, group or socket, with the time of its sample, so
//! that samples can be appended. Hidden characters in names are escapes, so a cell is on one line.

use std::io::Write as _;
use std::time::SystemTime;

use super::owners::{line, list_key};
use super::text::{push_ip, push_number, push_state};
use super::value::{Value, label_text, value};
use super::{Format, Style, escape, utc_stamp};
use crate::model::{Counts, Field, Grouped, KindSet, Names, Observation, Snapshot, Socket, State};

/// The columns of every list, before the requested ones.
const USUAL: [Field; 10] = [
    Field::State,
    Field::Family,
    Field::LocalAddr,
    Field::LocalPort,
    Field::RemoteAddr,
    Field::RemotePort,
    Field::ReceiveQueue,
    Field::SendQueue,
    Field::AcceptQueue,
    Field::AcceptLimit,
];

/// Those of kinds without internet addresses.
const OF_KINDS: [Field; 4] = [Field::Name, Field::Peer, Field::Protocol, Field::PortId];

/// The columns of every list of sockets of these kinds.
fn usual_columns(kinds: KindSet) -> Vec<Field> {
    let is_usual = |field: &Field| kinds.has_internet() || field.is_of_any(kinds);
    let of_kinds = OF_KINDS.into_iter().filter(|field| field.is_of_any(kinds));
    USUAL.into_iter().filter(is_usual).chain(of_kinds).collect()
}

/// Rows of CSV.
#[derive(Debug)]
pub struct Csv {
    /// Of a list, without the time.
    columns: Vec<Field>,
    /// Whether a sample was written, and the header before it.
    has_header: bool,
    /// What the numbers are compared with.
    earlier: Option<Counts>,
    /// The time of the sample, as its rows have it.
    time: String,
}

impl Csv {
    /// CSV with the columns of this style.
    pub fn new(style: &Style) -> Csv {
        let (first, further) = style.columns_in_order();
        let further = further.into_iter().filter(|field| *field != Field::Family);
        Csv {
            columns: first
                .into_iter()
                .chain(usual_columns(style.kinds))
                .chain(
                    further
                        .filter(|field| !OF_KINDS.contains(field) || !field.is_of_any(style.kinds)),
                )
                .collect(),
            has_header: style.no_header,
            earlier: style.earlier.as_ref().map(|earlier| earlier.counts.clone()),
            time: String::new(),
        }
    }
}

/// The time, the source, and whether everything was counted.
fn envelope(observation: &Observation) -> [String; 3] {
    let complete = observation.completeness.is_complete().to_string();
    let source = observation.source.name().to_owned();
    [utc_stamp(observation.time), source, complete]
}

pub(super) fn write_row(out: &mut Vec<u8>, cells: impl IntoIterator<Item = String>) {
    for cell in cells {
        push_text(out, &cell);
        out.push(b',');
    }
    end_row(out);
}

/// Puts a line end in the place of the last comma.
fn end_row(out: &mut Vec<u8>) {
    out.pop();
    out.push(b'\n');
}

/// Appends a text as a cell.
fn push_text(out: &mut Vec<u8>, text: &str) {
    push_cell(out, &escape::cell(text));
}

/// Appends an escaped text, in quotes where it needs them.
fn push_cell(out: &mut Vec<u8>, text: &str) {
    // Writing to memory does not fail.
    let _ = match text.contains([',', '"']) {
        true => write!(out, "\"{}\"", text.replace('"', "\"\"")),
        false => write!(out, "{text}"),
    };
}

fn push_value(out: &mut Vec<u8>, field: Field, value: &Value<'_>) {
    match value {
        Value::None => {}
        Value::State(state) => push_state(out, *state),
        Value::Number(number) => push_number(out, *number),
        Value::Truth(yes) => push_text(out, if *yes { "true" } else { "false" }),
        Value::Address(ip) => push_ip(out, *ip),
        Value::Word(text) | Value::Name(text) => push_text(out, text),
        Value::UnixName(name) => push_text(out, &escape::unix_name(name)),
        Value::Peer(peer) => push_text(out, &peer.to_string()),
        Value::Timer(timer) => push_text(out, &timer.kind.name()),
        Value::Owners(shown, held) => push_cell(out, &line(*shown, held)),
    }
    out.push(b',');
    if field == Field::Timer {
        if let Value::Timer(timer) = value {
            push_number(out, timer.remaining.as_millis());
        }
        out.push(b',');
    }
}

impl Format for Csv {
    fn write_summary(&mut self, out: &mut Vec<u8>, snapshot: &Snapshot) {
        if !std::mem::replace(&mut self.has_header, true) {
            let change = if self.earlier.is_some() {
                ",change"
            } else {
                ""
            };
            let header = format!("time,source,complete,state,sockets,spread{change}\n");
            out.extend_from_slice(header.as_bytes());
        }
        for state in snapshot.states() {
            let counts = [&snapshot.counts, &snapshot.spread];
            let counts = counts.map(|counts| counts.get(state).to_string());
            let change = self.earlier.as_ref().map(|earlier| {
                let change = snapshot.counts.change(earlier, Some(state));
                change.to_string()
            });
            let row = envelope(&snapshot.observation).into_iter();
            write_row(
                out,
                row.chain([state.to_string()]).chain(counts).chain(change),
            );
        }
    }

    /// The column `row` distinguishes groups from the rest; what a group's sockets lack is empty.
    fn write_groups(&mut self, out: &mut Vec<u8>, grouped: &Grouped) {
        let states: Vec<State> = grouped.states().collect();
        if !std::mem::replace(&mut self.has_header, true) {
            let fixed = ["time", "source", "complete", "row"].map(str::to_owned);
            let keys = grouped.fields.iter().map(|field| field.json_key());
            let header = fixed.into_iter().chain(keys).chain(["total".to_owned()]);
            let change = self.earlier.as_ref().map(|_| "change".to_owned());
            let header = header.chain(states.iter().map(ToString::to_string));
            write_row(out, header.chain(change));
        }
        let is_compared = self.earlier.is_some();
        let mut write = |row: &str, key: Vec<String>, counts: &Counts, change: Option<i128>| {
            let numbers = states.iter().map(|state| counts.get(*state));
            let numbers = [counts.total()].into_iter().chain(numbers);
            let row = envelope(&grouped.observation)
                .into_iter()
                .chain([row.to_owned()]);
            let change = change.map_or_else(String::new, |change| change.to_string());
            let row = row.chain(key).chain(numbers.map(|n| n.to_string()));
            write_row(out, row.chain(is_compared.then_some(change)));
        };
        for group in &grouped.groups {
            let key = group.key.iter().map(|label| label_text(label, ""));
            write("group", key.collect(), &group.counts, group.change);
        }
        if let Some(other) = &grouped.other {
            let key = vec![String::new(); grouped.fields.len()];
            write("other", key, &other.counts, None);
        }
    }

    fn begin_list(&mut self, out: &mut Vec<u8>, time: SystemTime) {
        self.time = utc_stamp(time);
        if !self.has_header {
            let keys = self.columns.iter().flat_map(|field| {
                let remaining = (*field == Field::Timer).then(|| "timer_remaining_ms".to_owned());
                std::iter::once(list_key(*field)).chain(remaining)
            });
            write_row(out, std::iter::once("time".to_owned()).chain(keys));
        }
    }

    fn write_socket(&mut self, out: &mut Vec<u8>, socket: &Socket, names: &mut dyn Names) {
        out.extend_from_slice(self.time.as_bytes());
        out.push(b',');
        for field in &self.columns {
            push_value(out, *field, &value(*field, socket, names));
        }
        end_row(out);
    }

    fn end_list(
        &mut self,
        _out: &mut Vec<u8>,
        _observation: &Observation,
        _listed: u64,
        _names: &mut dyn Names,
    ) {
        self.has_header = true;
    }
}
