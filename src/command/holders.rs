//! `process = NAME` and `pid = N` in filters: the sockets of these processes are looked for before
//! each sample, so that a filter judges by inodes and knows no processes.

use std::path::Path;
use std::sync::Arc;

use super::failure::Failure;
use super::notes::Notes;
use crate::cli::Sourcing;
use crate::model::{Loss, ProcessQuery};
use crate::owner::{Inodes, inodes_of};
use crate::source::Observer;

/// The caller's own proc file system.
pub(super) const OWN_PROC: &str = "/proc";

/// Looks for the sockets of the processes that the filter tests for, if it does.
///
/// # Errors
/// Where processes cannot be listed at all.
pub(super) fn refresh(
    observer: &mut Observer,
    sourcing: &Sourcing,
    notes: &mut Notes<impl std::io::Write>,
) -> Result<(), Failure> {
    let filter = observer.question().filter.as_ref();
    let queries = filter.map(|filter| filter.holders()).unwrap_or_default();
    let root = sourcing.proc_root.as_deref().unwrap_or(Path::new(OWN_PROC));
    let (mut found, mut unseen) = (Vec::new(), Vec::new());
    for query in queries {
        let inodes = inodes_of(&query, root).map_err(|error| {
            Failure::Processes(format!(
                "cannot list the processes in {}: {error}",
                root.display()
            ))
        })?;
        if let Some(remark) = remark(query, &inodes) {
            notes.remark(&remark);
        }
        if inodes.refused > 0 {
            unseen.push(Loss::Doubtful {
                what: format!(
                    "the sockets of {} processes that are {} are not seen: no permission to look into them",
                    inodes.refused,
                    describe(query)
                ),
            });
        }
        found.push((query, Arc::new(inodes.inodes)));
    }
    observer.set_holders(&found, unseen);
    Ok(())
}

/// What a person would want to know: that nobody is meant, or that some may be hidden.
fn remark(query: ProcessQuery, inodes: &Inodes) -> Option<String> {
    let who = describe(query);
    let hiding = inodes.hiding.as_ref();
    // Root sees what such a mount hides from others.
    let hiding = hiding.filter(|_| !rustix::process::geteuid().is_root());
    match (inodes.processes + inodes.refused, hiding) {
        (0, None) => Some(format!("no process is {who}")),
        (0, Some(hiding)) => Some(format!(
            "no process that is {who} is seen here; the proc file system is mounted with {hiding}, which may hide some"
        )),
        (_, Some(hiding)) => Some(format!(
            "the proc file system is mounted with {hiding}, which may hide processes that are {who}"
        )),
        (_, None) => None,
    }
}

fn describe(query: ProcessQuery) -> String {
    match query {
        ProcessQuery::Name(name) => format!("called {}", name.text()),
        ProcessQuery::Pid(pid) => format!("number {pid}"),
    }
}
