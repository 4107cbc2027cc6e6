//! Runs the real program, as its user would.
//!
//! Must not read anything into what it printed beyond text; JSON is `answer`'s.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tcpstates");

/// What one run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit status; -1 where a signal ended it.
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The same, after checking that it answered in full and had nothing to say on stderr.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{self:?}");
        self
    }

    /// The count of every state in its table, by name; TOTAL included.
    #[track_caller]
    pub(crate) fn table(&self) -> Vec<(String, usize)> {
        let mut lines = self.stdout.lines();
        let heading: Vec<_> = lines.next().unwrap().split_whitespace().collect();
        assert_eq!(heading, ["STATE", "SOCKETS"], "{self:?}");
        lines
            .map(
                |line| match line.split_whitespace().collect::<Vec<_>>()[..] {
                    [state, count] => (state.to_owned(), count.parse().unwrap()),
                    _ => panic!("not a row of two columns: {line:?}"),
                },
            )
            .collect()
    }
}

/// The program with these arguments, its input closed and no terminal anywhere.
pub(crate) fn command(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::null());
    for variable in ["NO_COLOR", "TERM", "LC_ALL", "LC_CTYPE", "LANG"] {
        command.env_remove(variable);
    }
    command
}

/// Runs the program to its end.
pub(crate) fn run<const N: usize>(arguments: [&str; N]) -> Ran {
    ran(command(arguments).output().unwrap())
}

/// What a finished run came to.
pub(crate) fn ran(output: Output) -> Ran {
    let ran = Ran {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    ran
}
