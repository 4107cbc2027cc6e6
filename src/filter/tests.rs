//! The language as a whole: what is typed, what it means, and what is refused.

mod bare;

use super::testing::parsed;
use super::{Folded, Position, Test};
use crate::model::{State, StateSet};

/// The text of the parsed filter.
#[track_caller]
fn understood(words: &[&str]) -> String {
    parsed(words)
        .unwrap_or_else(|error| panic!("{words:?}: {error}"))
        .to_string()
}

#[track_caller]
fn refused(words: &[&str]) -> (usize, String, String) {
    let error = parsed(words).unwrap_err();
    let Position::Word(number) = error.place else {
        panic!("{error}")
    };
    (number, error.word, error.reason)
}

#[test]
fn not_binds_closest_then_and_then_or() {
    for (typed, meaning) in [
        (
            "sport 1 or sport 2 and sport 3",
            "sport = :1 or (sport = :2 and sport = :3)",
        ),
        (
            "sport 1 and sport 2 or sport 3",
            "(sport = :1 and sport = :2) or sport = :3",
        ),
        ("not sport 1 and sport 2", "not sport = :1 and sport = :2"),
        (
            "not (sport 1 and sport 2)",
            "not (sport = :1 and sport = :2)",
        ),
        ("not not sport 1", "not not sport = :1"),
        (
            "sport 1 sport 2 or sport 3 sport 4",
            "(sport = :1 and sport = :2) or (sport = :3 and sport = :4)",
        ),
        (
            "sport 1 or sport 2 or sport 3",
            "sport = :1 or sport = :2 or sport = :3",
        ),
        (
            "sport 1 and (sport 2 or not sport 3)",
            "sport = :1 and (sport = :2 or not sport = :3)",
        ),
        ("((sport 1))", "sport = :1"),
        ("(sport 1)(sport 2)", "sport = :1 and sport = :2"),
        ("sport 1 not sport 2", "sport = :1 and not sport = :2"),
        ("sport 1 !sport 2", "sport = :1 and not sport = :2"),
    ] {
        assert_eq!(understood(&[typed]), meaning, "{typed}");
        assert_eq!(understood(&[meaning]), meaning, "{meaning}");
    }
}

#[test]
fn every_spelling_of_every_operator_is_parsed_with_and_without_blanks() {
    for (spellings, meaning) in [
        (&["=", "==", "eq", "EQ"][..], "sport = :80"),
        (&["!=", "ne", "neq"], "not sport = :80"),
        (&["<", "lt"], "sport < :80"),
        (&["<=", "le", "leq"], "sport <= :80"),
        (&[">", "gt"], "sport > :80"),
        (&[">=", "ge", "geq"], "sport >= :80"),
    ] {
        for spelling in spellings {
            assert_eq!(understood(&["sport", spelling, ":80"]), meaning);
            if !spelling.starts_with(char::is_alphabetic) {
                assert_eq!(understood(&[&format!("sport{spelling}80")]), meaning);
            }
        }
    }
    for (spellings, meaning) in [
        (
            &["and", "&&", "&", "AND", ""][..],
            "sport = :1 and dport = :2",
        ),
        (&["or", "||", "|"], "sport = :1 or dport = :2"),
    ] {
        for spelling in spellings {
            assert_eq!(understood(&["sport = :1", spelling, "dport = :2"]), meaning);
        }
    }
    assert_eq!(
        understood(&["sport=:1&&dport=:2"]),
        "sport = :1 and dport = :2"
    );
    assert_eq!(
        understood(&["sport=:1|dport=:2"]),
        "sport = :1 or dport = :2"
    );
    assert_eq!(understood(&["!sport=:1"]), "not sport = :1");
    assert_eq!(
        understood(&["(sport=:1)or(dport=:2)"]),
        "sport = :1 or dport = :2"
    );
}

/// Every word with a value, and its meaning.
const WORDS: &[(&str, &str)] = &[
    ("src 10.0.0.1", "src = 10.0.0.1"),
    ("local-addr == 10.0.0.0/8", "src = 10.0.0.0/8"),
    ("dst != [::1]:443", "not (dst = [::1] and dport = :443)"),
    ("dst [fe80::/10]", "dst = [fe80::/10]"),
    ("dst inet:10.0.0.1", "dst = 10.0.0.1 and family = inet"),
    ("dst both", "dst = 192.0.2.1 or dst = [2001:db8::1]"),
    ("dst *:https", "src = * and dport = :443"),
    ("host 10.0.0.1", "src = 10.0.0.1 or dst = 10.0.0.1"),
    ("sport inet6::443", "sport = :443 and family = inet6"),
    ("dport :https", "dport = :443"),
    ("dport = 0x1bb", "dport = :443"),
    ("sport = :*", "src = *"),
    ("port 443", "sport = :443 or dport = :443"),
    ("port != 443", "not (sport = :443 or dport = :443)"),
    ("port > 1024", "sport > :1024 or dport > :1024"),
    ("dev lo", "interface = 1"),
    ("interface != 7", "not interface = 7"),
    ("fwmark 0x10/0xff", "mark = 0x10/0xff"),
    ("mark != 5", "not mark = 0x5/0xffffffff"),
    (r"cgroup /web\ (1)", "cgroup = id:77"),
    ("cgroup id:5", "cgroup = id:5"),
    (
        "autobound",
        "autobound and sport >= :32768 and sport <= :60999",
    ),
    ("family ipv6", "family = inet6 and not family = v4-mapped"),
    ("family != inet", "not family = inet"),
    ("uid >= 1000", "uid >= 1000"),
    ("user www-data", "uid = 33"),
    ("user 1000", "uid = 1000"),
    ("inode 5", "inode = 5"),
    ("receive-queue > 0", "receive-queue > 0"),
    ("recv-q > 0", "receive-queue > 0"),
    ("SEND_QUEUE != 0", "not send-queue = 0"),
    ("accept-queue > 128", "accept-queue > 128"),
    (r"process = a\ b\)", r"process = a\ b\)"),
    ("process != nginx", "not process = nginx"),
    ("pid 5", "pid = 5"),
    ("rtt > 20ms", "rtt > 20000us"),
    ("lastsnd >= 2s", "last-data-sent >= 2000ms"),
    ("bytes-sent > 0x100", "bytes-sent > 256"),
    ("cong != cubic", "not congestion-control = cubic"),
    (r"cong = \ ", r"congestion-control = \ "),
    ("state time-wait", "state = time-wait"),
    (
        "sport 1 state != estab",
        "sport = :1 and not state = established",
    ),
    (
        "sport 1 exclude listening",
        "sport = :1 and not state = listen",
    ),
    (
        "sport 1 state listening,TIME_WAIT",
        "sport = :1 and state = listen,time-wait",
    ),
];

#[test]
fn every_word_names_its_test() {
    for (typed, meaning) in WORDS {
        let found = understood(&[typed]);
        assert_eq!(found, *meaning, "{typed}");
        if !meaning.contains("autobound") {
            assert_eq!(understood(&[&found]), found, "typed again");
        }
    }
}

#[test]
fn a_leading_run_of_states_adds_up_as_in_ss() {
    for (typed, meaning) in [
        (
            "state established state time-wait",
            "state = established,time-wait",
        ),
        ("state connected exclude estab sport 1", "sport = :1"),
        ("exclude listening exclude time-wait", ""),
        (
            "state established sport 1 or sport 2",
            "state = established and (sport = :1 or sport = :2)",
        ),
        (
            "state established not sport 1 or (sport 2)",
            "state = established and (not sport = :1 or sport = :2)",
        ),
        (
            "state established and sport 1 or sport 2",
            "(state = established and sport = :1) or sport = :2",
        ),
        (
            "state established or sport 1",
            "state = established or sport = :1",
        ),
    ] {
        let found = understood(&[typed]);
        assert!(found.contains(meaning), "{typed}: {found}");
    }
    let (states, rest) = parsed(&["exclude", "listening", "excl", "bucket"])
        .unwrap()
        .narrow(StateSet::ALL);
    let expected = [State::Listen, State::SynRecv, State::TimeWait]
        .into_iter()
        .fold(StateSet::ALL, StateSet::without);
    assert_eq!((states, rest), (expected, Folded::Always));
}

#[test]
fn states_that_no_socket_can_be_in_are_left_out_and_those_settled_are_not_tested() {
    let one = |state| StateSet::NONE.with(state);
    for (typed, states, rest) in [
        (
            "state estab and sport 1",
            one(State::Established),
            Some("sport = :1"),
        ),
        (
            "sport 1 and (state estab or state listen)",
            one(State::Established).with(State::Listen),
            Some("sport = :1"),
        ),
        ("state estab and not state estab", StateSet::NONE, None),
        (
            "state estab or sport 1",
            StateSet::ALL,
            Some("state = established or sport = :1"),
        ),
        (
            "(state estab and sport 1) or (state listen and sport 2)",
            one(State::Established).with(State::Listen),
            Some("(state = established and sport = :1) or (state = listen and sport = :2)"),
        ),
        (
            "sport 1 or not sport 1",
            StateSet::ALL,
            Some("sport = :1 or not sport = :1"),
        ),
        (
            "not (state estab or sport 1)",
            StateSet::ALL.without(State::Established),
            Some("not sport = :1"),
        ),
    ] {
        let (found, folded) = parsed(&[typed]).unwrap().narrow(StateSet::ALL);
        assert_eq!(found, states, "{typed}");
        match (folded, rest) {
            (Folded::Tests(found), Some(rest)) => assert_eq!(found.to_string(), rest),
            (Folded::Never, None) => {}
            (found, _) => panic!("{typed}: {found:?}"),
        }
    }
}

/// A filter, the number of its wrong word, that word, and a part of the error.
const ERRORS: &[(&str, usize, &str, &str)] = &[
    ("sprot = :80", 1, "sprot", "did you mean sport"),
    ("sport = :80 adn dport = :1", 4, "adn", "did you mean and?"),
    ("sport = :70000", 3, ":70000", "allowed are 0 to 65535"),
    ("sport = -1", 3, "-1", "allowed are 0 to 65535"),
    ("sport = 080", 3, "080", "allowed are 0 to 65535"),
    ("sport = nosuch", 3, "nosuch", "no such service"),
    ("dst 10.0.0.0/33", 2, "10.0.0.0/33", "/33"),
    ("dst [::1", 2, "[::1", "bracket"),
    ("dst nowhere", 2, "nowhere", "no such host"),
    ("dst >= 10.0.0.1", 1, "dst", "no order"),
    ("(sport = :80", 1, "(", "nothing closes"),
    ("sport = :80)", 3, ")", "closes nothing"),
    ("(sport = :80))", 3, ")", "closes nothing"),
    ("sport", 1, "sport", "value is missing"),
    ("dport gt", 1, "dport", "write lt, le, gt, ge"),
    ("sport and dport", 1, "sport", "value is missing"),
    ("sport = :80 and", 5, "", "a test is expected"),
    ("and sport = :80", 1, "and", "a test is expected"),
    ("not", 2, "", "a test is expected"),
    ("()", 1, ")", "a test is expected"),
    ("= :80", 1, "=", "a word to compare"),
    ("sport = :80 = :81", 4, "=", "a word to compare"),
    (
        "state establishd",
        2,
        "establishd",
        "did you mean established?",
    ),
    ("sport > :*", 3, ":*", "neither more nor less"),
    ("family = ipx", 3, "ipx", "no such family"),
    ("dev = eth9", 3, "eth9", "no such interface"),
    ("user = nobody", 3, "nobody", "no such user"),
    ("cgroup = /none", 3, "/none", "no such control group"),
    ("mark = 5/x", 3, "5/x", "no mark"),
    ("uid = root", 3, "root", "not a number"),
    ("pid = 0", 3, "0", "whole numbers from 1"),
    ("process = a\0b", 3, "a\0b", "a NUL"),
    ("pid > 5", 1, "pid", "no order"),
    ("rtt > 5min", 3, "5min", "us, ms or s"),
    (
        "cong = seventeen_bytes_x",
        3,
        "seventeen_bytes_x",
        "1 to 16 bytes",
    ),
    (
        "inode = 99999999999999999999",
        3,
        "99999999999999999999",
        "not a number",
    ),
    ("", 1, "", "the filter is empty"),
    ("  ", 1, "", "the filter is empty"),
];

#[test]
fn every_error_is_at_its_word() {
    for (typed, number, word, expected) in ERRORS {
        let (found, at, reason) = refused(&[typed]);
        assert_eq!((found, &*at), (*number, *word), "{typed}: {reason}");
        assert!(reason.contains(expected), "{typed}: {reason}");
    }
}

#[test]
fn ten_thousand_parentheses_and_a_megabyte_of_words_are_nothing_special() {
    let deep = format!(
        "{}sport = :80{}",
        "not (".repeat(10_000),
        ")".repeat(10_000)
    );
    let expression = parsed(&[&deep]).unwrap();
    assert_eq!(expression.to_string().matches("not ").count(), 10_000);
    assert_eq!(expression.narrow(StateSet::ALL).0, StateSet::ALL);
    let open = "(".repeat(10_000);
    assert_eq!(
        refused(&[&open]).2,
        "a test is expected at the end, as in `sport = :80`"
    );
    let long = vec!["sport = :80"; 90_000].join(" or ");
    assert!(long.len() > 1_000_000);
    assert_eq!(parsed(&[&long]).unwrap().tests().count(), 90_000);
    let right = format!(
        "{}sport = :80{}",
        "sport 1 or (".repeat(10_000),
        ")".repeat(10_000)
    );
    assert_eq!(parsed(&[&right]).unwrap().conjuncts().len(), 1);
}

#[test]
fn conjuncts_are_separated_in_the_order_they_were_typed() {
    let expression = parsed(&["sport 1 (dport 2 and (uid 3 or uid 4)) not (uid 5 and uid 6)"]);
    let parts: Vec<_> = expression
        .unwrap()
        .conjuncts()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        parts,
        [
            "sport = :1",
            "dport = :2",
            "uid = 3 or uid = 4",
            "not (uid = 5 and uid = 6)"
        ]
    );
}

#[test]
fn a_leading_exclude_neither_asks_for_bound_sockets_nor_hides_those_asked_for() {
    let with_bound = StateSet::ALL.with(State::Bound);
    for (typed, names_bound, states) in [
        ("exclude listen", false, with_bound.without(State::Listen)),
        ("state != listen", false, with_bound.without(State::Listen)),
        ("exclude listen state listen", false, with_bound),
        (
            "exclude listen state bound",
            true,
            with_bound.without(State::Listen),
        ),
        ("exclude bound", true, StateSet::ALL),
        ("state listen exclude listen", false, StateSet::NONE),
    ] {
        let filter = parsed(&[typed]).unwrap();
        let names =
            |test: &Test| matches!(test, Test::State(states) if states.contains(State::Bound));
        assert_eq!(filter.tests().any(names), names_bound, "{typed}");
        assert_eq!(filter.narrow(with_bound).0, states, "{typed}");
        let displayed = filter.to_string();
        assert_eq!(understood(&[&displayed]), displayed, "{typed}");
    }
}
