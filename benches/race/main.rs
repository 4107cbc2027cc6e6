//! The race: tcpstates beside what it replaces, on crowds of real sockets. `cargo bench --bench
//! race` runs all of it; `-- --help` lists the options. Needs root or unprivileged user namespaces,
//! touches nothing outside the namespaces it makes, and exits 1 when any two counts differ.
//!
//! The same program is also the crowd and the raw readers, by a first word that is not for people:
//! those are told apart before any option is parsed, so that a raw reader's time is its own.

mod arena;
mod crowd;
mod fault;
mod measure;
mod options;
mod racer;
mod report;
mod state;
mod system;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crowd::recipe::Kind;
use crowd::{Crowd, churner, member};
use fault::{During, Fault};
use measure::pipeline::Tape;
use measure::{Outcome, Race};
use options::Options;
use racer::exporter::{self, Exporter};
use racer::{Racer, owners, raw};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [duty, which] if duty == "raw-dump" => raw::run(which).map(|()| true),
        [duty] if duty == "raw-walk" => owners::walk().map(|()| true),
        [duty, place @ ..] if duty == "crowd-member" => member::run(place).map(|()| true),
        [duty, place @ ..] if duty == "crowd-churner" => churner::run(place).map(|()| true),
        _ => run_race(&Options::parse()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            tell(&format!("race: {fault}"));
            ExitCode::FAILURE
        }
    }
}

/// True when every count agreed.
fn run_race(options: &Options) -> Result<bool, Fault> {
    let mut absent = Vec::new();
    let has_exporter = racer::find_tool(exporter::PROGRAM).is_some();
    if !has_exporter {
        absent.push("node_exporter: not installed, left out".into());
    }
    let own = std::env::current_exe().during("finding the race's own program")?;
    let mut racers = racer::assemble(program(options).as_deref(), has_exporter, &own, &mut absent);
    racers.retain(|racer| options.is_wanted(racer.name));
    let has_exporter = racers.iter().any(|racer| racer.name == racer::EXPORTER);

    arena::leave_the_host()?;
    let mut tape = Tape::new()?;
    print(&report::header())?;
    for note in &absent {
        print(&format!("\nNote: {note}.\n"))?;
    }
    let mut outcomes = Vec::new();
    for (kind, sockets) in options.crowds_and_sizes() {
        tell(&format!("race: {kind}, {sockets} sockets"));
        let outcome = race_on(options, kind, sockets, &racers, has_exporter, &mut tape)?;
        print(&report::table::render_table(&outcome))?;
        outcomes.push(outcome);
    }
    print(&report::reach::render_reach(&outcomes))?;
    Ok(outcomes.iter().all(|outcome| outcome.disputes.is_empty()))
}

/// One crowd, from its making to its end.
fn race_on(
    options: &Options,
    kind: Kind,
    sockets: u64,
    racers: &[Racer],
    has_exporter: bool,
    tape: &mut Tape,
) -> Result<Outcome, Fault> {
    arena::enter()?;
    let exporter = has_exporter.then(Exporter::start).transpose()?;
    let mut crowd = Crowd::make(kind, sockets, options.churn_rate)?;
    let racers: Vec<Racer> = racers
        .iter()
        .filter(|racer| racer.races_on(kind))
        .cloned()
        .collect();
    let race = Race {
        racers: &racers,
        rounds: options.rounds_for(sockets),
        watch_samples: options.watch_samples_for(kind, sockets),
        tape,
        exporter,
    };
    Ok(race.run(kind, sockets, &mut crowd))
}

/// The program under test: the one named, or the one cargo built for this bench. The variable is
/// read here and not by clap, whose `env` feature would be built into the raced program as well.
fn program(options: &Options) -> Option<PathBuf> {
    options
        .tcpstates
        .clone()
        .or_else(|| std::env::var_os("TCPSTATES_BIN").map(PathBuf::from))
        .or_else(|| option_env!("CARGO_BIN_EXE_tcpstates").map(PathBuf::from))
}

fn print(text: &str) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .during("writing the report")
}

/// Progress and errors; a closed stderr is nobody's loss.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
