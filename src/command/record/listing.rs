//! Every socket of one moment, with all that its source reports.

use std::io::Write;

use super::moment::Rows;
use crate::command::outcome::Failure;
use crate::model::{Field, Kind, KindSet, SourceName, State, StateSet};
use crate::question::Question;
use crate::record::line::KindLine;
use crate::source::{Observer, Report, SourceError, Sources};

/// Lists every socket with all that its source reports; of TCP, those that are only bound included. Also
/// returns how each kind was read.
pub(super) fn list<W: Write>(
    kinds: KindSet,
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
            });
            kinds.collect::<Vec<_>>()
        };
        let listed = list_kinds(kinds, sources, rows);
        match listed {
            Err(Failure::Observe(error)) if !kinds.contains(Kind::Tcp) && error.is_lack() => {
                read.extend(line(None, Some(error.to_string())));
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
    let bound = StateSet::NONE.with(State::Bound);
    // Kernels before 6.8 do not report them.
    if kinds.contains(Kind::Tcp)
        && let Ok(mut observer) = observer(KindSet::TCP, bound, Vec::new(), sources)
        && let Ok(listed) = observer.list(rows)
        && let Some(report) = &mut joined
    {
        report.add(&listed);
    }
    Ok((joined.unwrap_or_else(Report::without_namespaces), read))
}

/// Lists the sockets of kinds that one request lists; with less where only the tables have them.
fn list_kinds<W: Write>(
    kinds: KindSet,
    sources: &Sources,
    rows: &mut Rows<'_, W>,
) -> Result<Report, Failure> {
    // With it netlink reports the clients of UNIX listeners.
    let clients = kinds.has_unix().then_some(Field::PeerProcess);
    let all: Vec<Field> = Field::recorded(kinds).chain(clients).collect();
    let listed = observer(kinds, kinds.states(), all.clone(), sources)?.list(rows);
    match listed {
        Err(SourceError::OnlyNetlinkKnows { .. }) => {
            let is_in_proc = |field: &Field| kinds.iter().all(|kind| field.is_in_proc(kind));
            let fields = all.into_iter().filter(is_in_proc).collect();
            Ok(observer(kinds, kinds.states(), fields, sources)?.list(rows)?)
        }
        listed => Ok(listed?),
    }
}

fn observer(
    kinds: KindSet,
    states: StateSet,
    fields: Vec<Field>,
    sources: &Sources,
) -> Result<Observer, Failure> {
    let question = Question {
        fields,
        ..Question::about_all(kinds, states)
    };
    Ok(Observer::new(question, sources.clone())?)
}
