//! `tcpstates doctor`: what is wrong, the evidence, and what to do.
//!
//! Two looks with the window between them; then the holders of those sockets that findings are
//! about.

mod bound_ports;
mod looks;
mod suspects;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fd::AsFd;

use super::failure::Failure;
use super::holders::OWN_PROC;
use super::notes::{Notes, SearchReport};
use super::{Status, asking, terminal, write_all};
use crate::cli::Doctor;
use crate::diagnose::{examine, wanted};
use crate::model::{Diagnosis, Holders, Listeners, Severity};
use crate::output::{write_diagnosis, write_diagnosis_json};
use crate::owner::{Facts, Owners, Search, Seek, Wanted};
use looks::Looks;

/// Answers as typed.
pub(super) fn run(
    typed: &Doctor,
    out: &mut (impl Write + AsFd + IsTerminal),
    notes: &mut Notes<impl Write>,
) -> Result<Status, Failure> {
    let time = SystemTime::now();
    let looks = Looks::take(asking::sources(&typed.sourcing)?, typed.window)?;
    let Looks {
        first,
        second,
        facts,
        mut report,
        took,
    } = looks;
    let inodes = wanted(&first, &second, &facts);
    let root = typed.sourcing.proc_root.clone();
    let (holders, owners) = find(
        inodes,
        &root.unwrap_or_else(|| PathBuf::from(OWN_PROC)),
        typed,
    );
    for loss in owners.iter().filter_map(|owners| owners.loss.as_ref()) {
        report.completeness.lose(loss.clone());
    }
    let search = owners.as_ref().map(SearchReport::of);
    notes.sample_with(&report, search.as_ref(), took);
    let examination = examine(&first, &second, &facts, &holders);
    let diagnosis = Diagnosis {
        observation: report.observation(time),
        total: second.total(),
        window: facts.window,
        findings: examination.findings,
        examined: examination.examined,
        not_examined: examination.not_examined,
    };
    let mut bytes = Vec::new();
    if typed.json {
        write_diagnosis_json(&mut bytes, &diagnosis)
    } else {
        write_diagnosis(&mut bytes, &diagnosis, terminal::look(out, typed.color))
    }
    .map_err(Failure::write)?;
    write_all(out, &bytes)?;
    Ok(status(&diagnosis))
}

/// Looks for the holders of the sockets with these inodes.
fn find(inodes: Vec<u64>, root: &Path, typed: &Doctor) -> (Holders, Option<Owners>) {
    let mut holders = Holders::default();
    if inodes.is_empty() {
        return (holders, None);
    }
    let mut wanted = Wanted::default();
    inodes.iter().for_each(|inode| wanted.add_inode(*inode));
    let budget = typed.owning.owner_timeout;
    let search = Search::new(root, Seek::LowestPid, Facts::default(), budget);
    let owners = Owners::find(search, wanted, &Listeners::default());
    for inode in inodes {
        if let Some(process) = owners.first_holder(inode) {
            holders.set(inode, process.name, process.pid);
        }
    }
    (holders, Some(owners))
}

/// Findings outrank what was lost.
fn status(diagnosis: &Diagnosis) -> Status {
    let severities = diagnosis.findings.iter().map(|finding| finding.severity);
    match severities.max() {
        Some(Severity::Critical) => Status::Critical,
        Some(Severity::Warning) => Status::Warning,
        None => Status::of(&diagnosis.observation.completeness),
    }
}
