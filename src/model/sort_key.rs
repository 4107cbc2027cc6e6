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
    /// Which of two sockets comes first. One that lacks the field comes last in either direction:
    /// who asks for the largest queues wants no listener, which has none.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "every other field is a number, or nothing is sorted by it"
    )]
    pub fn compare(&self, a: &Socket, b: &Socket) -> Ordering {
        match self.field {
            Field::State => self.by(a, b, |socket| Some(socket.state)),
            Field::Family => self.by(a, b, |socket| Some(socket.internet()?.family)),
            Field::LocalAddr => self.by(a, b, |socket| Some(socket.internet()?.local.ip())),
            Field::RemoteAddr => self.by(a, b, |socket| Some(socket.internet()?.remote.ip())),
            Field::Timer => self.by(a, b, |socket| socket.timer.map(|timer| timer.remaining)),
            Field::CongestionControl => self.by(a, b, |socket| socket.congestion_control),
            number => self.by(a, b, |socket| socket.number(number)),
        }
    }

    /// A number in which sockets are in the same order, as far as 32 bits can tell: the smaller is
    /// first; `u32::MAX` for a socket that lacks the field.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "every other field is a number, or nothing is sorted by it"
    )]
    pub fn prefix(&self, socket: &Socket) -> u32 {
        // The upper half of the numbers is for IPv6 addresses.
        let address = |address| match address {
            IpAddr::V4(ip) => u64::from(u32::from(ip)) >> 1,
            IpAddr::V6(ip) => {
                let [first, second, ..] = ip.segments();
                1 << 31 | u64::from(first) << 15 | u64::from(second) >> 1
            }
        };
        let ends = socket.internet();
        let value = match self.field {
            Field::State => Some(match socket.state {
                State::Unknown(number) => State::NAMED as u64 + u64::from(number),
                state => state.index().unwrap_or_default() as u64,
            }),
            Field::Family => ends.map(|ends| ends.family as u64),
            Field::LocalAddr => ends.map(|ends| address(ends.local.ip())),
            Field::RemoteAddr => ends.map(|ends| address(ends.remote.ip())),
            Field::Timer => socket.timer.map(|timer| {
                let left = timer.remaining.as_millis();
                left.try_into().unwrap_or(u64::MAX)
            }),
            Field::CongestionControl => socket.congestion_control.map(|algorithm| {
                let letters = algorithm.name().bytes().chain([0; 4]).take(4);
                letters.fold(0, |number, letter| number << 8 | u64::from(letter))
            }),
            number => socket.number(number),
        };
        let Some(value) = value else {
            return u32::MAX;
        };
        let value = u32::try_from(value).unwrap_or(LARGEST).min(LARGEST);
        if self.descending {
            LARGEST - value
        } else {
            value
        }
    }

    /// Whether sockets that have this prefix are equal by this key.
    pub fn is_decided_by(&self, prefix: u32) -> bool {
        let largest = if self.descending { 0 } else { LARGEST };
        let is_whole = !matches!(
            self.field,
            Field::LocalAddr | Field::RemoteAddr | Field::Timer | Field::CongestionControl
        );
        prefix == u32::MAX || is_whole && prefix != largest
    }

    fn by<T: Ord>(&self, a: &Socket, b: &Socket, value: impl Fn(&Socket) -> Option<T>) -> Ordering {
        match (value(a), value(b)) {
            (Some(a), Some(b)) if self.descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }
}
