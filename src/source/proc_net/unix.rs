//! `/proc/net/unix`, read as a stream, row by row (`unix_seq_show`, net/unix/af_unix.c).
//!
//! It has the type, state, inode and name of each socket, and neither queues nor peers. Rows without an
//! inode are left out, as netlink does: server's ends of connections that wait to be accepted, and ends
//! that were closed. The kernel writes names as they are: a line that does not begin as a row does
//! continues the name before it, and a name that contains what looks like a row cannot be recognized. An
//! abstract name has `@` for its NUL bytes, so a path that begins with `@` is taken for one.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;

use super::lines::{Line, Lines, Text};
use super::{ProcError, ProcNet};
use crate::model::{
    Completeness, Family, Kind, Loss, Netns, Sink, Socket, State, UnixEnds, UnixName,
};
use crate::proc_root::parse_number;
use crate::question::Question;
use crate::source::Cost;

/// `__SO_ACCEPTCON` (linux/net.h) in the column `Flags`: the socket listens.
const ACCEPTS: u32 = 0x1_0000;

/// `SS_CONNECTED` (linux/net.h) in the column `St`.
const CONNECTED: u32 = 3;

/// The size of `sun_path` (linux/un.h).
const LONGEST_NAME: usize = 108;

/// As many rows as a read of a page returns, and some more. Where a socket is added meanwhile, the next
/// read may begin with rows of the one before.
const REMEMBERED: usize = 96;

/// One row, whose name may go on in the next line.
struct Row {
    kind: Kind,
    state: State,
    inode: u64,
    name: Option<Vec<u8>>,
    line: u64,
}

/// The table while it is read.
struct Table<'a> {
    path: &'a Path,
    question: &'a Question,
    netns: Netns,
    sink: &'a mut dyn Sink,
    row: Option<Row>,
    /// How many digits the address in the first row has.
    digits: usize,
    recent: VecDeque<u64>,
    completeness: Completeness,
    cost: Cost,
}

/// Sends every socket of the table that the question is about to `sink`, and returns whether that took no
/// more.
///
/// # Errors
/// When the table cannot be opened.
pub(super) fn visit(
    tables: &ProcNet,
    question: &Question,
    sink: &mut dyn Sink,
) -> Result<(Completeness, Cost, bool), ProcError> {
    let name = Kind::UnixStream.table(Family::V4).unwrap_or_default();
    let path = tables.path(name);
    let file = tables.open(name).map_err(|error| ProcError {
        path: path.clone(),
        error,
    })?;
    let mut table = Table::new(&path, question, tables.netns(), sink);
    // What a read without bytes ends.
    let mut lines = Lines::new(file, 1);
    let flow = table.read(&mut lines);
    table.cost.receipts += lines.reads;
    table.cost.bytes += lines.bytes;
    Ok((table.completeness, table.cost, flow.is_break()))
}

impl<'a> Table<'a> {
    fn new(path: &'a Path, question: &'a Question, netns: Netns, sink: &'a mut dyn Sink) -> Self {
        Table {
            path,
            question,
            netns,
            sink,
            row: None,
            digits: 0,
            recent: VecDeque::with_capacity(REMEMBERED),
            completeness: Completeness::default(),
            cost: Cost::default(),
        }
    }

    fn read(&mut self, lines: &mut Lines<impl std::io::Read>) -> ControlFlow<()> {
        let mut is_first = true;
        loop {
            match lines.next() {
                Ok(Some(line)) => self.line(&line, is_first)?,
                Ok(None) => break,
                Err(error) => {
                    self.lose(&error.to_string(), |reason| Loss::Aborted { reason });
                    break;
                }
            }
            is_first = false;
        }
        if is_first {
            self.lose("it is empty: even its header is missing", |what| {
                Loss::Doubtful { what }
            });
        }
        self.end_row()
    }

    fn line(&mut self, line: &Line<'_>, is_first: bool) -> ControlFlow<()> {
        let bytes = match line.text {
            Text::Ended(bytes) => bytes,
            Text::Unended(_) | Text::TooLong => {
                self.end_row()?;
                self.malformed(line.number, "cut off before its end, or too long");
                return ControlFlow::Continue(());
            }
        };
        if is_first && bytes.starts_with(b"Num ") {
            return ControlFlow::Continue(());
        }
        if is_first {
            self.lose("its header is missing", |what| Loss::Doubtful { what });
        }
        let columns =
            begins_row(bytes).filter(|(digits, _)| self.digits == 0 || *digits == self.digits);
        if let Some((digits, _)) = columns {
            self.digits = digits;
        }
        match columns.map(|(_, columns)| parse_row(columns)) {
            Some(Some((kind, state, inode, name))) => {
                self.end_row()?;
                self.row = Some(Row {
                    kind,
                    state,
                    inode,
                    name: name.map(<[u8]>::to_vec),
                    line: line.number,
                });
            }
            Some(None) => {
                self.end_row()?;
                self.malformed(line.number, "a column is missing or malformed");
            }
            None => self.continue_name(bytes, line.number),
        }
        ControlFlow::Continue(())
    }

    /// Adds a line to the name before it.
    fn continue_name(&mut self, bytes: &[u8], number: u64) {
        let name = self.row.as_mut().and_then(|row| row.name.as_mut());
        match name {
            Some(name) if name.len() + bytes.len() < LONGEST_NAME => {
                name.push(b'\n');
                name.extend(bytes);
            }
            _ if bytes.is_empty() => {}
            _ => self.malformed(number, "neither a row nor part of a name"),
        }
    }

    /// Passes the last row on.
    fn end_row(&mut self) -> ControlFlow<()> {
        let Some(row) = self.row.take() else {
            return ControlFlow::Continue(());
        };
        if row.inode == 0 {
            return ControlFlow::Continue(());
        }
        if self.recent.contains(&row.inode) {
            self.cost.repeated += 1;
            return ControlFlow::Continue(());
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(row.inode);
        let name = match row.name {
            None => UnixName::Unnamed,
            Some(name) if name.len() > LONGEST_NAME => {
                self.malformed(row.line, "its name has more than 108 bytes");
                return ControlFlow::Continue(());
            }
            Some(name) => match name.strip_prefix(b"@") {
                Some(rest) => UnixName::Abstract(rest.into()),
                None => UnixName::Path(name.into()),
            },
        };
        let is_selected =
            self.question.kinds().contains(row.kind) && self.question.states.contains(row.state);
        if !is_selected {
            return ControlFlow::Continue(());
        }
        self.cost.listed += 1;
        let ends = UnixEnds {
            name,
            ..UnixEnds::default()
        };
        self.sink.socket(&Socket {
            netns: self.netns,
            inode: row.inode,
            uid: Socket::NO_UID,
            retransmits: None,
            ..Socket::bare(row.kind, row.state, ends)
        })
    }

    /// Reports a loss in this table, with what is wrong with it.
    fn lose(&mut self, what: &str, loss: fn(String) -> Loss) {
        let what = format!("{}: {what}", self.path.display());
        self.completeness.lose(loss(what));
    }

    fn malformed(&mut self, number: u64, what: &str) {
        self.lose(&format!("line {number}: {what}"), |first| Loss::Malformed {
            records: 1,
            first,
        });
    }
}

/// The number of digits of the address that a row begins with, and the columns behind it: 16 hexadecimal digits, or 8 of a
/// kernel of 32 bits, and a colon. `None` for a line that does not begin so.
fn begins_row(line: &[u8]) -> Option<(usize, &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let (address, rest) = line.split_at_checked(colon)?;
    let is_address = matches!(address.len(), 8 | 16) && address.iter().all(u8::is_ascii_hexdigit);
    let columns = rest.strip_prefix(b": ").filter(|_| is_address)?;
    Some((colon, columns))
}

/// The columns after the address: references, protocol, flags, type, state, inode, and the name, if
/// there is one.
fn parse_row(columns: &[u8]) -> Option<(Kind, State, u64, Option<&[u8]>)> {
    let (_references, rest) = column(columns, 8)?;
    let (_protocol, rest) = column(rest, 8)?;
    let (flags, rest) = column(rest, 8)?;
    let (kind, rest) = column(rest, 4)?;
    let (state, rest) = column(rest, 2)?;
    let rest = rest.trim_ascii_start();
    let length = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let (inode, name) = rest.split_at_checked(length)?;
    let kind = match kind {
        1 => Kind::UnixStream,
        2 => Kind::UnixDgram,
        5 => Kind::UnixSeqpacket,
        _ => return None,
    };
    let state = match (flags & ACCEPTS != 0, state) {
        (true, _) => State::Listen,
        (false, CONNECTED) => State::Established,
        (false, _) => State::Unconnected,
    };
    Some((kind, state, parse_number(inode)?, name.strip_prefix(b" ")))
}

/// A hexadecimal number of at least this number of digits, and what follows the blank
/// behind it.
fn column(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let length = memchr::memchr(b' ', text)?;
    let (number, rest) = text.split_at_checked(length)?;
    let number = std::str::from_utf8(number).ok()?;
    let is_plain = length >= digits && number.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = u32::from_str_radix(number, 16).ok().filter(|_| is_plain)?;
    Some((number, rest.strip_prefix(b" ")?))
}

#[cfg(test)]
mod tests;
