//! How a connection was closed, by both of its ends and its segments, as far as they were seen.

use super::{Connection, FirstClose, Opened, Segment, Shape, Side};

/// What a shape was inferred from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The states and counters of sockets.
    State,
    /// Captured segments.
    Segments,
}

impl Evidence {
    /// The word in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Evidence::State => "state",
            Evidence::Segments => "segments",
        }
    }
}

/// How a connection was closed, by what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// The end that closed first; where nobody did, or both at once, the one whose socket ended
    /// first.
    pub first: Connection,
    /// The other end, where its socket was traced too.
    pub other: Option<Connection>,
    /// The segments of the close, where they were captured, in the order of time.
    pub segments: Vec<Segment>,
    /// The shape that those segments show; `None` without them, or where one is missing.
    pub captured: Option<Shape>,
}

impl Story {
    /// Whether the first end sent the first FIN, as opposed to being the only one known.
    pub fn first_is_closer(&self) -> bool {
        self.first.first_close() == Some(FirstClose::By(Side::Local))
    }

    /// When the last of its sockets ended, in nanoseconds of CLOCK_MONOTONIC.
    pub fn ended_ns(&self) -> u64 {
        let other = self.other.as_ref().map_or(0, |other| other.ended_ns);
        self.first.ended_ns.max(other)
    }

    /// The end that accepted the connection, where it was traced, else the first; and who closed
    /// first, seen from there.
    pub fn seen_from_server(&self) -> (&Connection, Option<FirstClose>) {
        let first = self.first.first_close();
        match &self.other {
            Some(other) if other.opened == Opened::By(Side::Remote) => {
                (other, first.map(FirstClose::seen_from_peer))
            }
            _ => (&self.first, first),
        }
    }

    /// The story of an end whose other one is not traced.
    pub fn alone(first: Connection) -> Story {
        Story {
            first,
            other: None,
            segments: Vec::new(),
            captured: None,
        }
    }

    /// The story of both ends.
    pub fn of_both(one: Connection, two: Connection) -> Story {
        let closed_first =
            |end: &Connection| end.first_close() == Some(FirstClose::By(Side::Local));
        let swap = match (closed_first(&one), closed_first(&two)) {
            (true, false) => false,
            (false, true) => true,
            _ => two.ended_ns < one.ended_ns,
        };
        let (first, other) = if swap { (two, one) } else { (one, two) };
        Story {
            first,
            other: Some(other),
            segments: Vec::new(),
            captured: None,
        }
    }

    /// What the shape follows from; `None` without one.
    pub fn evidence(&self) -> Option<Evidence> {
        match (self.captured, self.shape()) {
            (Some(_), _) => Some(Evidence::Segments),
            (None, Some(_)) => Some(Evidence::State),
            (None, None) => None,
        }
    }

    /// The shape of the close, by what is known of either end; `None` where no source reports it.
    pub fn shape(&self) -> Option<Shape> {
        if self.captured.is_some() {
            return self.captured;
        }
        let ends = std::iter::once(&self.first).chain(&self.other);
        let mut shapes: Vec<Shape> = ends.filter_map(Connection::shape).collect();
        // A reset or a timeout at one end is how the whole connection ended.
        shapes.sort_by_key(|shape| match shape {
            Shape::Reset => 0,
            Shape::Timeout => 1,
            Shape::Three | Shape::Four | Shape::Crossed => 2,
            Shape::Unknown => 3,
        });
        shapes.first().copied()
    }
}
