//! The tables of one kind of socket, such as `tcp` and `tcp6`, of a proc file system, proc(5), read as
//! a stream, row by row.
//!
//! States and filters are evaluated here, because the kernel does not. Every row that is lost is
//! reported.

mod lines;
mod repeats;
mod root;
mod row;
#[cfg(test)]
mod tests;
mod unix;

pub use root::{NoTables, ProcNet};

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::filter::{Expression, Filtered, Program, Test};
use crate::model::{Completeness, Family, Field, Kind, Loss, Netns, Sink, Socket, State, StateSet};
use crate::question::Question;
use crate::source::Cost;
use lines::{Line, Lines, Text, full_read};
use repeats::Repeats;
use row::{first_heading, is_whole, parse_row};

/// A table that must be there could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {error}", .path.display())]
pub struct ProcError {
    /// The table.
    pub path: PathBuf,
    /// Why not.
    pub error: io::Error,
}

/// The bytes of a row of IPv4, with which listeners are read one by one: to fill a larger read behind the
/// last of them, the kernel would search the connections of the whole host.
const ROW_LEN: usize = 150;

impl ProcNet {
    /// Sends every socket of the tables that matches the question to `sink`, and returns whether that
    /// took no more.
    ///
    /// # Errors
    /// When no table can be opened. A host without `tcp6` has no IPv6.
    pub(super) fn visit(
        &self,
        question: &Question,
        sink: &mut dyn Sink,
    ) -> Result<(Completeness, Cost, bool), ProcError> {
        match question.filter.as_ref().map(Program::new) {
            Some(program) => {
                let program = &program;
                self.visit_all(question, &mut Filtered { program, sink })
            }
            None => self.visit_all(question, sink),
        }
    }

    fn visit_all(
        &self,
        question: &Question,
        sink: &mut dyn Sink,
    ) -> Result<(Completeness, Cost, bool), ProcError> {
        if question.kind.is_unix() {
            return unix::visit(self, question, sink);
        }
        let mut ended_by_sink = false;
        let mut completeness = Completeness::default();
        let mut cost = Cost::default();
        let mut failed: Option<ProcError> = None;
        let mut read_any = false;
        for family in question.families.iter() {
            let Some(name) = question.kind.table(family) else {
                continue;
            };
            let path = self.path(name);
            let file = match self.open(name) {
                Ok(file) => file,
                Err(error) if family == Family::V6 && error.kind() == io::ErrorKind::NotFound => {
                    continue;
                }
                Err(error) => {
                    failed = failed.or(Some(ProcError { path, error }));
                    continue;
                }
            };
            read_any = true;
            let mut table = Table {
                path: &path,
                family,
                repeats: Repeats::new(self.is_copied()),
                question,
                is_past_listeners: false,
                netns: self.netns(),
                completeness: &mut completeness,
                cost: &mut cost,
            };
            if table.read(file, sink).is_break() {
                ended_by_sink = true;
                break;
            }
        }
        match failed {
            Some(error) if !read_any => return Err(error),
            // The sockets of the other table are kept.
            Some(error) => completeness.lose(Loss::Aborted {
                reason: error.to_string(),
            }),
            None => {}
        }
        Ok((completeness, cost, ended_by_sink))
    }
}

/// One table while it is read.
struct Table<'a> {
    path: &'a Path,
    family: Family,
    repeats: Repeats,
    question: &'a Question,
    /// Whether the last row was not requested, and is not one of those between listeners.
    is_past_listeners: bool,
    netns: Netns,
    completeness: &'a mut Completeness,
    cost: &'a mut Cost,
}

impl Table<'_> {
    /// Reads from header to end; `Break` if the sink needs no more.
    fn read(&mut self, file: impl io::Read, sink: &mut dyn Sink) -> ControlFlow<()> {
        let full_read = match self.repeats.copied {
            true => 1,
            false => full_read(self.family),
        };
        let mut lines = match self.wants_listeners_only() {
            true => Lines::in_pieces(file, full_read, ROW_LEN),
            false => Lines::new(file, full_read),
        };
        let flow = self.read_lines(&mut lines, sink);
        self.cost.receipts += lines.reads;
        self.cost.bytes += lines.bytes;
        flow
    }

    fn read_lines(
        &mut self,
        lines: &mut Lines<impl io::Read>,
        sink: &mut dyn Sink,
    ) -> ControlFlow<()> {
        let mut is_empty = true;
        loop {
            let line = match lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(error) => {
                    self.abort(&error.to_string());
                    return ControlFlow::Continue(());
                }
            };
            if line.text == Text::TooLong {
                let number = line.number;
                self.abort(&format!("line {number} is longer than any row"));
                return ControlFlow::Continue(());
            }
            let is_header = is_empty && self.is_header(&line.text);
            is_empty = false;
            if !is_header {
                self.row(&line, sink)?;
            }
            if self.is_past_listeners && self.wants_listeners_only() {
                break;
            }
        }
        if is_empty {
            self.doubtful("it is empty: even its header is missing");
        }
        if self.question.kind == Kind::Netlink && lines.count() > 1 {
            self.lose(
                "it does not have the state: connected sockets are UNCONNECTED in it",
                |what| Loss::StatesUnknown { what },
            );
        }
        ControlFlow::Continue(())
    }

    /// Whether the first line is the header; if it is a row instead, that row is counted and the
    /// missing header reported: the file is not as the kernel wrote it.
    fn is_header(&mut self, line: &Text<'_>) -> bool {
        let (Text::Ended(bytes) | Text::Unended(bytes)) = line else {
            return false;
        };
        let is_header = bytes
            .trim_ascii_start()
            .starts_with(first_heading(self.question.kind));
        if !is_header {
            self.doubtful("its header is missing");
        }
        is_header
    }

    /// Reports a loss in this table, with what is wrong with it.
    fn lose(&mut self, what: &str, loss: fn(String) -> Loss) {
        let what = format!("{}: {what}", self.path.display());
        self.completeness.lose(loss(what));
    }

    fn abort(&mut self, why: &str) {
        self.lose(why, |reason| Loss::Aborted { reason });
    }

    fn doubtful(&mut self, why: &str) {
        self.lose(why, |what| Loss::Doubtful { what });
    }

    /// Whether only listeners are requested of a live table, which begins with them: with those whose
    /// requests it has between them, before Linux 4.4 (`listening_get_next`, net/ipv4/tcp_ipv4.c).
    fn wants_listeners_only(&self) -> bool {
        let listeners = StateSet::NONE.with(State::Listen);
        self.question.kind == Kind::Tcp && self.question.states == listeners && !self.repeats.copied
    }

    fn row(&mut self, line: &Line<'_>, sink: &mut dyn Sink) -> ControlFlow<()> {
        let kind = self.question.kind;
        let parsed = match line.text {
            // Not the kernel's, and nothing that could have been a row.
            Text::Ended(bytes) | Text::Unended(bytes) if bytes.trim_ascii().is_empty() => {
                return ControlFlow::Continue(());
            }
            Text::Unended(bytes) if !is_whole(bytes, kind) => {
                Err("cut off before its end".to_owned())
            }
            Text::Ended(bytes) | Text::Unended(bytes) => {
                parse_row(bytes, kind, self.family).map_err(|error| error.to_string())
            }
            Text::TooLong => return ControlFlow::Continue(()),
        };
        match parsed {
            Ok(socket) if self.repeats.contains(&socket, line.read) => {
                self.cost.repeated += 1;
                ControlFlow::Continue(())
            }
            Ok(mut socket) if self.question.states.contains(socket.state) => {
                socket.netns = self.netns;
                self.cost.listed += 1;
                self.check_tested(&socket);
                sink.socket(&socket)
            }
            Ok(other) => {
                self.is_past_listeners = other.state != State::SynRecv;
                ControlFlow::Continue(())
            }
            Err(error) => {
                let what = format!("line {}: {error}", line.number);
                self.lose(&what, |first| Loss::Malformed { records: 1, first });
                ControlFlow::Continue(())
            }
        }
    }

    /// Reports that the filter tests what the row of this socket does not hold.
    fn check_tested(&mut self, socket: &Socket) {
        if socket.retransmits.is_some() {
            return;
        }
        let filter = self.question.filter.iter();
        let mut fields = filter.flat_map(Expression::tests).filter_map(Test::field);
        if fields.any(|field| field == Field::Retransmits) {
            let state = socket.state;
            self.doubtful(&format!(
                "it has no retransmits of sockets in {state}, so tests of them compare with nothing; use netlink, or exclude {state}"
            ));
        }
    }
}
