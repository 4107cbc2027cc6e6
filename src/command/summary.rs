//! `tcpstates`: how many sockets are in each state, once or repeatedly.
//!
//! Sampling, scheduling and drawing are apart, so that another view can draw the same samples.

use std::io::{IsTerminal, Write};
use std::num::NonZeroU64;
use std::time::{Instant, SystemTime};

use rustix::fd::AsFd;

use super::failure::Failure;
use super::notes::{Loudness, Notes};
use super::schedule::Schedule;
use super::{Status, terminal, write_all};
use crate::cli::{FormatName, SourceChoice, Summary};
use crate::model::{Family, Observation, Snapshot, State, StateSet};
use crate::output::{Look, Rows, write_json, write_table};
use crate::question::{Families, Question};
use crate::source::{Observer, ProcNet, SourceError, Sources};
use crate::tally::StateTally;

/// Answers as typed.
pub(super) fn run(
    typed: &Summary,
    out: &mut (impl Write + AsFd + IsTerminal),
    notes: &mut Notes<impl Write>,
) -> Result<Status, Failure> {
    notes.set_loudness(match (typed.quiet, typed.verbose) {
        (true, _) => Loudness::Quiet,
        (_, true) => Loudness::Plans,
        (false, false) => Loudness::Notes,
    });
    if typed.samples.is_some() && typed.watch.is_none() {
        return Err(Failure::Usage(
            "--samples needs --watch SECONDS: without it there is one sample".to_owned(),
        ));
    }
    let mut observer = Observer::new(question(typed)?, sources(typed)?)?;
    let format = if typed.json {
        FormatName::Json
    } else {
        typed.format
    };
    let printer = Printer {
        format,
        zeros: typed.zeros,
        repeated: typed.watch.is_some(),
        look: match format {
            FormatName::Table => terminal::look(out, typed.color),
            FormatName::Json => Look::default(),
        },
    };
    let begin = Instant::now();
    let first = sample(&mut observer, notes)?;
    write_all(out, &printer.render(&first, None)?)?;
    match typed.watch {
        None => Ok(status(&first)),
        Some(interval) => Watch {
            observer,
            printer,
            schedule: Schedule::new(begin, interval),
            samples: typed.samples,
        }
        .go_on(first, out, notes),
    }
}

/// What is asked, from the options that select.
fn question(typed: &Summary) -> Result<Question, Failure> {
    let named = typed.state.iter().copied().reduce(StateSet::union);
    let states = match (named, typed.listening) {
        (None, false) => StateSet::ALL,
        (None, true) => StateSet::NONE.with(State::Listen),
        (Some(named), false) => named,
        (Some(named), true) => named.intersection(StateSet::NONE.with(State::Listen)),
    };
    if states.is_empty() {
        return Err(Failure::Usage(
            "--state and --listening have no state in common: leave one of them out".to_owned(),
        ));
    }
    let families = match (typed.ipv4, typed.ipv6) {
        (true, _) => Families::Only(Family::V4),
        (_, true) => Families::Only(Family::V6),
        (false, false) => Families::Both,
    };
    Ok(Question { families, states })
}

/// Who may answer, from the options that name a source.
fn sources(typed: &Summary) -> Result<Sources, Failure> {
    match (&typed.proc_root, typed.source) {
        (Some(_), SourceChoice::Netlink | SourceChoice::NetlinkAndCounters) => Err(Failure::Usage(
            "--source netlink and --proc-root exclude each other: netlink knows no other proc"
                .to_owned(),
        )),
        (Some(root), SourceChoice::Auto | SourceChoice::Proc) => {
            Ok(Sources::Proc(ProcNet::under(root)?))
        }
        (None, SourceChoice::Auto) => Ok(Sources::Auto(ProcNet::own())),
        (None, SourceChoice::Netlink) => Ok(Sources::Netlink),
        (None, SourceChoice::NetlinkAndCounters) => Ok(Sources::NetlinkAndCounters),
        (None, SourceChoice::Proc) => Ok(Sources::Proc(ProcNet::own())),
    }
}

/// Takes one sample and tells what is new about it.
fn sample(observer: &mut Observer, notes: &mut Notes<impl Write>) -> Result<Snapshot, SourceError> {
    let time = SystemTime::now();
    let begin = Instant::now();
    let mut tally = StateTally::default();
    let report = observer.count(&mut tally)?;
    notes.sample(&report, begin.elapsed());
    Ok(Snapshot {
        observation: Observation {
            time,
            source: report.source,
            completeness: report.completeness,
        },
        asked: observer.question().states,
        counts: tally.into_counts(),
        spread: report.spread,
    })
}

fn status(snapshot: &Snapshot) -> Status {
    if snapshot.observation.completeness.is_complete() {
        Status::Answered
    } else {
        Status::Incomplete
    }
}

/// How samples are shown.
struct Printer {
    format: FormatName,
    zeros: bool,
    repeated: bool,
    look: Look,
}

impl Printer {
    /// A whole sample, so that it is written in one piece.
    fn render(&self, now: &Snapshot, before: Option<&Snapshot>) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        match self.format {
            FormatName::Json => write_json(&mut bytes, now),
            FormatName::Table => {
                let rows = Rows {
                    zeros: self.zeros,
                    repeated: self.repeated,
                    before,
                };
                write_table(&mut bytes, now, rows, self.look)
            }
        }
        .map_err(Failure::write)?;
        Ok(bytes)
    }
}

/// Samples after the first.
struct Watch {
    observer: Observer,
    printer: Printer,
    schedule: Schedule,
    samples: Option<NonZeroU64>,
}

impl Watch {
    /// Goes on until enough samples are taken or nobody reads them. A sample that fails is told
    /// and the next one tried: what fails for a moment (no memory, no file descriptors) must not
    /// end a watch of days. The worst sample decides the status.
    fn go_on(
        mut self,
        first: Snapshot,
        out: &mut impl Write,
        notes: &mut Notes<impl Write>,
    ) -> Result<Status, Failure> {
        let mut worst = status(&first);
        let mut before = first;
        let mut taken = 1;
        while self.samples.is_none_or(|samples| taken < samples.get()) {
            std::thread::sleep(self.schedule.wait(Instant::now()));
            taken += 1;
            match sample(&mut self.observer, notes) {
                Ok(now) => {
                    write_all(out, &self.printer.render(&now, Some(&before))?)?;
                    worst = worst.max(status(&now));
                    before = now;
                }
                Err(error) => {
                    notes.sample_failed(&error.to_string());
                    worst = worst.max(Status::Failed);
                }
            }
        }
        Ok(worst)
    }
}
