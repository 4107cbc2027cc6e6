//! `tcpstates doctor`: what is wrong, the evidence, and what to do.
//!
//! Two samples with the window between them; then the rules, and the holders of the sockets that
//! findings are about.

mod samples;

use super::console::Console;
use super::outcome::{Failure, Outcome, Status};
use super::sample::Sample;
use super::target::sources;
use crate::cli::Doctor;
use crate::diagnose::examine;
use crate::model::{Diagnosis, Holders, Listeners, Severity, Where};
use crate::output::{write_diagnosis, write_diagnosis_json};
use crate::owner::{Facts, Owners, Search, Seek, Wanted};
use samples::Samples;

/// Answers as typed.
pub(super) fn run(typed: &Doctor, console: &mut Console) -> Result<Outcome, Failure> {
    console.set_verbosity(typed.messages);
    let sources = sources(&typed.sourcing)?;
    let mut sample = Sample::take(|_| Samples::take(&sources, typed.window))?;
    let Samples { second, host, took } = &sample.found;
    // Without the window.
    sample.took = *took;
    let mut examination = examine(second, host, &Holders::default());
    let inodes = examination.inodes();
    let owners = (!inodes.is_empty()).then(|| find(&inodes, &host.place, typed));
    if let Some(owners) = &owners {
        let mut holders = Holders::default();
        for inode in inodes {
            if let Some(process) = owners.first_holder(inode) {
                holders.set(inode, process.name, process.pid);
            }
        }
        examination = examine(second, host, &holders);
    }
    let (place, total, window) = (host.place.clone(), host.sockets, host.window);
    for loss in owners.iter().filter_map(|owners| owners.loss.as_ref()) {
        sample.report.completeness.lose(loss.clone());
    }
    sample.add_search(owners.as_ref());
    console.log(&sample);
    let diagnosis = Diagnosis {
        observation: sample.observation(),
        place,
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

/// Searches for the holders of the sockets with these inodes.
fn find(inodes: &[u64], place: &Where, typed: &Doctor) -> Owners {
    let mut wanted = Wanted::default();
    inodes.iter().for_each(|inode| wanted.add_inode(*inode));
    let budget = typed.owners.owner_timeout;
    let search = Search::new(place, Seek::LowestPid, Facts::default(), budget);
    Owners::find(search, wanted, &Listeners::default())
}

/// The exit status: findings outrank what was lost.
fn status(diagnosis: &Diagnosis) -> Status {
    let severities = diagnosis.findings.iter().map(|finding| finding.severity);
    match severities.max() {
        Some(Severity::Critical) => Status::Critical,
        Some(Severity::Warning) => Status::Warning,
        None => Status::of(&diagnosis.observation.completeness),
    }
}
