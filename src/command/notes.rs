//! What a person is told on stderr, beside the answer: once per change, not once per sample.

use std::io::Write;
use std::time::Duration;

use crate::cli::Presentation;
use crate::output::escape;
use crate::owner::{Effort, Owners};
use crate::source::{Cost, Report};

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loudness {
    /// Errors only.
    Quiet,
    /// Who answered where that was not to be expected, and what was lost.
    Notes,
    /// How each answer was come by as well, and what it took.
    Plans,
}

impl Loudness {
    /// As typed.
    pub(super) fn of(typed: &Presentation) -> Loudness {
        Loudness::new(typed.quiet, typed.verbose)
    }

    /// `--quiet` and `--verbose`, of which at most one is given.
    pub(super) fn new(quiet: bool, verbose: bool) -> Loudness {
        match (quiet, verbose) {
            (true, _) => Loudness::Quiet,
            (_, true) => Loudness::Plans,
            (false, false) => Loudness::Notes,
        }
    }
}

/// What is told of a search for holders.
#[derive(Debug)]
pub(super) struct SearchReport {
    note: Option<String>,
    cost: String,
}

impl SearchReport {
    pub(super) fn of(owners: &Owners) -> SearchReport {
        let Effort {
            processes,
            descriptors,
            refused,
            cut: _,
        } = owners.effort;
        SearchReport {
            note: owners.note.clone(),
            cost: format!(
                "owners: {}; {processes} processes with {descriptors} open files looked into, {refused} refused",
                owners.ownership
            ),
        }
    }
}

/// The voice of the program on stderr. That stderr itself fails is told to nobody.
pub(super) struct Notes<W> {
    err: W,
    loudness: Loudness,
    /// The lines of the last sample.
    told: Vec<String>,
    /// The remarks made so far.
    remarks: Vec<String>,
    /// Whether the last sample came from a source that needed a note.
    noted: bool,
}

impl<W: Write> Notes<W> {
    pub(super) fn new(err: W) -> Self {
        Notes {
            err,
            loudness: Loudness::Notes,
            told: Vec::new(),
            remarks: Vec::new(),
            noted: false,
        }
    }

    pub(super) fn set_loudness(&mut self, loudness: Loudness) {
        self.loudness = loudness;
    }

    /// Tells what is new about a sample.
    pub(super) fn sample(&mut self, report: &Report, took: Duration) {
        self.sample_with(report, None, took);
    }

    /// Tells what is new about a sample with the holders of its sockets: who answered if that needs a word, what was lost, and
    /// how it was come by if anybody wants to know.
    pub(super) fn sample_with(
        &mut self,
        report: &Report,
        search: Option<&SearchReport>,
        took: Duration,
    ) {
        let mut lines = Vec::new();
        match &report.note {
            Some(note) => lines.push(format!("note: {note}")),
            None if self.noted => {
                lines.push(format!("note: {} answered again", report.source.name()));
            }
            None => {}
        }
        self.noted = report.note.is_some();
        let without_holder = search.and_then(|search| search.note.as_ref());
        lines.extend(without_holder.map(|note| format!("note: {note}")));
        let losses = report.completeness.losses().iter();
        lines.extend(losses.map(|loss| format!("warning: {loss}")));
        if self.loudness == Loudness::Plans {
            lines.push(format!("plan: {}", report.plan));
        }
        if self.loudness != Loudness::Quiet {
            self.tell(&lines);
        }
        self.told = lines;
        if self.loudness == Loudness::Plans {
            if let Some(search) = search {
                self.say(&search.cost);
            }
            self.say(&cost_line(&report.cost, took));
        }
    }

    /// Tells something about the answers, once.
    pub(super) fn remark(&mut self, remark: &str) {
        let line = format!("note: {remark}");
        if self.loudness != Loudness::Quiet && !self.remarks.contains(&line) {
            self.say(&line);
            self.remarks.push(line);
        }
    }

    /// Tells that a sample failed, and that the next one will be tried.
    pub(super) fn sample_failed(&mut self, error: &str) {
        let line = format!("this sample failed: {error}");
        if !self.told.contains(&line) {
            self.say(&line);
            // The notes of the source stay told: they are still true when it answers again.
            self.told.push(line);
        }
    }

    /// Tells an error, quiet or not.
    pub(super) fn error(&mut self, line: &str) {
        self.say(line);
    }

    /// Tells those lines that the last sample did not bring.
    fn tell(&mut self, lines: &[String]) {
        for line in lines {
            if !self.told.contains(line) {
                self.say(line);
            }
        }
    }

    /// One line, whatever it quotes: paths and words typed may hold line ends and escape
    /// sequences, which must not reach a terminal.
    fn say(&mut self, line: &str) {
        let _ = writeln!(self.err, "tcpstates: {}", escape::line(line));
    }
}

fn cost_line(cost: &Cost, took: Duration) -> String {
    let repeated = match cost.repeated {
        0 => String::new(),
        1 => ", 1 repeated row of /proc ignored".to_owned(),
        rows => format!(", {rows} repeated rows of /proc ignored"),
    };
    format!(
        "cost: {} sockets listed, {} derived{repeated}; {} messages, {} bytes; {:.1} ms",
        cost.listed,
        cost.derived,
        cost.receipts,
        cost.bytes,
        took.as_secs_f64() * 1e3
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Completeness, Counts, Loss, SourceName};

    fn spoken(tell: impl FnOnce(&mut Notes<&mut Vec<u8>>)) -> Vec<String> {
        let mut err = Vec::new();
        tell(&mut Notes::new(&mut err));
        let text = String::from_utf8(err).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn report(source: SourceName, note: Option<&str>) -> Report {
        Report {
            source,
            completeness: Completeness::default(),
            spread: Counts::default(),
            note: note.map(str::to_owned),
            plan: "one walk".to_owned(),
            cost: Cost::default(),
        }
    }

    const MOMENT: Duration = Duration::from_micros(1_240);

    #[test]
    fn a_note_is_told_once_until_it_changes() {
        let proc = report(SourceName::Proc, Some("no netlink"));
        let netlink = report(SourceName::Netlink, None);
        let counters = report(SourceName::NetlinkAndCounters, None);
        let samples = [&proc, &proc, &netlink, &netlink, &counters, &proc];
        let lines = spoken(|notes| samples.iter().for_each(|r| notes.sample(r, MOMENT)));
        assert_eq!(
            lines,
            [
                "tcpstates: note: no netlink",
                "tcpstates: note: netlink answered again",
                "tcpstates: note: no netlink",
            ]
        );
    }

    #[test]
    fn a_plan_is_told_when_it_changes_and_a_cost_every_time() {
        let netlink = report(SourceName::Netlink, None);
        let lines = spoken(|notes| {
            notes.set_loudness(Loudness::Plans);
            notes.sample(&netlink, MOMENT);
            notes.sample(&netlink, MOMENT);
        });
        let cost = "tcpstates: cost: 0 sockets listed, 0 derived; 0 messages, 0 bytes; 1.2 ms";
        assert_eq!(lines, ["tcpstates: plan: one walk", cost, cost]);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let lines = spoken(|notes| notes.error("no such state `\x1b[31m\n\u{9b}`"));
        assert_eq!(lines, [r"tcpstates: no such state `\u{1b}[31m\n\u{9b}`"]);
    }

    #[test]
    fn a_quiet_program_still_tells_its_errors() {
        let mut lossy = report(SourceName::Proc, Some("no netlink"));
        lossy.completeness.lose(Loss::Overrun);
        let lines = spoken(|notes| {
            notes.set_loudness(Loudness::Quiet);
            notes.sample(&lossy, MOMENT);
            notes.sample_failed("gone");
            notes.sample_failed("gone");
        });
        assert_eq!(lines, ["tcpstates: this sample failed: gone"]);
    }
}
