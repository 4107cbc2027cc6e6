//! Sockets as JSON: an object a line for each, then one that sums the sample up.

use std::borrow::Cow;

use serde::Serialize;

use super::{Envelope, write_value};
use crate::model::{
    Field, Held, KindSet, Names, Netns, Ownership, ProcessName, Socket, State, UnixName, UnixPeer,
};
use crate::output::escape::unix_name;
use crate::output::json::namespaces::NetnsKeys;
use crate::output::owners::{Shown, list_key, texts};
use crate::output::text::{push_ip, push_number, push_state};
use crate::output::value::{Value, value};

/// The fields of every socket that has them, before the requested ones.
const USUAL: [Field; 12] = [
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
    Field::V6Only,
    Field::Interface,
];

/// Those that only some kinds have.
const OF_KINDS: [Field; 7] = [
    Field::SocketType,
    Field::Name,
    Field::Peer,
    Field::Shutdown,
    Field::Protocol,
    Field::PortId,
    Field::Groups,
];

/// The last object of a sample.
#[derive(Serialize)]
pub(super) struct ListSummary<'a> {
    pub(super) r#type: &'static str,
    #[serde(flatten)]
    pub(super) envelope: Envelope,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owners: Option<Ownership>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) netns: Option<NetnsKeys<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

/// The fields of a socket.
#[derive(Debug)]
pub(super) struct RowFields {
    usual: Vec<Keyed>,
    further: Vec<Keyed>,
}

/// A field, and its key as it is written in an object that has others before it.
pub(super) type Keyed = (Field, String);

/// How the line of a socket begins.
pub(super) const SOCKET: &[u8] = b"{\"type\":\"socket\"";

pub(super) fn keyed(field: Field) -> Keyed {
    (field, format!(",\"{}\":", list_key(field)))
}

impl RowFields {
    /// The usual fields of sockets of these kinds and these fields, in this order; before them the
    /// kind, where it is named.
    pub(super) fn new(further: &[Field], kinds: KindSet, names_kind: bool) -> RowFields {
        let is_always = |field: &Field| matches!(field, Field::Family | Field::V6Only);
        let is_usual = |field: &&Field| !further.contains(field) || is_always(field);
        let kind = (names_kind && !further.contains(&Field::Kind)).then_some(Field::Kind);
        let of_kinds = OF_KINDS.into_iter().filter(|field| field.is_of_any(kinds));
        let usual: Vec<Field> = kind.into_iter().chain(USUAL).chain(of_kinds).collect();
        RowFields {
            usual: usual.iter().filter(is_usual).copied().map(keyed).collect(),
            further: further
                .iter()
                .filter(|field| !is_always(field))
                .copied()
                .map(keyed)
                .collect(),
        }
    }

    /// Appends a socket. A field that it lacks is null if it was requested.
    pub(super) fn push(&self, out: &mut Vec<u8>, socket: &Socket, names: &mut dyn Names) {
        self.push_fields(out, socket, names);
        out.extend_from_slice(b"}\n");
    }

    fn push_fields(&self, out: &mut Vec<u8>, socket: &Socket, names: &mut dyn Names) {
        out.extend_from_slice(SOCKET);
        for (field, key) in &self.usual {
            let value = value(*field, socket, names);
            if is_written(*field, &value, socket) {
                push_field(out, *field, key, &value);
            }
        }
        for (field, key) in &self.further {
            push_field(out, *field, key, &value(*field, socket, names));
            if *field == Field::Netns {
                push_key(out, "netns_inode");
                match socket.netns {
                    Netns::CALLER => out.extend_from_slice(b"null"),
                    Netns(inode) => push_number(out, inode),
                }
            }
        }
    }
}

/// Whether a usual field of a socket is in its line: what it lacks is not. /proc does not report the limit of a
/// listener, which is null then.
#[inline]
pub(super) fn is_written(field: Field, value: &Value<'_>, socket: &Socket) -> bool {
    let is_there = !matches!(value, Value::None);
    is_there || field == Field::AcceptLimit && socket.state == State::Listen
}

pub(super) fn push_key(out: &mut Vec<u8>, key: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

pub(super) fn push_field(out: &mut Vec<u8>, field: Field, key: &str, value: &Value<'_>) {
    out.extend_from_slice(key.as_bytes());
    match value {
        Value::None => out.extend_from_slice(b"null"),
        Value::Number(number) => push_number(out, *number),
        Value::Truth(yes) => push_json(out, yes),
        Value::State(state) => quoted(out, |out| push_state(out, *state)),
        Value::Address(ip) => quoted(out, |out| push_ip(out, *ip)),
        Value::Word(word) => quoted(out, |out| out.extend_from_slice(word.as_bytes())),
        Value::Name(name) => push_json(out, *name),
        Value::UnixName(name) => push_unix_name(out, name),
        Value::Peer(peer) => push_peer(out, *peer),
        Value::Timer(timer) => push_json(out, &*timer.kind.name()),
        Value::Owners(shown, held) => push_owners(out, *shown, held),
    }
    if field == Field::Timer {
        push_key(out, "timer_remaining_ms");
        if let Value::Timer(timer) = value {
            push_number(out, timer.remaining.as_millis());
        } else {
            out.extend_from_slice(b"null");
        }
    }
}

/// Appends the name with its name space, and its bytes where they are not text.
fn push_unix_name(out: &mut Vec<u8>, name: &UnixName) {
    push_json(out, &unix_name(name));
    push_key(out, "name_kind");
    push_json(out, &name.space());
    let bytes = name.bytes().unwrap_or_default();
    if std::str::from_utf8(bytes).is_err() {
        push_name_hex(out, bytes);
    }
}

pub(super) fn push_name_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    push_key(out, "name_hex");
    push_json(out, &digits.collect::<String>());
}

/// Appends the other end, and its inode if it has one.
fn push_peer(out: &mut Vec<u8>, peer: UnixPeer) {
    push_json(out, &peer.to_string());
    if let Some(inode) = peer.inode() {
        push_key(out, "peer_inode");
        push_number(out, inode);
    }
}

fn quoted(out: &mut Vec<u8>, push: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    push(out);
    out.push(b'"');
}

fn push_json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // Writing to memory does not fail.
    let _ = write_value(out, value);
}

/// One descriptor of a process.
#[derive(Serialize)]
struct Owner<'a> {
    pid: u32,
    /// `None` if it cannot be read.
    name: Option<Cow<'a, str>>,
    /// `None` if the socket is registered with io_uring.
    fd: Option<u32>,
}

/// Appends an array: of objects for processes, of numbers for descriptors, else of texts; after
/// processes also whether they are those of the listener.
pub(in crate::output) fn push_owners(out: &mut Vec<u8>, shown: Shown, held: &Held<'_>) {
    match shown {
        Shown::Processes | Shown::PeerProcesses => {
            let owners = held.holders().map(|(process, fd)| Owner {
                pid: process.pid,
                name: process.name.as_ref().map(ProcessName::text),
                fd,
            });
            push_json(out, &owners.collect::<Vec<_>>());
            if matches!(shown, Shown::Processes) {
                push_key(out, "never_accepted");
                push_json(out, &held.never_accepted());
            }
        }
        Shown::Descriptors => {
            let descriptors = held.holders().filter_map(|(_, fd)| fd);
            push_json(out, &descriptors.collect::<Vec<_>>());
        }
        Shown::Texts(of) => push_json(out, &texts(of, held)),
    }
}
