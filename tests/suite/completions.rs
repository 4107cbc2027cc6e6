//! `tcpstates completions SHELL`: scripts that their shells accept, with every option.

use std::io::{Seek, Write};

use crate::child::{Start, command};
use crate::program::run;
use crate::skip::{may_skip, skip_or_fail};

/// Asserts that `shell` parses its script; it does not run it.
#[track_caller]
fn assert_accepted(shell: &str) {
    let script = run(["completions", shell]).succeeded().stdout;
    for option in ["proc-root", "watch", "listening"] {
        assert!(
            script.contains(option),
            "{shell} does not complete {option}"
        );
    }
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(script.as_bytes()).unwrap();
    input.rewind().unwrap();
    let output = command(shell)
        .arg("-n")
        .stdin(input)
        .run_to_end()
        .unwrap_or_else(|error| skip_or_fail(shell, &error));
    assert!(output.status.success(), "{shell}: {output:?}");
}

may_skip!(
    fn bash_accepts_its_completions() {
        assert_accepted("bash");
    }
);

may_skip!(
    fn zsh_accepts_its_completions() {
        assert_accepted("zsh");
    }
);

may_skip!(
    fn fish_accepts_its_completions() {
        assert_accepted("fish");
    }
);
