//! Streams that end, fail or were never there: no panic, the right status, at most one line.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::program::{PROGRAM, command, ran};

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
        let ran = ran(command(arguments).stdout(full).output().unwrap());
        assert_eq!(ran.status, 1, "{ran:?}");
        assert_eq!(
            ran.stderr,
            "tcpstates: cannot write the answer: No space left on device (os error 28)\n"
        );
    }
}

#[test]
fn a_read_only_stdout_is_an_error() {
    let read_only = std::fs::File::open("/dev/null").unwrap();
    let ran = ran(command(["--json"]).stdout(read_only).output().unwrap());
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(
        ran.stderr.contains("cannot write the answer: Bad file"),
        "{ran:?}"
    );
}

#[test]
fn a_closed_pipe_ends_a_watch_with_status_0() {
    for format in ["table", "json"] {
        let mut child = command(["--watch=0.05", "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(!line.is_empty());
        drop(reader);
        let ran = ran(child.wait_with_output().unwrap());
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
    }
}

#[test]
fn closed_standard_streams_do_not_change_the_status() {
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        for (arguments, status) in [
            ("", 0),
            ("--json", 0),
            ("list --json", 0),
            ("--no-such-option", 2),
            ("--proc-root /nowhere", 2),
        ] {
            let script = format!("exec \"$PROGRAM\" {arguments} {closed}");
            let mut shell = Command::new("sh");
            shell.args(["-c", &script]).env("PROGRAM", PROGRAM);
            let ran = ran(shell.output().unwrap());
            assert_eq!(ran.status, status, "{script}: {ran:?}");
        }
    }
}

#[test]
fn sigint_kills_a_watch_so_that_shell_loops_stop() {
    use std::os::unix::process::ExitStatusExt;
    let mut child = command(["--watch=0.05", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut String::new()).unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(2));
}
