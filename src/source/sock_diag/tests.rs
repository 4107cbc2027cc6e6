//! Dumps of a scripted kernel: what is counted, and which loss is reported.

mod ahead;
mod filters;
mod kinds;
mod scripted;

use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::*;
use crate::model::{Kind, Socket, StateSet};
use crate::question::Question;
use crate::source::plan::{Deriving, Need, Plan, Planner, Reason};
use crate::source::wire::testing::{inet_diag_msg, message};
use scripted::{
    ONE_FAMILY, ONE_WALK, PORT, Scripted, Turn, done, flagged_sockets, refusal, sockets,
};

const INTERRUPTED: u16 = 0x10;

/// Keeps the states it is given.
#[derive(Default)]
struct Seen {
    states: Vec<State>,
    /// After how many sockets it ends the dump.
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

/// Lists both families; each script answers one request, in their order.
fn list_scripted(
    scripts: Vec<Vec<Turn>>,
    sink: &mut Seen,
) -> Result<(Dumps, Outcome), NetlinkError> {
    list_of(&Question::about(Kind::Tcp, StateSet::ALL), scripts, sink)
}

/// The same for the sockets of a question.
fn list_of(
    question: &Question,
    scripts: Vec<Vec<Turn>>,
    sink: &mut Seen,
) -> Result<(Dumps, Outcome), NetlinkError> {
    let mut scripts: VecDeque<_> = scripts.into();
    // A request beyond the scripts fails as with a full table of descriptors.
    let connect = || match scripts.pop_front() {
        Some(script) => Ok(Scripted::new(script)),
        None => Err(NetlinkError::failed("socket")(Errno::MFILE.into())),
    };
    let mut dumps = dumps(question);
    let answer = Conversation::new(connect).list(&mut dumps, sink);
    assert!(scripts.is_empty(), "one request too few");
    answer.map(|outcome| (dumps, outcome))
}

/// What is planned for a listing.
fn dumps(question: &Question) -> Dumps {
    let planner = Planner::new(
        question.clone(),
        Need::SocketsInOrder,
        Deriving::Never,
        false,
    );
    planner.plan(|| unreachable!()).unwrap().0
}

/// The losses of a conversation in which these many sockets were counted.
fn losses(scripts: Vec<Vec<Turn>>, counted: usize) -> Vec<Loss> {
    let mut seen = Seen::default();
    let (_, outcome) = list_scripted(scripts, &mut seen).unwrap();
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
    let (_, outcome) = list_scripted(vec![script], &mut seen).unwrap();
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
fn an_acknowledgement_is_not_a_refusal() {
    let acknowledged = Turn::Datagram(0, message(2, 0, (1, PORT), &0i32.to_ne_bytes()));
    let script = vec![acknowledged, sockets(ONE_WALK, 1, &[1]), done(1, 0)];
    assert_eq!(losses(vec![script], 1), []);
}

#[test]
fn a_changed_bit_costs_no_socket_unless_that_is_reported() {
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
            // Changed in the netlink header, a message is of another conversation, or the end of
            // this one.
            let header = matches!(at % 88, 4..16);
            match list_scripted(vec![script], &mut seen) {
                Ok(_) if header => {}
                Ok((_, outcome)) if seen.states.len() < 3 => {
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
fn the_plan_becomes_what_was_requested_in_the_end() {
    let scripts = vec![
        vec![refusal(1, Errno::INVAL)],
        vec![sockets(ONE_FAMILY, 2, &[1]), done(2, 0)],
        vec![sockets(ONE_FAMILY, 3, &[6]), done(3, 0)],
    ];
    let (dumps, _) = list_scripted(scripts, &mut Seen::default()).unwrap();
    assert_eq!(
        Plan::netlink(dumps, Reason::Needed, &ProcNet::own()).to_string(),
        "list the selected sockets in one dump of IPv4 and one dump of IPv6: the answer needs each \
         socket; the kernel refused one dump of both families"
    );
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
            let error = list_scripted(scripts, &mut Seen::default()).unwrap_err();
            assert_eq!(error.errno(), Some(errno));
            assert!(error.permits_fallback());
        }
    }
}

#[test]
fn an_invalid_request_does_not_permit_the_fallback() {
    let scripts = vec![
        vec![refusal(1, Errno::INVAL)],
        vec![refusal(2, Errno::INVAL)],
    ];
    let error = list_scripted(scripts, &mut Seen::default()).unwrap_err();
    assert!(!error.permits_fallback());
}

#[test]
fn an_end_with_an_errno_keeps_what_came_before_and_is_reported() {
    let script = vec![
        sockets(ONE_WALK, 1, &[1]),
        done(1, Errno::NOMEM.raw_os_error()),
    ];
    let losses = losses(vec![script], 1);
    assert!(matches!(&losses[..], [Loss::Aborted { reason }] if reason.contains("memory")));
}

#[test]
fn a_kernel_that_sends_nothing_does_not_hang_the_program() {
    assert!(list_scripted(vec![vec![]], &mut Seen::default()).is_err());
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
fn messages_of_other_senders_and_conversations_are_ignored() {
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
fn a_sink_that_ends_the_dump_loses_nothing() {
    let script = vec![flagged_sockets(ONE_WALK, INTERRUPTED, 1, &[1, 1, 1])];
    let mut seen = Seen {
        enough: Some(2),
        ..Seen::default()
    };
    let (_, outcome) = list_scripted(vec![script], &mut seen).unwrap();
    assert!(outcome.ended_by_sink);
    assert_eq!(seen.states.len(), 2);
}
