//! Every socket of one moment, with all that its source reports.

use std::io::Write;

use super::rows::{Rows, Totals};
use crate::command::outcome::Failure;
use crate::command::processes::find_processes;
use crate::model::{Field, Kind, KindSet, SourceName, State, StateSet};
use crate::question::Question;
use crate::record::line::{KindLine, States};
use crate::source::{Observer, Report, SourceError, Sources};

/// Lists every socket with all that its source reports, or of those of `filtered` only the ones that it is
/// about; of TCP, those that are only bound included. Also returns how each kind was read.
pub(super) fn list<W: Write>(
    kinds: KindSet,
    filtered: Option<&Question>,
    sources: &Sources,
    rows: &mut Rows<'_, W>,
) -> Result<(Report, Vec<KindLine<'static>>), Failure> {
    let mut joined = None::<Report>;
    let mut read = Vec::new();
    for kinds in kinds.by_request() {
        let line = |source: Option<SourceName>, unavailable: Option<String>| {
            let kinds = kinds.iter().map(move |kind| KindLine {
                kind: kind.name().into(),
                source: source.map(|source| source.name().into()),
                unavailable: unavailable.clone().map(Into::into),
                total: None,
                states: None,
            });
            kinds.collect::<Vec<_>>()
        };
        for question in questions(kinds, filtered) {
            match list_kinds(question, sources, rows) {
                Err(Failure::Observe(error)) if !kinds.contains(Kind::Tcp) && error.is_lack() => {
                    read.extend(line(None, Some(error.to_string())));
                    break;
                }
                // Where only the tables may be read.
                Err(Failure::CannotKnow(error)) if !kinds.contains(Kind::Tcp) => {
                    read.extend(line(None, Some(error.to_string())));
                    break;
                }
                listed => {
                    let report = listed?;
                    read.extend(line(Some(report.source), None));
                    match &mut joined {
                        None => joined = Some(report),
                        Some(joined) => joined.join(report),
                    }
                }
            }
        }
    }
    let bound = Question {
        filter: filtered.and_then(|question| question.filter.clone()),
        ..Question::about(Kind::Tcp, StateSet::NONE.with(State::Bound))
    };
    // Kernels before 6.8 do not report them.
    if kinds.contains(Kind::Tcp)
        && let Ok(mut observer) = observer(bound, sources)
        && let Ok(listed) = observer.list(rows)
        && let Some(report) = &mut joined
    {
        report.add(&listed);
    }
    read.dedup_by(|later, first| later.kind == first.kind);
    Ok((joined.unwrap_or_else(Report::without_namespaces), read))
}

/// The same lines with how many sockets are in each state.
pub(super) fn with_states(lines: &mut [KindLine<'static>], totals: &Totals) {
    for line in lines.iter_mut().filter(|line| line.unavailable.is_none()) {
        let mut counted = totals.iter();
        let counted = counted.find(|(kind, _)| kind.name() == line.kind);
        let counts = counted.map(|(_, counts)| counts.clone());
        line.states = Some(States(counts.unwrap_or_default()));
    }
}

/// Which sockets of kinds that one request lists. Those that wait for peers say what others are to their
/// host, and all of them are listed.
fn questions(kinds: KindSet, filtered: Option<&Question>) -> Vec<Question> {
    let Some(question) = filtered else {
        return vec![Question::about_all(kinds, kinds.states())];
    };
    let waiting = kinds.waiting();
    let others = question.by_kind().into_iter();
    let others = others
        .filter(|one| one.kinds() == kinds)
        .map(|one| Question {
            states: one.states.difference(waiting),
            ..one.into_owned()
        });
    let others = others.filter(|one| !one.states.is_empty());
    let listeners = Question::about_all(kinds, waiting);
    std::iter::once(listeners).chain(others).collect()
}

/// Lists the sockets of kinds that one request lists; with less where only the tables have them.
fn list_kinds<W: Write>(
    question: Question,
    sources: &Sources,
    rows: &mut Rows<'_, W>,
) -> Result<Report, Failure> {
    let kinds = question.kinds();
    // With it netlink reports the clients of UNIX listeners.
    let clients = kinds.has_unix().then_some(Field::PeerProcess);
    let fields: Vec<Field> = Field::recorded(kinds).chain(clients).collect();
    let is_in_proc = |field: &Field| kinds.iter().all(|kind| field.is_in_proc(kind));
    let less = Question {
        fields: fields.iter().copied().filter(is_in_proc).collect(),
        ..question.clone()
    };
    let all = Question { fields, ..question };
    let mut observer_of_all = match observer(all, sources) {
        Err(Failure::CannotKnow(_)) => return Ok(observer(less, sources)?.list(rows)?),
        observer => observer?,
    };
    match observer_of_all.list(rows) {
        Err(SourceError::OnlyNetlinkKnows { .. }) => Ok(observer(less, sources)?.list(rows)?),
        listed => Ok(listed?),
    }
}

fn observer(question: Question, sources: &Sources) -> Result<Observer, Failure> {
    let mut observer = Observer::new(question, sources.clone())?;
    find_processes(&mut observer, &sources.place())?;
    Ok(observer)
}
