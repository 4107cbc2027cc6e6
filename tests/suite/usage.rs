//! Invalid arguments: status 2, nothing on stdout, and one line that names the argument, the
//! allowed values and the nearest valid word.

use crate::child::Start;
use crate::program::{command, ran, run};

/// Asserts that the arguments are refused by one line with all of `words`.
#[track_caller]
fn assert_refused<const N: usize>(arguments: [&str; N], words: &[&str]) {
    let ran = run(arguments);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    assert!(ran.stderr.starts_with("tcpstates: "), "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is not in {ran:?}");
    }
    assert!(!ran.stderr.contains("'--'"), "{ran:?}");
}

#[test]
fn a_misspelt_state_suggests_the_nearest() {
    assert_refused(
        ["--state", "tim-wait"],
        &["--state", "`tim-wait`", "time-wait?"],
    );
    assert_refused(
        ["--state", "listen,establishd"],
        &["`establishd`", "established?"],
    );
    assert_refused(
        ["--state", "xyzzy"],
        &["--state", "`xyzzy`", "close-wait", "bucket"],
    );
    assert_refused(["--state", ""], &["--state"]);
    assert_refused(["--state"], &["--state", "needs a value"]);
}

#[test]
fn an_unknown_option_suggests_the_nearest() {
    assert_refused(["--jsn"], &["--jsn", "--json?"]);
    assert_refused(["--frobnicate"], &["--frobnicate", "no such option"]);
    assert_refused(
        ["--source", "netlnk"],
        &[
            "--source",
            "`netlnk`",
            "auto, netlink, netlink+counters, proc",
            "netlink?",
        ],
    );
    assert_refused(["--format", "xml"], &["--format", "table, json"]);
    assert_refused(["--color", "blue"], &["--color", "auto, always, never"]);
    assert_refused(["--json=yes"], &["--json", "takes no value"]);
}

#[test]
fn an_interval_must_be_a_duration_within_bounds() {
    for word in ["0", "0.04", "1e9", "1d", "49ms", "25h"] {
        let allowed = [&format!("`{word}`"), "0.05s to 24h", "500ms"];
        assert_refused(["--watch", word], &[&["--watch"], &allowed[..]].concat());
    }
    for word in ["-1", "nan", "inf", "-inf", "soon", ""] {
        let word = format!("--watch={word}");
        assert_refused([&*word], &["--watch", "0.05s to 24h"]);
    }
}

#[test]
fn only_a_duration_behind_watch_is_its_value() {
    let family = ["--watch", "family = ipx", "--samples=1"];
    assert_refused(family, &["filter, word 3, `ipx`: no such family"]);
    assert_refused(["--watch", "soon"], &["filter, word 1, `soon`"]);
    let verb = ["--watch", "list", "--samples=1"];
    assert_refused(verb, &["`list` is a command and comes first"]);
    for words in [
        &["--watch", "--samples=1"][..],
        &["--samples=1", "--watch"],
        &["--watch", "-4", "--samples=1"],
        &["--watch", "10.0.0.0/8", "--samples=1"],
        &["--watch", "sport = :1", "--samples=1"],
        &["--watch", "500ms", ":1", "--samples=1"],
        &["list", "--watch", "--samples=1", ":1"],
        &["list", "--watch=1s", "--samples=1", ":1"],
    ] {
        assert_eq!(run(words.iter().copied()).succeeded().status, 0);
    }
}

#[test]
fn samples_must_be_at_least_1_and_needs_watch() {
    for word in ["0", "-1", "1.5", "many"] {
        assert_refused(
            ["--watch=1", "--samples", word],
            &["--samples", &format!("`{word}`"), "from 1"],
        );
    }
    assert_refused(["--samples", "3"], &["--samples needs --watch"]);
}

#[test]
fn an_unknown_key_or_prefix_length_is_refused() {
    assert_refused(
        ["--by", "remote-adr"],
        &["--by", "`remote-adr`", "remote-addr?", "cgroup"],
    );
    assert_refused(
        ["--by", "send-queue"],
        &["--by", "allowed are state, kind, family"],
    );
    assert_refused(["--by", "remote-addr/33"], &["--by", "/33", "/0 to /32"]);
    assert_refused(
        ["--by", "local-addr/24,/200"],
        &["--by", "/200", "/0 to /128"],
    );
    assert_refused(["--by"], &["--by", "needs a value"]);
    for word in ["0", "-1", "x"] {
        assert_refused(["--by=state", "--top", word], &["--top", "from 1"]);
    }
    assert_refused(["--top", "3"], &["--top needs --by"]);
}

#[test]
fn conflicting_options_are_refused_by_name() {
    assert_refused(["--json", "--format", "table"], &["--json and --format"]);
    assert_refused(
        ["--state", "established", "-l"],
        &["--state and --listening"],
    );
    assert_refused(
        ["--source", "netlink", "--proc-root", "/proc"],
        &["--source netlink and --proc-root"],
    );
}

#[test]
fn a_proc_root_must_exist_and_contain_the_tables() {
    assert_refused(
        ["--proc-root", "/nowhere"],
        &["--proc-root: /nowhere: No such file"],
    );
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().to_str().unwrap();
    assert_refused(
        ["--proc-root", path],
        &["--proc-root", path, "1/net/tcp nor net/tcp"],
    );
    assert_refused(["--proc-root", ""], &["--proc-root", "needs a value"]);
}

#[test]
fn a_command_comes_first_and_a_misspelt_one_suggests_the_nearest() {
    assert_refused(
        ["--json", "completions", "bash"],
        &["`completions` is a command and comes first: tcpstates completions SHELL"],
    );
    assert_refused(["completion", "bash"], &["completion", "completions?"]);
    assert_refused(
        ["--json", "complet", "bash"],
        &["`complet`: no such command", "completions?"],
    );
    assert_refused(
        ["completions", "bash", "more"],
        &["`more` is one word too many"],
    );
    assert_refused(
        ["help", "list", "check"],
        &["help takes one topic; for another: tcpstates help check"],
    );
    assert_refused(["completions"], &["SHELL"]);
    assert_refused(["completions", "tcsh"], &["tcsh", "bash", "zsh", "fish"]);
    assert_refused(["frobnicate"], &["frobnicate", "no such word"]);
}

#[test]
fn list_refuses_unknown_columns_sort_keys_and_numbers() {
    assert_refused(
        ["list", "--columns", "uid,cgrup"],
        &[
            "--columns: `cgrup`",
            "did you mean cgroup",
            "tcpstates-list(1) has all",
        ],
    );
    assert_refused(["list", "--columns"], &["--columns", "needs a value"]);
    assert_refused(
        ["list", "--sort", "sendqueu:desc"],
        &[
            "--sort",
            "`sendqueu`",
            "did you mean send-queue",
            "tcpstates-list(1)",
        ],
    );
    assert_refused(["list", "--sort", "user"], &["cannot sort by `user`"]);
    for direction in ["up", "", "desc:desc"] {
        assert_refused(
            ["list", "--sort", &format!("uid:{direction}")],
            &["--sort", "allowed are asc, desc"],
        );
    }
    for limit in ["0", "-1", "1.5", "all"] {
        assert_refused(
            ["list", "--limit", limit],
            &["--limit", &format!("`{limit}`"), "from 1"],
        );
    }
    for seconds in ["0", "-1", "soon"] {
        assert_refused(
            ["list", "-p", "--owner-timeout", seconds],
            &["--owner-timeout", "0.05s to 24h"],
        );
    }
    for without in [&["list"][..], &["--by=user"], &[]] {
        let ran = run([without, &["--owner-timeout=1"]].concat());
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(
            ran.stderr
                .contains("list -p, --by process, or serve --doctor"),
            "{ran:?}"
        );
    }
    assert_refused(["list", "--columns", "proces"], &["did you mean process"]);
    assert_refused(["list", "--sort", "process"], &["cannot sort by"]);
    assert_refused(["list", "--samples=3"], &["--samples needs --watch"]);
    assert_refused(["list", "--zeros"], &["--zeros", "belongs to the summary"]);
}

#[test]
fn the_list_command_comes_first() {
    assert_refused(
        ["--json", "list"],
        &["`list` is a command and comes first: tcpstates list [OPTIONS] [FILTER]..."],
    );
    assert_refused(["lst"], &["lst", "list?"]);
    assert_refused(["list", "sprot", "80"], &["`sprot`", "did you mean sport"]);
    assert_refused(
        ["sport", "80", "list"],
        &["tcpstates list [OPTIONS] [FILTER]..."],
    );
}

#[test]
fn control_characters_in_arguments_are_escaped() {
    let ran = run(["--state", "\u{1b}[31m\nred"]);
    assert_eq!((ran.status, ran.stderr.lines().count()), (2, 1), "{ran:?}");
    assert!(!ran.stderr.contains('\u{1b}'), "{ran:?}");
}

#[test]
fn the_last_of_a_repeated_option_applies() {
    let ran = run([
        "--format",
        "table",
        "--format",
        "json",
        "--color=never",
        "--color=auto",
    ]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("{\"version\":1,"));
}

#[test]
fn an_argument_that_is_not_utf8_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let not_utf8 = std::ffi::OsStr::from_bytes(b"caf\xe9");
    let ran = ran(command(["--state".as_ref(), not_utf8])
        .run_to_end()
        .unwrap());
    assert_eq!((ran.status, ran.stderr.lines().count()), (2, 1), "{ran:?}");
    assert!(
        ran.stderr.contains("`caf\u{fffd}` is not valid UTF-8"),
        "{ran:?}"
    );
}
