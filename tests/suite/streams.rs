//! Standard streams that end, fail or are closed: no panic, the right status, at most one line.

use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;

use crate::child::{self, Start};
use crate::program::{PROGRAM, command, ran, run_command};

#[test]
fn a_full_disk_is_one_error_line_and_status_1() {
    for arguments in [
        &[][..],
        &["list"],
        &["list", "--json"],
        &["--json"],
        &["--help"],
        &["completions", "bash"],
    ] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ran = run_command(command(arguments).stdout(full));
        assert_eq!(ran.status, 1, "{ran:?}");
        assert_eq!(
            ran.stderr,
            "tcpstates: cannot write to standard output: No space left on device (os error 28)\n"
        );
    }
}

#[test]
fn a_read_only_stdout_is_an_error() {
    let read_only = std::fs::File::open("/dev/null").unwrap();
    let ran = run_command(command(["--json"]).stdout(read_only));
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(
        ran.stderr
            .contains("cannot write to standard output: Bad file"),
        "{ran:?}"
    );
}

#[test]
fn a_closed_pipe_ends_a_watch_with_status_0() {
    for format in ["table", "json"] {
        let mut watch = command(["--watch=0.05", "--format", format]);
        let mut watch = watch.start().unwrap();
        assert!(!watch.next_line().unwrap().is_empty());
        watch.close_stdout();
        let ran = ran(watch.finish());
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
    }
}

#[test]
fn a_closed_stdout_is_an_error_and_other_closed_streams_are_none() {
    for (closed, loses_the_answer) in [
        ("<&-", false),
        (">&-", true),
        ("2>&-", false),
        ("<&- >&- 2>&-", true),
    ] {
        for (arguments, status) in [
            ("", 0),
            ("--json", 0),
            ("--help", 0),
            ("list --json", 0),
            ("completions bash", 0),
            ("--no-such-option", 2),
            ("--proc-root /nowhere", 2),
        ] {
            let script = format!("exec \"$PROGRAM\" {arguments} {closed}");
            let mut shell = child::command("sh");
            shell.args(["-c", &script]).env("PROGRAM", PROGRAM);
            let ran = run_command(&mut shell);
            let expected = if loses_the_answer {
                status.max(1)
            } else {
                status
            };
            assert_eq!(ran.status, expected, "{script}: {ran:?}");
            if expected == 1 && closed == ">&-" {
                let lost = "tcpstates: cannot write to standard output: Bad file descriptor";
                assert!(ran.stderr.starts_with(lost), "{script}: {ran:?}");
            }
        }
    }
}

#[test]
fn a_check_whose_stdout_is_closed_is_unknown() {
    let mut shell = child::command("sh");
    let script = "exec \"$PROGRAM\" check >&-";
    shell.args(["-c", script]).env("PROGRAM", PROGRAM);
    let ran = run_command(&mut shell);
    assert_eq!(ran.status, 3, "{ran:?}");
}

#[test]
fn a_null_device_takes_every_answer() {
    for redirection in [">/dev/null", "1<>/dev/null", "</dev/null >/dev/null 2>&1"] {
        for arguments in ["", "list", "--json", "--help", "check"] {
            let script = format!("exec \"$PROGRAM\" {arguments} {redirection}");
            let mut shell = child::command("sh");
            shell.args(["-c", &script]).env("PROGRAM", PROGRAM);
            let ran = run_command(&mut shell);
            assert_eq!(ran.status, 0, "{script}: {ran:?}");
        }
    }
}

#[test]
fn sigint_kills_a_watch_so_that_shell_loops_stop() {
    let mut watch = command(["--watch=0.05", "--json"]).start().unwrap();
    watch.next_line().unwrap();
    watch.signal(Signal::INT);
    assert_eq!(watch.wait().signal(), Some(Signal::INT.as_raw()));
}
