//! How many sockets retransmit without an answer, by state: a number for monitoring, with the thresholds
//! of `no-answer` and `vanished-peers` for one socket. Makes no finding.

use super::bounded::retransmits_at_least;
use super::{attempts, rules};
use crate::model::{Counts, Socket, State, StateSet};

/// The sockets without an answer, by state.
#[derive(Clone, Debug, Default)]
pub struct Unanswered(Counts);

impl Unanswered {
    /// The states that are counted.
    pub const STATES: StateSet = StateSet::NONE
        .with(State::SynSent)
        .with(State::FinWait1)
        .with(State::Closing)
        .with(State::LastAck);

    /// Counts a socket, if it has retransmitted often enough.
    pub fn add(&mut self, socket: &Socket) {
        if !Unanswered::STATES.contains(socket.state) {
            return;
        }
        let least = match socket.state == State::SynSent {
            true => attempts::RETRANSMITS,
            false => rules::UNACKNOWLEDGED,
        };
        if retransmits_at_least(socket, least).is_some() {
            self.0.add(socket.state, 1);
        }
    }

    /// Adds those of another part of the sockets.
    pub fn join(&mut self, other: &Unanswered) {
        self.0.add_all(&other.0);
    }

    /// How many there are in a state.
    pub fn get(&self, state: State) -> u64 {
        self.0.get(state)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::diagnose::testing::socket;
    use crate::model::{Timer, TimerKind};

    #[test]
    fn a_syn_counts_after_two_retransmissions_and_a_fin_after_three() {
        for (state, retransmits, kind, counts) in [
            (State::SynSent, 1, TimerKind::Retransmit, 0),
            (State::SynSent, 2, TimerKind::Retransmit, 1),
            (State::FinWait1, 2, TimerKind::Retransmit, 0),
            (State::FinWait1, 3, TimerKind::Persist, 1),
            (State::LastAck, 3, TimerKind::KeepAlive, 0),
            (State::Closing, 9, TimerKind::Retransmit, 1),
            (State::Established, 9, TimerKind::Retransmit, 0),
        ] {
            let mut unanswered = Unanswered::default();
            let mut one = socket(state, "192.0.2.1:1", "192.0.2.2:2");
            one.retransmits = Some(retransmits);
            let remaining = Duration::ZERO;
            one.timer = Some(Timer { kind, remaining });
            unanswered.add(&one);
            assert_eq!(unanswered.get(state), counts, "{state} {retransmits}");
        }
    }
}
