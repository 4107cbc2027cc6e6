//! How a connection was closed, by both of its ends and its segments, as far as they were seen.

use super::{Acknowledged, Connection, FirstClose, Segment, Shape, Side};

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
    /// The end that sent the first FIN or, without any, the reset, if its socket was traced; if
    /// neither end did, or both at once, the one whose socket ended first.
    pub first: Connection,
    /// The other end, where its socket was traced too.
    pub other: Option<Connection>,
    /// The segments of the close, where they were captured, in the order of time.
    pub segments: Vec<Segment>,
    /// The shape that those segments show; `None` without them, or where one is missing.
    pub captured: Option<Shape>,
}

impl Story {
    /// Who closed first, seen from the first end; `None` if neither states nor segments show it.
    pub fn first_close(&self) -> Option<FirstClose> {
        let begin = self.segments.first();
        self.first.first_close().or(match (self.captured, begin) {
            (Some(Shape::Crossed), _) => Some(FirstClose::Both),
            (Some(_), Some(segment)) if segment.flags.fin => Some(FirstClose::By(segment.from)),
            (Some(_), Some(_)) => Some(FirstClose::Nobody),
            _ => None,
        })
    }

    /// Which end sent the first FIN or, without any, the reset, seen from the first end; `None` if
    /// both sent FINs at once, none sent either, or it is not known.
    pub fn first_actor(&self) -> Option<Side> {
        match self.first_close()? {
            FirstClose::By(side) => Some(side),
            FirstClose::Nobody => self.reset_by(),
            FirstClose::Both => None,
        }
    }

    /// Which end sent the reset that ended it, seen from the first end, by its states or its
    /// segments.
    pub fn reset_by(&self) -> Option<Side> {
        let by = |end: &Connection| Some(end.close.as_ref()?.reset?.by);
        let of_other = || Some(by(self.other.as_ref()?)?.seen_from_peer());
        let captured = || self.segments.iter().find(|segment| segment.flags.rst);
        let by_state = by(&self.first).or_else(of_other);
        by_state.or_else(|| captured().map(|segment| segment.from))
    }

    /// How the first FIN was acknowledged, where an end's socket shows it.
    pub fn acknowledged(&self) -> Option<Acknowledged> {
        let how = |end: &Connection| end.close.as_ref()?.acknowledged;
        how(&self.first).or_else(|| how(self.other.as_ref()?))
    }

    /// When the last of its sockets ended, in nanoseconds of CLOCK_MONOTONIC.
    pub fn ended_ns(&self) -> u64 {
        let other = self.other.as_ref().map_or(0, |other| other.ended_ns);
        self.first.ended_ns.max(other)
    }

    /// The end that accepted the connection, where it was traced, else the first; and who closed first or,
    /// without a FIN, reset it, seen from there. `first_accepted` says whether the first end accepted it.
    pub fn seen_from_server(&self, first_accepted: bool) -> (&Connection, Option<FirstClose>) {
        let by = self.first_actor().map(FirstClose::By);
        let first = by.or_else(|| self.first_close());
        match &self.other {
            Some(other) if !first_accepted => (other, first.map(FirstClose::seen_from_peer)),
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
        let acted_first = |end: &Connection| end.first_actor() == Some(Side::Local);
        let swap = match (acted_first(&one), acted_first(&two)) {
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
