//! One connection while it lives: what is remembered of it, and what its end comes to.

use std::num::NonZeroU64;
use std::time::Duration;

use super::verdict::{has_only_data, of_first_closer, of_second_closer};
use crate::model::trace::{
    Acknowledged, Close, Connection, Counters, Event, FirstClose, Opened, Reset, ResetReason,
    Shape, Side, Task,
};
use crate::model::{InetEnds, State};

/// errno(3): the peer did not answer in time.
const ETIMEDOUT: u32 = 110;

/// What is known of a connection. There may be very many that live, and few of them close.
#[derive(Clone, Debug)]
pub(super) struct Life {
    /// The state it is in, as the kernel says.
    pub(super) state: State,
    /// Since when; `None` where that was not seen.
    pub(super) since_ns: Option<u64>,
    pub(super) opened: Opened,
    opened_by: Option<Task>,
    opened_ns: Option<NonZeroU64>,
    states: Vec<(State, Option<Duration>)>,
    inode: u64,
    /// A digest of its place, if that is known.
    pub(super) place: Option<NonZeroU64>,
    /// Whether further events of it may be left out on purpose.
    pub(super) is_doubtful: bool,
    closing: Option<Box<Closing>>,
}

/// What is known of its close, from the first FIN or reset on.
#[derive(Clone, Debug, Default)]
struct Closing {
    first: FirstClose,
    /// Its shape, and how the first FIN was acknowledged where that was seen.
    verdict: Option<(Shape, Option<Acknowledged>)>,
    /// As the present state was entered.
    then: Counters,
    /// Whether the segment that acknowledged this end's FIN had data.
    acknowledged_by_data: bool,
    /// Segments sent again since this end's FIN.
    retransmits: u32,
    fin_sent: bool,
    reset: Option<Reset>,
    closed_by: Option<Task>,
    steps: Vec<(u64, State)>,
}

impl Closing {
    /// Enters a state of the close.
    fn enter(&mut self, to: State, by: Option<Task>, event: &Event) {
        match to {
            State::FinWait1 => {
                self.fin_sent = true;
                self.first = FirstClose::By(Side::Local);
                self.closed_by = by;
            }
            State::CloseWait => self.first = FirstClose::By(Side::Remote),
            State::FinWait2 => {
                self.fin_sent = true;
                self.first = FirstClose::By(Side::Local);
                self.acknowledged_by_data = has_only_data(&self.then, &event.counters);
            }
            State::Closing => {
                self.first = FirstClose::Both;
                self.verdict = Some((Shape::Crossed, None));
            }
            State::LastAck => {
                let (shape, how) = of_second_closer(&self.then, &event.counters);
                // It may have entered CLOSE_WAIT before the trace.
                let is_whole = self.first != FirstClose::Nobody || shape == Shape::Three;
                self.verdict = Some((shape, is_whole.then_some(how)));
                self.fin_sent = true;
                self.first = FirstClose::By(Side::Remote);
                self.closed_by = by;
            }
            State::Listen
            | State::SynSent
            | State::SynRecv
            | State::Established
            | State::TimeWait
            | State::Close
            | State::Bound
            | State::Unconnected
            | State::Unknown(_) => {}
        }
        self.steps.push((event.time_ns, to));
        self.then = event.counters;
    }

    /// Ends in FIN_WAIT2, without an error.
    fn end_in_fin_wait2(&mut self, event: &Event) {
        // It may have entered FIN_WAIT2 before the trace.
        if self.first == FirstClose::Nobody {
            self.first = FirstClose::By(Side::Local);
            return;
        }
        let (shape, how) = of_first_closer(&self.then, &event.counters, event.fin_received);
        let with_data = self.acknowledged_by_data && how == Acknowledged::Alone;
        let how = if with_data {
            Acknowledged::WithData
        } else {
            how
        };
        self.verdict = Some((shape, Some(how)));
    }

    fn into_close(self, error: u32, parked: Option<State>) -> Close {
        let shape = match self.verdict {
            _ if self.reset.is_some() => Shape::Reset,
            _ if error == ETIMEDOUT => Shape::Timeout,
            Some((shape, _)) => shape,
            None => Shape::Unknown,
        };
        Close {
            shape,
            first: self.first,
            acknowledged: self.verdict.and_then(|(_, how)| how),
            parked,
            retransmits: self.retransmits,
            reset: self.reset,
            steps: self.steps,
        }
    }
}

impl Life {
    /// A connection in `state`, without further knowledge.
    pub(super) fn before(state: State) -> Life {
        Life {
            state,
            since_ns: None,
            opened: Opened::Before,
            opened_by: None,
            opened_ns: None,
            states: Vec::new(),
            inode: 0,
            place: None,
            is_doubtful: false,
            closing: None,
        }
    }

    /// A connection that `side` opens now.
    pub(super) fn opened(side: Side, by: Option<Task>, event: &Event) -> Life {
        Life {
            opened: Opened::By(side),
            opened_by: by,
            opened_ns: NonZeroU64::new(event.time_ns),
            ..Life::before(State::Close)
        }
    }

    /// Whether it is one: listeners, and sockets that are nothing else, are not.
    pub(super) fn is_connection(&self) -> bool {
        self.state != State::Listen
    }

    /// Whether no reset explains its end.
    pub(super) fn is_unexplained(&self) -> bool {
        self.closing
            .as_ref()
            .is_none_or(|closing| closing.reset.is_none())
    }

    fn closing(&mut self) -> &mut Closing {
        self.closing.get_or_insert_default()
    }

    /// Takes a change of state that is none to the end; returns how long the state before lasted.
    pub(super) fn enter(&mut self, to: State, by: Option<Task>, event: &Event) -> Option<Duration> {
        let after = self.lasted(event);
        if event.inode != 0 {
            self.inode = event.inode;
        }
        let begins = matches!(
            to,
            State::FinWait1 | State::CloseWait | State::Closing | State::LastAck | State::FinWait2
        );
        if begins || self.closing.is_some() {
            self.closing().enter(to, by, event);
        }
        self.state = to;
        self.since_ns = Some(event.time_ns);
        after
    }

    /// How long the present state has lasted, which is remembered.
    fn lasted(&mut self, event: &Event) -> Option<Duration> {
        let lasted = self
            .since_ns
            .and_then(|since| event.time_ns.checked_sub(since))
            .map(Duration::from_nanos);
        // A new socket's CLOSE is no state of the connection.
        if self.state != State::Close {
            // Most connections that live have had one state before.
            self.states.reserve_exact(1);
            self.states.push((self.state, lasted));
        }
        lasted
    }

    /// A reset was sent, by the call of a process where its reason is such a call.
    pub(super) fn reset_sent(&mut self, reason: Option<ResetReason>, task: Task) {
        let by = Side::Local;
        let closing = self.closing();
        if closing.reset.is_none() && reason.is_some_and(ResetReason::is_a_call) {
            closing.closed_by = closing.closed_by.or(Some(task));
        }
        closing.reset = closing.reset.or(Some(Reset { by, reason }));
    }

    pub(super) fn reset_received(&mut self) {
        let (by, reason) = (Side::Remote, None);
        let closing = self.closing();
        closing.reset = closing.reset.or(Some(Reset { by, reason }));
    }

    pub(super) fn retransmitted(&mut self) {
        if let Some(closing) = &mut self.closing {
            closing.retransmits += u32::from(closing.fin_sent);
        }
    }

    /// What the kernel was to keep when it let go of a socket in the present state: a minisocket in
    /// TIME_WAIT where the peer's FIN has come, in FIN_WAIT2 where it is awaited, or nothing.
    fn parked(&self, event: &Event, error: u32) -> Option<State> {
        if !self.is_unexplained() || error != 0 {
            return None;
        }
        match (self.state, event.fin_received) {
            (State::FinWait2, true) | (State::Closing, _) => Some(State::TimeWait),
            (State::FinWait2, false) => Some(State::FinWait2),
            _ => None,
        }
    }

    /// Takes the end of the socket; returns how long the last state lasted, and what the kernel keeps.
    pub(super) fn end(&mut self, error: u32, event: &Event) -> (Option<Duration>, Option<State>) {
        let parked = self.parked(event, error);
        let after = self.lasted(event);
        if self.state == State::FinWait2 && error == 0 && self.is_unexplained() {
            self.closing().end_in_fin_wait2(event);
        }
        let state = parked.unwrap_or(State::Close);
        if let Some(closing) = &mut self.closing
            && closing.first != FirstClose::Nobody
            && state != self.state
        {
            closing.steps.push((event.time_ns, state));
        }
        (after, parked)
    }

    /// The whole connection, after its end.
    pub(super) fn into_connection(
        self,
        ends: InetEnds,
        event: &Event,
        error: u32,
        parked: Option<State>,
    ) -> Connection {
        let closing = self
            .closing
            .map_or_else(Closing::default, |closing| *closing);
        let mut counters = event.counters;
        counters.bytes_received = counters
            .bytes_received
            .saturating_sub(event.fin_received.into());
        Connection {
            cookie: event.cookie,
            netns: event.netns,
            ends,
            opened: self.opened,
            opened_by: self.opened_by,
            opened_ns: self.opened_ns.map(NonZeroU64::get),
            ended_ns: event.time_ns,
            states: self.states,
            closed_by: closing.closed_by,
            close: Some(closing.into_close(error, parked)),
            error: Some(error).filter(|error| *error != 0),
            inode: self.inode,
            uid: event.uid,
            counters,
        }
    }
}
