//! The columns of a list's table: what stands in each, and how wide it is.

use std::io::Write as _;

use super::holders;
use super::text::{push_host, push_number, push_port, push_state};
use super::value::{Value, value};
use crate::model::{Ends, Family, Field, Names, Socket, Timer, Unit, UnixName};
use crate::output::escape;

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    State,
    ReceiveQueue,
    SendQueue,
    /// `3/128`: connections that wait to be accepted, and how many may.
    Accept,
    Local,
    Remote,
    /// One that was asked for.
    Further(Field),
}

impl Column {
    pub(super) fn heading(self) -> String {
        match self {
            Column::State => "STATE".to_owned(),
            Column::ReceiveQueue => "RECV-Q".to_owned(),
            Column::SendQueue => "SEND-Q".to_owned(),
            Column::Accept => "ACCEPT".to_owned(),
            Column::Local => "LOCAL".to_owned(),
            Column::Remote => "REMOTE".to_owned(),
            Column::Further(field) => field.heading(),
        }
    }

    /// The width where no rows are looked at before the first is written: nearly everything fits,
    /// and what does not pushes the rest of its row to the right.
    pub(super) fn usual_width(self, only_v4: bool) -> usize {
        let width = match self {
            Column::State => "ESTABLISHED".len(),
            Column::ReceiveQueue | Column::SendQueue => 7,
            Column::Accept => "4096/4096".len(),
            Column::Local | Column::Remote if only_v4 => "255.255.255.255:65535".len(),
            // Full IPv6 addresses are rarer than columns of blanks are annoying.
            Column::Local | Column::Remote => "[::ffff:255.255.255.255]:65535".len(),
            Column::Further(field) => match field {
                Field::Timer => "keepalive:7199.9s".len(),
                Field::User | Field::Interface => 12,
                Field::Cgroup => 40,
                Field::Inode | Field::Cookie => 10,
                Field::Drops => 7,
                Field::Mark => "0xffffffff".len(),
                Field::Family => "v4-mapped".len(),
                Field::Metric(metric) => match metric.unit() {
                    Unit::Count => 5,
                    Unit::Microseconds | Unit::Milliseconds => 8,
                    Unit::Bytes | Unit::BytesPerSecond => 11,
                },
                Field::Process | Field::Unit => 24,
                Field::CommandLine => 40,
                Field::Container => 64,
                Field::Fd => 5,
                Field::Uid
                | Field::Retransmits
                | Field::CongestionControl
                | Field::State
                | Field::LocalAddr
                | Field::LocalPort
                | Field::RemoteAddr
                | Field::RemotePort
                | Field::Direction
                | Field::Service
                | Field::ReceiveQueue
                | Field::SendQueue
                | Field::AcceptQueue
                | Field::AcceptLimit
                | Field::Pid => 0,
            },
        };
        width.max(self.heading().len())
    }

    /// Numbers stand to the right.
    pub(super) fn is_right_aligned(self) -> bool {
        match self {
            Column::ReceiveQueue | Column::SendQueue | Column::Accept => true,
            Column::State | Column::Local | Column::Remote => false,
            Column::Further(field) => matches!(
                field,
                Field::Uid
                    | Field::Retransmits
                    | Field::Drops
                    | Field::Inode
                    | Field::Cookie
                    | Field::Mark
                    | Field::Metric(_)
            ),
        }
    }

    /// Whether the text comes from strangers and may be anything but ASCII.
    pub(super) fn is_a_name(self) -> bool {
        matches!(
            self,
            Column::Local
                | Column::Further(
                    Field::User
                        | Field::Interface
                        | Field::Cgroup
                        | Field::CongestionControl
                        | Field::Process
                        | Field::CommandLine
                        | Field::Unit
                )
        )
    }

    /// Appends what stands in it for `socket`, without blanks around or inside.
    pub(super) fn push(self, out: &mut Vec<u8>, socket: &Socket, names: &mut impl Names) {
        match self {
            Column::State => push_state(out, socket),
            Column::ReceiveQueue => or_dash(out, socket.byte_queues(), |out, queues| {
                push_number(out, queues.0);
            }),
            Column::SendQueue => or_dash(out, socket.byte_queues(), |out, queues| {
                push_number(out, queues.1);
            }),
            Column::Accept => or_dash(out, socket.accept_queue(), |out, waiting| {
                push_number(out, waiting);
                out.push(b'/');
                match socket.accept_limit() {
                    Some(limit) => push_number(out, limit),
                    None => out.push(b'?'),
                }
            }),
            Column::Local | Column::Remote => self.push_end(out, socket, names),
            Column::Further(field) => push_further(out, field, socket, names),
        }
    }
    /// One end of a socket: an address and port as ss(8) spells them, or the name of a UNIX socket,
    /// which has one end. `*` is every address of both families, and the interface that the socket is
    /// bound to follows the local address.
    fn push_end(self, out: &mut Vec<u8>, socket: &Socket, names: &mut impl Names) {
        let is_local = self == Column::Local;
        let name = match &socket.ends {
            Ends::Internet(ends) => {
                let address = if is_local { ends.local } else { ends.remote };
                let is_every = address.ip().is_unspecified() && socket.v6only == Some(false);
                if is_every && ends.family == Family::V6 {
                    out.push(b'*');
                } else {
                    push_host(out, address.ip());
                }
                if let Some(index) = socket.bound_to().filter(|_| is_local) {
                    out.push(b'%');
                    push_word(out, names.interface(index));
                }
                return push_port(out, address.port());
            }
            Ends::Unix(UnixName::Path(path)) if is_local => String::from_utf8_lossy(path),
            Ends::Unix(UnixName::Abstract(name)) if is_local => {
                format!("@{}", String::from_utf8_lossy(name)).into()
            }
            Ends::Unix(_) | Ends::None => return out.push(b'-'),
        };
        push_word(out, &name);
    }
}

fn push_further(out: &mut Vec<u8>, field: Field, socket: &Socket, names: &mut impl Names) {
    match value(field, socket, names) {
        Value::None => out.push(b'-'),
        // A vector takes whatever is written to it.
        Value::Number(mark) if field == Field::Mark && mark != 0 => drop(write!(out, "{mark:#x}")),
        Value::Number(number) => push_number(out, number),
        Value::Word(word) => out.extend_from_slice(word.as_bytes()),
        Value::Name(name) => push_word(out, name),
        Value::Timer(timer) => push_timer(out, timer),
        Value::Held(shown, held) => holders::push_cell(out, shown, &held),
    }
}

fn or_dash<T>(out: &mut Vec<u8>, value: Option<T>, push: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        Some(value) => push(out, value),
        None => out.push(b'-'),
    }
}

/// A name from others as one word.
fn push_word(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(escape::word(name).as_bytes());
}

/// `keepalive:7199.9s`.
fn push_timer(out: &mut Vec<u8>, timer: Timer) {
    out.extend_from_slice(timer.kind.name().as_bytes());
    out.push(b':');
    let tenths = timer.remaining.as_millis() / 100;
    push_number(out, tenths / 10);
    out.push(b'.');
    push_number(out, tenths % 10);
    out.push(b's');
}
