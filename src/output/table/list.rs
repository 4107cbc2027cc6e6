//! Sockets as rows of a table.
//!
//! If the output is not a terminal, the widths of the columns are fixed and every row is written as
//! it comes. On a terminal they are chosen to fit.

use super::GAP;
use super::column::{heading, is_right_aligned, push, usual_width};
use super::fit::{Column, INDENT, fit};
use crate::model::{Field, Names, Socket};
use crate::output::Style;
use crate::output::width::{cell_width, shorten};

/// How many rows are held back on a terminal, so that their widths decide the columns': several
/// screens, and a bound, so that an endless table neither waits nor fills the memory. A later row
/// with something wider is not cut; it is longer than the others.
const HELD: usize = 500;

/// The columns before the requested ones; the accept queue only where there are listeners.
const USUAL: [Field; 6] = [
    Field::State,
    Field::ReceiveQueue,
    Field::SendQueue,
    Field::AcceptQueue,
    Field::LocalAddr,
    Field::RemoteAddr,
];

/// The same of UNIX sockets.
const OF_UNIX: [Field; 6] = [
    Field::State,
    Field::ReceiveQueue,
    Field::SendQueue,
    Field::AcceptQueue,
    Field::Name,
    Field::Peer,
];

/// The rows of a list.
#[derive(Debug)]
pub(super) struct List {
    style: Style,
    /// Colour before and after what deserves a look; empty without colour.
    attention: (String, String),
    /// The columns shown; those of a terminal are chosen anew for each sample.
    columns: Vec<Column>,
    /// Whether the columns of this sample are chosen and its heading written.
    begun: bool,
    held: Vec<Socket>,
    omitted: Vec<String>,
}

impl List {
    pub(super) fn new(style: &Style) -> List {
        let attention = style.look.attention();
        List {
            style: style.clone(),
            attention: (attention.to_string(), format!("{attention:#}")),
            columns: Vec::new(),
            begun: false,
            held: Vec::new(),
            omitted: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self) {
        self.begun = false;
        self.held.clear();
    }

    /// Appends a row, or holds it back.
    pub(super) fn push(&mut self, out: &mut Vec<u8>, socket: &Socket, names: &mut dyn Names) {
        if !self.begun {
            if self.style.look.width.is_some() && self.held.len() < HELD {
                return self.held.push(socket.clone());
            }
            self.settle(out, false, names);
        }
        self.row(out, socket, names);
    }

    /// Appends what was held back; returns the headings of the columns that did not fit.
    pub(super) fn end(&mut self, out: &mut Vec<u8>, names: &mut dyn Names) -> Vec<String> {
        if !self.begun {
            self.settle(out, true, names);
        }
        std::mem::take(&mut self.omitted)
    }

    /// Chooses the columns, and writes the heading and the rows held back.
    fn settle(&mut self, out: &mut Vec<u8>, are_all: bool, names: &mut dyn Names) {
        self.choose_columns(are_all, names);
        self.begun = true;
        self.heading(out);
        for socket in std::mem::take(&mut self.held) {
            self.row(out, &socket, names);
        }
    }

    /// Chooses the columns, on a terminal by the rows held back; `are_all` says that no others follow,
    /// so that columns without a value are known.
    fn choose_columns(&mut self, are_all: bool, names: &mut dyn Names) {
        let is_of_unix = self.style.kinds.is_unix();
        let usual = if is_of_unix { OF_UNIX } else { USUAL }.into_iter();
        let usual = usual.filter(|field| {
            let needed = &self.style.needed;
            self.style.listeners || *field != Field::AcceptQueue || needed.contains(field)
        });
        let (first, mut further) = self.style.columns_in_order();
        further.retain(|field| !is_of_unix || !OF_UNIX.contains(field));
        let fields = first.into_iter().chain(usual).chain(further);
        let mut measured = |field| match self.style.look.width {
            None => (usual_width(field, self.style.only_v4), false),
            Some(_) => measure(&self.held, field, names),
        };
        let style = &self.style;
        let column = |field| {
            let (width, is_empty) = measured(field);
            let is_queue = matches!(field, Field::ReceiveQueue | Field::SendQueue);
            let is_optional = style.optional.contains(&field);
            Column {
                field,
                width,
                is_right_aligned: is_right_aligned(field),
                is_named: style.columns.contains(&field) && !is_optional
                    || style.needed.contains(&field),
                is_optional: is_optional && !style.needed.contains(&field),
                is_empty: is_empty && are_all
                    || is_queue && style.only_listeners
                    || is_optional && field == Field::State,
                is_shortened: false,
                continues: false,
            }
        };
        self.columns = fields.map(column).collect();
        if let Some(width) = self.style.look.width {
            self.omitted = fit(&mut self.columns, width);
        }
    }

    fn heading(&self, out: &mut Vec<u8>) {
        if self.style.no_header {
            return;
        }
        let style = self.style.look.heading();
        out.extend_from_slice(style.to_string().as_bytes());
        self.cells(out, |out, field| {
            out.extend_from_slice(heading(field).as_bytes());
        });
        out.extend_from_slice(format!("{style:#}\n").as_bytes());
    }

    fn row(&self, out: &mut Vec<u8>, socket: &Socket, names: &mut dyn Names) {
        let is_colored = self.style.look.color && socket.state.deserves_a_look();
        if is_colored {
            out.extend_from_slice(self.attention.0.as_bytes());
        }
        self.cells(out, |out, field| push(out, field, socket, names));
        if is_colored {
            out.extend_from_slice(self.attention.1.as_bytes());
        }
        out.push(b'\n');
    }

    /// Appends what `push` appends for each column, filled up with blanks to the column's width; the
    /// last one of a line only if it is aligned to the right.
    fn cells(&self, out: &mut Vec<u8>, mut push: impl FnMut(&mut Vec<u8>, Field)) {
        for (at, column) in self.columns.iter().enumerate() {
            if column.continues {
                out.push(b'\n');
                push_blanks(out, INDENT);
            }
            let start = out.len();
            push(out, column.field);
            if column.is_shortened {
                self.shorten(out, start, column.width);
            }
            let next = self.columns.get(at + 1);
            let gap = match next.is_some_and(|next| !next.continues) {
                true => GAP,
                false => 0,
            };
            if !column.is_right_aligned && gap == 0 {
                continue;
            }
            let cell = out.get(start..).unwrap_or_default();
            let (length, blanks) = (cell.len(), column.width.saturating_sub(cell_width(cell)));
            push_blanks(out, blanks + gap);
            if column.is_right_aligned {
                move_right(out, start, length, blanks);
            }
        }
    }

    /// Shortens the cell that begins at `start`.
    fn shorten(&self, out: &mut Vec<u8>, start: usize, width: usize) {
        let cell = String::from_utf8_lossy(out.get(start..).unwrap_or_default());
        let cell = shorten(&cell, width, self.style.look.utf8).into_owned();
        out.truncate(start);
        out.extend_from_slice(cell.as_bytes());
    }
}

/// The heading of a list of these sockets and a row for each, without the last line end, and the
/// headings of the columns that did not fit.
pub fn render_list(
    style: &Style,
    mut sockets: impl Iterator<Item = Socket>,
    names: &mut dyn Names,
) -> (String, Vec<String>, Vec<String>) {
    let mut list = List::new(style);
    list.held = sockets.by_ref().take(HELD).collect();
    let mut sockets = sockets.peekable();
    list.choose_columns(sockets.peek().is_none(), names);
    let line = |write: &mut dyn FnMut(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        write(&mut bytes);
        bytes.pop();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let heading = line(&mut |out| list.heading(out));
    let held = std::mem::take(&mut list.held);
    let rows = held.into_iter().chain(sockets);
    let rows = rows.map(|socket| line(&mut |out| list.row(out, &socket, names)));
    (heading, rows.collect(), std::mem::take(&mut list.omitted))
}

/// The width that the rows held back need, and whether none of them has a value.
fn measure(held: &[Socket], field: Field, names: &mut dyn Names) -> (usize, bool) {
    let mut cell = Vec::new();
    let (mut width, mut is_empty) = (heading(field).len(), true);
    for socket in held {
        cell.clear();
        push(&mut cell, field, socket, names);
        width = width.max(cell_width(&cell));
        is_empty &= cell == b"-";
    }
    (width, is_empty)
}

/// Exchanges the `length` bytes from `start` on with the `blanks` after them. Faster than a rotation,
/// because the rest is blank; each row needs three of them.
fn move_right(out: &mut [u8], start: usize, length: usize, blanks: usize) {
    if let Some(cell) = out.get_mut(start..start + length + blanks) {
        cell.copy_within(..length, blanks);
        if let Some(vacated) = cell.get_mut(..blanks) {
            vacated.fill(b' ');
        }
    }
}

/// More blanks than most columns need.
const BLANKS: [u8; 64] = [b' '; 64];

fn push_blanks(out: &mut Vec<u8>, count: usize) {
    match BLANKS.get(..count) {
        Some(blanks) => out.extend_from_slice(blanks),
        None => out.resize(out.len() + count, b' '),
    }
}
