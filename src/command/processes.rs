//! From processes to their sockets and back: `process = NAME` and `pid = N` in filters, whose
//! sockets are found before each sample, so that a filter compares inodes and knows no processes;
//! and the owners of sockets already listed.

use std::sync::Arc;
use std::time::Duration;

use super::outcome::Failure;
use crate::filter::{Folded, Test};
use crate::model::{Listeners, Loss, Note, ProcessQuery, Socket, Where, counted};
use crate::owner::{Facts, Inodes, Owners, Search, Seek, Wanted, inodes_of};
use crate::source::{Observer, Report};

/// What was found of the processes that a filter names.
#[derive(Debug, Default)]
pub(super) struct Processes {
    pub(super) notes: Vec<Note>,
    /// That the processes that the filter requires do not exist or cannot be seen; else empty.
    pub(super) missing: Vec<Note>,
}

/// Finds the sockets of the processes that the filter of `observer` names, if it names any, and the UNIX
/// sockets whose peers it selects by their names.
///
/// # Errors
/// When processes cannot be listed, or no source has the names.
pub(super) fn find_processes(observer: &mut Observer, place: &Where) -> Result<Processes, Failure> {
    let Some(filter) = &observer.question().filter else {
        return Ok(Processes::default());
    };
    // A sample has no processes, and its numbers are of those sockets.
    if place
        .recorded()
        .is_some_and(|record| record.counted().is_some())
    {
        return Ok(Processes::default());
    }
    let (mut found, mut unseen) = (Vec::new(), Vec::new());
    let mut notes = Vec::new();
    let mut absent: Vec<(ProcessQuery, Note)> = Vec::new();
    for query in filter.holders() {
        let inodes = inodes_of(&query, place).map_err(|error| {
            let root = place.proc_root().display();
            Failure::Proc(format!("cannot list the processes in {root}: {error}"))
        })?;
        if inodes.processes + inodes.refused == 0 {
            let why = why_none(query, &inodes, place);
            notes.push(why.clone());
            absent.push((query, why));
        } else if let Some(hiding) = inodes.hiding {
            notes.push(Note::MayHideProcesses { query, hiding });
        }
        if inodes.refused > 0 {
            let why = match &inodes.error {
                _ if place.recorded().is_some() => {
                    "its descriptors could not be read when it was recorded".to_owned()
                }
                None => "no permission to read /proc/PID/fd".to_owned(),
                Some(error) => format!("cannot read /proc/PID: {error}"),
            };
            unseen.push(Loss::Doubtful {
                what: format!(
                    "the sockets of {} {query} are unknown: {why}",
                    counted(inodes.refused, "process", "processes"),
                ),
            });
        }
        found.push((query, Arc::new(inodes.inodes)));
    }
    let is_absent = |query: &ProcessQuery| absent.iter().any(|(absent, _)| absent == query);
    let fails = |test: &Test| matches!(test, Test::Holder { query, .. } if is_absent(query));
    let without = filter.fold(|test, _| fails(test).then_some(false));
    let missing = match without {
        Folded::Never => absent.into_iter().map(|(_, why)| why).collect(),
        Folded::Always | Folded::Tests(_) => Vec::new(),
    };
    observer.set_holders(&found, unseen);
    observer.find_named()?;
    Ok(Processes { notes, missing })
}

/// That there is no such process, or that it may exist and cannot be seen.
fn why_none(query: ProcessQuery, inodes: &Inodes, place: &Where) -> Note {
    if inodes.shows_none {
        let proc_root = place.proc_root().to_owned();
        return Note::NoProcessShown { query, proc_root };
    }
    match inodes.hiding.clone() {
        None => Note::NoProcess(query),
        Some(hiding) => Note::NoVisibleProcess { query, hiding },
    }
}

/// A search that can be made for each sample.
#[derive(Debug)]
pub(super) struct OwnerSearch {
    /// Whose processes are searched.
    pub(super) place: Where,
    pub(super) seek: Seek,
    /// Whether the holders of the other ends of UNIX sockets are searched too.
    pub(super) peers: bool,
    pub(super) facts: Facts,
    /// How long it may take; `None` for as long as it takes.
    pub(super) budget: Option<Duration>,
    /// Lists the listeners that connections wait for.
    pub(super) listeners: Observer,
}

impl OwnerSearch {
    /// Finds the owners of `sockets`, and adds to the `report` on them what was lost.
    ///
    /// # Errors
    /// When the listeners, where they are needed, cannot be listed.
    pub(super) fn find(
        &mut self,
        sockets: impl Iterator<Item = Socket>,
        report: &mut Report,
    ) -> Result<Owners, Failure> {
        let mut wanted = Wanted::new(self.peers);
        sockets.for_each(|socket| wanted.add(&socket));
        let mut listeners = Listeners::default();
        if wanted.needs_listeners() {
            let listened = self.listeners.list(&mut listeners)?;
            report.add(&listened);
        }
        let search = Search::new(&self.place, self.seek, self.facts, self.budget);
        let owners = Owners::find(search, wanted, &listeners);
        if let Some(loss) = &owners.loss {
            report.completeness.lose(loss.clone());
        }
        Ok(owners)
    }
}
