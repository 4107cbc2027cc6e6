//! `tcpstates list`: the sockets themselves, once or repeatedly.
//!
//! Unsorted rows are written as the kernel sends them, and not kept. Sorted rows are kept as far as
//! they are shown; so are rows with owners, until the owners are known.

mod page;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;

use super::console::{Console, Presentation};
use super::names::HostNames;
use super::outcome::{Failure, Status};
use super::repeat::Repetition;
use super::target::Target;
use crate::cli;
use crate::model::{Asked, Family, Field, Note, Sink, SortKey, State, StateSet, Use};
use crate::output::Style;
use crate::owner::Seek;
use crate::question::{Families, Question};
use crate::tally::TopN;
use page::Page;

/// A resolved request for a list.
pub(super) struct List {
    target: Target,
    /// The columns after the usual ones, each once, where it was named first.
    columns: Vec<Field>,
    /// The usual ones that were named.
    usual: Vec<Field>,
    sort: Vec<SortKey>,
    limit: Option<NonZeroUsize>,
    /// Whether headings are left out.
    no_header: bool,
    presentation: Presentation,
    repetition: Repetition,
}

impl List {
    /// Resolves the options.
    ///
    /// # Errors
    /// What is not valid.
    pub(super) fn resolve(typed: cli::List, console: &mut Console) -> Result<List, Failure> {
        let mut columns = Vec::new();
        let process = typed.process.then_some(Field::Process);
        for column in process.into_iter().chain(typed.columns) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        let is_column = |field: &Field| field.can_be(Use::Column);
        let (mut columns, usual): (Vec<_>, _) = columns.into_iter().partition(is_column);
        let target = Target::of_letters(
            &typed.kinds,
            typed.letters,
            &typed.selection,
            &typed.sourcing,
        )?;
        if typed.repetition.watch.is_some() && target.sources.record().is_some() {
            return Err(Failure::Usage(
                "list --watch goes on in no record, whose samples have no sockets: choose a moment with --at TIME, \
                 or leave out `list`"
                    .to_owned(),
            ));
        }
        if target.sources.are_several() && !columns.contains(&Field::Netns) {
            columns.push(Field::Netns);
        }
        if target.question.kinds().only().is_none() && !columns.contains(&Field::Kind) {
            columns.insert(0, Field::Kind);
        }
        let sorted = typed.sort.iter().map(|key| key.field);
        target.refuse_foreign(columns.iter().copied().chain(sorted))?;
        Ok(List {
            repetition: Repetition::resolve(&typed.repetition)?,
            target,
            columns,
            usual,
            sort: typed.sort,
            limit: typed.limit,
            no_header: typed.letters.no_header,
            presentation: console.present(&typed.presentation),
        })
    }
}

/// The style of a list of the sockets of `question`, with the usual columns.
pub(super) fn list_style(question: &Question) -> Style {
    Style {
        kinds: question.kinds(),
        listeners: question.states.contains(State::Listen),
        only_listeners: question.states == StateSet::NONE.with(State::Listen),
        only_v4: question.families == Families::Only(Family::V4),
        ..Style::default()
    }
}

/// Writes the list, as often as requested.
pub(super) fn run(request: &List, console: &mut Console) -> Result<Status, Failure> {
    let sorted = request.sort.iter().map(|key| key.field);
    let mut format = request.presentation.open(Style {
        columns: request.columns.clone(),
        no_header: request.no_header,
        needed: request.usual.iter().copied().chain(sorted).collect(),
        repeated: request.repetition.interval.is_some(),
        asked: Asked {
            kind: request.target.question.kinds().unless_tcp(),
            netns: request.target.sources.place().netns(),
            ..Asked::default()
        },
        ..list_style(&request.target.question)
    });
    let sorted = request.sort.iter().map(|key| key.field);
    let fields: Vec<Field> = request.columns.iter().copied().chain(sorted).collect();
    let mut search = request.target.owner_search(&fields, Seek::EveryHolder)?;
    let mut sampler = request.target.sampler(fields.clone())?;
    let mut names = HostNames::of(request.target.sources.place());
    request.repetition.run(console, |console| {
        names.refresh();
        let mut sample = sampler.sample(|observer, time| {
            let mut top = None;
            if search.is_some() || !request.sort.is_empty() {
                let kept = TopN::new(&request.sort, request.limit, &fields);
                let mut kept = kept.among(request.target.sources.place().namespaces());
                let mut report = observer.list(&mut kept)?;
                kept.sort();
                if let Some(search) = &mut search {
                    names.owners = Some(search.find(kept.sockets(), &mut report)?);
                }
                top = Some((kept, report));
            }
            let mut page = Page::new(&console.out, &mut *format, &mut names, time, request.limit);
            let report = match top {
                Some((kept, report)) => {
                    // The page itself keeps the reason why it takes no more.
                    let _ = kept.sockets().try_for_each(|socket| page.socket(&socket));
                    Ok(report)
                }
                None => observer.list(&mut page),
            };
            page.end(report)
        })?;
        sample.add_search(names.owners.as_ref());
        sample.notes.extend(format.note());
        if fields.contains(&Field::Mark) && sample.found.lacks_marks {
            sample.notes.push(Note::NoMarks);
        }
        console.log(&sample);
        console.write(&sample.found.bytes)?;
        Ok(Status::of(&sample.report.completeness))
    })
}
