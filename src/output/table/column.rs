//! The columns of a list's table: what each shows, and how wide it is. A column is a [`Field`]; an
//! address comes with its port, and the accept queue with its limit.

use std::io::Write as _;

use crate::model::{Ends, Field, Names, Socket, Timer, Unit, is_every_address};
use crate::output::text::{push_host, push_number, push_port, push_state};
use crate::output::value::{Value, value};
use crate::output::{escape, owners};

pub(super) fn heading(field: Field) -> String {
    let usual = [
        (Field::ReceiveQueue, "RECV-Q"),
        (Field::SendQueue, "SEND-Q"),
        (Field::AcceptQueue, "ACCEPT"),
        (Field::LocalAddr, "LOCAL"),
        (Field::RemoteAddr, "REMOTE"),
    ];
    let usual = usual.into_iter().find(|(usual, _)| *usual == field);
    usual.map_or_else(|| field.heading(), |(_, heading)| heading.to_owned())
}

/// The width where rows are written before all of them are known: nearly every value fits, and a
/// wider one moves the rest of its row to the right.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the heading is as wide as every other field"
)]
pub(super) fn usual_width(field: Field, only_v4: bool) -> usize {
    let width = match field {
        Field::State => "ESTABLISHED".len(),
        Field::ReceiveQueue | Field::SendQueue | Field::Drops => 7,
        Field::AcceptQueue => "4096/4096".len(),
        Field::LocalAddr | Field::RemoteAddr if only_v4 => "255.255.255.255:65535".len(),
        // Full IPv6 addresses are rarer than columns of blanks are annoying.
        Field::LocalAddr | Field::RemoteAddr => "[::ffff:255.255.255.255]:65535".len(),
        Field::Kind => "unix-seqpacket".len(),
        Field::SocketType => "seqpacket".len(),
        Field::Timer => "keepalive:7199.9s".len(),
        Field::User | Field::Interface => 12,
        Field::Inode | Field::Cookie | Field::Peer => 10,
        Field::Mark => "0xffffffff".len(),
        Field::Family => "v4-mapped".len(),
        Field::Metric(metric) => match metric.unit() {
            Unit::Count => 5,
            Unit::Microseconds | Unit::Milliseconds => 8,
            Unit::Bytes | Unit::BytesPerSecond => 11,
        },
        Field::Name => 32,
        Field::Process | Field::PeerProcess | Field::Unit | Field::Netns => 24,
        Field::Cgroup | Field::CommandLine => 40,
        Field::Container | Field::Pod => 64,
        Field::Fd => 5,
        _ => 0,
    };
    width.max(heading(field).len())
}

/// Numbers are aligned to the right.
pub(super) fn is_right_aligned(field: Field) -> bool {
    matches!(
        field,
        Field::ReceiveQueue
            | Field::SendQueue
            | Field::AcceptQueue
            | Field::Uid
            | Field::Retransmits
            | Field::Drops
            | Field::ReceiveLimit
            | Field::Inode
            | Field::Cookie
            | Field::Mark
            | Field::Metric(_)
    )
}

/// Appends the cell of `socket`, one word.
pub(super) fn push(out: &mut Vec<u8>, field: Field, socket: &Socket, names: &mut dyn Names) {
    if matches!(field, Field::LocalAddr | Field::RemoteAddr) {
        return push_end(out, field, socket, names);
    }
    match value(field, socket, names) {
        Value::None => out.push(b'-'),
        Value::State(state) => push_state(out, state),
        // Writing to memory does not fail.
        Value::Number(mark) if field == Field::Mark && mark != 0 => drop(write!(out, "{mark:#x}")),
        Value::Number(groups) if field == Field::Groups => drop(write!(out, "{groups:#010x}")),
        Value::Number(_) if field == Field::Protocol => {
            let protocol = socket.protocol();
            protocol
                .into_iter()
                .for_each(|protocol| drop(write!(out, "{protocol}")));
        }
        Value::Number(number) => push_number(out, number),
        // Only with the rest of an end.
        Value::Address(_) => {}
        Value::Word(word) => out.extend_from_slice(word.as_bytes()),
        Value::Truth(yes) => out.extend_from_slice(if yes { b"yes" } else { b"no" }),
        Value::Name(name) => push_word(out, name),
        Value::UnixName(name) => out.extend_from_slice(escape::unix_name(name).as_bytes()),
        Value::Peer(peer) => drop(write!(out, "{peer}")),
        Value::Timer(timer) => push_timer(out, timer),
        Value::Owners(shown, held) => owners::push_word(out, shown, &held),
    }
    if field == Field::AcceptQueue && socket.accept_queue().is_some() {
        out.push(b'/');
        match socket.accept_limit() {
            Some(limit) => push_number(out, limit),
            None => out.push(b'?'),
        }
    }
}

/// One end of a socket: an address and port as ss(8) writes them, or the name and the peer of a UNIX
/// socket. `*` is every address of both families, and the interface that the socket is bound to
/// follows the local address.
fn push_end(out: &mut Vec<u8>, field: Field, socket: &Socket, names: &mut dyn Names) {
    let is_local = field == Field::LocalAddr;
    let ends = match &socket.ends {
        Ends::Internet(ends) => ends,
        Ends::Unix(_) if is_local => return push(out, Field::Name, socket, names),
        Ends::Unix(_) => return push(out, Field::Peer, socket, names),
        Ends::Packet(_) | Ends::Netlink(_) if is_local => return push_protocol(out, socket, names),
        Ends::Netlink(ends) if ends.peer.is_some_and(|peer| peer != 0) => {
            return push_number(out, ends.peer.unwrap_or_default());
        }
        Ends::Packet(_) | Ends::Netlink(_) => return out.push(b'*'),
    };
    let address = if is_local { ends.local } else { ends.remote };
    if is_every_address(address.ip(), socket.v6only) {
        out.push(b'*');
    } else {
        push_host(out, address.ip());
    }
    if let Some(index) = socket.bound_to().filter(|_| is_local) {
        out.push(b'%');
        push_word(out, names.interface(index));
    }
    push_port(out, address.port());
}

/// What a PACKET or NETLINK socket receives, as ss(8) writes it: `arp:eth0`, `*:*` for every frame of
/// every interface, `rtnl:1234`.
fn push_protocol(out: &mut Vec<u8>, socket: &Socket, names: &mut dyn Names) {
    if let Some(protocol) = socket.protocol() {
        match protocol.name() {
            Some("all") => out.push(b'*'),
            // Writing to memory does not fail.
            _ => drop(write!(out, "{protocol}")),
        }
    }
    out.push(b':');
    match (&socket.ends, socket.bound_to()) {
        (Ends::Netlink(ends), _) if ends.port_id == 0 => out.extend_from_slice(b"kernel"),
        (Ends::Netlink(ends), _) => push_number(out, ends.port_id),
        (_, Some(index)) => push_word(out, names.interface(index)),
        (_, None) => out.push(b'*'),
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
