//! Joins the rooms: from the words typed to the answer written and the exit status.
//!
//! The only room that knows both what was typed and what is running here; and the only place that
//! writes errors.

mod asking;
mod check;
mod completions;
mod doctor;
mod explain;
mod failure;
mod filtering;
mod grouped;
mod holders;
mod labels;
mod list;
mod lookup;
mod names;
mod notes;
mod owning;
mod repeat;
mod status;
mod summary;
mod terminal;
mod watch;

pub use status::Status;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};

use rustix::fd::AsFd;

use crate::cli::{Parsed, Verb, is_check, parse};
use failure::Failure;
use notes::{Loudness, Notes};

/// Runs one command line, the program's name first: the answer goes to `out`, notes, warnings and
/// the one line of an error to `err`.
pub fn run(
    words: impl IntoIterator<Item = OsString>,
    mut out: impl Write + AsFd + IsTerminal,
    err: impl Write,
) -> Status {
    let mut notes = Notes::new(err);
    let words: Vec<OsString> = words.into_iter().collect();
    let checks = is_check(&words);
    let json = words.iter().any(|word| word == "--json");
    let done = match parse(words) {
        Parsed::Text(text) if checks => return check::print(&text, &mut out, &mut notes),
        Parsed::Usage(line) if checks => return check::refuse(line, json, &mut out, &mut notes),
        Parsed::Text(text) => write_all(&mut out, text.as_bytes()).map(|()| Status::Answered),
        Parsed::Usage(line) => Err(Failure::Usage(line)),
        Parsed::Arguments(arguments) => match arguments.verb {
            Some(Verb::Completions { shell }) => {
                write_all(&mut out, &completions::script(shell)).map(|()| Status::Answered)
            }
            Some(Verb::Check(check)) => return check::run(check, &mut out, &mut notes),
            Some(Verb::List(list)) if list.explaining.explain => {
                explain::run(&list.selection, &list.sourcing, &mut out)
            }
            None if arguments.summary.explaining.explain => {
                let summary = &arguments.summary;
                explain::run(&summary.selection, &summary.sourcing, &mut out)
            }
            Some(Verb::List(list)) => {
                notes.set_loudness(Loudness::of(&list.presentation));
                list::run(&list, &mut out, &mut notes)
            }
            Some(Verb::Doctor(doctor)) => {
                notes.set_loudness(Loudness::new(doctor.quiet, doctor.verbose));
                doctor::run(&doctor, &mut out, &mut notes)
            }
            None => {
                notes.set_loudness(Loudness::of(&arguments.summary.presentation));
                summary::run(&arguments.summary, &mut out, &mut notes)
            }
        },
    };
    match done {
        Ok(status) => status,
        // Options stood before the verb, so that it was taken for a filter.
        Err(failure) if checks => check::refuse(failure.to_string(), json, &mut out, &mut notes),
        Err(failure) => {
            if let Some(line) = failure.line() {
                notes.error(&line);
            }
            failure.status()
        }
    }
}

/// Writes and flushes.
fn write_all(out: &mut impl Write, bytes: &[u8]) -> Result<(), Failure> {
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(Failure::write)
}
