//! The rungs of a ladder: which segment went which way, and the states it led to. Pure.
//!
//! RFC 9293, 3.6, figures 12 and 13. A segment that was captured is drawn as it was; from the states
//! of sockets no more than the FINs, their ACKs and a RST can be inferred.

use crate::model::State;
use crate::model::trace::{Connection, FirstClose, Segment, Shape, Side, Story};

/// An arrow from one end to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrow {
    /// Whether it goes from the end that closed first, which is to the left.
    pub(super) to_right: bool,
    /// `FIN,ACK`
    pub(super) label: String,
    /// Whether the segment was captured, as opposed to inferred.
    pub(super) captured: bool,
}

/// One line of a ladder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rung {
    /// When, in nanoseconds of CLOCK_MONOTONIC.
    pub(super) time_ns: Option<u64>,
    /// The state the left end entered.
    pub(super) left: Option<State>,
    pub(super) arrow: Option<Arrow>,
    /// The state the right end entered.
    pub(super) right: Option<State>,
}

/// The two ends of a story: the one that closed first is to the left. One that was not traced is
/// absent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends<'a> {
    pub(super) left: Option<&'a Connection>,
    pub(super) right: Option<&'a Connection>,
}

impl<'a> Ends<'a> {
    pub(super) fn of(story: &'a Story) -> Ends<'a> {
        let (first, other) = (Some(&story.first), story.other.as_ref());
        let is_second = story.first.first_close() == Some(FirstClose::By(Side::Remote));
        match (other, is_second) {
            (None, true) => Ends {
                left: None,
                right: first,
            },
            (other, _) => Ends {
                left: first,
                right: other,
            },
        }
    }

    fn left_at(self, state: State) -> Option<u64> {
        self.left?.entered(state)
    }

    fn right_at(self, state: State) -> Option<u64> {
        self.right?.entered(state)
    }
}

/// The rungs of a story, from the first FIN on.
pub(super) fn rungs(story: &Story) -> Vec<Rung> {
    let ends = Ends::of(story);
    if story.captured.is_some() {
        return captured(ends, &story.segments);
    }
    match story.shape() {
        Some(Shape::Three) => three(ends),
        Some(Shape::Four) => four(ends),
        Some(Shape::Crossed) => crossed(ends),
        Some(Shape::Reset | Shape::Timeout | Shape::Unknown) | None => states_only(story, ends),
    }
}

/// One rung at the time at which either end entered its state.
fn rung(
    ends: Ends<'_>,
    left: Option<State>,
    (to_right, label): (bool, &str),
    right: Option<State>,
) -> Rung {
    let left_at = left.and_then(|state| ends.left_at(state));
    let right_at = right.and_then(|state| ends.right_at(state));
    // The sender's state changes when the segment leaves.
    let (first, second) = match to_right {
        true => (left_at, right_at),
        false => (right_at, left_at),
    };
    Rung {
        time_ns: first.or(second),
        left: left.filter(|_| left_at.is_some()),
        right: right.filter(|_| right_at.is_some()),
        arrow: Some(Arrow {
            to_right,
            label: label.to_owned(),
            captured: false,
        }),
    }
}

const RIGHT: bool = true;
const LEFT: bool = false;

fn three(ends: Ends<'_>) -> Vec<Rung> {
    vec![
        first_fin(ends),
        rung(
            ends,
            Some(State::FinWait2),
            (LEFT, "FIN,ACK"),
            Some(State::LastAck),
        ),
        last_ack(ends),
    ]
}

fn four(ends: Ends<'_>) -> Vec<Rung> {
    let mut rungs = vec![
        first_fin(ends),
        rung(ends, Some(State::FinWait2), (LEFT, "ACK"), None),
    ];
    let second_fin = rung(ends, None, (LEFT, "FIN"), Some(State::LastAck));
    let last = last_ack(ends);
    // A first closer whose socket ended in FIN_WAIT2 shows nothing of what came after.
    if second_fin.time_ns.is_some() || last.time_ns.is_some() {
        rungs.extend([second_fin, last]);
    }
    rungs
}

fn first_fin(ends: Ends<'_>) -> Rung {
    let (left, right) = (Some(State::FinWait1), Some(State::CloseWait));
    rung(ends, left, (RIGHT, "FIN"), right)
}

fn last_ack(ends: Ends<'_>) -> Rung {
    let (left, right) = (Some(State::TimeWait), Some(State::Close));
    rung(ends, left, (RIGHT, "ACK"), right)
}

fn crossed(ends: Ends<'_>) -> Vec<Rung> {
    let (closing, time_wait) = (Some(State::Closing), Some(State::TimeWait));
    let mut last = rung(ends, time_wait, (LEFT, "ACK"), time_wait);
    last.arrow = None;
    let ack_right = rung(ends, closing, (RIGHT, "ACK"), None);
    let ack_left = rung(ends, None, (LEFT, "ACK"), closing);
    vec![
        rung(ends, Some(State::FinWait1), (RIGHT, "FIN"), None),
        rung(ends, None, (LEFT, "FIN"), Some(State::FinWait1)),
        ack_right,
        ack_left,
        last,
    ]
}

/// The states in the order of time, and the reset that ended the connection.
fn states_only(story: &Story, ends: Ends<'_>) -> Vec<Rung> {
    let mut rungs = Vec::new();
    for (time_ns, state) in steps(ends.left) {
        rungs.push(Rung {
            time_ns: Some(time_ns),
            left: Some(state),
            ..Rung::default()
        });
    }
    for (time_ns, state) in steps(ends.right) {
        rungs.push(Rung {
            time_ns: Some(time_ns),
            right: Some(state),
            ..Rung::default()
        });
    }
    rungs.sort_by_key(|rung| rung.time_ns);
    if let Some((sender, ended_ns)) = reset(story) {
        let to_right = sender == Side::Local;
        let arrow = Arrow {
            to_right,
            label: "RST".to_owned(),
            captured: false,
        };
        rungs.push(Rung {
            time_ns: Some(ended_ns),
            left: ends.left.map(|_| State::Close),
            arrow: Some(arrow),
            right: ends.right.map(|_| State::Close),
        });
        // The end of each socket is on the rung of the reset.
        rungs.retain(|rung| rung.arrow.is_some() || !is_end(rung));
    }
    rungs
}

fn steps(end: Option<&Connection>) -> Vec<(u64, State)> {
    let close = end.and_then(|end| end.close.as_ref());
    close.map(|close| close.steps.clone()).unwrap_or_default()
}

fn is_end(rung: &Rung) -> bool {
    rung.left == Some(State::Close) || rung.right == Some(State::Close)
}

/// Who sent the reset, seen from the left end, and when a socket ended by it.
fn reset(story: &Story) -> Option<(Side, u64)> {
    let ends = Ends::of(story);
    let of_left = ends
        .left
        .and_then(|end| Some((end.close.as_ref()?.reset?.by, end)));
    let of_right = ends.right.and_then(|end| {
        let by = match end.close.as_ref()?.reset?.by {
            Side::Local => Side::Remote,
            Side::Remote => Side::Local,
        };
        Some((by, end))
    });
    let (by, end) = of_left.or(of_right)?;
    Some((by, end.ended_ns))
}

/// Every segment is a rung; the states stand at the segments that lead to them.
fn captured(ends: Ends<'_>, segments: &[Segment]) -> Vec<Rung> {
    let mut rungs: Vec<Rung> = segments.iter().map(of_segment).collect();
    let position = |is_it: &dyn Fn(&Segment) -> bool| segments.iter().position(is_it);
    let is_from = |segment: &Segment, side| segment.from == side;
    let first_fin = position(&|one| is_from(one, Side::Local) && one.flags.fin);
    let fin_end = first_fin
        .and_then(|at| segments.get(at))
        .map(|fin| fin.seq.wrapping_add(fin.length).wrapping_add(1));
    let acknowledges = |one: &Segment| fin_end.is_some_and(|end| one.flags.ack && one.ack == end);
    let first_ack = position(&|one| is_from(one, Side::Remote) && acknowledges(one));
    let second_fin = position(&|one| is_from(one, Side::Remote) && one.flags.fin);
    let last_ack = second_fin.and_then(|fin| {
        let rest = segments.get(fin + 1..)?;
        let ack = rest
            .iter()
            .position(|one| is_from(one, Side::Local) && one.flags.ack)?;
        Some(fin + 1 + ack)
    });
    let mut enter = |at: Option<usize>, left: Option<State>, right: Option<State>| {
        if let Some(rung) = at.and_then(|at| rungs.get_mut(at)) {
            let left = left.filter(|state| ends.left_at(*state).is_some());
            let right = right.filter(|state| ends.right_at(*state).is_some());
            (rung.left, rung.right) = (left.or(rung.left), right.or(rung.right));
        }
    };
    enter(first_fin, Some(State::FinWait1), Some(State::CloseWait));
    enter(first_ack, Some(State::FinWait2), None);
    enter(second_fin, None, Some(State::LastAck));
    enter(last_ack, Some(State::TimeWait), Some(State::Close));
    rungs
}

fn of_segment(segment: &Segment) -> Rung {
    Rung {
        time_ns: Some(segment.time_ns),
        arrow: Some(Arrow {
            to_right: segment.from == Side::Local,
            label: segment.flags.names(),
            captured: true,
        }),
        ..Rung::default()
    }
}
