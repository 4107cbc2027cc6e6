//! What the kernel's numbers mean, and what depends on its version. Pure but for the version.
//!
//! States: `include/net/tcp_states.h`, unchanged since 2.6 for 1 to 11; 12 (NEW_SYN_RECV, 4.1)
//! never reaches user space; 13 (BOUND_INACTIVE, 6.8) can only be requested. Timers: `idiag_timer`
//! of `struct inet_diag_msg`, and the column `tr` of /proc/net/tcp (`get_tcp4_sock`,
//! net/ipv4/tcp_ipv4.c). Distributions backport, so a version is only ever a reason for doubt,
//! never proof of what a kernel can do.

use std::sync::OnceLock;
use std::time::Duration;

use procfs::KernelVersion;

use crate::model::{Loss, State, StateSet, Timer, TimerKind};

/// The state with this number; unknown numbers are kept.
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

/// The mask that selects exactly these states (`idiag_states`). UNCONNECTED is CLOSE there. Bit 13 makes the kernel walk the
/// hash of bound ports as well as that of connections, so it is set only for BOUND by name.
pub(super) fn encode_mask(states: StateSet) -> u32 {
    let bound = u32::from(states.contains(State::Bound)) << 13;
    let states = match states.contains(State::Unconnected) {
        true => states.with(State::Close),
        false => states,
    };
    let listed = (1..=11).filter(|number| states.contains(decode_state(*number)));
    listed.fold(bound, |mask, number| mask | 1 << number)
}

/// The timer of this number with this time left; 0 is none.
pub(super) fn decode_timer(number: u8, remaining: Duration) -> Option<Timer> {
    let kind = match number {
        0 => return None,
        1 => TimerKind::Retransmit,
        2 => TimerKind::KeepAlive,
        3 => TimerKind::TimeWait,
        4 => TimerKind::Persist,
        unknown => TimerKind::Unknown(unknown),
    };
    Some(Timer { kind, remaining })
}

/// Whether `TCP: tw` of sockstat counts this network namespace only: `tcp_death_row` became part
/// of `struct netns_ipv4` in 4.10. Before, every namespace showed the TIME_WAIT of the host.
pub(super) fn counts_time_wait_per_namespace() -> bool {
    is_at_least(4, 10)
}

/// Whether `net/protocols` counts the sockets of MPTCP (`sock_prot_inuse_add` in
/// net/mptcp/protocol.c, since 6.3). Before, their number there is always 0.
pub(super) fn counts_mptcp_sockets() -> bool {
    is_at_least(6, 3)
}

/// The doubt about a dump without bound sockets, where the kernel may not know them
/// (`TCPF_BOUND_INACTIVE`, 6.8): it then ignores the bound bit without an error.
pub(super) fn doubt_about_no_bound_sockets() -> Option<Loss> {
    (!is_at_least(6, 8)).then(|| Loss::Doubtful {
        what: "this kernel may not report bound sockets; Linux 6.8 and later do".to_owned(),
    })
}

/// A version that cannot be read counts as an old one. It is read once.
fn is_at_least(major: u8, minor: u8) -> bool {
    static CURRENT: OnceLock<Option<KernelVersion>> = OnceLock::new();
    let current = CURRENT.get_or_init(|| KernelVersion::current().ok());
    current.is_some_and(|current| current >= KernelVersion::new(major, minor, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_has_one_bit_per_state_which_decodes_to_it_and_the_bound_bit_only_by_name() {
        assert_eq!(encode_mask(StateSet::ALL), 0xffe);
        for state in StateSet::ALL.iter() {
            let mask = encode_mask(StateSet::NONE.with(state));
            let number = u8::try_from(mask.trailing_zeros()).unwrap();
            assert_eq!((mask.count_ones(), decode_state(number)), (1, state));
        }
        assert_eq!(encode_mask(StateSet::NONE.with(State::Bound)), 1 << 13);
    }

    #[test]
    fn unknown_numbers_are_kept() {
        for number in (0..1).chain(12..=u8::MAX) {
            assert_eq!(decode_state(number), State::Unknown(number));
        }
    }
}
