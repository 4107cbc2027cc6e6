//! Sockets as JSON: an object a line for each, then one that sums the sample up. The shape is
//! promised in tcpstates(1); within a version, keys are only ever added.

use std::io;
use std::time::SystemTime;

use serde::Serialize;

use super::Rows;
use super::text::{push_ip, push_number, push_state};
use crate::model::{FamilyClass, Field, Names, Observation, Socket};
use crate::output::json::Envelope;

#[derive(Serialize)]
struct Summary {
    r#type: &'static str,
    #[serde(flatten)]
    envelope: Envelope,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Rows as objects.
#[derive(Debug)]
pub struct JsonRows {
    /// Fields behind the usual ones.
    further: Vec<Field>,
}

impl JsonRows {
    /// Objects with these fields behind the usual ones, in this order.
    pub fn new(further: &[Field]) -> JsonRows {
        let further = further.iter().copied();
        JsonRows {
            // Every object has it.
            further: further.filter(|field| *field != Field::Family).collect(),
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
        out.extend_from_slice(b"\",\"family\":\"");
        out.extend_from_slice(FamilyClass::of(socket).name().as_bytes());
        out.extend_from_slice(b"\",\"local_addr\":\"");
        push_ip(out, socket.local.ip());
        out.extend_from_slice(b"\",\"local_port\":");
        push_number(out, socket.local.port());
        out.extend_from_slice(b",\"remote_addr\":\"");
        push_ip(out, socket.remote.ip());
        out.extend_from_slice(b"\",\"remote_port\":");
        push_number(out, socket.remote.port());
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
        for field in &self.further {
            push_field(out, *field, socket, names)?;
        }
        out.extend_from_slice(b"}\n");
        Ok(())
    }

    fn end<N: Names>(
        &mut self,
        out: &mut Vec<u8>,
        observation: &Observation,
        listed: u64,
        _names: &mut N,
    ) -> io::Result<()> {
        let losses = observation.completeness.losses().iter();
        let summary = Summary {
            r#type: "summary",
            envelope: Envelope::of(observation, listed),
            warnings: losses.map(ToString::to_string).collect(),
        };
        serde_json::to_writer(&mut *out, &summary)?;
        out.push(b'\n');
        Ok(())
    }

    fn abandon(&mut self) {}
}

fn push_field(
    out: &mut Vec<u8>,
    field: Field,
    socket: &Socket,
    names: &mut impl Names,
) -> io::Result<()> {
    match field {
        Field::Interface => {
            let name = socket.bound_to().map(|index| names.interface(index));
            string(out, "interface", name)?;
        }
        Field::Uid => number(out, "uid", socket.owner()),
        Field::User => {
            let name = socket.owner().map(|uid| names.user(uid));
            string(out, "user", name)?;
        }
        Field::Cgroup => {
            let path = socket.cgroup.map(|id| names.cgroup(id));
            string(out, "cgroup", path)?;
        }
        Field::Timer => {
            let kind = socket.timer.map(|timer| timer.kind.name());
            string(out, "timer", kind.as_deref())?;
            let remaining = socket.timer.map(|timer| timer.remaining.as_millis());
            number(out, "timer_remaining_ms", remaining);
        }
        Field::Retransmits => number(out, "retransmits", Some(socket.retransmits)),
        Field::Inode => number(out, "inode", socket.held_inode()),
        Field::Cookie => number(out, "cookie", socket.cookie),
        Field::Mark => number(out, "mark", socket.mark),
        // Every object has these, and the command line takes none of them for a further one.
        Field::State
        | Field::Family
        | Field::LocalAddr
        | Field::LocalPort
        | Field::RemoteAddr
        | Field::RemotePort
        | Field::Direction
        | Field::Service
        | Field::ReceiveQueue
        | Field::SendQueue
        | Field::AcceptQueue
        | Field::AcceptLimit => {}
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
fn string(out: &mut Vec<u8>, name: &str, value: Option<&str>) -> io::Result<()> {
    key(out, name);
    Ok(serde_json::to_writer(out, &value)?)
}
