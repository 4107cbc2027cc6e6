//! Several network namespaces in one moment: each has its own files, interfaces and sockets, one after the
//! other; processes and other names are those of the host.

use std::io::{self, Write};

use super::listing::{list, with_states};
use super::moment::{Labels, write_files};
use super::rows::Rows;
use crate::command::outcome::Failure;
use crate::model::{Counts, KindSet, NamespaceFacts, Netns, UnseenNamespace, UnseenReason};
use crate::question::Question;
use crate::record::line::{KindLine, Line, Namespace, NamespaceEnd};
use crate::source::{OneNamespace, Readings, Report, Several, SourceError, visit_each};

/// Lists the sockets of each network namespace, and writes all that it has.
///
/// # Errors
/// When none can be read.
pub(super) fn list_each<W: Write>(
    kinds: KindSet,
    filtered: Option<&Question>,
    several: &Several,
    rows: &mut Rows<'_, W>,
) -> Result<(Report, Vec<KindLine<'static>>), Failure> {
    let mut failure = None::<Failure>;
    let visited = visit_each(several, |one| {
        let written = write_one(kinds, filtered, &one, rows);
        match written {
            Ok(mut report) => {
                report.ended_by_sink = rows.error.is_some();
                Ok(report)
            }
            Err(Failure::Observe(error)) => Err(error),
            Err(Failure::CannotKnow(error)) => Err(SourceError::from(error)),
            Err(other) => {
                failure = Some(other);
                let mut report = Report::without_namespaces();
                report.ended_by_sink = true;
                Ok(report)
            }
        }
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    let (mut report, namespaces) = visited?;
    for unseen in &namespaces.unseen {
        let line = Line::Namespace(unseen_line(unseen, rows.labels));
        rows.keep(|rows| rows.writer.line(&line));
    }
    report.completeness.set_namespaces(namespaces);
    report.ended_by_sink = false;
    Ok((report, Vec::new()))
}

/// Writes all that one has.
fn write_one<W: Write>(
    kinds: KindSet,
    filtered: Option<&Question>,
    one: &OneNamespace,
    rows: &mut Rows<'_, W>,
) -> Result<Report, Failure> {
    let place = one.sources.place();
    rows.labels.enter(place, one.netns, &one.name);
    let files = Readings::of(&one.sources).files();
    let name = rows.labels.namespace(&one.name).to_owned();
    let line = Line::Namespace(read_line(one.netns, &one.facts, name, rows.labels));
    rows.begin(one.netns);
    rows.keep(|rows| {
        rows.writer.end_member()?;
        rows.writer.line(&line)?;
        write_files(rows.writer, files)
    });
    let (report, read) = list(kinds, filtered, &one.sources, rows)?;
    rows.keep(|rows| {
        let totals = rows.end()?;
        let mut kinds = read;
        with_states(&mut kinds, &totals);
        for line in &mut kinds {
            line.total = line.states.as_ref().map(|states| states.0.total());
        }
        let losses = report.completeness.losses().iter();
        let end = NamespaceEnd {
            kinds,
            total: totals.values().map(Counts::total).sum(),
            warnings: losses.map(|loss| loss.to_string().into()).collect(),
        };
        rows.writer.line(&Line::NamespaceEnd(end))
    });
    Ok(report)
}

/// One that was read, by this name.
pub(super) fn read_line(
    netns: Netns,
    facts: &NamespaceFacts,
    name: String,
    labels: &mut Labels,
) -> Namespace<'static> {
    let placement = &facts.placement;
    let mut named = |name: Option<&str>| Some(labels.name(name?).to_owned().into());
    let (unit, container, pod) = (
        named(placement.unit.as_deref()),
        named(placement.container.as_deref()),
        named(placement.pod.as_deref()),
    );
    let mounts = facts.mounts.iter();
    let mounts = mounts.map(|path| labels.path(&path.to_string_lossy()).to_owned().into());
    Namespace {
        inode: facts.inode,
        pid: facts.pid,
        processes: facts.processes,
        mounts: mounts.collect(),
        unit,
        container,
        pod,
        ..bare(netns, name)
    }
}

/// One that was not read. What the system reported may have names.
pub(super) fn unseen_line(one: &UnseenNamespace, labels: &mut Labels) -> Namespace<'static> {
    let failed = match &one.reason {
        UnseenReason::Failed(error) => Some(error),
        UnseenReason::NoPermission
        | UnseenReason::Unidentified
        | UnseenReason::Gone
        | UnseenReason::Covered => None,
    };
    let error = failed.filter(|_| !labels.are_others());
    let error = error.map(|error| error.clone().into());
    Namespace {
        unseen: Some(one.reason.name().into()),
        error,
        ..bare(one.netns, labels.namespace(&one.name).to_owned())
    }
}

fn bare(netns: Netns, name: String) -> Namespace<'static> {
    Namespace {
        netns: netns.0,
        name: name.into(),
        inode: None,
        pid: None,
        processes: None,
        mounts: Vec::new(),
        unit: None,
        container: None,
        pod: None,
        unseen: None,
        error: None,
    }
}

impl<W: Write> Rows<'_, W> {
    /// Writes; after an error of the file, nothing more.
    fn keep(&mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) {
        if self.error.is_none() {
            self.error = write(self).err();
        }
    }
}
