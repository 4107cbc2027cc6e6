//! `--help` and `help TOPIC`: each page begins with what the command does and examples, each state is
//! explained, and every suggested command is valid.

use std::collections::BTreeSet;
use std::ffi::OsString;

use tcpstates::cli::{Parsed, parse};
use tcpstates::model::State;

use crate::namespace::in_namespace;
use crate::program::run;

const VERBS: [&str; 5] = ["list", "check", "doctor", "serve", "trace"];

/// Asserts that a suggested command is valid; those that end by themselves are run.
#[track_caller]
fn assert_valid(command: &str) {
    let words: Vec<&str> = command.split_whitespace().collect();
    let words = words.strip_prefix(&["sudo"]).unwrap_or(&words);
    assert_eq!(words[0], "tcpstates");
    let typed = words.iter().map(OsString::from);
    assert!(matches!(parse(typed), Parsed::Arguments(_)), "{command}");
    let arguments = words[1..].iter().copied();
    let serves = words.get(1) == Some(&"serve") && !words.contains(&"--once");
    if words.get(1) == Some(&"trace") || words.contains(&"--watch") || serves {
        return;
    }
    let ran = run(arguments);
    assert!(!ran.stdout.is_empty(), "{command}: {ran:?}");
    let is_check = words.get(1) == Some(&"check");
    let allowed: &[i32] = match is_check {
        true => &[0, 1, 2],
        false => &[0, 4, 5],
    };
    assert!(allowed.contains(&ran.status), "{command}: {ran:?}");
}

/// The commands of a text: lines that begin with two blanks and the program's name.
fn commands(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("  "));
    lines
        .filter(|line| line.starts_with("tcpstates ") || line.starts_with("sudo tcpstates "))
        .map(|line| line.split("   ").next().unwrap().trim_end().to_owned())
        .collect()
}

in_namespace!(
    fn each_page_of_help_has_what_the_command_does_and_three_valid_examples() {
        let all = run(["-h"]).succeeded().stdout;
        for verb in VERBS {
            let line = all.lines().find_map(|line| line.trim().strip_prefix(verb));
            let duty = line.unwrap().trim();
            for option in ["-h", "--help"] {
                let help = run([verb, option]).stdout;
                assert_eq!(help.lines().next(), Some(duty), "{help}");
                let (before, _) = help.split_once("\nUsage: ").unwrap();
                let (_, examples) = before.split_once("\nExamples:\n").unwrap();
                let examples = commands(examples);
                assert_eq!(examples.len(), 3, "{help}");
                if option == "-h" {
                    examples.iter().for_each(|command| assert_valid(command));
                }
            }
        }
        commands(&all)
            .iter()
            .for_each(|command| assert_valid(command));
    }
);

in_namespace!(
    fn each_state_is_explained_in_about_ten_lines_with_valid_commands() {
        let mut all = BTreeSet::new();
        // UNCONNECTED is explained with CLOSE, which the kernel calls it.
        for state in State::named().filter(|state| *state != State::Unconnected) {
            let help = run(["help", &state.word()]).succeeded().stdout;
            assert_eq!(help.lines().next(), Some(&*state.to_string()));
            assert!((9..=13).contains(&help.lines().count()), "{help}");
            assert!(help.lines().all(|line| line.len() <= 90), "{help}");
            let commands = commands(&help);
            assert!(!commands.is_empty(), "{help}");
            all.extend(commands);
        }
        all.iter().for_each(|command| assert_valid(command));
    }
);

#[test]
fn a_state_is_explained_in_every_spelling() {
    let close_wait = run(["help", "close-wait"]).succeeded().stdout;
    assert!(close_wait.contains("tcpstates --state close-wait --by process"));
    for words in [
        ["help", "CLOSE_WAIT"],
        ["help", "CloseWait"],
        ["--help", "close-wait"],
        ["-h", "close-wait"],
    ] {
        assert_eq!(run(words).succeeded().stdout, close_wait);
    }
    let estab = run(["help", "estab"]).succeeded().stdout;
    assert!(estab.starts_with("ESTABLISHED\n"));
}

in_namespace!(
    fn filters_are_explained_with_a_valid_command() {
        let help = run(["help", "filter"]).succeeded().stdout;
        assert!(help.contains("tcpstates-filter(7)"), "{help}");
        let commands = commands(&help);
        assert!(!commands.is_empty(), "{help}");
        commands.iter().for_each(|command| assert_valid(command));
    }
);

#[test]
fn help_of_a_command_is_its_own_help() {
    let whole = run(["--help"]).succeeded().stdout;
    assert_eq!(run(["help"]).succeeded().stdout, whole);
    for verb in ["list", "doctor", "serve", "trace", "completions"] {
        let help = run([verb, "--help"]).succeeded().stdout;
        assert_eq!(run(["help", verb]).succeeded().stdout, help);
        assert_eq!(run(["--help", verb]).succeeded().stdout, help);
    }
    assert_eq!(
        run(["help", "check"]).succeeded().stdout,
        run(["check", "--help"]).stdout
    );
}

#[test]
fn an_unknown_topic_is_refused_with_the_nearest() {
    for (topic, expected) in [
        ("close-wat", "did you mean close-wait?"),
        ("lst", "did you mean list?"),
        (
            "xyzzy",
            "no such command or state `xyzzy` (try 'tcpstates help')",
        ),
        ("bucket", "bucket is a group of states: syn-recv, time-wait"),
    ] {
        let ran = run(["help", topic]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
}

#[test]
fn errors_name_the_help_of_the_command_at_hand() {
    for (words, expected) in [
        (&["--jsn"][..], "(try 'tcpstates --help')"),
        (&["list", "--jsn"], "(try 'tcpstates list --help')"),
        (&["doctor", "--jsn"], "(try 'tcpstates doctor --help')"),
        (&["serve", "--jsn"], "(try 'tcpstates serve --help')"),
        (&["trace", "--jsn"], "(try 'tcpstates trace --help')"),
        (
            &["completions", "tcsh"],
            "(try 'tcpstates completions --help')",
        ),
    ] {
        let ran = run(words.iter().copied());
        assert_eq!(ran.status, 2, "{ran:?}");
        assert!(ran.stderr.trim_end().ends_with(expected), "{ran:?}");
    }
    let check = run(["check", "--jsn"]);
    assert_eq!(check.status, 3);
    assert!(
        check.stdout.contains("(try 'tcpstates check --help')"),
        "{check:?}"
    );
}
