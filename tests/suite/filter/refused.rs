//! Invalid filters: status 2, and one line that names the wrong word. Long filters are valid.

use std::net::TcpListener;

use crate::list::row::Listed;
use crate::namespace::in_namespace;
use crate::program::run;

/// Asserts that the count and the list refuse the filter in one line with all of `words`.
#[track_caller]
fn assert_refused(filter: &[&str], words: &[&str]) {
    for verb in [&[][..], &["list"]] {
        let ran = run([verb, filter].concat());
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        if ran.stderr.contains("filter, word") {
            let help = ["tcpstates"].iter().chain(verb).copied();
            let help = format!("(try '{} --help')\n", help.collect::<Vec<_>>().join(" "));
            assert!(ran.stderr.ends_with(&help), "{ran:?}");
        }
        for word in words {
            assert!(ran.stderr.contains(word), "`{word}` is not in {ran:?}");
        }
    }
}

#[test]
fn an_invalid_filter_is_refused_with_the_wrong_word() {
    for (filter, words) in [
        (&["("][..], &["word 2", "a test is expected"][..]),
        (&["(", "sport", "1"], &["word 1", "`(`", "nothing closes"]),
        (&["sport 1)"], &["word 2", "`)`", "closes nothing"]),
        (
            &["sprot", "=", ":1"],
            &["word 1", "`sprot`", "did you mean sport"],
        ),
        (&["sport = :70000"], &["word 3", "`:70000`", "0 to 65535"]),
        (
            &["src 10.0.0.0/33"],
            &["word 2", "`10.0.0.0/33`", "/0 to /32"],
        ),
        (&["dst", "[::1"], &["word 2", "`[::1`", "not closed"]),
        (&["sport", "80", "and"], &["word 4", "at the end"]),
        (&["sport 1 = 2"], &["word 3", "`=`"]),
        (&["dst > 10.0.0.1"], &["word 1", "`dst`", "no order"]),
        (&[""], &["the filter is empty"]),
        (&["state", "listn"], &["word 2", "`listn`", "listen?"]),
        (
            &["establishd"],
            &["`establishd`", "did you mean established"],
        ),
        (&[":99999"], &["word 1", "`:99999`", "0 to 65535"]),
        (&[":80-20"], &["word 1", "`:80-20`", "write :20-80"]),
        (&[":80,,443"], &["word 1", "`:80,,443`", "comma"]),
        (
            &["8000-8010"],
            &["word 1", "a port has a colon: :8000-8010 (try"],
        ),
        (&["80,443"], &["word 1", "a port has a colon: :80,443 (try"]),
        (&[":443,:80"], &["word 1", "write 80 without it"]),
        (&[":80, 443"], &["word 1", "without blanks"]),
        (
            &[":http-https"],
            &["word 1", "a range has numbers; write 80-443"],
        ),
        (
            &["close-wait, time-wait"],
            &["no blanks around a comma: close-wait,…"],
        ),
        (&["CLOSE-WAIT,bogus"], &["no such state `bogus`"]),
        (&["wait"], &["did you mean close-wait or time-wait?"]),
        (&["http"], &["a service has a colon: :http"]),
        (&["any"], &["a name needs a word before it: host = any"]),
        (&["*"], &["host = *"]),
        (&["localhost"], &["host = localhost"]),
        (&["127.0.0.1,127.0.7.1"], &["write 127.0.0.1 or 127.0.7.1"]),
        (&["300.1.1.1"], &["`300.1.1.1`", "names need `host =`"]),
        (&["10."], &["`10.`", "names need `host =`"]),
        (&["443"], &["word 1", "`443`", "a port has a colon: :443"]),
        (&["dev nosuch0"], &["word 2", "`nosuch0`"]),
        (&["user no,such,user"], &["word 2", "`no,such,user`"]),
        (&["fwmark one"], &["word 2", "`one`", "MARK/MASK"]),
    ] {
        assert_refused(filter, words);
    }
}

#[test]
fn an_unquoted_greater_than_sign_is_explained() {
    // The rest of an unquoted `sport > :1024`.
    assert_refused(&["sport"], &["`sport`", "the shell took them", "gt"]);
}

#[test]
fn contradictory_states_are_refused() {
    assert_refused(&["state listen and state estab"], &["no socket can pass"]);
    assert_refused(
        &["--state=listen", "state", "estab"],
        &["no state in common"],
    );
    assert_refused(&["-l", "exclude", "listen"], &["no state in common"]);
    assert_refused(
        &["-l", "close-wait"],
        &[
            "the options select listen, the filter close-wait (",
            "help filter",
        ],
    );
    for filter in ["exclude all", "state established and not state established"] {
        assert_refused(&[filter], &["no socket can pass", "leave no state"]);
    }
    assert_refused(
        &["--state=time-wait", "state", "established"],
        &["the options and the filter have no state in common"],
    );
    assert_refused(
        &["state established exclude established"],
        &["no socket can pass", "it excludes what it selects"],
    );
}

#[test]
fn the_word_of_ss_for_two_fields_names_both() {
    assert_refused(
        &["retrans > 0"],
        &["word 1", "`retrans`", "retransmits (", "total-retrans ("],
    );
}

#[test]
fn a_command_after_filter_words_is_refused() {
    for command in ["list", "completions"] {
        let message = format!("`{command}` is a command and comes first: tcpstates {command}");
        let refused = |arguments: &[&str]| {
            let ran = run(arguments.iter().copied());
            assert_eq!(ran.status, 2, "{ran:?}");
            assert!(ran.stderr.contains(&message), "{ran:?}");
        };
        refused(&["sport", "80", command]);
        refused(&["--json", command, "sport", "80"]);
    }
}

#[test]
fn an_invalid_filter_file_is_refused_with_its_line_number() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    for (contents, words) in [
        (
            "# none\nsport 80 or\n\nsprot 81\n",
            &[path, "line 4", "`sprot`"][..],
        ),
        ("# nothing else\n", &[path, "empty"]),
    ] {
        std::fs::write(&file, contents).unwrap();
        assert_refused(&["-F", path], words);
    }
    assert_refused(
        &["-F", "/nowhere"],
        &["--filter", "/nowhere", "No such file"],
    );
}

#[test]
fn a_filter_file_is_at_most_a_mebibyte_and_an_error_shows_the_start_of_a_word() {
    const MEBIBYTE: usize = 1 << 20;
    assert_refused(&["-F", "/dev/zero"], &["/dev/zero is longer than 1 MiB"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let spaces = |length: usize| format!("sport 80{}", " ".repeat(length - 8));
    std::fs::write(&file, spaces(MEBIBYTE + 1)).unwrap();
    assert_refused(&["-F", path], &["longer than 1 MiB"]);
    std::fs::write(&file, spaces(MEBIBYTE)).unwrap();
    assert_eq!(run(["--explain", "-F", path]).status, 0);
    std::fs::write(&file, "y\u{202e}\u{1b}".repeat(100)).unwrap();
    // Its first 40 characters.
    let shown = format!("`{}y…`", r"y\u{202e}\u{1b}".repeat(13));
    assert_refused(&["-F", path], &["line 1", &shown]);
}

/// A filter of so many ports, below those that the kernel chooses.
fn ports(count: u16) -> String {
    let ports: Vec<String> = (1..=count).map(|port| format!("sport = :{port}")).collect();
    ports.join(" or ")
}

in_namespace!(
    fn long_and_deeply_nested_filters_are_evaluated() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = |arguments: &[&str]| {
            let ran = run([&["list", "--json", "-v"], arguments].concat());
            assert_eq!(ran.status, 0, "{}", ran.stderr);
            (Listed::all(&ran).0.len(), ran.stderr)
        };
        let own = format!("sport = :{port}");
        // One that fits into the kernel's bytecode, and one that does not.
        for (length, evaluated) in [
            (1_000, "the kernel evaluates sport"),
            (2_000, "tcpstates evaluates sport"),
        ] {
            let filter = ports(length);
            let (none, notes) = count(&[&filter]);
            assert!(notes.contains(evaluated), "{length}: {notes}");
            let reason = ", because a program for the kernel has at most 16 KiB";
            assert_eq!(notes.contains(reason), length == 2_000, "{notes}");
            assert_eq!((none, count(&[&filter, "or", &own]).0), (0, 1), "{length}");
        }
        let lines = |options: &[&str]| {
            let explained = run([options, &[&*ports(1_000)]].concat()).succeeded();
            explained.stdout.lines().count()
        };
        assert_eq!(lines(&["--explain"]), 4 + 31);
        assert_eq!(lines(&["--explain", "-v"]), 4 + 1_999);
        // A megabyte, in words as long as an argument may be.
        let long = ports(6_000);
        let mut words: Vec<&str> = Vec::new();
        for _ in 0..(1 << 20) / long.len() {
            words.extend([long.as_str(), "or"]);
        }
        words.push(&own);
        assert_eq!(count(&words).0, 1);
        for depth in [10_000, 10_001] {
            let nested = format!("{}{own}{}", "(".repeat(depth), ")".repeat(depth));
            assert_eq!(count(&[&nested]).0, 1);
            let negated = format!("{}{own}", "not ".repeat(depth));
            assert_eq!(count(&[&negated]).0, usize::from(depth % 2 == 0), "{depth}");
            let explained = run(["--explain", &negated]).succeeded();
            assert!(explained.stdout.contains(&own), "{explained:?}");
        }
    }
);
