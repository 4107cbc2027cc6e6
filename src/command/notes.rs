//! What a person is told on stderr, beside the answer: once per change, not once per sample.

use std::io::Write;

use crate::model::{Completeness, SourceName};

/// The voice of the program on stderr. That stderr itself fails is told to nobody.
pub(super) struct Notes<W> {
    err: W,
    quiet: bool,
    /// The lines of the last sample.
    told: Vec<String>,
    /// The source of the last sample.
    source: Option<SourceName>,
}

impl<W: Write> Notes<W> {
    pub(super) fn new(err: W) -> Self {
        Notes {
            err,
            quiet: false,
            told: Vec::new(),
            source: None,
        }
    }

    /// Says nothing from here on but errors.
    pub(super) fn quiet(&mut self) {
        self.quiet = true;
    }

    /// Tells what is new about a sample: who answered if that needs a word, and what was lost.
    pub(super) fn sample(
        &mut self,
        source: SourceName,
        note: Option<&str>,
        completeness: &Completeness,
    ) {
        let mut lines: Vec<String> = note
            .map(|note| format!("note: {note}"))
            .into_iter()
            .collect();
        let changed = self.source.is_some_and(|before| before != source);
        if changed && lines.is_empty() {
            lines.push(format!("note: {} answered again", source.name()));
        }
        lines.extend(
            completeness
                .losses()
                .iter()
                .map(|loss| format!("warning: {loss}")),
        );
        self.source = Some(source);
        self.tell(lines);
    }

    /// Tells that a sample failed, and that the next one will be tried.
    pub(super) fn sample_failed(&mut self, error: &str) {
        let line = format!("this sample failed: {error}");
        if !self.told.contains(&line) {
            self.error(&line);
        }
        self.told = vec![line];
    }

    /// Tells an error, quiet or not.
    pub(super) fn error(&mut self, line: &str) {
        self.say(line);
    }

    /// One line, whatever it quotes: paths and words typed may hold line ends and escape
    /// sequences, which must not reach a terminal.
    fn say(&mut self, line: &str) {
        let mut harmless = String::with_capacity(line.len());
        for c in line.chars() {
            if c.is_control() {
                harmless.extend(c.escape_default());
            } else {
                harmless.push(c);
            }
        }
        let _ = writeln!(self.err, "tcpstates: {harmless}");
    }

    fn tell(&mut self, lines: Vec<String>) {
        if !self.quiet {
            for line in &lines {
                if !self.told.contains(line) {
                    self.say(line);
                }
            }
        }
        self.told = lines;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Loss;

    fn spoken(tell: impl FnOnce(&mut Notes<&mut Vec<u8>>)) -> Vec<String> {
        let mut err = Vec::new();
        tell(&mut Notes::new(&mut err));
        let text = String::from_utf8(err).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_note_is_told_once_until_it_changes() {
        let complete = Completeness::default();
        let lines = spoken(|notes| {
            for _ in 0..3 {
                notes.sample(SourceName::Proc, Some("no netlink"), &complete);
            }
            for _ in 0..3 {
                notes.sample(SourceName::Netlink, None, &complete);
            }
            notes.sample(SourceName::Proc, Some("no netlink"), &complete);
        });
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
    fn control_characters_do_not_reach_the_terminal() {
        let lines = spoken(|notes| notes.error("no such state `\x1b[31m\n\u{9b}`"));
        assert_eq!(lines, [r"tcpstates: no such state `\u{1b}[31m\n\u{9b}`"]);
    }

    #[test]
    fn a_quiet_program_still_tells_its_errors() {
        let mut lossy = Completeness::default();
        lossy.lose(Loss::Overrun);
        let lines = spoken(|notes| {
            notes.quiet();
            notes.sample(SourceName::Proc, Some("no netlink"), &lossy);
            notes.sample_failed("gone");
            notes.sample_failed("gone");
        });
        assert_eq!(lines, ["tcpstates: this sample failed: gone"]);
    }
}
