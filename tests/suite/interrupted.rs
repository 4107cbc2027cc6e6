//! A dump that is interrupted or breaks off, or has an unknown state: no socket is missing without
//! a word.

use rustix::io::Errno;

use crate::answer::Answer;
use crate::list::row::Listed;
use crate::namespace::in_namespace;
use crate::program::{Ran, command};
use crate::supervisor::{Reply, run_supervised};
use crate::zoo::{Family, SocketCounts, State, Zoo};

/// `NLM_F_MULTI` and `NLM_F_DUMP_INTR` in the first message: `nlmsg_flags`, linux/netlink.h.
const INTERRUPTED: Reply = Reply::Changed {
    at: if cfg!(target_endian = "big") { 7 } else { 6 },
    byte: 0x12,
};

/// Another state for the first socket: `idiag_state` after the netlink header, linux/inet_diag.h.
const UNKNOWN_STATE: Reply = Reply::Changed { at: 17, byte: 14 };

/// What happens to a dump of two datagrams, the sockets and the end, and the warning about it.
const LOSSES: [([Reply; 2], &str); 2] = [
    (
        [INTERRUPTED, Reply::Unchanged],
        "the kernel's dump was interrupted",
    ),
    (
        [Reply::Unchanged, Reply::Fails(Errno::IO)],
        "the source stopped before its end: recvfrom",
    ),
];

#[track_caller]
fn run_with(replies: [Reply; 2], arguments: &[&str]) -> Ran {
    let ran = run_supervised(&mut command(arguments), &replies);
    assert_eq!(ran.status, 3, "{ran:?}");
    ran
}

in_namespace!(
    fn an_interrupted_or_broken_dump_keeps_its_sockets_and_exits_with_3() {
        let sockets = SocketCounts::none()
            .with(Family::V4, State::Listen, 2)
            .with(Family::V6, State::Established, 4);
        let zoo = Zoo::open(&sockets);
        let total = zoo.expected().total();
        for (replies, warning) in LOSSES {
            let ran = run_with(replies, &["--json"]);
            let answer = Answer::of(&ran);
            assert_eq!((answer.total, answer.complete), (total, false), "{ran:?}");
            assert!(answer.warnings[0].starts_with(warning), "{ran:?}");
            assert!(ran.stderr.contains(warning), "{ran:?}");
            let (listed, summary) = Listed::all(&run_with(replies, &["list", "--json"]));
            assert_eq!((listed.len(), summary.complete), (total, false));
            let grouped = Answer::of(&run_with(replies, &["--by", "family", "--json"]));
            assert_eq!((grouped.total, grouped.complete), (total, false));
        }
    }
);

in_namespace!(
    fn counters_are_not_combined_with_an_interrupted_dump_or_an_unknown_state() {
        let sockets = SocketCounts::none()
            .with(Family::V4, State::Listen, 1)
            .with(Family::V4, State::Established, 4);
        let zoo = Zoo::open(&sockets);
        for (reply, reason, unknown) in [
            (
                INTERRUPTED,
                "the dump of the rarer states was incomplete",
                0,
            ),
            (
                UNKNOWN_STATE,
                "the kernel reported the state UNKNOWN(14)",
                1,
            ),
        ] {
            let dump = [reply, Reply::Unchanged];
            let listing = match unknown {
                0 => [Reply::Unchanged; 2],
                _ => dump,
            };
            // Two attempts to derive, and the listing.
            let replies = [dump, dump, listing].concat();
            let mut derived = command(["--json", "-v", "--source=netlink+counters"]);
            let ran = run_supervised(&mut derived, &replies);
            assert!(ran.stderr.contains(reason), "{ran:?}");
            let answer = Answer::of(&ran);
            assert_eq!((answer.source.as_str(), answer.complete), ("netlink", true));
            assert_eq!(answer.total, zoo.expected().total());
            let counted = answer.states.get("UNKNOWN(14)").copied();
            assert_eq!(counted.unwrap_or(0), unknown, "{answer:?}");
        }
    }
);
