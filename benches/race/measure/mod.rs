//! Runs the racers against one standing crowd: once to check their answers, then in rounds,
//! alternating, so that a disturbance of the machine meets all of them alike.

pub(crate) mod guards;
pub(crate) mod pipeline;
pub(crate) mod sample;

use std::time::{Duration, Instant};

use crate::arena;
use crate::crowd::Crowd;
use crate::crowd::recipe::Kind;
use crate::fault::Fault;
use crate::racer::answer::{dispute, parse_answer};
use crate::racer::exporter::Exporter;
use crate::racer::{Racer, Runner, TCPSTATES};
use pipeline::Tape;
use sample::{Rounds, Sample};

/// Rounds end after this, well before the members of the crowd do.
const LONGEST: Duration = Duration::from_secs(240);

/// Everything learned from one crowd.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) kind: Kind,
    pub(crate) sockets: u64,
    pub(crate) setup: Duration,
    pub(crate) times: Vec<(&'static str, Rounds)>,
    /// Wrong answers and failures: any makes the race fail.
    pub(crate) disputes: Vec<String>,
    /// What a reader of the table should know.
    pub(crate) notes: Vec<String>,
    /// Processor time over elapsed time of `tcpstates --watch 1`, where it was tried.
    pub(crate) watch_share: Option<f64>,
}

impl Outcome {
    pub(crate) fn rounds_of(&self, name: &str) -> Option<&Rounds> {
        self.times
            .iter()
            .find(|(racer, rounds)| *racer == name && !rounds.0.is_empty())
            .map(|(_, rounds)| rounds)
    }
}

/// What a race is run with.
#[derive(Debug)]
pub(crate) struct Race<'a> {
    pub(crate) racers: &'a [Racer],
    pub(crate) rounds: usize,
    /// Samples of `tcpstates --watch 1`; 0 for none.
    pub(crate) watch_samples: u32,
    pub(crate) tape: &'a mut Tape,
    pub(crate) exporter: Option<Exporter>,
}

impl Race<'_> {
    pub(crate) fn run(mut self, kind: Kind, sockets: u64, crowd: &mut Crowd) -> Outcome {
        let names = self.racers.iter().map(|racer| racer.name);
        let mut outcome = Outcome {
            kind,
            sockets,
            setup: crowd.setup,
            times: names.map(|name| (name, Rounds::default())).collect(),
            disputes: Vec::new(),
            notes: Vec::new(),
            watch_share: None,
        };
        let before = arena::read_totals().ok();
        self.check_answers(crowd, &mut outcome);
        if !kind.is_quiet() {
            guards::observe(self.racers, self.tape, &mut outcome.notes);
        }
        self.run_rounds(crowd, &mut outcome);
        let after = arena::read_totals().ok();
        if kind.is_quiet() && before != after {
            let moved = format!("the crowd moved: {before:?} before, {after:?} after");
            outcome.disputes.push(moved);
        }
        if !crowd.is_whole() {
            let ended = "a process of the crowd ended early".to_owned();
            outcome.disputes.push(ended);
        }
        if self.watch_samples > 0 {
            outcome.watch_share = self.watch();
        }
        outcome
    }

    /// Everybody once: warms the caches, and in a quiet crowd holds each answer against what the
    /// crowd was made of.
    fn check_answers(&mut self, crowd: &Crowd, outcome: &mut Outcome) {
        let mut v4 = crowd.v4.clone();
        if self.exporter.is_some() {
            v4.merge(&Exporter::own_sockets());
        }
        for racer in self.racers {
            let wrong = match &racer.check {
                None => self.time(&racer.runner, false).err(),
                Some(check) => match self.answer(&check.runner) {
                    Err(fault) => Some(fault),
                    // A moving table is read by each at another moment: nothing to compare.
                    Ok(_) if !outcome.kind.is_quiet() => None,
                    Ok(text) => match parse_answer(check.shape, &text) {
                        Err(fault) => Some(fault),
                        Ok(told) => dispute(&told, check.question, &v4, &crowd.v6).map(Fault::new),
                    },
                },
            };
            if let Some(fault) = wrong {
                outcome.disputes.push(format!("{}: {fault}", racer.name));
            }
        }
    }

    fn answer(&mut self, runner: &Runner) -> Result<String, Fault> {
        match (runner, &mut self.exporter) {
            (Runner::Pipeline(stages), _) => {
                pipeline::run(stages, Some(self.tape))?;
                self.tape.text()
            }
            (Runner::Scrape, Some(exporter)) => Ok(exporter.scrape()?.0),
            (Runner::Scrape, None) => Err(Fault::new("node_exporter is not running")),
        }
    }

    /// One measurement. Long listings go nowhere, as keeping them would be part of the time.
    fn time(&mut self, runner: &Runner, keep: bool) -> Result<Sample, Fault> {
        match (runner, &mut self.exporter) {
            (Runner::Pipeline(stages), _) => pipeline::run(stages, keep.then_some(&mut *self.tape)),
            (Runner::Scrape, Some(exporter)) => Ok(exporter.scrape()?.1),
            (Runner::Scrape, None) => Err(Fault::new("node_exporter is not running")),
        }
    }

    fn run_rounds(&mut self, crowd: &Crowd, outcome: &mut Outcome) {
        let end = Instant::now() + LONGEST;
        let end = crowd.until.map_or(end, |until| until.min(end));
        let mut longest_round = Duration::ZERO;
        for round in 0..self.rounds {
            let begun = Instant::now();
            if begun + longest_round > end {
                let note = format!("time was up after {round} of {} rounds", self.rounds);
                outcome.notes.push(note);
                break;
            }
            for (racer, (_, rounds)) in self.racers.iter().zip(&mut outcome.times) {
                match self.time(&racer.runner, racer.keeps_output()) {
                    Ok(sample) => rounds.0.push(sample),
                    Err(fault) => {
                        let dispute = format!("{}: {fault}", racer.name);
                        if !outcome.disputes.contains(&dispute) {
                            outcome.disputes.push(dispute);
                        }
                    }
                }
            }
            longest_round = longest_round.max(begun.elapsed());
        }
    }

    /// The share of one core that watching takes.
    fn watch(&mut self) -> Option<f64> {
        let watcher = self.racers.iter().find(|racer| racer.name == TCPSTATES)?;
        let Runner::Pipeline(stages) = &watcher.runner else {
            return None;
        };
        let mut stages = stages.clone();
        let samples = self.watch_samples.to_string();
        let words = ["--watch", "1", "--samples", &samples];
        stages.first_mut()?.extend(words.map(String::from));
        let sample = pipeline::run(&stages, Some(self.tape)).ok()?;
        // N samples span N - 1 waits: counted as N seconds, or few samples look dear.
        let seconds = sample.wall.as_secs_f64().max(f64::from(self.watch_samples));
        Some(sample.cpu.as_secs_f64() / seconds)
    }
}
