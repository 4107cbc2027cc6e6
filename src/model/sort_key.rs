//! In which order sockets are listed.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::{Field, Socket, State};

/// The prefix of every value that is at least as large.
const LARGEST: u32 = u32::MAX - 1;

/// One field to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// The field; one that nothing is sorted by leaves the order as it is.
    pub field: Field,
    /// Whether the largest come first.
    pub descending: bool,
}

impl SortKey {
    /// Which of two sockets comes first. One that lacks the field comes last in either direction: a
    /// listener has no receive queue, so it is not among the largest or smallest ones.
    pub fn compare(&self, a: &Socket, b: &Socket) -> Ordering {
        if self.field == Field::Name {
            return self.order(name(a), name(b));
        }
        self.order(self.value(a), self.value(b))
    }

    fn order<T: Ord>(&self, a: Option<T>, b: Option<T>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if self.descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }

    /// A number in which sockets are in the same order, as far as 32 bits can tell: the smaller is
    /// first; `u32::MAX` for a socket that lacks the field.
    pub fn prefix(&self, socket: &Socket) -> u32 {
        let Some((value, _)) = self.value(socket) else {
            return u32::MAX;
        };
        let value = u32::try_from(value).unwrap_or(LARGEST).min(LARGEST);
        if self.descending {
            LARGEST - value
        } else {
            value
        }
    }

    /// The field as two numbers: the part that a prefix is made of, and what distinguishes values
    /// whose first parts are equal. `None` for a socket that lacks the field.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "every other field is a number, or not sorted by"
    )]
    fn value(&self, socket: &Socket) -> Option<(u64, u128)> {
        let whole = |value| (value, 0);
        Some(match self.field {
            Field::State => whole(match socket.state {
                State::Unknown(number) => State::NAMED as u64 + u64::from(number),
                state => state.index()? as u64,
            }),
            Field::Family => whole(socket.internet()?.family as u64),
            Field::Name => {
                let bytes = name(socket)?.iter().copied().chain([0; 4]).take(4);
                whole(bytes.fold(0, |number, byte| number << 8 | u64::from(byte)))
            }
            Field::LocalAddr => address(socket.internet()?.local.ip()),
            Field::RemoteAddr => address(socket.internet()?.remote.ip()),
            Field::Timer => {
                let left = socket.timer?.remaining;
                let milliseconds = left.as_millis().try_into().unwrap_or(u64::MAX);
                (milliseconds, left.as_nanos())
            }
            Field::CongestionControl => {
                let algorithm = socket.congestion_control?;
                let letters = algorithm.name().bytes().chain([0; 16]).take(16);
                let letters = letters.fold(0, |number, letter| number << 8 | u128::from(letter));
                (u64::try_from(letters >> 96).unwrap_or(u64::MAX), letters)
            }
            number => whole(socket.number(number)?),
        })
    }

    /// Whether sockets that have this prefix are equal by this key.
    pub fn is_decided_by(&self, prefix: u32) -> bool {
        let largest = if self.descending { 0 } else { LARGEST };
        let is_whole = !matches!(
            self.field,
            Field::LocalAddr
                | Field::RemoteAddr
                | Field::Timer
                | Field::CongestionControl
                | Field::Name
        );
        prefix == u32::MAX || is_whole && prefix != largest
    }
}

/// The name of a UNIX socket that has one.
fn name(socket: &Socket) -> Option<&[u8]> {
    socket.unix()?.name.bytes()
}

/// An address as a part for a prefix, whose upper half is for IPv6, and all its bits.
fn address(address: IpAddr) -> (u64, u128) {
    match address {
        IpAddr::V4(ip) => (u64::from(ip.to_bits() >> 1), ip.to_bits().into()),
        IpAddr::V6(ip) => {
            let high = u64::try_from(ip.to_bits() >> 97).unwrap_or(u64::MAX);
            (1 << 31 | high, ip.to_bits())
        }
    }
}
