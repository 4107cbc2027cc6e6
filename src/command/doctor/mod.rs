//! `tcpstates doctor`: what is wrong, the evidence, and what to do.
//!
//! Two looks with the window between them; then the holders of those sockets that findings are
//! about.

mod bound_ports;
mod looks;
mod suspects;

use super::console::Console;
use super::outcome::{Failure, Outcome, Status};
use super::sample::Sample;
use super::target::sources;
use crate::cli::Doctor;
use crate::diagnose::{examine, wanted};
use crate::model::{Diagnosis, Holders, Listeners, Severity, Where};
use crate::output::{write_diagnosis, write_diagnosis_json};
use crate::owner::{Facts, Owners, Search, Seek, Wanted};
use looks::Looks;

/// Answers as typed.
pub(super) fn run(typed: &Doctor, console: &mut Console) -> Result<Outcome, Failure> {
    console.set_verbosity(typed.quiet, typed.verbose);
    let sources = sources(&typed.sourcing)?;
    let place = sources.place();
    let mut sample = Sample::take(|_| Looks::take(sources, typed.window))?;
    let Looks {
        first,
        second,
        facts,
        took,
    } = &sample.found;
    // Without the window.
    sample.took = *took;
    let inodes = wanted(first, second, facts);
    let (holders, owners) = find(inodes, &place, typed);
    let examination = examine(first, second, facts, &holders);
    let (total, window) = (second.total(), facts.window);
    for loss in owners.iter().filter_map(|owners| owners.loss.as_ref()) {
        sample.report.completeness.lose(loss.clone());
    }
    sample.add_search(owners.as_ref());
    console.log(&sample);
    let diagnosis = Diagnosis {
        observation: sample.observation(),
        total,
        window,
        findings: examination.findings,
        examined: examination.examined,
        not_examined: examination.not_examined,
    };
    let mut bytes = Vec::new();
    if typed.json {
        write_diagnosis_json(&mut bytes, &diagnosis)
    } else {
        write_diagnosis(&mut bytes, &diagnosis, console.look(typed.color))
    }
    .map_err(Failure::write)?;
    console.write(&bytes)?;
    Ok(Outcome::Written(status(&diagnosis)))
}

/// Looks for the holders of the sockets with these inodes.
fn find(inodes: Vec<u64>, place: &Where, typed: &Doctor) -> (Holders, Option<Owners>) {
    let mut holders = Holders::default();
    if inodes.is_empty() {
        return (holders, None);
    }
    let mut wanted = Wanted::default();
    inodes.iter().for_each(|inode| wanted.add_inode(*inode));
    let budget = typed.owning.owner_timeout;
    let search = Search::new(place, Seek::LowestPid, Facts::default(), budget);
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
