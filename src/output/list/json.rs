//! Sockets as JSON: an object a line for each, then one that sums the sample up. The shape is
//! promised in tcpstates(1); within a version, keys are only ever added.

use std::io;
use std::time::SystemTime;

use serde::Serialize;

use super::text::{push_ip, push_number, push_state};
use super::value::{Value, value};
use super::{Rows, holders};
use crate::model::{Field, InetEnds, Names, Observation, Socket, State};
use crate::output::json::{Envelope, Owners, write_line, write_value};

/// The key of what the timer has left, in milliseconds.
const TIMER_REMAINING: &str = "timer_remaining_ms";

#[derive(Serialize)]
struct Summary {
    r#type: &'static str,
    #[serde(flatten)]
    envelope: Envelope,
    #[serde(skip_serializing_if = "Option::is_none")]
    owners: Option<Owners>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Rows as objects.
#[derive(Debug)]
pub struct JsonRows {
    /// Fields behind the usual ones, with their keys.
    further: Vec<(Field, String)>,
    /// Whether the interface is one of them, where a socket without one has null.
    has_interface: bool,
}

impl JsonRows {
    /// Objects with these fields behind the usual ones, in this order.
    pub fn new(further: &[Field]) -> JsonRows {
        let has_interface = further.contains(&Field::Interface);
        let further = further.iter().copied();
        // Every object has the family.
        let further = further.filter(|field| *field != Field::Family);
        JsonRows {
            has_interface,
            further: further
                .map(|field| (field, holders::list_key(field)))
                .collect(),
        }
    }
}

impl Rows for JsonRows {
    fn begin(&mut self, _out: &mut Vec<u8>, _time: SystemTime) -> io::Result<()> {
        Ok(())
    }

    fn row<N: Names>(
        &mut self,
        out: &mut Vec<u8>,
        socket: &Socket,
        names: &mut N,
    ) -> io::Result<()> {
        out.extend_from_slice(b"{\"type\":\"socket\",\"state\":\"");
        push_state(out, socket);
        out.push(b'"');
        if let Some(ends) = socket.internet() {
            push_ends(out, ends);
        }
        match socket.byte_queues() {
            Some((receive, send)) => {
                number(out, "receive_queue", Some(receive));
                number(out, "send_queue", Some(send));
            }
            None => {
                number(out, "accept_queue", socket.accept_queue());
                number(out, "accept_limit", socket.accept_limit());
            }
        }
        if let Some(v6only) = socket.v6only.filter(|_| socket.state == State::Listen) {
            key(out, "v6only");
            write_value(out, &v6only)?;
        }
        if let Some(index) = socket.bound_to().filter(|_| !self.has_interface) {
            string(out, "interface", names.interface(index))?;
        }
        for (field, name) in &self.further {
            push_field(out, *field, name, socket, names)?;
        }
        out.extend_from_slice(b"}\n");
        Ok(())
    }

    fn end<N: Names>(
        &mut self,
        out: &mut Vec<u8>,
        observation: &Observation,
        listed: u64,
        names: &mut N,
    ) -> io::Result<()> {
        let losses = observation.completeness.losses().iter();
        let summary = Summary {
            r#type: "summary",
            envelope: Envelope::of(observation, listed),
            owners: names.ownership().map(Owners::from),
            warnings: losses.map(ToString::to_string).collect(),
        };
        write_line(out, &summary)
    }

    fn abandon(&mut self) {}
}

fn push_ends(out: &mut Vec<u8>, ends: &InetEnds) {
    out.extend_from_slice(b",\"family\":\"");
    out.extend_from_slice(ends.class().name().as_bytes());
    out.extend_from_slice(b"\",\"local_addr\":\"");
    push_ip(out, ends.local.ip());
    out.extend_from_slice(b"\",\"local_port\":");
    push_number(out, ends.local.port());
    out.extend_from_slice(b",\"remote_addr\":\"");
    push_ip(out, ends.remote.ip());
    out.extend_from_slice(b"\",\"remote_port\":");
    push_number(out, ends.remote.port());
}

fn push_field(
    out: &mut Vec<u8>,
    field: Field,
    name: &str,
    socket: &Socket,
    names: &mut impl Names,
) -> io::Result<()> {
    match value(field, socket, names) {
        Value::None => {
            number(out, name, None::<u64>);
            if field == Field::Timer {
                number(out, TIMER_REMAINING, None::<u64>);
            }
        }
        Value::Number(value) => number(out, name, Some(value)),
        Value::Word(text) | Value::Name(text) => string(out, name, text)?,
        Value::Held(shown, held) => {
            key(out, name);
            holders::push_json(out, shown, &held)?;
        }
        Value::Timer(timer) => {
            string(out, name, &timer.kind.name())?;
            number(out, TIMER_REMAINING, Some(timer.remaining.as_millis()));
        }
    }
    Ok(())
}

fn key(out: &mut Vec<u8>, key: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

fn number(out: &mut Vec<u8>, name: &str, value: Option<impl itoa::Integer>) {
    key(out, name);
    match value {
        Some(value) => push_number(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

/// A text from a stranger, with JSON's own escapes.
fn string(out: &mut Vec<u8>, name: &str, value: &str) -> io::Result<()> {
    key(out, name);
    write_value(out, value)
}
