//! `tcpstates list`: the sockets themselves, once or repeatedly.
//!
//! Unsorted rows are written as the kernel tells them, and none is kept; sorted ones are kept as
//! far as they are shown.

mod page;

use std::io::{IsTerminal, Write};
use std::time::{Instant, SystemTime};

use rustix::fd::AsFd;

use super::failure::Failure;
use super::names::HostNames;
use super::notes::{Notes, SearchReport};
use super::owning::Searcher;
use super::repeat::repeat;
use super::{Status, asking, holders, terminal};
use crate::cli::{FormatName, List};
use crate::model::{Family, Field, Sink, State};
use crate::output::Look;
use crate::output::list::{CsvRows, JsonRows, Rows, TableRows, TableStyle};
use crate::owner::Seek;
use crate::question::{Families, Question};
use crate::source::Observer;
use crate::tally::TopN;
use page::Page;

/// Answers as typed.
pub(super) fn run(
    typed: &List,
    out: &mut (impl Write + AsFd + IsTerminal),
    notes: &mut Notes<impl Write>,
) -> Result<Status, Failure> {
    let columns = columns(typed);
    let fields = columns.iter().copied();
    let fields = fields.chain(typed.sort.iter().map(|key| key.field));
    let observer = asking::observer(&typed.selection, &typed.sourcing, fields.collect())?;
    match typed.presentation.format() {
        FormatName::Json => show(typed, observer, JsonRows::new(&columns), out, notes),
        FormatName::Csv => show(typed, observer, CsvRows::new(&columns), out, notes),
        FormatName::Table => {
            let look = terminal::look(out, typed.presentation.color);
            let style = style(typed, observer.question(), columns, look);
            show(typed, observer, TableRows::new(style), out, notes)
        }
    }
}

/// The columns behind the usual ones, each once, where it was named first.
fn columns(typed: &List) -> Vec<Field> {
    let mut once = Vec::new();
    let process = typed.process.then_some(Field::Process);
    for column in process.iter().chain(&typed.columns) {
        if !once.contains(column) {
            once.push(*column);
        }
    }
    once
}

fn style(typed: &List, question: &Question, further: Vec<Field>, look: Look) -> TableStyle {
    TableStyle {
        further,
        listeners: question.states.contains(State::Listen),
        only_v4: question.families == Families::Only(Family::V4),
        repeated: typed.repetition.watch.is_some(),
        look,
    }
}

/// Shows samples in one format.
fn show<R: Rows>(
    typed: &List,
    mut observer: Observer,
    mut rows: R,
    out: &mut impl Write,
    notes: &mut Notes<impl Write>,
) -> Result<Status, Failure> {
    let mut names = HostNames::default();
    let mut searcher = Searcher::new(
        &typed.owning,
        &typed.selection,
        &typed.sourcing,
        &observer.question().fields,
        Seek::EveryHolder,
    )?;
    repeat(&typed.repetition, notes, |notes| {
        names.refresh();
        holders::refresh(&mut observer, &typed.sourcing, notes)?;
        let time = SystemTime::now();
        let begin = Instant::now();
        let mut top = None;
        if searcher.is_some() || !typed.sort.is_empty() {
            let fields = observer.question().fields.clone();
            let mut kept = TopN::new(&typed.sort, typed.limit, &fields);
            let mut report = observer.list(&mut kept)?;
            kept.sort();
            if let Some(searcher) = &mut searcher {
                names.set_owners(searcher.find(kept.sockets(), &mut report)?);
            }
            top = Some((kept, report));
        }
        let search = names.owners().map(SearchReport::of);
        let mut page = Page::new(out, &mut rows, &mut names, time, typed.limit);
        let outcome = match top {
            Some((kept, report)) => {
                // The page says itself what keeps it from taking more.
                let _ = kept.sockets().try_for_each(|socket| page.socket(&socket));
                Ok(report)
            }
            None => observer.list(&mut page),
        };
        let report = match (page.take_failure(), outcome) {
            (Some(error), _) => return Err(Failure::write(error)),
            (None, Ok(report)) => report,
            (None, Err(error)) => {
                page.abandon();
                return Err(error.into());
            }
        };
        notes.sample_with(&report, search.as_ref(), begin.elapsed());
        let observation = report.observation(time);
        let lacked_marks = page.lacked_marks();
        page.end(&observation).map_err(Failure::write)?;
        if let Some(remark) = rows.remark() {
            notes.remark(&remark);
        }
        if lacked_marks && observer.question().fields.contains(&Field::Mark) {
            notes.remark("marks are told to those who have CAP_NET_ADMIN only");
        }
        Ok(Status::of(&observation.completeness))
    })
}
