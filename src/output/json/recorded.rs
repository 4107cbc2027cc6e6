//! The lines of the sockets of a record: all that a source reports, the kind first, and no key for what is
//! absent.
//!
//! Sockets in a row have much in common: what a socket shares with the one before is copied from that line,
//! which takes half of the time of making it.

use std::net::IpAddr;

use super::list::{Keyed, SOCKET, is_written, keyed, push_field, push_key, push_name_hex};
use super::write_value;
use crate::model::{Ends, Field, KindSet, Names, Socket, State, UnixEnds, UnixName};
use crate::output::escape::unix_name;
use crate::output::text::push_number;
use crate::output::value::{Value, value};
use crate::record::{CLIENTS, PEER_PORT_ID};

/// Writes the lines.
#[derive(Debug)]
pub struct SocketLines {
    fields: Vec<Keyed>,
    /// The line before, as far as it has fields.
    line: Vec<u8>,
    /// What that has in each field, and where it ends.
    written: Vec<(Written, usize)>,
}

/// What a line has in a field.
#[derive(Debug, PartialEq)]
enum Written {
    Nothing,
    Number(u64),
    Truth(bool),
    State(State),
    Address(IpAddr),
    Word(&'static str),
    Name(String),
    /// What is made for each socket.
    Other,
}

impl Written {
    fn of(value: &Value<'_>) -> Written {
        match value {
            Value::None => Written::Nothing,
            Value::Number(number) => Written::Number(*number),
            Value::Truth(yes) => Written::Truth(*yes),
            Value::State(state) => Written::State(*state),
            Value::Address(ip) => Written::Address(*ip),
            Value::Word(word) => Written::Word(word),
            Value::Name(name) => Written::Name((*name).to_owned()),
            Value::UnixName(_) | Value::Peer(_) | Value::Timer(_) | Value::Owners(..) => {
                Written::Other
            }
        }
    }

    /// Whether a line has this value.
    fn is(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Written::Number(number), Value::Number(other)) => number == other,
            (Written::Name(name), Value::Name(other)) => name == other,
            (Written::Number(_) | Written::Name(_) | Written::Other, _) => false,
            (_, Value::Name(_)) => false,
            (written, value) => *written == Written::of(value),
        }
    }
}

impl SocketLines {
    /// Those of sockets of these kinds, with the network namespace where they are in several.
    pub fn recorded(kinds: KindSet, are_several: bool) -> SocketLines {
        let others = Field::recorded(kinds).filter(|field| *field != Field::Kind);
        let netns = are_several.then_some(Field::Netns);
        let fields = std::iter::once(Field::Kind).chain(others).chain(netns);
        let fields: Vec<Keyed> = fields.map(keyed).collect();
        SocketLines {
            line: SOCKET.to_vec(),
            written: fields
                .iter()
                .map(|_| (Written::Nothing, SOCKET.len()))
                .collect(),
            fields,
        }
    }

    /// Appends a socket.
    pub fn push(&mut self, out: &mut Vec<u8>, socket: &Socket, names: &mut dyn Names) {
        self.push_fields(out, socket, names);
        match &socket.ends {
            Ends::Unix(ends) => push_unix(out, ends),
            Ends::Netlink(ends) => {
                if let Some(peer) = ends.peer {
                    push_key(out, PEER_PORT_ID);
                    push_number(out, peer);
                }
            }
            Ends::Internet(_) | Ends::Packet(_) => {}
        }
        out.extend_from_slice(b"}\n");
    }

    fn push_fields(&mut self, out: &mut Vec<u8>, socket: &Socket, names: &mut dyn Names) {
        let begin = out.len();
        let line = &self.line;
        // What this line has too and is not copied yet.
        let mut shared = 0..SOCKET.len();
        for ((field, key), (written, end)) in self.fields.iter().zip(&mut self.written) {
            let value = value(*field, socket, names);
            let is_written = is_written(*field, &value, socket);
            if written.is(&value) && is_written != matches!(value, Value::None) {
                shared.end = *end;
                *end = out.len() - begin + shared.len();
                continue;
            }
            let behind = *end..*end;
            out.extend_from_slice(line.get(shared).unwrap_or_default());
            if is_written {
                push_field(out, *field, key, &value);
            }
            shared = behind;
            *written = match is_written {
                true if matches!(value, Value::None) => Written::Other,
                _ => Written::of(&value),
            };
            *end = out.len() - begin;
        }
        out.extend_from_slice(line.get(shared).unwrap_or_default());
        self.line.clear();
        self.line
            .extend_from_slice(out.get(begin..).unwrap_or_default());
    }
}

/// Appends what a list does not show of a UNIX socket: clients that wait for it, and the bytes of a name
/// that is written in another way.
fn push_unix(out: &mut Vec<u8>, ends: &UnixEnds) {
    if !ends.clients.is_empty() {
        push_key(out, CLIENTS);
        // Writing to memory does not fail.
        let _ = write_value(out, &ends.clients);
    }
    let Some(text) = ends
        .name
        .bytes()
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
    else {
        return;
    };
    let written = unix_name(&ends.name);
    let is_as_written = match &ends.name {
        UnixName::Abstract(_) => written.strip_prefix('@') == Some(text),
        UnixName::Path(_) | UnixName::Unnamed => written == text,
    };
    if !is_as_written {
        push_name_hex(out, text.as_bytes());
    }
}
