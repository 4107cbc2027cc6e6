//! The selection of sockets: families, states, groups of states, bound sockets.

use std::collections::BTreeMap;

use crate::answer::Answer;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::zoo::special::listeners;
use crate::zoo::{Family, SocketCounts, State, Zoo};

fn states(pairs: &[(&str, usize)]) -> BTreeMap<String, usize> {
    pairs
        .iter()
        .map(|(state, count)| ((*state).to_owned(), *count))
        .collect()
}

in_namespace!(
    fn the_answer_holds_exactly_the_requested_states() {
        let wanted = SocketCounts::none()
            .with(Family::V4, State::Listen, 2)
            .with(Family::V6, State::Listen, 1)
            .with(Family::V4, State::CloseWait, 4)
            .with(Family::V6, State::TimeWait, 3)
            .with(Family::V4, State::Established, 5);
        let _zoo = Zoo::open(&wanted);
        for source in ["netlink", "proc"] {
            for (selection, expected) in [
                ("-l", states(&[("LISTEN", 3)])),
                (
                    "--state=close-wait,TIME_WAIT,LastAck",
                    states(&[("CLOSE_WAIT", 4), ("TIME_WAIT", 3), ("LAST_ACK", 0)]),
                ),
                (
                    "--state=bucket",
                    states(&[("SYN_RECV", 0), ("TIME_WAIT", 3)]),
                ),
            ] {
                let ran = run([selection, "--json", "--source", source]).succeeded();
                assert_eq!(Answer::of(&ran).states, expected, "{selection}");
            }
        }
    }
);

in_namespace!(
    fn repeated_states_add_up_and_listening_intersects() {
        let wanted = SocketCounts::none()
            .with(Family::V4, State::Listen, 2)
            .with(Family::V4, State::CloseWait, 4);
        let _zoo = Zoo::open(&wanted);
        let both = run(["--json", "--state", "listen", "--state", "close-wait"]).succeeded();
        let expected = states(&[("LISTEN", 2), ("CLOSE_WAIT", 4)]);
        assert_eq!(Answer::of(&both).states, expected);
        let fewer = run(["--json", "--state", "listen,close-wait", "-l"]).succeeded();
        assert_eq!(Answer::of(&fewer).states, states(&[("LISTEN", 2)]));
    }
);

in_namespace!(
    fn bound_sockets_are_counted_only_when_named() {
        let _extra = [
            listeners::bound_only(Family::V4, 3),
            listeners::bound_only(Family::V6, 2),
        ];
        assert_eq!(Answer::of(&run(["--json"]).succeeded()).total, 0);
        let named = run(["--json", "--state", "bound"]).succeeded();
        assert_eq!(Answer::of(&named).states, states(&[("BOUND", 5)]));
        let with_close = run(["--json", "--state", "bound,close", "-6"]).succeeded();
        let expected = states(&[("BOUND", 2), ("CLOSE", 0)]);
        assert_eq!(Answer::of(&with_close).states, expected);
        assert_eq!(
            run(["--state", "bound"]).succeeded().table(),
            [("BOUND".to_owned(), 5), ("TOTAL".to_owned(), 5)]
        );
    }
);

#[test]
fn bound_sockets_from_proc_are_an_error() {
    let ran = run(["--source", "proc", "--state", "bound"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert!(
        ran.stderr.contains("does not list bound sockets"),
        "{ran:?}"
    );
}
