//! The kernel's numbers for the states, and the bit mask made of them.
//!
//! `include/net/tcp_states.h`, unchanged since 2.6 for 1 to 11; 12 (NEW_SYN_RECV, 4.1) is never
//! told to user space; 13 (BOUND_INACTIVE, 6.8) is only ever asked for.

use crate::model::{State, StateSet};

/// The named states by number. 0 names none, and 12 is the kernel's own.
const fn number(state: State) -> u8 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynRecv => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Close => 7,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Listen => 10,
        State::Closing => 11,
        State::Bound => 13,
        State::Unknown(number) => number,
    }
}

/// The state the kernel tells by `number`; unknown numbers are kept.
pub(super) const fn decode_state(number: u8) -> State {
    match number {
        1 => State::Established,
        2 => State::SynSent,
        3 => State::SynRecv,
        4 => State::FinWait1,
        5 => State::FinWait2,
        6 => State::TimeWait,
        7 => State::Close,
        8 => State::CloseWait,
        9 => State::LastAck,
        10 => State::Listen,
        11 => State::Closing,
        unknown => State::Unknown(unknown),
    }
}

/// The mask that asks for exactly these states (`idiag_states`). Bit 13 makes the kernel walk the
/// hash of bound ports besides the one of connections, so it is set only for BOUND by name.
pub(super) fn encode_mask(states: StateSet) -> u32 {
    states
        .iter()
        .map(|state| 1 << number(state))
        .fold(0, |mask, bit| mask | bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_decodes_to_the_state_that_encodes_to_it() {
        for number_told in 0..=u8::MAX {
            assert_eq!(number(decode_state(number_told)), number_told);
        }
    }

    #[test]
    fn the_mask_sets_one_bit_a_state_and_the_bound_bit_only_by_name() {
        assert_eq!(encode_mask(StateSet::ALL), 0xffe);
        assert_eq!(encode_mask(StateSet::NONE.with(State::Listen)), 1 << 10);
        assert_eq!(encode_mask(StateSet::NONE.with(State::Bound)), 1 << 13);
    }
}
