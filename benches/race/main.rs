//! The race: tcpstates and the tools that it replaces, on crowds of real sockets. `cargo bench
//! --bench race` runs all of it; `-- --help` lists the options. Runs as root or under `unshare -r`,
//! changes nothing outside the namespaces it makes, and exits 1 when an answer is wrong.
//!
//! The same program is also the raw racers. Their names are recognised before any option is parsed,
//! so that their time is their own.

mod crowd;
mod measure;
mod options;
mod racer;
mod report;
mod state;
mod system;

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crowd::{Crowd, Kind};
use measure::{Outcome, Race};
use options::Options;
use racer::exporter::Exporter;
use racer::{Racer, SCRAPE, raw};

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [name] = arguments.as_slice()
        && name.starts_with("raw ")
    {
        raw::run(name)?;
    } else if !run_race(&Options::parse())? {
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// True when every count agreed.
fn run_race(options: &Options) -> Result<bool> {
    let mut notes = Vec::new();
    let racers = racer::assemble(options, &mut notes);
    let mut out = stdout().lock();
    write!(out, "{}", report::render_header()?)?;
    for note in notes {
        writeln!(out, "\nNote: {note}.")?;
    }
    let mut outcomes = Vec::new();
    for (kind, sockets) in options.crowds_and_sizes() {
        // Progress; a closed stderr loses nothing else.
        let _ = writeln!(stderr(), "race: {kind}, {sockets} sockets");
        let outcome = race_on(options, kind, sockets, &racers)?;
        write!(out, "{}", report::render_table(&outcome))?;
        outcomes.push(outcome);
    }
    write!(out, "{}", report::render_targets(&outcomes))?;
    Ok(outcomes.iter().all(|outcome| outcome.mismatches.is_empty()))
}

/// One crowd, from its making to its end.
fn race_on(options: &Options, kind: Kind, sockets: u64, racers: &[Racer]) -> Result<Outcome> {
    system::enter_namespace()?;
    let mut crowd = Crowd::make(kind, sockets, options.churn_rate)?;
    let scrapes = racers.iter().any(|racer| racer.name == SCRAPE);
    let exporter = scrapes.then(|| Exporter::start(&mut crowd.v4));
    Ok(Race::new(exporter.transpose()?)?.run(options, racers, &mut crowd))
}
