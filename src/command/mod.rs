//! Joins the rooms: from the command line to the answer written and the exit status.
//!
//! The only room that knows both the command line and the running system. Each command resolves its
//! options once into a request, and only that is passed on.

mod check;
mod console;
mod doctor;
mod explain;
mod groups;
mod list;
mod log;
mod lookup;
mod names;
mod outcome;
mod processes;
mod repeat;
mod runtime;
mod sample;
mod secure;
mod summary;
mod target;
mod wait;
mod watch;

pub use outcome::Status;
pub use runtime::standard_output;

use std::ffi::OsString;
use std::fs::File;
use std::io::Stderr;

use crate::cli::{Arguments, Parsed, Verb, definition, is_check, parse};
use crate::source::Need;
use console::Console;
use list::List;
use log::Message;
use outcome::{Failure, Outcome};
use summary::Summary;
use target::Target;

/// Runs one command line, the program's name first: the answer goes to `out`, notes, warnings and
/// the one line of an error to `err`.
pub fn run(words: impl IntoIterator<Item = OsString>, out: File, err: Stderr) -> Status {
    let words: Vec<OsString> = words.into_iter().collect();
    let reporting = Reporting::of(&words);
    let mut console = Console::new(out, err);
    let outcome = match parse(words) {
        Parsed::Text(text) => Ok(Outcome::Text(text.into_bytes())),
        Parsed::Usage(line) => Err(Failure::Usage(line)),
        Parsed::Arguments(arguments) => answer(*arguments, &mut console),
    };
    match reporting {
        Reporting::People => conclude(outcome, &mut console),
        Reporting::Monitoring { json } => check::conclude(outcome, json, &mut console),
    }
}

/// How a command reports its outcome, also if its command line is not valid.
enum Reporting {
    /// An error is a line on standard error.
    People,
    /// Every outcome is an answer on standard output, with a status of monitoring plugins.
    Monitoring { json: bool },
}

impl Reporting {
    fn of(words: &[OsString]) -> Reporting {
        match is_check(words) {
            false => Reporting::People,
            true => Reporting::Monitoring {
                json: words.iter().any(|word| word == "--json"),
            },
        }
    }
}

/// Runs a valid command line.
fn answer(typed: Arguments, console: &mut Console) -> Result<Outcome, Failure> {
    match typed.verb {
        Some(Verb::Completions { shell }) => {
            // In memory, because clap_complete panics where it cannot write.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut definition(), "tcpstates", &mut script);
            Ok(Outcome::Text(script))
        }
        Some(Verb::Check(typed)) => check::run(typed),
        Some(Verb::Doctor(typed)) => doctor::run(&typed, console),
        Some(Verb::List(typed)) if typed.explaining.explain => {
            let target = Target::resolve(&typed.selection, &typed.sourcing, &typed.owners)?;
            explain::run(target, Need::SocketsInOrder)
        }
        Some(Verb::List(typed)) => list::run(&List::resolve(*typed, console)?, console),
        None => {
            let explain = typed.summary.explaining.explain;
            let summary = Summary::resolve(typed.summary, console)?;
            match &summary.by {
                Some(_) if explain => explain::run(summary.target, Need::Sockets),
                None if explain => explain::run(summary.target, Need::Counts),
                _ if watch::is_for(&summary, console) => watch::run(&summary, console),
                Some(keys) => groups::run(&summary, keys, console),
                None => summary::run(&summary, console),
            }
        }
    }
}

/// Writes what remains to be written, or why there is no answer.
fn conclude(outcome: Result<Outcome, Failure>, console: &mut Console) -> Status {
    let outcome = outcome.and_then(|outcome| match outcome {
        Outcome::Written(status) => Ok(status),
        Outcome::Text(text) => console.write(&text).map(|()| Status::Answered),
        Outcome::Verdict { verdict, .. } => Ok(Status::Checked(verdict.status)),
    });
    outcome.unwrap_or_else(|failure| {
        if !failure.is_ordinary() {
            console.print(&Message::error(&failure));
        }
        failure.status()
    })
}
