//! `tcpstates check`: counts, shares and rates held against thresholds, for monitoring.
//!
//! Whatever happens, one whole answer is written, with the exit status that belongs to it.

mod deadline;
mod groups;
mod limits;
mod plain;
mod queues;
mod writing;

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant, SystemTime};

use rustix::fd::AsFd;

use super::Status;
use super::failure::Failure;
use super::notes::{Loudness, Notes};
use crate::cli::Check;
use crate::model::{CheckStatus, Counts, Limits, StateSet, Subject, Verdict};
use crate::output::{write_check, write_check_json};

/// How many groups and listeners are listed where nothing is said about it.
const USUAL_TOP: usize = 10;

/// How long a reader may let what is no answer to anything wait.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it may let an answer wait that came late.
const GRACE: Duration = Duration::from_secs(1);

/// Answers as typed.
pub(super) fn run(
    typed: Box<Check>,
    out: &mut (impl Write + AsFd),
    notes: &mut Notes<impl Write>,
) -> Status {
    let json = typed.json;
    let end = Instant::now() + typed.timeout;
    let outcome = deadline::within(typed.timeout, move || observe(&typed));
    let verdict = match outcome {
        Ok(verdict) => verdict,
        Err(why) => unknown(why),
    };
    let status = tell(&verdict, json, end.max(Instant::now() + GRACE), out, notes);
    if json {
        // What stands behind the line for monitoring has no place in the object.
        verdict.remarks.iter().for_each(|line| notes.error(line));
    }
    status
}

/// Tells what is wrong with a command line.
pub(super) fn refuse(
    line: String,
    json: bool,
    out: &mut (impl Write + AsFd),
    notes: &mut Notes<impl Write>,
) -> Status {
    tell(&unknown(line), json, Instant::now() + PATIENCE, out, notes)
}

/// Prints the help or the version. That is no answer, and monitoring must not take it for one.
pub(super) fn print(
    text: &str,
    out: &mut (impl Write + AsFd),
    notes: &mut Notes<impl Write>,
) -> Status {
    if let Err(failure) = writing::write(out, text.as_bytes(), Instant::now() + PATIENCE) {
        tell_failure(&failure, notes);
    }
    Status::Checked(CheckStatus::Unknown)
}

/// Writes the verdict, by `end`.
fn tell(
    verdict: &Verdict,
    json: bool,
    end: Instant,
    out: &mut (impl Write + AsFd),
    notes: &mut Notes<impl Write>,
) -> Status {
    let mut bytes = Vec::new();
    let rendered = if json {
        write_check_json(&mut bytes, verdict)
    } else {
        write_check(&mut bytes, verdict)
    };
    let written = rendered
        .map_err(Failure::write)
        .and_then(|()| writing::write(out, &bytes, end));
    match written {
        // Who left has the status still.
        Ok(()) | Err(Failure::ReaderLeft) => Status::Checked(verdict.status),
        Err(failure) => {
            tell_failure(&failure, notes);
            Status::Checked(CheckStatus::Unknown)
        }
    }
}

/// Says why the answer could not be written. That nobody reads it is left to the status: standard
/// error may be the same pipe, and would be waited for without end.
fn tell_failure(failure: &Failure, notes: &mut Notes<impl Write>) {
    let is_unread = matches!(failure, Failure::Write(error) if error.kind() == ErrorKind::TimedOut);
    if let (false, Some(line)) = (is_unread, failure.line()) {
        notes.error(&line);
    }
}

/// A verdict on nothing.
fn unknown(why: String) -> Verdict {
    Verdict {
        time: SystemTime::now(),
        observation: None,
        status: CheckStatus::Unknown,
        failures: vec![why],
        asked: StateSet::NONE,
        counts: Counts::default(),
        spread: Counts::default(),
        judgements: Vec::new(),
        groups: None,
        queues: None,
        remarks: Vec::new(),
    }
}

/// Takes the samples and judges them. What would go to standard error becomes a part of the
/// answer: monitoring shows nothing else.
fn observe(typed: &Check) -> Verdict {
    let mut said = Vec::new();
    let mut notes = Notes::new(&mut said);
    if typed.verbose {
        notes.set_loudness(Loudness::Plans);
    }
    let mut verdict = match judged(typed, &mut notes) {
        Ok(verdict) => verdict,
        Err(failure) => unknown(failure.to_string()),
    };
    let said = String::from_utf8_lossy(&said);
    let lines = said.lines();
    let lines = lines.map(|line| line.strip_prefix("tcpstates: ").unwrap_or(line));
    verdict.remarks = lines.map(str::to_owned).collect();
    verdict
}

fn judged(typed: &Check, notes: &mut Notes<impl Write>) -> Result<Verdict, Failure> {
    let limits = limits::limits(typed)?;
    let window = limits::window(typed, &limits)?;
    limits::refuse_top(typed, &limits)?;
    let (queues, limits): (Vec<Limits>, Vec<Limits>) = limits
        .into_iter()
        .partition(|limits| limits.aspect.subject == Subject::AcceptQueue);
    let mut verdict = match &typed.by {
        None => plain::judged(typed, &limits, window, notes)?,
        Some(keys) => groups::judged(typed, &keys.0, &limits, window, notes)?,
    };
    if let Some(limits) = queues.first() {
        queues::judge(typed, *limits, &mut verdict, notes)?;
    }
    let complete = verdict.is_complete() && verdict.failures.is_empty();
    if !complete {
        verdict.status = verdict.status.max(CheckStatus::Unknown);
    }
    Ok(verdict)
}

/// How many groups and listeners to list.
fn top(typed: &Check) -> usize {
    typed.top.map_or(USUAL_TOP, std::num::NonZeroUsize::get)
}
