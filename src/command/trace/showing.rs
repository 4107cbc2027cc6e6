//! The rows of a trace on their way to standard output: ladders, lines, objects, as fast as a person
//! or a program can take them.

use std::collections::{BTreeMap, VecDeque};
use std::io::{IsTerminal, Write as _};
use std::time::{Duration, Instant};

use super::Trace;
use crate::cli::Show;
use crate::command::console::{Console, Presentation};
use crate::command::outcome::Failure;
use crate::model::trace::{Clock, Connection, Shape, Story, Summary, Transition};
use crate::output::trace::{
    CLOSES, CONNECTIONS, Column, CsvTrace, ENDS, LadderStyle, NARROWEST, RowStyle, TRANSITIONS,
    write_close, write_close_json, write_connection, write_connection_json, write_heading,
    write_ladder, write_trace_summary, write_trace_summary_json, write_transition,
    write_transition_json,
};

/// As many closes a second are drawn as ladders, and as many are shown one by one at all.
const LADDERS: usize = 5;
const LINES: usize = 20;

/// How a trace is shown.
pub(super) struct Display {
    show: Show,
    format: Presentation,
    rows_style: RowStyle,
    /// Whether it is known which end closed first.
    shows_order: bool,
    /// How closes are drawn, on a terminal that has room.
    ladder: Option<LadderStyle>,
    is_terminal: bool,
    /// Whether somebody can still read standard output.
    has_reader: bool,
    csv: CsvTrace,
    bytes: Vec<u8>,
    has_heading: bool,
    rows: u64,
    /// When the last closes were shown, and those of them that were only counted.
    recent: VecDeque<Instant>,
    counted: BTreeMap<Shape, u64>,
    counted_since: Option<Instant>,
}

impl Display {
    pub(super) fn new(
        request: &Trace,
        console: &Console,
        clock: Clock,
        shows_order: bool,
    ) -> Display {
        let format = request.presentation;
        let ladder = match format {
            Presentation::Table(look) => look.width.map(|width| LadderStyle {
                width,
                utf8: look.utf8,
            }),
            Presentation::Json | Presentation::Csv => None,
        };
        Display {
            show: request.show,
            format,
            rows_style: RowStyle {
                clock,
                with_netns: request.every_netns,
                width: ladder.map(|style| style.width),
                with_segments: request.segments,
            },
            ladder: ladder.filter(|style| style.width >= NARROWEST),
            shows_order,
            is_terminal: console.out.is_terminal(),
            has_reader: true,
            csv: CsvTrace::new(request.no_header),
            bytes: Vec::new(),
            has_heading: request.no_header,
            rows: 0,
            recent: VecDeque::new(),
            counted: BTreeMap::new(),
            counted_since: None,
        }
    }

    /// How many rows were shown.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn transition(&mut self, row: &Transition) -> Result<(), Failure> {
        self.rows += 1;
        self.heading(TRANSITIONS);
        let (out, style) = (&mut self.bytes, self.rows_style);
        match self.format {
            Presentation::Table(_) => write_transition(out, row, style),
            Presentation::Json => write_transition_json(out, row, style),
            Presentation::Csv => self.csv.transition(out, row, style),
        }
        .map_err(Failure::write)
    }

    pub(super) fn connection(&mut self, row: &Connection) -> Result<(), Failure> {
        self.rows += 1;
        self.heading(CONNECTIONS);
        let (out, style) = (&mut self.bytes, self.rows_style);
        match self.format {
            Presentation::Table(_) => write_connection(out, row, style),
            Presentation::Json => write_connection_json(out, row, style),
            Presentation::Csv => self.csv.connection(out, row, style),
        }
        .map_err(Failure::write)
    }

    pub(super) fn close(&mut self, story: &Story) -> Result<(), Failure> {
        self.rows += 1;
        let style = self.rows_style;
        match (self.format, self.ladder) {
            (Presentation::Table(_), Some(ladder)) => self.close_in_time(story, ladder),
            (Presentation::Table(_), None) => {
                self.heading(match self.shows_order {
                    true => CLOSES,
                    false => ENDS,
                });
                write_close(&mut self.bytes, story, style)
            }
            (Presentation::Json, _) => write_close_json(&mut self.bytes, story, style),
            (Presentation::Csv, _) => self.csv.close(&mut self.bytes, story, style),
        }
        .map_err(Failure::write)
    }

    /// A close on a terminal: as much of it as a person can read at this rate.
    fn close_in_time(&mut self, story: &Story, style: LadderStyle) -> std::io::Result<()> {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        while self
            .recent
            .front()
            .is_some_and(|then| now.duration_since(*then) >= second)
        {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        match self.recent.len() {
            0..=LADDERS => write_ladder(&mut self.bytes, story, self.rows_style, style),
            recent if recent <= LINES => write_close(&mut self.bytes, story, self.rows_style),
            _ => {
                self.counted_since.get_or_insert(now);
                let shape = story.shape().unwrap_or(Shape::Unknown);
                *self.counted.entry(shape).or_default() += 1;
                Ok(())
            }
        }
    }

    /// The closes of the last second that were only counted.
    fn write_counted(&mut self, at_once: bool) {
        let is_due = |since: Instant| at_once || since.elapsed() >= Duration::from_secs(1);
        if !self.counted_since.is_some_and(is_due) {
            return;
        }
        self.counted_since = None;
        let counts = std::mem::take(&mut self.counted);
        let total: u64 = counts.values().sum();
        let counts = counts
            .iter()
            .map(|(shape, count)| format!("{} {count}", shape.name()));
        let counts: Vec<String> = counts.collect();
        // A vector takes whatever is written to it.
        let _ = writeln!(self.bytes, "{total} more closes: {}", counts.join(", "));
    }

    /// The heading of a table, once.
    fn heading(&mut self, columns: &[Column]) {
        if matches!(self.format, Presentation::Table(_))
            && !std::mem::replace(&mut self.has_heading, true)
        {
            let _ = write_heading(&mut self.bytes, columns, self.rows_style);
        }
    }

    /// Writes what is there, or discards it once the reader has left.
    pub(super) fn flush(&mut self, console: &mut Console) -> Result<(), Failure> {
        self.write_counted(false);
        if !self.bytes.is_empty() && self.has_reader(console) {
            match console.write(&self.bytes) {
                Err(Failure::ReaderLeft) => self.has_reader = false,
                written => written?,
            }
        }
        self.bytes.clear();
        Ok(())
    }

    /// Whether rows can still be read.
    pub(super) fn has_reader(&mut self, console: &Console) -> bool {
        self.has_reader = self.has_reader && !console.reader_left();
        self.has_reader
    }

    /// Writes the summary: the last line of JSON; of tables below the rows on a terminal, and where
    /// nothing else was requested; elsewhere, and once the reader has left, on standard error.
    pub(super) fn summary(
        &mut self,
        summary: &Summary,
        console: &mut Console,
    ) -> Result<(), Failure> {
        self.write_counted(true);
        let mut text = Vec::new();
        let has_reader = self.has_reader(console);
        match self.format {
            Presentation::Json if has_reader => {
                write_trace_summary_json(&mut self.bytes, summary, self.rows_style)
            }
            Presentation::Table(_)
                if has_reader && (self.is_terminal || self.show == Show::Summary) =>
            {
                if self.rows > 0 {
                    self.bytes.push(b'\n');
                }
                write_trace_summary(&mut self.bytes, summary, self.rows_style)
            }
            Presentation::Table(_) | Presentation::Json | Presentation::Csv => {
                write_trace_summary(&mut text, summary, self.rows_style)
            }
        }
        .map_err(Failure::write)?;
        self.flush(console)?;
        console.print_block(&text);
        Ok(())
    }
}
