//! `tcpstates completions SHELL`: scripts that their shells accept and that know every option.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::program::run;
use crate::skip::{skip_or_fail, unless_skipped};

/// Has `shell` read the script without running it.
fn assert_accepted(test: &str, shell: &str) {
    unless_skipped(test, || {
        let script = run(["completions", shell]).succeeded().stdout;
        for option in ["proc-root", "watch", "listening"] {
            assert!(
                script.contains(option),
                "{shell} does not complete {option}"
            );
        }
        let mut child = Command::new(shell)
            .arg("-n")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| skip_or_fail(shell, &error));
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(script.as_bytes()).unwrap();
        drop(stdin);
        assert!(child.wait().unwrap().success(), "{shell}");
    });
}

#[test]
fn bash_accepts_its_completions() {
    assert_accepted("completions::bash_accepts_its_completions", "bash");
}

#[test]
fn zsh_accepts_its_completions() {
    assert_accepted("completions::zsh_accepts_its_completions", "zsh");
}

#[test]
fn fish_accepts_its_completions() {
    assert_accepted("completions::fish_accepts_its_completions", "fish");
}
