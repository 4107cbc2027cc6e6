//! `tcpstates`: how many sockets are in each state, once or repeatedly.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant, SystemTime};

use rustix::fd::AsFd;

use super::failure::Failure;
use super::notes::Notes;
use super::repeat::repeat;
use super::{Status, asking, grouped, holders, owning, terminal, watch, write_all};
use crate::cli::{FormatName, Summary};
use crate::model::Snapshot;
use crate::output::{Look, Rows, write_csv, write_json, write_table};
use crate::source::{Observer, Report, SourceError};
use crate::tally::StateTally;

/// Answers as typed.
pub(super) fn run(
    typed: &Summary,
    out: &mut (impl Write + AsFd + IsTerminal),
    notes: &mut Notes<impl Write>,
) -> Result<Status, Failure> {
    if typed.grouping.top.is_some() && typed.grouping.by.is_none() {
        return Err(Failure::Usage(
            "--top needs --by KEYS: without groups there is nothing to cut".to_owned(),
        ));
    }
    if watch::is_for(typed, out) {
        return watch::run(typed, out);
    }
    if let Some(keys) = &typed.grouping.by {
        return grouped::run(typed, &keys.0, out, notes);
    }
    owning::refuse_timeout(&typed.owning)?;
    let mut observer = asking::observer(&typed.selection, &typed.sourcing, Vec::new())?;
    let format = typed.presentation.format();
    let printer = Printer {
        format,
        zeros: typed.zeros,
        repeated: typed.repetition.watch.is_some(),
        look: match format {
            FormatName::Table => terminal::look(out, typed.presentation.color),
            FormatName::Json | FormatName::Csv => Look::default(),
        },
    };
    let mut before = None;
    repeat(&typed.repetition, notes, |notes| {
        holders::refresh(&mut observer, &typed.sourcing, notes)?;
        let now = sample(&mut observer, notes)?;
        write_all(out, &printer.render(&now, before.as_ref())?)?;
        let status = Status::of(&now.observation.completeness);
        before = Some(now);
        Ok(status)
    })
}

/// Takes one sample and tells what is new about it.
fn sample(observer: &mut Observer, notes: &mut Notes<impl Write>) -> Result<Snapshot, SourceError> {
    let (snapshot, report, took) = observe(observer)?;
    notes.sample(&report, took);
    Ok(snapshot)
}

/// Takes one sample, and says how it was come by and how long that took.
pub(super) fn observe(
    observer: &mut Observer,
) -> Result<(Snapshot, Report, Duration), SourceError> {
    let time = SystemTime::now();
    let begin = Instant::now();
    let mut tally = StateTally::default();
    let report = observer.count(&mut tally)?;
    let took = begin.elapsed();
    let snapshot = Snapshot {
        observation: report.observation(time),
        asked: observer.question().states,
        counts: tally.into_counts(),
        spread: report.spread.clone(),
    };
    Ok((snapshot, report, took))
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
            FormatName::Csv => write_csv(&mut bytes, now, before.is_none()),
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
