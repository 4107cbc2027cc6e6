//! Runs the racers against one crowd: once to check their answers, then in rounds in which they
//! take turns, so that a disturbance of the machine affects all of them alike.

pub(crate) mod pipeline;

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rustix::fs::{MemfdFlags, memfd_create};
use serde_json::Value;

use crate::crowd::{Crowd, Kind};
use crate::options::Options;
use crate::racer::answer::check_answer;
use crate::racer::exporter::Exporter;
use crate::racer::{Racer, SCRAPE, Stage};
use pipeline::{Rounds, Sample};

/// Rounds end after this, well before the crowd does.
const LONGEST: Duration = Duration::from_secs(240);

/// Answers of the program that are looked at in a churning crowd.
const OBSERVATIONS: u32 = 11;

/// All that was measured on one crowd.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) kind: Kind,
    pub(crate) sockets: u64,
    pub(crate) setup: Duration,
    pub(crate) times: Vec<(&'static str, Rounds)>,
    /// Wrong answers and failures: any makes the race fail.
    pub(crate) mismatches: Vec<String>,
    /// What a reader of the table should know.
    pub(crate) notes: Vec<String>,
    /// Processor time over elapsed time of `tcpstates --watch 1`, where it was measured.
    pub(crate) watch_share: Option<f64>,
}

impl Outcome {
    pub(crate) fn rounds_of(&self, name: &str) -> Option<&Rounds> {
        let raced = |(racer, rounds): &&(&str, Rounds)| *racer == name && !rounds.0.is_empty();
        self.times.iter().find(raced).map(|(_, rounds)| rounds)
    }
}

pub(crate) struct Race {
    outcome: Outcome,
    exporter: Option<Exporter>,
    /// A file in memory with what was printed last.
    output: File,
}

impl Race {
    pub(crate) fn new(exporter: Option<Exporter>) -> Result<Self> {
        let output = memfd_create("race", MemfdFlags::CLOEXEC).context("memfd_create")?;
        Ok(Self {
            outcome: Outcome::default(),
            exporter,
            output: output.into(),
        })
    }

    /// Checks and measures those of `racers` that race on this kind of crowd.
    pub(crate) fn run(mut self, options: &Options, racers: &[Racer], crowd: &mut Crowd) -> Outcome {
        let (kind, sockets) = (crowd.kind, crowd.sockets);
        (self.outcome.kind, self.outcome.sockets) = (kind, sockets);
        let racers: Vec<&Racer> = racers.iter().filter(|racer| racer.races_on(kind)).collect();
        let program = racers.iter().find(|racer| racer.name == "tcpstates");
        self.outcome.setup = crowd.setup;
        for racer in &racers {
            let checked = self.check(racer, crowd);
            self.note_failure(racer.name, checked);
        }
        if crowd.until.is_some_and(|until| Instant::now() > until) {
            let late = anyhow!("TIME_WAIT sockets ended during the checks; is the machine busy?");
            self.note_failure("the crowd", Err(late));
        }
        if let (Some(program), false) = (program, kind.is_quiet()) {
            self.observe_sources(program);
        }
        self.run_rounds(&racers, crowd.until, options.rounds_for(sockets));
        if kind.is_quiet() {
            self.note_failure("the crowd after the rounds", crowd.check_complete());
        }
        self.note_failure("the crowd", crowd.check_alive());
        if let (Some(program), true) = (program, options.watches(kind, sockets)) {
            self.outcome.watch_share = self.watch(program);
        }
        self.outcome
    }

    fn note_failure(&mut self, name: &str, result: Result<()>) {
        if let Err(error) = result {
            let mismatch = format!("{name}: {error:#}");
            if !self.outcome.mismatches.contains(&mismatch) {
                self.outcome.mismatches.push(mismatch);
            }
        }
    }

    /// Runs a racer once, which also warms the caches. In a churning crowd each sees the table at
    /// another moment, and there is nothing to compare its answer with.
    fn check(&mut self, racer: &Racer, crowd: &Crowd) -> Result<()> {
        self.time(racer, &racer.checked_stages(), racer.check.is_some())?;
        match racer.check {
            Some((shape, question)) if self.outcome.kind.is_quiet() => {
                let right = question.answer(&crowd.v4, &crowd.v6);
                check_answer(shape, &self.read_output()?, &right)
            }
            _ => Ok(()),
        }
    }

    /// One measurement. What is printed is in `output` afterwards, if it is kept.
    fn time(&mut self, racer: &Racer, stages: &[Stage], keep: bool) -> Result<Sample> {
        self.output.set_len(0).context("output")?;
        self.output.rewind().context("output")?;
        if racer.name != SCRAPE {
            return pipeline::run(stages, keep.then_some(&self.output));
        }
        let exporter = self.exporter.as_mut().context("no node_exporter")?;
        let (page, sample) = exporter.scrape()?;
        self.output.write_all(&page).context("output")?;
        Ok(sample)
    }

    fn read_output(&mut self) -> Result<String> {
        let mut text = String::new();
        self.output.rewind().context("output")?;
        self.output.read_to_string(&mut text).context("output")?;
        Ok(text)
    }

    fn run_rounds(&mut self, racers: &[&Racer], until: Option<Instant>, rounds: usize) {
        let end = Instant::now() + LONGEST;
        let end = until.map_or(end, |until| until.min(end));
        let mut longest_round = Duration::ZERO;
        let names = racers.iter().map(|racer| racer.name);
        self.outcome.times = names.map(|name| (name, Rounds::default())).collect();
        for round in 0..rounds {
            let begun = Instant::now();
            if begun + longest_round > end {
                let note = format!("time was up after {round} of {rounds} rounds");
                self.outcome.notes.push(note);
                break;
            }
            for (index, racer) in racers.iter().enumerate() {
                match self.time(racer, &racer.stages, racer.keeps_output()) {
                    Ok(sample) => self.outcome.times[index].1.0.push(sample),
                    Err(error) => self.note_failure(racer.name, Err(error)),
                }
            }
            longest_round = longest_round.max(begun.elapsed());
        }
    }

    /// How often the program derived its counts while the table changed, by its own JSON.
    fn observe_sources(&mut self, program: &Racer) {
        let (mut listed, mut exact, mut spread) = (0, 0, 0);
        for _ in 0..OBSERVATIONS {
            let run = self.time(program, &program.checked_stages(), true);
            let text = run.and_then(|_| self.read_output()).unwrap_or_default();
            let answer: Value = serde_json::from_str(&text).unwrap_or_default();
            match answer.get("source").and_then(Value::as_str) {
                None => {}
                Some("netlink+counters") if answer.get("spread").is_some() => spread += 1,
                Some("netlink+counters") => exact += 1,
                Some(_) => listed += 1,
            }
        }
        self.outcome.notes.push(format!(
            "of {OBSERVATIONS} answers by `tcpstates`, {listed} were listed, \
             {spread} derived with a spread, {exact} derived exactly"
        ));
    }

    /// The share of one core that watching takes.
    fn watch(&mut self, program: &Racer) -> Option<f64> {
        let mut stages = program.stages.clone();
        let options = ["--watch", "1", "--samples", "10"];
        stages.first_mut()?.extend(options.map(String::from));
        let sample = self.time(program, &stages, true).ok()?;
        // Ten samples take only nine seconds; their time is divided by ten.
        let seconds = sample.wall.as_secs_f64().max(10.0);
        Some(sample.cpu.as_secs_f64() / seconds)
    }
}
