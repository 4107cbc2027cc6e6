//! Messages about the answer, as values: decides which are new. They become text when they are
//! printed.

use std::fmt;
use std::time::Duration;

use super::sample::Sample;
use crate::model::{Loss, Note, Ownership};
use crate::owner::Effort;
use crate::source::Cost;

/// Which messages are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Verbosity {
    /// Errors only.
    Quiet,
    /// Notes and warnings as well.
    #[default]
    Notes,
    /// The plan and the cost of each sample as well.
    Plans,
}

impl Verbosity {
    /// From `--quiet` and `--verbose`; at most one is given.
    pub(super) fn new(quiet: bool, verbose: bool) -> Verbosity {
        match (quiet, verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Plans,
            (false, false) => Verbosity::Notes,
        }
    }
}

/// One line to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LogMessage {
    /// Something about the answer that is not a loss.
    Note(Note),
    /// Something about a trace.
    TraceNote(String),
    /// What runs from now on: where a server listens, what is recorded; and that it has ended.
    Server(String),
    /// Something was lost.
    Warning(Loss),
    /// How the answer was obtained. As text: the value has the counters of its moment too.
    Plan(String),
    /// What the search for owners found and took.
    Owners(Ownership, Effort),
    /// The cost of a trace.
    TraceCost(TraceCost),
    /// The cost of a sample, and the time it took.
    Cost(Cost, Duration),
    /// Why one of several samples failed.
    SampleFailed(String),
    /// Why there is no answer.
    Error(String),
}

impl fmt::Display for LogMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogMessage::Note(note) => write!(f, "note: {note}"),
            LogMessage::TraceNote(note) => write!(f, "note: {note}"),
            LogMessage::Warning(loss) => write!(f, "warning: {loss}"),
            LogMessage::Plan(plan) => write!(f, "plan: {plan}"),
            LogMessage::Owners(ownership, effort) => {
                write!(f, "owners: {}", search_text(ownership, effort))
            }
            LogMessage::Cost(cost, took) => write!(f, "cost: {}", cost_text(cost, *took)),
            LogMessage::TraceCost(cost) => write!(f, "cost: {cost}"),
            LogMessage::SampleFailed(why) => write!(f, "this sample failed: {why}"),
            LogMessage::Server(line) | LogMessage::Error(line) => f.write_str(line),
        }
    }
}

/// What a trace has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TraceCost {
    /// Events or messages that were read.
    pub(super) events: u64,
    /// How many times they were read.
    pub(super) reads: u64,
    /// The time that this process had a processor.
    pub(super) cpu: Duration,
}

impl fmt::Display for TraceCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = amount(self.events, "event", "events");
        let reads = amount(self.reads, "read", "reads");
        let cpu_ms = self.cpu.as_secs_f64() * 1e3;
        write!(f, "{events} in {reads}; {cpu_ms:.1} ms of CPU time")
    }
}

/// `1 socket`, `1234 sockets`: numbers without separators, for programs.
fn amount(number: u64, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{number} {noun}")
}

/// What a sample took.
fn cost_text(cost: &Cost, took: Duration) -> String {
    format!(
        "{} listed, {} derived{}; {}, {}; {:.1} ms",
        amount(cost.listed, "socket", "sockets"),
        cost.derived,
        match cost.repeated {
            0 => String::new(),
            rows => {
                let rows = amount(rows, "repeated row", "repeated rows");
                format!(", {rows} of /proc ignored")
            }
        },
        amount(cost.receipts, "message", "messages"),
        amount(cost.bytes, "byte", "bytes"),
        took.as_secs_f64() * 1e3
    )
}

/// What the search for owners found and took.
fn search_text(ownership: &Ownership, effort: &Effort) -> String {
    format!(
        "{ownership}; {} with {} read, {} refused, {} failed",
        amount(effort.processes, "process", "processes"),
        amount(effort.descriptors, "open file", "open files"),
        effort.refused,
        effort.failed
    )
}

/// The messages about the last sample: each is printed when it is new, not for every sample.
#[derive(Debug, Default)]
pub(super) struct Log {
    verbosity: Verbosity,
    last: Vec<LogMessage>,
    /// Those to be printed.
    new: Vec<LogMessage>,
    /// Whether the source of the last sample needed a note.
    had_note: bool,
}

impl Log {
    pub(super) fn new(verbosity: Verbosity) -> Log {
        Log {
            verbosity,
            ..Log::default()
        }
    }

    /// Whether the plan and the cost of each sample are printed.
    pub(super) fn shows_plans(&self) -> bool {
        self.verbosity == Verbosity::Plans
    }

    /// Whether only errors are printed.
    pub(super) fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// Adds the messages about a sample that the one before did not have; with [`Verbosity::Plans`]
    /// its cost too.
    pub(super) fn sample<T>(&mut self, sample: &Sample<T>) {
        let report = &sample.report;
        let mut lines = Vec::new();
        if report.notes.is_empty() && self.had_note {
            lines.push(LogMessage::Note(Note::AnsweredAgain(report.source)));
        }
        self.had_note = !report.notes.is_empty();
        lines.extend(sample.all_notes().cloned().map(LogMessage::Note));
        let losses = report.completeness.losses().iter();
        lines.extend(losses.cloned().map(LogMessage::Warning));
        let plans = self.shows_plans();
        if plans {
            lines.push(LogMessage::Plan(report.plan.to_string()));
        }
        if self.verbosity != Verbosity::Quiet {
            let new = lines.iter().filter(|line| !self.last.contains(line));
            self.new.extend(new.cloned());
        }
        self.last = lines;
        if plans {
            let search = sample.search.into_iter();
            self.new
                .extend(search.map(|(ownership, effort)| LogMessage::Owners(ownership, effort)));
            self.add(LogMessage::Cost(report.cost, sample.took));
        }
    }

    /// Adds the message about a sample that failed, unless it failed before for the same reason.
    pub(super) fn failed(&mut self, error: &impl fmt::Display) {
        let message = LogMessage::SampleFailed(error.to_string());
        if !self.last.contains(&message) {
            // The notes about the source are kept: they still hold when it answers again.
            self.last.push(message.clone());
            self.add(message);
        }
    }

    /// Adds another message.
    pub(super) fn add(&mut self, message: LogMessage) {
        self.new.push(message);
    }

    /// Takes the messages that were added.
    pub(super) fn take(&mut self) -> Vec<LogMessage> {
        std::mem::take(&mut self.new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Where;
    use crate::model::{Completeness, Counts, Kind, SourceName, StateSet};
    use crate::question::Question;
    use crate::source::{Need, Observer, Plan, ProcNet, Report, Sources};

    fn plan() -> Plan {
        let question = Question::about(Kind::Tcp, StateSet::ALL);
        let observer = Observer::new(question, Sources::Proc(ProcNet::own())).unwrap();
        observer.plan(Need::Counts).unwrap()
    }

    fn sample(source: SourceName, note: Option<Note>) -> Sample<()> {
        let report = Report {
            source,
            completeness: Completeness::default(),
            spread: Counts::default(),
            notes: Vec::from_iter(note),
            ended_by_sink: false,
            plan: plan(),
            cost: Cost::default(),
        };
        let mut sample = Sample::take(&Where::Here, |_| Ok((report, ()))).unwrap();
        sample.took = Duration::from_micros(1_240);
        sample
    }

    fn refused() -> Note {
        Note::FellBack {
            directory: "/proc/net".into(),
            cause: "it is closed".to_owned(),
        }
    }

    fn lines(log: &mut Log) -> Vec<String> {
        let messages = log.take().into_iter();
        messages.map(|message| message.to_string()).collect()
    }

    #[test]
    fn a_note_is_printed_once_until_it_changes() {
        let proc = sample(SourceName::Proc, Some(refused()));
        let netlink = sample(SourceName::Netlink, None);
        let counters = sample(SourceName::NetlinkAndCounters, None);
        let mut log = Log::default();
        for sample in [&proc, &proc, &netlink, &netlink, &counters, &proc] {
            log.sample(sample);
        }
        assert_eq!(
            lines(&mut log),
            [
                "note: /proc/net answered, because netlink did not: it is closed",
                "note: netlink answered again",
                "note: /proc/net answered, because netlink did not: it is closed",
            ]
        );
    }

    #[test]
    fn a_plan_is_printed_when_it_changes_and_a_cost_every_time() {
        let netlink = sample(SourceName::Netlink, None);
        let mut log = Log::new(Verbosity::Plans);
        log.sample(&netlink);
        log.sample(&netlink);
        let cost = "cost: 0 sockets listed, 0 derived; 0 messages, 0 bytes; 1.2 ms";
        assert_eq!(
            lines(&mut log),
            [
                "plan: read every row of the tables in /proc/thread-self/net: as requested",
                cost,
                cost
            ]
        );
    }

    #[test]
    fn the_nouns_of_a_cost_agree_with_their_numbers() {
        let cost = |number| Cost {
            listed: number,
            derived: 0,
            receipts: number,
            bytes: number,
            repeated: number,
        };
        let took = Duration::from_millis(2);
        assert_eq!(
            LogMessage::Cost(cost(1), took).to_string(),
            "cost: 1 socket listed, 0 derived, 1 repeated row of /proc ignored; \
             1 message, 1 byte; 2.0 ms"
        );
        assert_eq!(
            LogMessage::Cost(cost(2_000), took).to_string(),
            "cost: 2000 sockets listed, 0 derived, 2000 repeated rows of /proc ignored; \
             2000 messages, 2000 bytes; 2.0 ms"
        );
    }

    #[test]
    fn a_quiet_log_still_has_failed_samples() {
        let mut lossy = sample(SourceName::Proc, Some(refused()));
        lossy.report.completeness.lose(Loss::Overrun);
        let mut log = Log::new(Verbosity::Quiet);
        log.sample(&lossy);
        assert_eq!(log.take(), []);
        log.failed(&"gone");
        log.failed(&"gone");
        assert_eq!(lines(&mut log), ["this sample failed: gone"]);
    }
}
