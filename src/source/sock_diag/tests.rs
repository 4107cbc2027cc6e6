//! The conversation with a scripted kernel: what is counted, what is lost, and who is told.

mod filtering;

use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::scripted::{
    ONE_FAMILY, ONE_WALK, PORT, Scripted, Turn, done, flagged_sockets, refusal, sockets,
};
use super::*;
use crate::model::{Socket, StateSet};
use crate::source::fallback::is_refusal;
use crate::source::wire::build::{inet_diag_msg, message};

const INTERRUPTED: u16 = 0x10;

/// Keeps the states it is given.
#[derive(Default)]
struct Seen {
    states: Vec<State>,
    /// After how many sockets it wants no more.
    enough: Option<usize>,
}

impl Sink for Seen {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.states.push(socket.state);
        if self.enough == Some(self.states.len()) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

/// Asks about both families; each script answers one request, in their order.
fn converse(scripts: Vec<Vec<Turn>>, sink: &mut Seen) -> Result<Outcome, NetlinkError> {
    let mut scripts: VecDeque<_> = scripts.into();
    let question = Question::about(StateSet::ALL);
    // Whoever asks once more than the script knows is told what a full descriptor table says.
    let connect = || match scripts.pop_front() {
        Some(script) => Ok(Scripted::new(script)),
        None => Err(Call::Socket.failed()(Errno::MFILE.into())),
    };
    let answer = Conversation::new(connect, &question).converse(sink);
    assert!(scripts.is_empty(), "one request too few");
    answer
}

/// The losses of a conversation in which these many sockets were counted.
fn losses(scripts: Vec<Vec<Turn>>, counted: usize) -> Vec<Loss> {
    let mut seen = Seen::default();
    let outcome = converse(scripts, &mut seen).unwrap();
    assert_eq!(seen.states.len(), counted);
    outcome.completeness.losses().to_vec()
}

#[test]
fn a_dump_ends_with_done_and_nothing_is_lost() {
    let script = vec![
        sockets(ONE_WALK, 1, &[1, 10]),
        sockets(ONE_WALK, 1, &[6]),
        done(1, 0),
    ];
    let mut seen = Seen::default();
    let outcome = converse(vec![script], &mut seen).unwrap();
    assert_eq!(
        seen.states,
        [State::Established, State::Listen, State::TimeWait]
    );
    assert!(outcome.completeness.is_complete());
}

#[test]
fn an_interrupted_dump_is_kept_and_reported_as_incomplete() {
    let disturbed = vec![
        flagged_sockets(ONE_WALK, INTERRUPTED, 1, &[1, 1]),
        done(1, 0),
    ];
    assert_eq!(losses(vec![disturbed], 2), [Loss::Interrupted]);
}

#[test]
fn an_acknowledgement_is_no_refusal() {
    let acknowledged = Turn::Datagram(0, message(2, 0, (1, PORT), &0i32.to_ne_bytes()));
    let script = vec![acknowledged, sockets(ONE_WALK, 1, &[1]), done(1, 0)];
    assert_eq!(losses(vec![script], 1), []);
}

#[test]
fn a_changed_bit_costs_no_socket_unless_it_is_told() {
    let whole = || match sockets(ONE_WALK, 1, &[1, 5, 10]) {
        Turn::Datagram(_, bytes) => bytes,
        Turn::Fails(_) => unreachable!(),
    };
    for at in 0..whole().len() {
        for bit in 0..8 {
            let mut bytes = whole();
            bytes[at] ^= 1 << bit;
            let script = vec![Turn::Datagram(0, bytes), done(1, 0)];
            let mut seen = Seen::default();
            // A message that claims to be of another conversation is not ours to miss, and one
            // that claims to be the end is believed; both are in the netlink header.
            let header = matches!(at % 88, 4..16);
            match converse(vec![script], &mut seen) {
                Ok(outcome) if header => drop(outcome),
                Ok(outcome) if seen.states.len() < 3 => {
                    assert!(!outcome.completeness.is_complete(), "{at}:{bit}");
                }
                Ok(_) => assert_eq!(seen.states.len(), 3, "{at}:{bit}"),
                Err(error) => assert!(header, "{at}:{bit}: {error}"),
            }
        }
    }
}

#[test]
fn a_refused_walk_of_both_families_becomes_one_walk_for_each() {
    for errno in [Errno::INVAL, Errno::OPNOTSUPP, Errno::NOENT] {
        let scripts = vec![
            vec![refusal(1, errno)],
            vec![sockets(ONE_FAMILY, 2, &[1]), done(2, 0)],
            vec![sockets(ONE_FAMILY, 3, &[6]), done(3, 0)],
        ];
        assert_eq!(losses(scripts, 2), []);
    }
}

#[test]
fn a_kernel_without_ipv6_loses_nothing() {
    let scripts = vec![
        vec![refusal(1, Errno::INVAL)],
        vec![sockets(ONE_FAMILY, 2, &[1]), done(2, 0)],
        vec![refusal(3, Errno::NOENT)],
    ];
    assert_eq!(losses(scripts, 1), []);
}

#[test]
fn a_refusal_by_message_or_by_done_carries_its_errno_and_permits_the_fallback() {
    for errno in [Errno::NOENT, Errno::OPNOTSUPP, Errno::PERM, Errno::ACCESS] {
        let by_message = vec![vec![refusal(1, errno)], vec![refusal(2, errno)]];
        let by_done = [1, 2].map(|n| vec![done(n, errno.raw_os_error())]).into();
        for scripts in [by_message, by_done] {
            let error = converse(scripts, &mut Seen::default()).unwrap_err();
            assert_eq!(error.errno(), Some(errno));
            assert!(is_refusal(&error));
        }
    }
}

#[test]
fn an_invalid_request_is_our_own_bug_and_no_reason_to_fall_back() {
    let scripts = vec![
        vec![refusal(1, Errno::INVAL)],
        vec![refusal(2, Errno::INVAL)],
    ];
    let error = converse(scripts, &mut Seen::default()).unwrap_err();
    assert!(!is_refusal(&error));
}

#[test]
fn an_end_with_an_errno_keeps_what_came_before_and_says_so() {
    let script = vec![
        sockets(ONE_WALK, 1, &[1]),
        done(1, Errno::NOMEM.raw_os_error()),
    ];
    let losses = losses(vec![script], 1);
    assert!(matches!(&losses[..], [Loss::Aborted { reason }] if reason.contains("memory")));
}

#[test]
fn a_kernel_that_falls_silent_does_not_hang_the_program() {
    assert!(converse(vec![vec![]], &mut Seen::default()).is_err());
    let losses = losses(vec![vec![sockets(ONE_WALK, 1, &[1])]], 1);
    assert!(matches!(&losses[..], [Loss::Aborted { .. }]));
}

#[test]
fn dropped_messages_are_reported() {
    let overrun = |n| Turn::Datagram(0, message(4, 0, (n, PORT), &[]));
    for lossy in [overrun, |_| Turn::Fails(Errno::NOBUFS)] {
        let script = vec![sockets(ONE_WALK, 1, &[1]), lossy(1), done(1, 0)];
        assert_eq!(losses(vec![script], 1), [Loss::Overrun]);
    }
}

#[test]
fn a_truncated_datagram_is_reported_and_its_whole_sockets_are_counted() {
    let fit = BUFFER_LEN / 88;
    let script = vec![sockets(ONE_WALK, 1, &vec![1; fit + 1])];
    let bytes = (fit + 1) * 88;
    assert_eq!(losses(vec![script], fit), [Loss::Truncated { bytes }]);
}

#[test]
fn strangers_and_other_conversations_are_not_believed() {
    let forged = message(ONE_WALK, 0, (1, PORT), &inet_diag_msg(1));
    let other_port = message(ONE_WALK, 0, (1, PORT + 1), &inet_diag_msg(1));
    let script = vec![
        Turn::Datagram(99, forged),
        sockets(ONE_WALK, 0, &[1, 1]),
        done(0, 0),
        Turn::Datagram(0, other_port),
        sockets(ONE_WALK, 1, &[10]),
        done(1, 0),
    ];
    assert_eq!(losses(vec![script], 1), []);
}

#[test]
fn a_record_that_cannot_be_read_costs_that_socket_only() {
    let mut broken = message(ONE_WALK, 0, (1, PORT), &inet_diag_msg(1));
    broken[16] = 77;
    let short = message(ONE_WALK, 0, (1, PORT), &[2, 1]);
    let foreign = message(99, 0, (1, PORT), &inet_diag_msg(1));
    for bytes in [broken, short, foreign] {
        let script = vec![
            Turn::Datagram(0, bytes),
            sockets(ONE_WALK, 1, &[1, 14]),
            done(1, 0),
        ];
        let losses = losses(vec![script], 2);
        assert!(
            matches!(&losses[..], [Loss::Malformed { records: 1, .. }]),
            "{losses:?}"
        );
    }
}

#[test]
fn a_message_without_a_right_length_ends_the_dump_as_incomplete() {
    let script = |n| {
        let mut bytes = message(ONE_WALK, 0, (n, PORT), &inet_diag_msg(1));
        bytes.extend([0xff; 20]);
        vec![Turn::Datagram(0, bytes)]
    };
    let losses = losses(vec![script(1)], 1);
    assert!(matches!(&losses[..], [Loss::Malformed { records: 1, .. }]));
}

#[test]
fn a_sink_that_has_enough_ends_the_conversation_without_loss() {
    let script = vec![flagged_sockets(ONE_WALK, INTERRUPTED, 1, &[1, 1, 1])];
    let mut seen = Seen {
        enough: Some(2),
        ..Seen::default()
    };
    let outcome = converse(vec![script], &mut seen).unwrap();
    assert!(outcome.ended_by_sink);
    assert_eq!(seen.states.len(), 2);
}
