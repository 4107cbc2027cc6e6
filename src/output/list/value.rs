//! What a socket has in one of the fields that are listed only when asked for; how it is written
//! is for each format to say.

use super::holders::{Shown, TextOf};
use crate::model::{Field, Held, Names, Socket, Timer};

/// The value of such a field.
pub(super) enum Value<'a> {
    /// The socket has none, or its source does not tell.
    None,
    Number(u64),
    /// A word of ours: ASCII, without blanks.
    Word(&'static str),
    /// A name from a stranger, which may hold any character.
    Name(&'a str),
    Timer(Timer),
    /// Something about those who hold it.
    Held(Shown, Held<'a>),
}

/// What `socket` has in `field`.
pub(super) fn value<'a>(field: Field, socket: &'a Socket, names: &'a mut impl Names) -> Value<'a> {
    let number = |value: Option<u64>| value.map_or(Value::None, Value::Number);
    match field {
        Field::Family => match socket.internet() {
            Some(ends) => Value::Word(ends.class().name()),
            None => Value::None,
        },
        Field::Interface => match socket.bound_to() {
            Some(index) => Value::Name(names.interface(index)),
            None => Value::None,
        },
        Field::User => match socket.owner() {
            Some(uid) => Value::Name(names.user(uid)),
            None => Value::None,
        },
        Field::Cgroup => match socket.cgroup {
            Some(id) => Value::Name(names.cgroup(id)),
            None => Value::None,
        },
        Field::Timer => socket.timer.map_or(Value::None, Value::Timer),
        Field::Uid => number(socket.owner().map(u64::from)),
        Field::Retransmits | Field::Drops => number(socket.number(field)),
        Field::Inode => number(socket.held_inode()),
        Field::Cookie => number(socket.cookie),
        Field::Mark => number(socket.mark.map(u64::from)),
        Field::Metric(_) => number(socket.number(field)),
        Field::CongestionControl => match &socket.congestion_control {
            Some(algorithm) => Value::Name(algorithm.name()),
            None => Value::None,
        },
        Field::Process => Value::Held(Shown::Processes, names.held(socket)),
        Field::Fd => Value::Held(Shown::Descriptors, names.held(socket)),
        Field::CommandLine => held_by(|process| process.command_line.as_deref(), names, socket),
        Field::Unit => held_by(|process| process.unit.as_deref(), names, socket),
        Field::Container => held_by(|process| process.container.as_deref(), names, socket),
        // Every row has these, and the command line takes none of them for a further one.
        Field::State
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
        | Field::Pid => Value::None,
    }
}

fn held_by<'a>(text: TextOf, names: &'a impl Names, socket: &Socket) -> Value<'a> {
    Value::Held(Shown::Texts(text), names.held(socket))
}
