//! The rungs of a ladder: which segment went which way, and the states it led to. Pure.
//!
//! RFC 9293, 3.6, figures 12 and 13. A segment that was captured is drawn as it was; from the states
//! of sockets no more than the FINs, their ACKs and a RST can be inferred.

use crate::model::State;
use crate::model::trace::{Acknowledged, Connection, Segment, Shape, Side, Story};

/// An arrow from one end to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrow {
    /// Whether it goes from the end that closed first, which is to the left.
    pub(super) to_right: bool,
    /// `FIN,ACK`
    pub(super) label: String,
    /// Whether the segment was captured, as opposed to inferred.
    pub(super) captured: bool,
    /// Whether it never came: another end waited for it until its time was up.
    pub(super) is_missing: bool,
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
        match left_side(story) {
            Side::Local => Ends {
                left: first,
                right: other,
            },
            Side::Remote => Ends {
                left: other,
                right: first,
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

/// The end to the left, seen from the story's first: the one that closed first, or sent the reset.
fn left_side(story: &Story) -> Side {
    story.first_actor().unwrap_or(Side::Local)
}

/// The rungs of a story, from the first FIN on.
pub(super) fn rungs(story: &Story) -> Vec<Rung> {
    let ends = Ends::of(story);
    if !story.segments.is_empty() {
        return captured(ends, story);
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
            is_missing: false,
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

/// The states in the order of time, the first FIN, and the reset that ended the connection.
fn states_only(story: &Story, ends: Ends<'_>) -> Vec<Rung> {
    let mut rungs = Vec::new();
    let fin = first_fin(ends);
    if fin.time_ns.is_some() {
        rungs.push(fin);
    }
    if let Some(sender) = story.reset_by() {
        let to_right = sender == left_side(story);
        let ended = [ends.left, ends.right].into_iter().flatten();
        rungs.push(Rung {
            time_ns: ended.map(|end| end.ended_ns).min(),
            left: ends.left.map(|_| State::Close),
            arrow: Some(Arrow {
                to_right,
                label: "RST".to_owned(),
                captured: false,
                is_missing: false,
            }),
            right: ends.right.map(|_| State::Close),
        });
    }
    rungs.extend(missing_ack(ends));
    with_all_states(rungs, ends)
}

/// The ACK that an end waited for in vain, if one did, at the time at which its socket ended.
fn missing_ack(ends: Ends<'_>) -> Option<Rung> {
    let timed_out = |end: Option<&Connection>| {
        let close = end?.close.as_ref()?;
        (close.shape == Shape::Timeout).then_some(end?.ended_ns)
    };
    let (left, right) = (timed_out(ends.left), timed_out(ends.right));
    Some(Rung {
        time_ns: Some(left.or(right)?),
        left: left.map(|_| State::Close),
        arrow: Some(Arrow {
            to_right: left.is_none(),
            label: "no ACK".to_owned(),
            captured: false,
            is_missing: true,
        }),
        right: right.filter(|_| left.is_none()).map(|_| State::Close),
    })
}

/// Adds a rung for each state that is on none yet, in the order of time.
fn with_all_states(mut rungs: Vec<Rung>, ends: Ends<'_>) -> Vec<Rung> {
    for (end, is_left) in [(ends.left, true), (ends.right, false)] {
        let close = end.and_then(|end| end.close.as_ref());
        for (time_ns, state) in close.iter().flat_map(|close| &close.steps) {
            let (left, right) = match is_left {
                true => (Some(*state), None),
                false => (None, Some(*state)),
            };
            let is_shown = rungs.iter().any(|rung| match is_left {
                true => rung.left == left,
                false => rung.right == right,
            });
            if !is_shown {
                let time_ns = Some(*time_ns);
                let later = |rung: &Rung| rung.time_ns > time_ns;
                let at = rungs.iter().position(later).unwrap_or(rungs.len());
                let rung = Rung {
                    time_ns,
                    left,
                    arrow: None,
                    right,
                };
                rungs.insert(at, rung);
            }
        }
    }
    rungs
}

/// Every captured segment is a rung; the states stand at the segments that lead to them. An ACK that
/// came with data, which is not captured, is inferred.
fn captured(ends: Ends<'_>, story: &Story) -> Vec<Rung> {
    let (segments, left) = (&story.segments, left_side(story));
    let segment = |one: &Segment| of_segment(one, left);
    let mut rungs: Vec<Rung> = segments.iter().map(segment).collect();
    let position = |is_it: &dyn Fn(&Segment) -> bool| segments.iter().position(is_it);
    let right = left.seen_from_peer();
    let first_fin = position(&|one| one.from == left && one.flags.fin);
    let fin_end = first_fin
        .and_then(|at| segments.get(at))
        .map(|fin| fin.seq.wrapping_add(fin.length).wrapping_add(1));
    let acknowledges = |one: &Segment| fin_end.is_some_and(|end| one.flags.ack && one.ack == end);
    let first_ack = position(&|one| one.from == right && acknowledges(one));
    let second_fin = position(&|one| one.from == right && one.flags.fin);
    let last_ack = second_fin.and_then(|fin| {
        let rest = segments.get(fin + 1..)?;
        let ack = rest
            .iter()
            .position(|one| one.from == left && one.flags.ack && !one.flags.rst)?;
        Some(fin + 1 + ack)
    });
    let reset = position(&|one| one.flags.rst);
    let has = |state: State| ends.left_at(state).is_some() || ends.right_at(state).is_some();
    let acked_by_data = story.acknowledged() == Some(Acknowledged::WithData);
    let mut enter = |at: Option<usize>, left: Option<State>, right: Option<State>| {
        if let Some(rung) = at.and_then(|at| rungs.get_mut(at)) {
            let left = left.filter(|state| ends.left_at(*state).is_some());
            let right = right.filter(|state| ends.right_at(*state).is_some());
            (rung.left, rung.right) = (left.or(rung.left), right.or(rung.right));
        }
    };
    enter(first_fin, Some(State::FinWait1), Some(State::CloseWait));
    if !acked_by_data {
        enter(first_ack, Some(State::FinWait2), None);
    }
    if !has(State::Closing) {
        enter(second_fin, None, Some(State::LastAck));
        enter(last_ack, Some(State::TimeWait), Some(State::Close));
    }
    if let Some(rung) = reset.and_then(|at| rungs.get_mut(at)) {
        (rung.left, rung.right) = (
            ends.left.map(|_| State::Close),
            ends.right.map(|_| State::Close),
        );
    }
    rungs.extend(missing_ack(ends));
    let mut rungs = with_all_states(rungs, ends);
    if acked_by_data {
        let is_it = |rung: &&mut Rung| rung.left == Some(State::FinWait2) && rung.arrow.is_none();
        if let Some(rung) = rungs.iter_mut().find(is_it) {
            rung.arrow = Some(Arrow {
                to_right: false,
                label: "data,ACK".to_owned(),
                captured: false,
                is_missing: false,
            });
        }
    }
    rungs
}

fn of_segment(segment: &Segment, left: Side) -> Rung {
    Rung {
        time_ns: Some(segment.time_ns),
        arrow: Some(Arrow {
            to_right: segment.from == left,
            label: segment.flags.names(),
            captured: true,
            is_missing: false,
        }),
        ..Rung::default()
    }
}
