//! Standard output and standard error: the only place that writes to them, except for rows of a
//! list, which are written as they come, and the live view.

use std::env::var_os;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IsTerminal, Stderr, Write};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::log::{Log, LogMessage, Verbosity};
use super::outcome::Failure;
use super::sample::Sample;
use crate::cli::{self, ColorWhen, FormatName};
use crate::output::{Csv, Format, Json, Look, Style, Table, escape};

/// The width of a terminal that reports none.
const USUAL_WIDTH: usize = 80;

/// How much can be written to a pipe at once, if poll(2) reports that it is writable: PIPE_BUF,
/// pipe(7).
const PIECE: usize = 4096;

/// Both streams, and which messages were printed.
#[derive(Debug)]
pub(super) struct Console {
    /// Standard output.
    pub(super) out: File,
    err: Stderr,
    log: Log,
    /// Whether a line about progress is on the terminal.
    has_progress: bool,
}

/// How answers are shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum Presentation {
    Table(Look),
    Json,
    Csv,
}

impl Presentation {
    /// The format, for answers in this style.
    pub(super) fn open(self, style: Style) -> Box<dyn Format> {
        match self {
            Presentation::Table(look) => Box::new(Table::new(Style { look, ..style })),
            Presentation::Json => Box::new(Json::new(&style)),
            Presentation::Csv => Box::new(Csv::new(&style)),
        }
    }
}

impl Console {
    pub(super) fn new(out: File, err: Stderr) -> Console {
        Console {
            out,
            err,
            log: Log::default(),
            has_progress: false,
        }
    }

    pub(super) fn set_verbosity(&mut self, typed: cli::MessageOptions) {
        self.log = Log::new(Verbosity::new(typed.quiet, typed.verbose));
    }

    /// Whether the plan and the cost of each sample are printed.
    pub(super) fn shows_plans(&self) -> bool {
        self.log.shows_plans()
    }

    /// Prints as typed from now on.
    pub(super) fn present(&mut self, typed: &cli::Presentation) -> Presentation {
        self.set_verbosity(typed.messages);
        match typed.format() {
            FormatName::Table => Presentation::Table(self.look(typed.color)),
            FormatName::Json => Presentation::Json,
            FormatName::Csv => Presentation::Csv,
        }
    }

    /// How a table may look on standard output.
    pub(super) fn look(&self, when: ColorWhen) -> Look {
        let terminal = self.out.is_terminal();
        let size = rustix::termios::tcgetwinsize(&self.out).ok();
        Look {
            color: match when {
                ColorWhen::Always => true,
                ColorWhen::Never => false,
                ColorWhen::Auto => terminal && !no_color() && !is_dumb(),
            },
            width: terminal.then(|| match size {
                Some(size) if size.ws_col > 0 => size.ws_col.into(),
                Some(_) | None => USUAL_WIDTH,
            }),
            height: size
                .filter(|size| terminal && size.ws_row > 0)
                .map(|size| size.ws_row.into()),
            utf8: is_utf8(),
        }
    }

    /// Whether the reader has left: a pipe or terminal without its other end.
    pub(super) fn reader_left(&self) -> bool {
        let mut out = [PollFd::new(&self.out, PollFlags::empty())];
        let has_events = poll(&mut out, Some(&Timespec::default())).is_ok();
        let [out] = out.map(|out| out.revents());
        has_events && out.intersects(PollFlags::ERR | PollFlags::HUP)
    }

    /// Writes a whole answer and flushes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out
            .write_all(bytes)
            .and_then(|()| self.out.flush())
            .map_err(Failure::write)
    }

    /// The same, but only until `end` if the reader does not read.
    ///
    /// # Errors
    /// The writer's; [`io::ErrorKind::TimedOut`] if the reader does not read.
    pub(super) fn write_before(&mut self, bytes: &[u8], end: Instant) -> Result<(), Failure> {
        let mut pieces = bytes.chunks(PIECE);
        let written = pieces.try_for_each(|piece| {
            wait_for_room(&self.out, end)?;
            self.out.write_all(piece)
        });
        written
            .and_then(|()| self.out.flush())
            .map_err(Failure::write)
    }

    /// Shows how far a long run is, in one line of standard error that the next one replaces; nothing
    /// where that is no terminal. The text must be escaped.
    pub(super) fn show_progress(&mut self, text: &str) {
        if !self.err.is_terminal() || is_dumb() {
            return;
        }
        let width = match rustix::termios::tcgetwinsize(&self.err) {
            Ok(size) if size.ws_col > 0 => size.ws_col.into(),
            _ => USUAL_WIDTH,
        };
        // The last column stays free: a full line would continue in the next one.
        let line: String = text.chars().take(width.saturating_sub(1)).collect();
        let _ = write!(self.err, "\r\u{1b}[K{line}");
        self.has_progress = true;
    }

    /// Removes that line.
    pub(super) fn end_progress(&mut self) {
        if std::mem::take(&mut self.has_progress) {
            let _ = write!(self.err, "\r\u{1b}[K");
        }
    }

    /// Prints what is new about a sample.
    pub(super) fn log<T>(&mut self, sample: &Sample<T>) {
        self.log.sample(sample);
        self.print_new();
    }

    /// Prints that a sample failed, once.
    pub(super) fn log_failed(&mut self, failure: &Failure) {
        self.log.failed(failure);
        self.print_new();
    }

    /// Prints what is awaited, if a person may be waiting: on a terminal.
    pub(super) fn progress(&mut self, text: &str) {
        if self.err.is_terminal() {
            let _ = writeln!(self.err, "tcpstates: {}", escape::line(text));
        }
    }

    /// Prints what the program does from now on, unless it is to print errors only.
    pub(super) fn say(&mut self, line: &str) {
        if !self.log.is_quiet() {
            self.print(&LogMessage::Server(line.to_owned()));
        }
    }

    fn print_new(&mut self) {
        let new = self.log.take();
        new.iter().for_each(|message| self.print(message));
    }

    /// Prints several lines on standard error as they are.
    pub(super) fn print_block(&mut self, lines: &[u8]) {
        let _ = self.err.write_all(lines);
    }

    /// Prints a message on standard error; that standard error fails cannot be reported.
    pub(super) fn print(&mut self, message: &LogMessage) {
        write_message(&mut self.err, message);
    }
}

/// Writes a message on standard error.
pub(super) fn write_message(err: &mut Stderr, message: &LogMessage) {
    // One line, whatever it quotes: paths and words typed may hold line ends and escape
    // sequences, which must not reach a terminal.
    let line = escape::line(&message.to_string());
    let _ = writeln!(err, "tcpstates: {line}");
}

/// Waits until a write does not block, no longer than until `end`.
fn wait_for_room(out: &File, end: Instant) -> io::Result<()> {
    loop {
        let left = Timespec::try_from(end.saturating_duration_since(Instant::now()));
        let left = left.map_err(io::Error::other)?;
        let mut room = [PollFd::new(out, PollFlags::OUT)];
        match poll(&mut room, Some(&left)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            // Also after an error, which the write returns.
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the environment turns colour off: NO_COLOR, set and not empty (no-color.org).
fn no_color() -> bool {
    var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Whether the terminal can only print lines.
pub(super) fn is_dumb() -> bool {
    var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// Whether it is the console of Linux, whose font has few characters beyond ASCII,
/// console_codes(4).
pub(super) fn is_linux_console() -> bool {
    var_os("TERM").is_some_and(|term| term == "linux")
}

/// Whether the locale's characters are UTF-8: the first of the three that is set decides,
/// locale(7).
fn is_utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(var_os)
        .find(|value| !value.is_empty())
        .is_some_and(|value| names_utf8(&value))
}

fn names_utf8(locale: &OsStr) -> bool {
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_names_its_encoding_in_either_spelling() {
        assert!(names_utf8(OsStr::new("C.UTF-8")));
        assert!(names_utf8(OsStr::new("de_DE.utf8")));
        assert!(!names_utf8(OsStr::new("de_DE@euro")));
        assert!(!names_utf8(OsStr::new("C")));
    }
}
