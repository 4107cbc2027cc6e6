//! In which order sockets are listed.

use std::cmp::Ordering;

use super::{Field, Socket};

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
