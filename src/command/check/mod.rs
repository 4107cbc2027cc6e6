//! `tcpstates check`: counts, shares and rates compared with thresholds, for monitoring.
//!
//! One complete answer is always written, with its exit status.

mod groups_and_queues;
mod quantities;
mod thresholds;
mod waiting;

use std::io::ErrorKind;
use std::time::{Duration, Instant, SystemTime};

use super::clock::Clock;
use super::console::Console;
use super::log::{Log, LogMessage, Verbosity};
use super::outcome::{Failure, Status};
use super::sample::Sample;
use super::sources::refuse_several;
use super::target::Target;
use super::wait::within;
use crate::cli;
use crate::judge::{Evidence, Observed, depends_on_spread, judge};
use crate::model::{
    CheckStatus, Counts, GroupKey, Judgement, Kind, KindSet, Note, Quantity, StateSet, Thresholds,
    Trust, Verdict, Where,
};
use crate::output::{write_check, write_check_json};
use crate::source::{Sources, read_mptcp};
use quantities::Quantities;
use waiting::Wait;

/// How many groups and listeners are listed unless `--top` says otherwise.
const USUAL_TOP: usize = 10;

/// How long a reader may take to read a help text or an error.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it may take to read a verdict that came late.
const GRACE: Duration = Duration::from_secs(1);

/// What limits the time of a check.
const LIMIT: &str = " (--timeout)";

/// A resolved request for a check.
struct Check {
    target: Target,
    /// The words of the filter, as typed.
    filter: String,
    by: Option<Vec<GroupKey>>,
    /// The thresholds of each number of sockets.
    thresholds: Vec<Thresholds>,
    /// Those of what is no number of sockets.
    quantities: Vec<Thresholds>,
    /// How long changes are measured; `None` where none is judged.
    window: Option<Duration>,
    top: usize,
    verbosity: Verbosity,
}

impl Check {
    /// Resolves the options.
    fn resolve(typed: cli::Check) -> Result<Check, Failure> {
        let ranges = thresholds::Typed {
            warning: &typed.warning,
            critical: &typed.critical,
        };
        let thresholds = thresholds::resolve(ranges)?;
        let window = thresholds::window(typed.window, typed.timeout, &thresholds)?;
        let is_queue = |one: &Thresholds| one.aspect.quantity() == Some(Quantity::AcceptQueue);
        let judges_queues = thresholds.iter().any(is_queue);
        if typed.top.is_some() && typed.by.is_none() && !judges_queues {
            return Err(Failure::Usage(
                "--top needs --by KEYS, or a threshold for accept-queue: without them there is nothing to list".to_owned(),
            ));
        }
        let target = Target::of_kind(
            typed.kinds.kinds(KindSet::NONE),
            &typed.selection,
            &typed.sourcing,
        )?
        .grouped_by(typed.by.as_ref(), &typed.sourcing)?;
        thresholds::refuse_unrequested(ranges, &target.question)?;
        let (quantities, thresholds): (Vec<Thresholds>, Vec<Thresholds>) = thresholds
            .into_iter()
            .partition(|one| one.aspect.quantity().is_some());
        if typed.by.is_none() {
            target.refuse_owner_timeout()?;
        }
        if let Some(quantity) = quantities.first().and_then(|one| one.aspect.quantity()) {
            let name = quantity.name();
            refuse_several(&target.sources, &format!("a threshold for {name}"))?;
        }
        Ok(Check {
            filter: target.typed_words().unwrap_or_default(),
            target,
            by: typed.by.map(|keys| keys.0),
            thresholds,
            quantities,
            window,
            top: typed.top.map_or(USUAL_TOP, std::num::NonZeroUsize::get),
            verbosity: Verbosity::new(false, typed.verbose),
        })
    }

    /// Takes the samples and judges them.
    fn verdict(&self) -> Result<(Verdict, Vec<LogMessage>), Failure> {
        let mut log = Log::new(self.verbosity);
        let quantities = Quantities::begin(&self.target, &self.quantities);
        let mut verdict = match &self.by {
            None => self.judge_all(&mut log)?,
            Some(keys) => self.judge_groups(keys, &mut log)?,
        };
        quantities.judge(self.window, &mut verdict, &mut log)?;
        let mut thresholds = self.quantities.iter();
        let is_queue = |one: &&Thresholds| one.aspect.quantity() == Some(Quantity::AcceptQueue);
        if let Some(thresholds) = thresholds.find(is_queue) {
            self.judge_queues(*thresholds, &mut verdict, &mut log)?;
        }
        let kinds = self.target.question.kinds();
        let lacks_mptcp = kinds.contains(Kind::Tcp) && !kinds.contains(Kind::Mptcp);
        if lacks_mptcp && let Ok(sockets @ 1..) = read_mptcp(&self.target.sources) {
            log.add(LogMessage::Note(Note::Mptcp { sockets }));
        }
        if !verdict.is_complete() || !verdict.failures.is_empty() {
            verdict.status = verdict.status.max(CheckStatus::Unknown);
        }
        if !verdict.no_process.is_empty() && verdict.status == CheckStatus::Ok {
            verdict.status = CheckStatus::Unknown;
            // No sockets within a range prove nothing about a process that was not found.
            let quantities = verdict.quantities.iter_mut();
            let judgements = quantities.filter_map(|one| one.judgement.as_mut());
            for judgement in verdict.judgements.iter_mut().chain(judgements) {
                judgement.status = CheckStatus::Unknown;
            }
        }
        Ok((verdict, log.take()))
    }

    /// Judges all sockets together.
    fn judge_all(&self, log: &mut Log) -> Result<Verdict, Failure> {
        let mut sampler = self.target.sampler(Vec::new())?;
        // Counters that were requested are used, and shown with their spread.
        let derives = self.target.sources.request_counters();
        let mut take = |exactly: bool| {
            let sample = sampler.count(exactly && !derives)?;
            log.sample(&sample);
            Ok(sample)
        };
        // A change is a small difference of large numbers, and keeps the whole error of both.
        let window = self.socket_window();
        let sources = &self.target.sources;
        let mut samples = SamplePair::take(window, sources, || take(window.is_some()))?;
        let judged =
            |samples: &SamplePair<Counts>| self.judgements(samples, |counts| counts, |trust| trust);
        let mut judgements = judged(&samples);
        if !derives && judgements.iter().any(depends_on_spread) {
            samples.now = take(true)?;
            judgements = judged(&samples);
        }
        Ok(Verdict {
            status: worst(&judgements),
            judgements,
            ..self.observed(&samples, samples.now.found.clone())
        })
    }

    /// How long changes of numbers of sockets are measured; `None` where none is judged.
    fn socket_window(&self) -> Option<Duration> {
        let mut thresholds = self.thresholds.iter();
        let has_rate = thresholds.any(|one| one.aspect.needs_window());
        self.window.filter(|_| has_rate)
    }

    /// Judges the `counts` of the samples; `worth` turns the trust in a sample into that in these
    /// counts.
    fn judgements<'a, T>(
        &self,
        samples: &'a SamplePair<T>,
        counts: impl Fn(&'a T) -> &'a Counts,
        worth: impl Fn(Trust) -> Trust,
    ) -> Vec<Judgement> {
        let SamplePair { now, earlier } = samples;
        let evidence = |sample: &'a Sample<T>| Evidence {
            counts: counts(&sample.found),
            spread: &sample.report.spread,
            trust: worth(sample.report.completeness.trust()),
        };
        let observed = Observed {
            now: evidence(now),
            earlier: earlier
                .as_ref()
                .map(|earlier| (evidence(earlier), now.since(earlier))),
        };
        let judged = self.thresholds.iter();
        judged.filter_map(|one| judge(*one, observed)).collect()
    }

    /// A verdict on samples without any judgement yet.
    fn observed<T>(&self, samples: &SamplePair<T>, counts: Counts) -> Verdict {
        let SamplePair { now, earlier } = samples;
        let mut observation = now.observation();
        if let Some(earlier) = earlier {
            observation.completeness.join(&earlier.report.completeness);
        }
        Verdict {
            no_process: now.no_process.clone(),
            observation: Some(observation),
            place: self.target.sources.place(),
            filter: self.filter.clone(),
            asked: self.target.question.states,
            counts,
            spread: now.report.spread.clone(),
            ..nothing_observed(self.target.question.kinds(), now.time)
        }
    }
}

/// The samples that are judged: of now, and for changes, of the start of the window.
struct SamplePair<T> {
    now: Sample<T>,
    /// `None` if no change is judged.
    earlier: Option<Sample<T>>,
}

impl<T> SamplePair<T> {
    fn take(
        window: Option<Duration>,
        sources: &Sources,
        mut sample: impl FnMut() -> Result<Sample<T>, Failure>,
    ) -> Result<SamplePair<T>, Failure> {
        let mut earlier = None;
        if let Some(window) = window {
            refuse_one_moment(sources)?;
            let clock = Clock::start_window(sources);
            earlier = Some(sample()?);
            clock.wait(window);
        }
        let now = sample()?;
        Ok(SamplePair { now, earlier })
    }
}

/// Refuses to measure changes in a record that has nothing before the moment that it is about.
fn refuse_one_moment(sources: &Sources) -> Result<(), Failure> {
    match sources.record().filter(|record| !record.has_earlier()) {
        None => Ok(()),
        Some(record) => Err(Failure::Proc(format!(
            "changes are unknown: there is nothing to compare with before {record}"
        ))),
    }
}

/// The worst status of these judgements.
fn worst<'a>(judgements: impl IntoIterator<Item = &'a Judgement>) -> CheckStatus {
    let statuses = judgements.into_iter().map(|judgement| judgement.status);
    statuses.max().unwrap_or(CheckStatus::Ok)
}

fn nothing_observed(kinds: KindSet, time: SystemTime) -> Verdict {
    Verdict {
        time,
        observation: None,
        status: CheckStatus::Ok,
        failures: Vec::new(),
        no_process: Vec::new(),
        kinds,
        place: Where::Here,
        filter: String::new(),
        asked: StateSet::NONE,
        counts: Counts::default(),
        spread: Counts::default(),
        judgements: Vec::new(),
        groups: None,
        queues: None,
        quantities: Vec::new(),
        waited: None,
        messages: Vec::new(),
    }
}

/// Checks, within the time allowed; names are looked up in that time too.
pub(super) fn run(typed: cli::Check, console: &mut Console) -> Result<Status, Failure> {
    let (timeout, json) = (typed.timeout, typed.json);
    let end = Instant::now() + timeout;
    let (verdict, messages) = match Wait::resolve(&typed)? {
        Some(wait) => {
            let check = within(timeout, LIMIT, move || Check::resolve(typed))??;
            wait.until_ok(check, timeout, console)?
        }
        None => {
            let work = move || Check::resolve(typed)?.verdict();
            within(timeout, LIMIT, work)??
        }
    };
    Ok(write(verdict, &messages, json, end, console))
}

/// A verdict that there is none.
fn failed(failure: &Failure) -> Verdict {
    Verdict {
        status: CheckStatus::Unknown,
        failures: vec![failure.to_string()],
        ..nothing_observed(KindSet::TCP, SystemTime::now())
    }
}

/// Writes why there is no verdict, as a verdict that monitoring reads.
pub(super) fn write_failure(failure: &Failure, json: bool, console: &mut Console) -> Status {
    let now = Instant::now();
    let came_late = matches!(failure, Failure::Unfinished(_));
    let end = if came_late { now } else { now + PATIENCE };
    write(failed(failure), &[], json, end, console)
}

/// Writes a help text, which is no verdict, and which monitoring must not take for one.
pub(super) fn write_help(text: &str, console: &mut Console) -> Status {
    let written = console.write_before(text.as_bytes(), Instant::now() + PATIENCE);
    written_as(CheckStatus::Unknown, written, console)
}

/// Writes a verdict, and the messages about it, by `end`, or soon after it.
fn write(
    mut verdict: Verdict,
    messages: &[LogMessage],
    json: bool,
    end: Instant,
    console: &mut Console,
) -> Status {
    let mut bytes = Vec::new();
    let rendered = if json {
        write_check_json(&mut bytes, &verdict)
    } else {
        verdict.messages = messages.iter().map(ToString::to_string).collect();
        write_check(&mut bytes, &verdict)
    };
    let end = end.max(Instant::now() + GRACE);
    let written = rendered.map_err(Failure::write);
    let written = written.and_then(|()| console.write_before(&bytes, end));
    let status = written_as(verdict.status, written, console);
    if json {
        // The JSON object has no key for them.
        messages.iter().for_each(|message| console.print(message));
    }
    status
}

/// The status where the answer is written as far as `written` says.
fn written_as(status: CheckStatus, written: Result<(), Failure>, console: &mut Console) -> Status {
    let failure = match written {
        // A reader that has left can still read the status.
        Ok(()) | Err(Failure::ReaderLeft) => return Status::Checked(status),
        Err(failure) => failure,
    };
    // If nothing is read, only the status reports it: standard error may be the same pipe, and a
    // write to it would block.
    if !matches!(&failure, Failure::Write(error) if error.kind() == ErrorKind::TimedOut) {
        console.print(&LogMessage::Error(failure.to_string()));
    }
    Status::Checked(CheckStatus::Unknown)
}
