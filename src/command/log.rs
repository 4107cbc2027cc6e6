//! Messages about the answer, as values: decides which are new. They become text when they are
//! printed.

use std::fmt;
use std::time::Duration;

use super::sample::Sample;
use crate::model::{Loss, Ownership};
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
pub(super) struct Message {
    /// Precedes the text, such as `note: `; empty for an error.
    label: &'static str,
    text: String,
}

impl Message {
    /// Something about the answer that is not a loss.
    pub(super) fn note(text: impl fmt::Display) -> Message {
        Message::new("note: ", text)
    }

    /// Something was lost.
    pub(super) fn warning(loss: &Loss) -> Message {
        Message::new("warning: ", loss)
    }

    /// Why there is no answer.
    pub(super) fn error(text: impl fmt::Display) -> Message {
        Message::new("", text)
    }

    fn new(label: &'static str, text: impl fmt::Display) -> Message {
        let text = text.to_string();
        Message { label, text }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.label, self.text)
    }
}

/// What a sample took.
fn cost_text(cost: &Cost, took: Duration) -> String {
    format!(
        "{} sockets listed, {} derived{}; {} messages, {} bytes; {:.1} ms",
        cost.listed,
        cost.derived,
        match cost.repeated {
            0 => String::new(),
            1 => ", 1 repeated row of /proc ignored".to_owned(),
            rows => format!(", {rows} repeated rows of /proc ignored"),
        },
        cost.receipts,
        cost.bytes,
        took.as_secs_f64() * 1e3
    )
}

/// What the search for owners found and took.
fn search_text(ownership: &Ownership, effort: &Effort) -> String {
    format!(
        "{ownership}; {} processes with {} open files read, {} refused, {} failed",
        effort.processes, effort.descriptors, effort.refused, effort.failed
    )
}

/// The messages about the last sample: each is printed when it is new, not for every sample.
#[derive(Debug, Default)]
pub(super) struct Log {
    verbosity: Verbosity,
    last: Vec<Message>,
    /// Those to be printed.
    new: Vec<Message>,
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

    /// Adds the messages about a sample that the one before did not have; with [`Verbosity::Plans`]
    /// its cost too.
    pub(super) fn sample<T>(&mut self, sample: &Sample<T>) {
        let report = &sample.report;
        let mut lines: Vec<Message> = report.note.iter().map(Message::note).collect();
        if lines.is_empty() && self.had_note {
            let source = report.source.name();
            lines.push(Message::note(format!("{source} answered again")));
        }
        self.had_note = report.note.is_some();
        lines.extend(sample.notes.iter().map(Message::note));
        lines.extend(report.completeness.losses().iter().map(Message::warning));
        let plans = self.verbosity == Verbosity::Plans;
        if plans {
            lines.push(Message::new("plan: ", &report.plan));
        }
        if self.verbosity != Verbosity::Quiet {
            let new = lines.iter().filter(|line| !self.last.contains(line));
            self.new.extend(new.cloned());
        }
        self.last = lines;
        if plans {
            let search = sample.search.iter();
            let search = search.map(|(ownership, effort)| search_text(ownership, effort));
            self.new
                .extend(search.map(|text| Message::new("owners: ", text)));
            self.add(Message::new("cost: ", cost_text(&report.cost, sample.took)));
        }
    }

    /// Adds the message about a sample that failed, unless it failed before for the same reason.
    pub(super) fn failed(&mut self, error: &impl fmt::Display) {
        let message = Message::new("this sample failed: ", error);
        if !self.last.contains(&message) {
            // The notes about the source are kept: they still hold when it answers again.
            self.last.push(message.clone());
            self.add(message);
        }
    }

    /// Adds another message.
    pub(super) fn add(&mut self, message: Message) {
        self.new.push(message);
    }

    /// Takes the messages that were added.
    pub(super) fn take(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Completeness, Counts, SourceName, StateSet};
    use crate::question::Question;
    use crate::source::{Need, Observer, Plan, ProcNet, Report, Sources};

    fn plan() -> Plan {
        let question = Question::about(StateSet::ALL);
        let observer = Observer::new(question, Sources::Proc(ProcNet::own())).unwrap();
        observer.plan(Need::Counts).unwrap()
    }

    fn sample(source: SourceName, note: Option<&str>) -> Sample<()> {
        let report = Report {
            source,
            completeness: Completeness::default(),
            spread: Counts::default(),
            note: note.map(str::to_owned),
            plan: plan(),
            cost: Cost::default(),
        };
        let mut sample = Sample::take(|_| Ok((report, ()))).unwrap();
        sample.took = Duration::from_micros(1_240);
        sample
    }

    fn lines(log: &mut Log) -> Vec<String> {
        let messages = log.take().into_iter();
        messages.map(|message| message.to_string()).collect()
    }

    #[test]
    fn a_note_is_printed_once_until_it_changes() {
        let proc = sample(SourceName::Proc, Some("no netlink"));
        let netlink = sample(SourceName::Netlink, None);
        let counters = sample(SourceName::NetlinkAndCounters, None);
        let mut log = Log::default();
        for sample in [&proc, &proc, &netlink, &netlink, &counters, &proc] {
            log.sample(sample);
        }
        assert_eq!(
            lines(&mut log),
            [
                "note: no netlink",
                "note: netlink answered again",
                "note: no netlink",
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
    fn a_quiet_log_still_has_failed_samples() {
        let mut lossy = sample(SourceName::Proc, Some("no netlink"));
        lossy.report.completeness.lose(Loss::Overrun);
        let mut log = Log::new(Verbosity::Quiet);
        log.sample(&lossy);
        assert_eq!(log.take(), []);
        log.failed(&"gone");
        log.failed(&"gone");
        assert_eq!(lines(&mut log), ["this sample failed: gone"]);
    }
}
