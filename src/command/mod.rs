//! Joins the rooms: from the command line to the answer written and the exit status.
//!
//! The only room that knows both the command line and the running system. Each command resolves its
//! options once into a request, and only that is passed on.

mod check;
mod clock;
mod compare;
mod console;
mod doctor;
mod files;
mod groups;
mod list;
mod log;
mod lookup;
mod names;
mod outcome;
mod processes;
mod record;
mod repeat;
mod runtime;
mod sample;
mod scope;
mod secure;
mod serve;
mod sources;
mod summary;
mod target;
mod through;
mod trace;
mod wait;
mod watch;

pub use outcome::Status;
pub use runtime::standard_output;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Stderr;

use crate::cli::{Arguments, Parsed, Verb, candidates, help, is_check, parse, script};
use crate::output::escape;
use crate::source::{Need, Observer};
use crate::tally::GroupTally;
use console::Console;
use list::List;
use log::LogMessage;
use outcome::Failure;
use summary::Summary;
use target::Target;
use trace::Trace;

/// Runs one command line, the program's name first: the answer goes to `out`, notes, warnings and
/// the one line of an error to `err`.
pub fn run(words: impl IntoIterator<Item = OsString>, out: File, err: Stderr) -> Status {
    let words: Vec<OsString> = words.into_iter().collect();
    // Every outcome of a check is an answer on standard output, also if its command line is not
    // valid.
    let is_check = is_check(&words);
    let json = words.iter().any(|word| word == "--json");
    let mut console = Console::new(out, err);
    let outcome = match parse(words) {
        Parsed::Text(text) if is_check => Ok(check::write_help(&text, &mut console)),
        Parsed::Text(text) => console.write(text.as_bytes()).map(|()| Status::Answered),
        Parsed::Usage(line) => Err(Failure::Usage(line)),
        Parsed::Arguments(arguments) => answer(*arguments, &mut console),
    };
    match outcome {
        Ok(status) => status,
        Err(failure) if is_check => check::write_failure(&failure, json, &mut console),
        Err(Failure::ReaderLeft) => Status::Answered,
        Err(failure) => {
            console.print(&LogMessage::Error(failure.to_string()));
            failure.status()
        }
    }
}

/// Runs a valid command line.
fn answer(typed: Arguments, console: &mut Console) -> Result<Status, Failure> {
    let help = typed.help_command();
    run_verb(typed, console).map_err(|failure| {
        if let Failure::Filter(error) = failure {
            return Failure::Usage(format!("{error} (try '{help}')"));
        }
        failure
    })
}

fn run_verb(typed: Arguments, console: &mut Console) -> Result<Status, Failure> {
    match typed.verb {
        Some(Verb::Completions { shell, typed }) => {
            let text = match &*typed {
                [] => script(shell),
                typed => candidates(shell, typed),
            };
            console.write(text.as_bytes()).map(|()| Status::Answered)
        }
        Some(Verb::Help { topic }) => {
            let text = help(topic.as_deref()).map_err(Failure::Usage)?;
            console.write(text.as_bytes()).map(|()| Status::Answered)
        }
        Some(Verb::Check(typed)) => check::run(*typed, console),
        Some(Verb::Doctor(typed)) => doctor::run(typed, console),
        Some(Verb::Record(typed)) => record::run(*typed, console),
        Some(Verb::Serve(typed)) => serve::run(*typed, console),
        Some(Verb::Trace(typed)) => trace::run(&Trace::resolve(*typed, console)?, console),
        Some(Verb::List(typed)) if typed.explaining.explain => {
            let target = Target::of_letters(
                &typed.kinds,
                typed.letters,
                &typed.selection,
                &typed.sourcing,
            )?;
            write_explanation(target, Need::SocketsInOrder, console)
        }
        Some(Verb::List(typed)) => list::run(&List::resolve(*typed, console)?, console),
        None => {
            let explain = typed.summary.explaining.explain;
            let summary = Summary::resolve(typed.summary, console)?;
            let need = match &summary.by {
                Some(keys) if !GroupTally::is_counted(keys) => Need::Sockets,
                Some(_) => Need::Counts,
                None => Need::Counts,
            };
            if explain {
                return write_explanation(summary.target, need, console);
            }
            match watch::look(&summary, console) {
                Some(look) => watch::run(&summary, look, console),
                None => summary::run(&summary, console),
            }
        }
    }
}

/// `--explain`: writes the parsed filter and the plan of an answer, one line for each part. Lists no
/// sockets.
fn write_explanation(target: Target, need: Need, console: &mut Console) -> Result<Status, Failure> {
    let observer = Observer::new(target.question, target.sources)?;
    let question = observer.question();
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<9} {}", escape::line(value));
    };
    let filter = question.filter.as_ref().map(ToString::to_string);
    line("filter", filter.as_deref().unwrap_or("none"));
    let states: Vec<String> = question.states.iter().map(|s| s.to_string()).collect();
    line("states", &states.join(" "));
    for (name, value) in observer.plan(need)?.details(console.shows_plans()) {
        line(name, &value);
    }
    console.write(text.as_bytes()).map(|()| Status::Answered)
}
