//! Runs the program under test.
//!
//! Must not interpret its output beyond text: `answer` reads JSON.

use std::ffi::OsStr;
use std::process::{Command, Output};

use crate::child::{self, Start};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tcpstates");

/// The result of one run.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit status; -1 where a signal ended it.
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The same, after checking that the status is 0 and stderr empty.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{self:?}");
        self
    }

    /// The count of every state in the table by name, TOTAL included.
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

/// The program with these arguments, without a terminal and without variables that change output.
pub(crate) fn command(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = child::command(PROGRAM);
    command.args(arguments);
    for variable in ["NO_COLOR", "TERM", "LC_ALL", "LC_CTYPE", "LANG"] {
        command.env_remove(variable);
    }
    command
}

/// Runs the program to its end.
#[track_caller]
pub(crate) fn run<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Ran {
    run_command(&mut command(arguments))
}

/// Runs a command that starts the program to its end.
#[track_caller]
pub(crate) fn run_command(command: &mut Command) -> Ran {
    ran(command.run_to_end().unwrap())
}

/// The result of a run that has ended.
pub(crate) fn ran(output: Output) -> Ran {
    let ran = Ran {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    ran
}
