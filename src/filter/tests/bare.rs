//! Values without a word before them, and lists and ranges of ports.

use super::{refused, understood};

/// What is typed, and its meaning.
const MEANINGS: &[(&str, &str)] = &[
    ("10.0.0.1", "src = 10.0.0.1 or dst = 10.0.0.1"),
    ("10.0.0.0/8", "src = 10.0.0.0/8 or dst = 10.0.0.0/8"),
    (
        "[::1]:443",
        "(src = [::1] and sport = :443) or (dst = [::1] and dport = :443)",
    ),
    ("::1", "src = [::1] or dst = [::1]"),
    ("fe80::1", "src = [fe80::1] or dst = [fe80::1]"),
    (":443", "sport = :443 or dport = :443"),
    (":https", "sport = :443 or dport = :443"),
    ("!:443", "not (sport = :443 or dport = :443)"),
    ("(:443)", "sport = :443 or dport = :443"),
    ("uid=5&&:443", "uid = 5 and (sport = :443 or dport = :443)"),
    (
        "10.0.0.1 :443",
        "(src = 10.0.0.1 or dst = 10.0.0.1) and (sport = :443 or dport = :443)",
    ),
    ("time-wait,CLOSE_WAIT", "state = close-wait,time-wait"),
    ("sport = :80,443", "sport = :80 or sport = :443"),
    ("sport = 443,80,80", "sport = :80 or sport = :443"),
    ("dport = :8000-8010", "dport >= :8000 and dport <= :8010"),
    (
        "dport = :80,81-83,82-90,91",
        "dport >= :80 and dport <= :91",
    ),
    ("sport = :0xff-0x100", "sport >= :255 and sport <= :256"),
    ("sport != :80,443", "not (sport = :80 or sport = :443)"),
    (
        "port != :80,443",
        "not (sport = :80 or sport = :443 or dport = :80 or dport = :443)",
    ),
    (
        ":80,8000-8010",
        "sport = :80 or (sport >= :8000 and sport <= :8010) or dport = :80 or (dport >= :8000 and dport <= :8010)",
    ),
    (
        "dst 10.0.0.1:80,443",
        "dst = 10.0.0.1 and (dport = :80 or dport = :443)",
    ),
    (
        "sport inet::80,443",
        "(sport = :80 or sport = :443) and family = inet",
    ),
    (
        "sport = :65530-65535,65535",
        "sport >= :65530 and sport <= :65535",
    ),
    ("established time-wait", "state = established,time-wait"),
    (
        "established state time-wait",
        "state = established,time-wait",
    ),
    (
        "established :1 or :2",
        "state = established and (sport = :1 or dport = :1 or sport = :2 or dport = :2)",
    ),
    (
        ":1 established",
        "(sport = :1 or dport = :1) and state = established",
    ),
    ("not established", "not state = established"),
];

#[test]
fn ports_addresses_and_states_are_tests_by_themselves() {
    for (typed, meaning) in MEANINGS {
        assert_eq!(understood(&[typed]), *meaning, "{typed}");
        assert_eq!(understood(&[meaning]), *meaning, "typed again");
    }
}

/// A filter, the number of its wrong word, that word, and a part of the error.
const ERRORS: &[(&str, usize, &str, &str)] = &[
    ("establishd", 1, "establishd", "did you mean established"),
    ("443", 1, "443", "a port has a colon: :443"),
    ("80,443", 1, "80,443", "a port has a colon: :80,443"),
    ("localhost:443", 1, "localhost:443", "host = localhost:443"),
    ("example.com", 1, "example.com", "host = example.com"),
    (
        ":99999",
        1,
        ":99999",
        "`99999` is not a port; allowed are 0 to 65535, ranges as in :8000-8010",
    ),
    (":80-20", 1, ":80-20", "in the range 80-20; write :20-80"),
    (":80,,443", 1, ":80,,443", "missing before or after a comma"),
    (":80,-5", 1, ":80,-5", "`-5` is not a port"),
    ("sport = :80,", 3, ":80,", "missing before or after a comma"),
    ("sport = :80,x", 3, ":80,x", "no such service"),
    (":80-", 1, ":80-", "`80-` is not a port"),
    ("sport > :80,443", 3, ":80,443", "have no order"),
    ("sport <= :80-90", 3, ":80-90", "have no order"),
    (":", 1, ":", "a port is missing after the colon"),
    ("10.0.0.0/33", 1, "10.0.0.0/33", "/33 is not a prefix"),
    ("10.0.0", 1, "10.0.0", "not an address"),
    ("[::1", 1, "[::1", "bracket"),
    ("::1:443", 1, "::1:443", "Write [::1:443] or [::1]:443"),
    (":80 = 443", 2, "=", "a word to compare must precede it"),
    ("uid = 1 and :70000", 5, ":70000", "0 to 65535"),
];

#[test]
fn an_invalid_value_is_refused_at_its_word() {
    for (typed, number, word, expected) in ERRORS {
        let (found, at, reason) = refused(&[typed]);
        assert_eq!((found, &*at), (*number, *word), "{typed}: {reason}");
        assert!(reason.contains(expected), "{typed}: {reason}");
    }
}

/// Half of all ports are a filter of half a megabyte.
#[test]
fn a_list_of_every_second_port_is_evaluated_and_displayed() {
    let ports: Vec<String> = (1..=u16::MAX)
        .step_by(2)
        .map(|port| port.to_string())
        .collect();
    let text = understood(&[&format!("sport = :{}", ports.join(","))]);
    assert_eq!(text.matches("sport = :").count(), ports.len());
}
