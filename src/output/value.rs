//! What a socket or a group has in one field; each format decides how to write it.

use std::net::IpAddr;

use super::owners::Shown;
use crate::model::{Field, Held, InetEnds, Label, Names, Socket, State, Timer, UnixName, UnixPeer};

/// The value of a field.
pub(super) enum Value<'a> {
    /// The socket has none, or its source does not report it.
    None,
    State(State),
    Number(u64),
    Address(IpAddr),
    /// A word of the program's own: ASCII, without blanks.
    Word(&'static str),
    /// A name from others, which may hold any character.
    Name(&'a str),
    /// The name of a UNIX socket.
    UnixName(&'a UnixName),
    /// The other end of a UNIX socket.
    Peer(UnixPeer),
    Timer(Timer),
    Truth(bool),
    /// Something about the processes that hold it.
    Owners(Shown, Held<'a>),
}

/// What `socket` has in `field`. Inlined, so that no value is moved: a list of 400,000 sockets has
/// millions.
#[inline(always)]
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "every other field is a number, about owners, or no field of a row"
)]
pub(super) fn value<'a>(field: Field, socket: &'a Socket, names: &'a mut dyn Names) -> Value<'a> {
    let of_ends = |value: fn(&InetEnds) -> Value<'static>| socket.internet().map(value);
    let value = match field {
        Field::State => Some(Value::State(socket.state)),
        Field::Kind => Some(Value::Word(socket.kind.name())),
        Field::SocketType => socket.socket_type().map(Value::Word),
        Field::Name => {
            let name = socket.unix().map(|unix| &unix.name);
            name.filter(|name| name.bytes().is_some())
                .map(Value::UnixName)
        }
        Field::Peer => socket.unix().and_then(|unix| unix.peer).map(Value::Peer),
        Field::Shutdown => {
            let shutdown = socket.unix().and_then(|unix| unix.shutdown);
            shutdown.map(|shutdown| Value::Word(shutdown.name()))
        }
        Field::PeerProcess => Some(Value::Owners(Shown::PeerProcesses, names.peer_held(socket))),
        Field::Family => of_ends(|ends| Value::Word(ends.class().name())),
        Field::LocalAddr => of_ends(|ends| Value::Address(ends.local.ip())),
        Field::RemoteAddr => of_ends(|ends| Value::Address(ends.remote.ip())),
        Field::Interface => {
            let index = socket.bound_to();
            index.map(|index| Value::Name(names.interface(index)))
        }
        Field::User => socket.owner().map(|uid| Value::Name(names.user(uid))),
        Field::Cgroup => socket.cgroup.map(|id| Value::Name(names.cgroup(id))),
        Field::Netns => {
            let name = Some(names.netns(socket.netns));
            name.filter(|name| !name.is_empty()).map(Value::Name)
        }
        Field::CongestionControl => {
            let algorithm = socket.congestion_control.as_ref();
            algorithm.map(|algorithm| Value::Name(algorithm.name()))
        }
        Field::Timer => socket.timer.map(Value::Timer),
        Field::V6Only => socket.v6only.map(Value::Truth),
        _ => match (socket.number(field), Shown::of(field)) {
            (Some(number), _) => return Value::Number(number),
            (None, shown) => shown.map(|shown| Value::Owners(shown, names.held(socket))),
        },
    };
    value.unwrap_or(Value::None)
}

/// A label as plain text; `none` where a group has none.
pub fn label_text(label: &Label, none: &str) -> String {
    match label {
        Label::None => none.to_owned(),
        Label::Number(number) => number.to_string(),
        Label::Flag(true) => "yes".to_owned(),
        Label::Flag(false) => "no".to_owned(),
        Label::Text(text) => text.clone(),
    }
}
