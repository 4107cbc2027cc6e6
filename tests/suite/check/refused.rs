//! Invalid arguments: UNKNOWN, and one line on standard output that names the mistake.

use super::answer::Checked;
use super::read_as;
use crate::program::run;

#[track_caller]
fn assert_refused(arguments: &[&str], words: &[&str]) {
    let ran = run(arguments.iter().copied());
    let (text, data) = read_as(&ran, 3);
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    assert!(data.is_empty());
    for word in words {
        assert!(text.contains(word), "`{word}` is not in {text:?}");
    }
    let checked = Checked::of(&run([arguments, &["--json"]].concat()));
    assert_eq!(checked.reasons, [text]);
}

#[test]
fn an_invalid_threshold_is_refused_with_the_allowed_form() {
    for (arguments, words) in [
        (
            &["-w", "tim-wait=10"][..],
            &["--warning: `tim-wait=10`", "mean time-wait?"][..],
        ),
        (
            &["-c", "time-wait=ten"],
            &["--critical: `time-wait=ten`", "~:10"],
        ),
        (&["-c", "time-wait"], &["`time-wait`", "NAME=RANGE"]),
        (&["-c", "time-wait=10,000"], &["`000`", "NAME=RANGE"]),
        (&["-w", "time-wait=20:10"], &["20 is more than 10"]),
        (
            &["-w", "close-wait=120%"],
            &["`close-wait=120%`", "0% to 100%"],
        ),
        (
            &["-w", "time-wait=30", "-c", "time-wait=10"],
            &[
                "--warning: `time-wait=30`",
                "beyond --critical `time-wait=10`",
            ],
        ),
        (
            &["-w", "estab=10:", "-c", "estab=20:"],
            &["--warning: `estab=10:`", "beyond --critical `estab=20:`"],
        ),
        (
            &["-w", "time-wait=30", "-w", "TIME_WAIT=40"],
            &["--warning: `TIME_WAIT=40`", "another threshold"],
        ),
        (
            &["-w", "estab=-5/s", "--window=1"],
            &["`estab=-5/s`", "`-5/s:`"],
        ),
        (
            &["-l", "-w", "time-wait=3"],
            &["`time-wait=3`: TIME_WAIT is not among"],
        ),
        (
            &["-w", "bound=3"],
            &["`bound=3`: BOUND", "--state all,bound"],
        ),
        (
            &["-w", "accept-queue=80%", "--state=close-wait"],
            &["`accept-queue=80%`: LISTEN is not among"],
        ),
        (
            &["-w", "close-wait=3", "state", "time-wait"],
            &["CLOSE_WAIT is not among"],
        ),
    ] {
        let mut all = vec!["check"];
        all.extend(arguments);
        assert_refused(&all, words);
    }
}

#[test]
fn an_interval_needs_a_wait_and_a_wait_is_a_time() {
    for (arguments, words) in [
        (
            &["--interval=2"][..],
            &["--interval needs --wait DURATION"][..],
        ),
        (
            &["--wait=0"],
            &["--wait: `0`", "as in 2, 500ms, 30s, 5m or 1h"],
        ),
        (
            &["--wait=1d"],
            &["--wait: `1d`", "as in 2, 500ms, 30s, 5m or 1h"],
        ),
        (&["--wait=1", "--interval=0"], &["--interval: `0`", "0.05"]),
        // Not after 30 s.
        (&["--wait=30", "-c", "listn=1:"], &["did you mean listen?"]),
        (&["--wait=30", "--top=3"], &["--top needs --by KEYS"]),
    ] {
        assert_refused(&[&["check"], arguments].concat(), words);
    }
}

#[test]
fn a_quantity_is_refused_in_another_unit_and_without_sockets_that_have_it() {
    for (arguments, words) in [
        (
            &["-w", "listen-drop=1/s"][..],
            &["unknown name `listen-drop`; did you mean listen-drops?"][..],
        ),
        (
            &["-c", "listen-drops=5"],
            &["listen-drops is compared with a number per second, as in listen-drops=0/s"],
        ),
        (
            &["-c", "retransmission=5/s"],
            &["retransmission is compared with a percentage, as in retransmission=1%"],
        ),
        (
            &["-c", "send-queue=80%"],
            &["send-queue is compared with a number of bytes"],
        ),
        (
            &["-l", "-w", "receive-queue=1"],
            &["`receive-queue=1`: no state whose sockets have it is among"],
        ),
        (
            &["--state=time-wait", "-w", "drops=1/s"],
            &["`drops=1/s`: no state whose sockets have it is among"],
        ),
    ] {
        assert_refused(&[&["check"], arguments].concat(), words);
    }
}

#[test]
fn rates_and_windows_require_each_other_and_fit_the_timeout() {
    let rate = "established=-100/s:";
    for window in ["0", "-1", "nan", "4000", "soon"] {
        let word = format!("--window={window}");
        assert_refused(&["check", "-w", rate, &word], &["--window", "0.05s to 1h"]);
    }
    assert_refused(
        &["check", "-w", "established=100", "--window=1"],
        &["--window needs a rate", "established=-100/s:"],
    );
    assert_refused(
        &["check", "-w", rate, "--window=10"],
        &["--window 10 does not fit into --timeout 10"],
    );
    assert_refused(&["check", "-t", "0"], &["--timeout", "0.05s to 24h"]);
}

#[test]
fn a_misspelt_flag_is_unknown_wherever_check_is_written() {
    for arguments in [
        &["check", "--warnin", "time-wait=1"][..],
        &["check", "--jsn"],
        &["--jsn", "check"],
        &["--source", "proc", "check", "-w", "time-wait=1"],
        &["--source=proc", "check"],
        &["-4", "check"],
        &["check", "--by", "remote-adr"],
        &["check", "--state", "xyzzy"],
        &["check", "dport", "=", "nonsense:"],
        &["check", "--top", "3"],
        &["check", "--owner-timeout", "3"],
        &["check", "--proc-root=/", "--source=netlink"],
    ] {
        let first = arguments[0] == "check";
        let message = if first {
            ""
        } else {
            "`check` is a command and comes first"
        };
        assert_refused(arguments, &[message]);
    }
    let (text, _) = read_as(&run(["check", "-w"]), 3);
    assert!(
        text.contains("--warning <NAME=RANGE> needs a value"),
        "{text}"
    );
    // None of these is the `check` command.
    for arguments in [
        ["--jsn", "list", "check"],
        ["process", "=", "check|"],
        ["--jsn", "--", "check"],
    ] {
        let ran = run(arguments);
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{ran:?}");
    }
}

#[test]
fn help_and_version_exit_with_unknown() {
    for (argument, text) in [
        ("--help", "NAME=RANGE"),
        ("-h", "NAME=RANGE"),
        (
            "--version",
            concat!("tcpstates ", env!("CARGO_PKG_VERSION")),
        ),
        ("-V", "tcpstates "),
    ] {
        let ran = run(["check", argument]);
        assert_eq!((ran.status, &*ran.stderr), (3, ""), "{ran:?}");
        assert!(ran.stdout.contains(text), "{ran:?}");
    }
}
