//! Sockets in 60 bytes each instead of some 200, and eight more for each less common field that the
//! question needs. Pure; nothing is ever written out in this form.
//!
//! A socket that does not fit, such as one with a UNIX name, is kept whole.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::model::{
    CongestionControl, Ends, Family, Field, InetEnds, Kind, Netns, Part, Socket, State, Timer,
    TimerKind,
};

/// The number in the place of a field that the socket lacks. A socket with this value is kept whole.
const ABSENT: u64 = u64::MAX - 1;

/// The timers that fit.
const TIMERS: [TimerKind; 4] = [
    TimerKind::Retransmit,
    TimerKind::KeepAlive,
    TimerKind::TimeWait,
    TimerKind::Persist,
];

/// Bits of a timer's number that hold the milliseconds left; its kind is above them.
const TIMER_BITS: u32 = 56;

/// The interface of a socket whose source does not report it; the kernel numbers up to `i32::MAX`.
const NO_INTERFACE: u32 = u32::MAX;

/// Of these fields those that are kept only on request, each once.
pub(super) fn extras(fields: &[Field]) -> Vec<Field> {
    let mut extras = Vec::new();
    for field in fields {
        if field.part() != Part::Row && !extras.contains(field) {
            extras.push(*field);
        }
    }
    extras
}

/// So many sockets that their memory is worth one allocation.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Of the first socket; one of another kind or namespace is kept whole.
    whose: Option<(Kind, Netns)>,
    sockets: Vec<Stored>,
    /// Those that do not fit.
    whole: Vec<Socket>,
    /// A number for each extra field of each socket, in their order.
    numbers: Vec<u64>,
    /// The congestion control algorithms seen; their numbers are places in this list.
    algorithms: Vec<CongestionControl>,
}

#[derive(Debug)]
enum Stored {
    Compact(Compact),
    /// The place in the list of whole ones. A pointer would take more.
    Whole(u32),
}

/// What the rows of every list, groups and the search for owners need.
#[derive(Debug)]
struct Compact {
    /// IPv4 addresses as v4-mapped ones; the family distinguishes them.
    local: Ipv6Addr,
    remote: Ipv6Addr,
    local_port: u16,
    remote_port: u16,
    receive_queue: u32,
    send_queue: u32,
    uid: u32,
    inode: u32,
    interface: u32,
    state: State,
    flags: Flags,
}

/// The family of a socket, and two facts that may be unknown, in one byte: with one each, a socket would take
/// four bytes more.
#[derive(Clone, Copy, Debug)]
struct Flags(u8);

impl Flags {
    /// Each fact takes two bits.
    const FULL: u32 = 1;
    const V6ONLY: u32 = 3;

    fn new(family: Family, full: Option<bool>, v6only: Option<bool>) -> Flags {
        let bits = |fact: Option<bool>| fact.map_or(0, |is_true| 1 + u8::from(is_true));
        let family = u8::from(family == Family::V6);
        Flags(family | bits(full) << Flags::FULL | bits(v6only) << Flags::V6ONLY)
    }

    fn family(self) -> Family {
        match self.0 & 1 {
            0 => Family::V4,
            _ => Family::V6,
        }
    }

    /// The fact whose bits begin there.
    fn fact(self, at: u32) -> Option<bool> {
        match self.0 >> at & 3 {
            0 => None,
            bits => Some(bits == 2),
        }
    }
}

impl Piece {
    /// A piece with room for `sockets` sockets with `extras` further fields.
    pub(super) fn with_room_for(sockets: usize, extras: usize) -> Piece {
        Piece {
            sockets: Vec::with_capacity(sockets),
            numbers: Vec::with_capacity(sockets * extras),
            ..Piece::default()
        }
    }

    pub(super) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Appends a socket.
    pub(super) fn push(&mut self, socket: &Socket, extras: &[Field]) {
        let whose = (socket.kind, socket.netns);
        let mut fits = *self.whose.get_or_insert(whose) == whose;
        for field in extras {
            let number = encode(*field, socket, &mut self.algorithms);
            fits &= number != Some(ABSENT);
            self.numbers.push(number.unwrap_or(ABSENT));
        }
        self.sockets.push(match Compact::of(socket) {
            Some(compact) if fits => Stored::Compact(compact),
            _ => {
                let place = u32::try_from(self.whole.len()).unwrap_or(u32::MAX);
                self.whole.push(socket.clone());
                Stored::Whole(place)
            }
        });
    }

    /// The socket at this place.
    pub(super) fn get(&self, at: usize, extras: &[Field]) -> Option<Socket> {
        let (kind, netns) = self.whose?;
        let mut socket = match self.sockets.get(at)? {
            Stored::Compact(compact) => compact.socket(kind, netns),
            Stored::Whole(place) => return self.whole.get(usize::try_from(*place).ok()?).cloned(),
        };
        let numbers = self.numbers.get(at * extras.len()..)?;
        for (field, number) in extras.iter().zip(numbers) {
            let number = (*number != ABSENT).then_some(*number);
            decode(*field, number, &mut socket, &self.algorithms);
        }
        Some(socket)
    }
}

impl Compact {
    /// `None` where it does not fit. Extra fields are for the caller.
    fn of(socket: &Socket) -> Option<Compact> {
        // Those that are not kept here are kept of the whole piece, or as extra fields: every one
        // has its place.
        let Socket {
            state,
            kind: _,
            netns: _,
            ends: Ends::Internet(ends),
            receive_queue,
            send_queue,
            uid,
            full,
            inode,
            timer: _,
            retransmits: _,
            interface,
            cookie: _,
            mark: _,
            cgroup: _,
            drops: _,
            receive_limit: _,
            v6only,
            info: _,
            congestion_control: _,
        } = *socket
        else {
            return None;
        };
        let (local, remote) = (ends.local, ends.remote);
        let is_v4 = ends.family == Family::V4;
        if local.is_ipv4() != is_v4 || remote.is_ipv4() != is_v4 {
            return None;
        }
        Some(Compact {
            local: widen(local.ip()),
            remote: widen(remote.ip()),
            local_port: local.port(),
            remote_port: remote.port(),
            receive_queue,
            send_queue,
            uid,
            inode: inode.try_into().ok()?,
            interface: interface.unwrap_or(NO_INTERFACE),
            state,
            flags: Flags::new(ends.family, full, v6only),
        })
    }

    fn socket(&self, kind: Kind, netns: Netns) -> Socket {
        let family = self.flags.family();
        let end = |address: Ipv6Addr, port| match family {
            Family::V4 => SocketAddr::new(address.to_canonical(), port),
            Family::V6 => SocketAddr::new(address.into(), port),
        };
        let ends = Ends::Internet(InetEnds {
            family,
            local: end(self.local, self.local_port),
            remote: end(self.remote, self.remote_port),
        });
        Socket {
            netns,
            receive_queue: self.receive_queue,
            send_queue: self.send_queue,
            uid: self.uid,
            inode: self.inode.into(),
            interface: (self.interface != NO_INTERFACE).then_some(self.interface),
            full: self.flags.fact(Flags::FULL),
            v6only: self.flags.fact(Flags::V6ONLY),
            ..Socket::bare(kind, self.state, ends)
        }
    }
}

fn widen(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// An extra field as a number; `None` where the socket lacks it, and [`ABSENT`] where it does not
/// fit.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "every other extra field is a number"
)]
fn encode(field: Field, socket: &Socket, algorithms: &mut Vec<CongestionControl>) -> Option<u64> {
    match field {
        Field::Timer => {
            let Timer { kind, remaining } = socket.timer?;
            let kind = TIMERS.iter().position(|timer| *timer == kind);
            let left = u64::try_from(remaining.as_millis()).ok();
            let left = left.filter(|left| {
                Duration::from_millis(*left) == remaining && *left < 1 << TIMER_BITS
            });
            let number = kind.zip(left);
            Some(number.map_or(ABSENT, |(kind, left)| (kind as u64) << TIMER_BITS | left))
        }
        Field::CongestionControl => {
            let name = socket.congestion_control?;
            let known = algorithms.iter().position(|algorithm| *algorithm == name);
            Some(known.unwrap_or_else(|| {
                algorithms.push(name);
                algorithms.len() - 1
            }) as u64)
        }
        Field::Cgroup => socket.cgroup,
        number => socket.number(number),
    }
}

/// Gives `socket` the extra field that was made this number.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "every other field is no extra one"
)]
fn decode(
    field: Field,
    number: Option<u64>,
    socket: &mut Socket,
    algorithms: &[CongestionControl],
) {
    let place = |number: u64| usize::try_from(number).ok();
    let short = number.and_then(|number| u32::try_from(number).ok());
    match field {
        Field::Timer => {
            let timer = |number: u64| {
                Some(Timer {
                    kind: *TIMERS.get(place(number >> TIMER_BITS)?)?,
                    remaining: Duration::from_millis(number & ((1 << TIMER_BITS) - 1)),
                })
            };
            socket.timer = number.and_then(timer);
        }
        Field::CongestionControl => {
            let algorithm = |number| algorithms.get(place(number)?).copied();
            socket.congestion_control = number.and_then(algorithm);
        }
        Field::Metric(metric) => {
            if let Some(number) = number {
                socket.info.get_or_insert_default().set(metric, number);
            }
        }
        Field::Retransmits => socket.retransmits = short,
        Field::Mark => socket.mark = short,
        Field::Drops => socket.drops = short,
        Field::ReceiveLimit => socket.receive_limit = short,
        Field::Cookie => socket.cookie = number,
        Field::Cgroup => socket.cgroup = number,
        _ => {}
    }
}

#[cfg(test)]
pub(super) mod tests;
