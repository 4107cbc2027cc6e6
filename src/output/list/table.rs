//! Sockets as rows of a table, for people and awk.
//!
//! Where the output is no terminal, the widths of the columns are fixed and every row is written as
//! it comes. On a terminal they are chosen to fit.

use std::io;
use std::time::SystemTime;

use super::Rows;
use super::column::Column;
use super::fit::{GAP, fit};
use crate::model::{Field, Names, Observation, Socket};
use crate::output::{Look, utc_stamp};

/// How many rows are held back on a terminal, so that their widths decide the columns': several
/// screens, and a bound, so that an endless table neither waits nor fills the memory. A later row
/// with something wider is not cut; it is longer than the others.
const HELD: usize = 500;

/// What a table shows.
#[derive(Clone, Debug)]
pub struct TableStyle {
    /// Columns behind the usual ones, in their order.
    pub further: Vec<Field>,
    /// Whether listeners are among the sockets asked for.
    pub listeners: bool,
    /// Whether every socket is an IPv4 one.
    pub only_v4: bool,
    /// Whether this is one of several samples, with a time above it.
    pub repeated: bool,
    /// What the place of output can show.
    pub look: Look,
}

/// Rows of a table.
#[derive(Debug)]
pub struct TableRows {
    style: TableStyle,
    /// Colour before and after what deserves a look; empty without colour.
    attention: (String, String),
    /// The columns shown, and their widths; those of a terminal are chosen anew for each sample.
    columns: Vec<(Column, usize)>,
    /// Whether the columns of this sample are chosen and its heading written.
    begun: bool,
    held: Vec<Socket>,
    left_out: Vec<String>,
    samples: u64,
}

impl TableRows {
    /// A table that no row has been written of.
    pub fn new(style: TableStyle) -> TableRows {
        let attention = style.look.attention();
        TableRows {
            attention: (attention.to_string(), format!("{attention:#}")),
            columns: Vec::new(),
            begun: false,
            held: Vec::new(),
            left_out: Vec::new(),
            samples: 0,
            style,
        }
    }

    fn all_columns(&self) -> impl Iterator<Item = Column> {
        let accept = self.style.listeners.then_some(Column::Accept);
        [Column::State, Column::ReceiveQueue, Column::SendQueue]
            .into_iter()
            .chain(accept)
            .chain([Column::Local, Column::Remote])
            .chain(self.style.further.iter().copied().map(Column::Further))
    }

    /// Chooses the columns, by the rows held back on a terminal, and writes the heading and them.
    fn settle<N: Names>(&mut self, out: &mut Vec<u8>, names: &mut N) {
        let columns = self.all_columns();
        self.columns = match self.style.look.width {
            None => columns
                .map(|column| (column, column.usual_width(self.style.only_v4)))
                .collect(),
            Some(_) => columns
                .map(|column| (column, self.measured_width(column, names)))
                .collect(),
        };
        if let Some(width) = self.style.look.width {
            self.left_out = fit(&mut self.columns, width);
        }
        self.begun = true;
        self.heading(out);
        for socket in std::mem::take(&mut self.held) {
            self.line(out, &socket, names);
        }
    }

    fn measured_width<N: Names>(&self, column: Column, names: &mut N) -> usize {
        let mut cell = Vec::new();
        let widths = self.held.iter().map(|socket| {
            cell.clear();
            column.push(&mut cell, socket, names);
            cell_width(column, &cell)
        });
        widths.max().unwrap_or(0).max(column.heading().len())
    }

    fn heading(&self, out: &mut Vec<u8>) {
        let style = self.style.look.heading();
        out.extend_from_slice(style.to_string().as_bytes());
        self.cells(out, |out, column| {
            out.extend_from_slice(column.heading().as_bytes());
        });
        out.extend_from_slice(format!("{style:#}\n").as_bytes());
    }

    fn line<N: Names>(&self, out: &mut Vec<u8>, socket: &Socket, names: &mut N) {
        let is_colored = self.style.look.color && socket.state.deserves_a_look();
        if is_colored {
            out.extend_from_slice(self.attention.0.as_bytes());
        }
        self.cells(out, |out, column| column.push(out, socket, names));
        if is_colored {
            out.extend_from_slice(self.attention.1.as_bytes());
        }
        out.push(b'\n');
    }

    /// Appends what `push` appends for each column, filled up with blanks to the column's width;
    /// the last one only where it stands to the right.
    fn cells(&self, out: &mut Vec<u8>, mut push: impl FnMut(&mut Vec<u8>, Column)) {
        let last = self.columns.len().saturating_sub(1);
        for (at, (column, width)) in self.columns.iter().enumerate() {
            let start = out.len();
            push(out, *column);
            let cell = out.get(start..).unwrap_or_default();
            let blanks = width.saturating_sub(cell_width(*column, cell));
            if column.is_right_aligned() {
                push_blanks(out, blanks);
                move_right(out, start, blanks);
            } else if at < last {
                push_blanks(out, blanks);
            }
            if at < last {
                push_blanks(out, GAP);
            }
        }
    }
}

impl Rows for TableRows {
    fn begin(&mut self, out: &mut Vec<u8>, time: SystemTime) -> io::Result<()> {
        if self.style.repeated {
            if self.samples > 0 {
                out.push(b'\n');
            }
            out.extend_from_slice(utc_stamp(time).as_bytes());
            out.push(b'\n');
        }
        Ok(())
    }

    fn row<N: Names>(
        &mut self,
        out: &mut Vec<u8>,
        socket: &Socket,
        names: &mut N,
    ) -> io::Result<()> {
        if !self.begun {
            if self.style.look.width.is_some() && self.held.len() < HELD {
                self.held.push(socket.clone());
                return Ok(());
            }
            self.settle(out, names);
        }
        self.line(out, socket, names);
        Ok(())
    }

    fn end<N: Names>(
        &mut self,
        out: &mut Vec<u8>,
        observation: &Observation,
        _listed: u64,
        names: &mut N,
    ) -> io::Result<()> {
        if !self.begun {
            self.settle(out, names);
        }
        if !observation.completeness.is_complete() {
            let style = self.style.look.heading();
            out.extend_from_slice(format!("{style}incomplete{style:#}\n").as_bytes());
        }
        self.samples += 1;
        self.abandon();
        Ok(())
    }

    fn abandon(&mut self) {
        self.begun = false;
        self.held.clear();
    }

    fn remark(&self) -> Option<String> {
        let width = self.style.look.width?;
        (!self.left_out.is_empty()).then(|| {
            format!(
                "left out for want of room in {width} columns: {}",
                self.left_out.join(", ")
            )
        })
    }
}

/// How many columns of a terminal it takes, at most: characters that are not ASCII may take two.
fn cell_width(column: Column, cell: &[u8]) -> usize {
    if !column.is_a_name() || cell.is_ascii() {
        return cell.len();
    }
    String::from_utf8_lossy(cell)
        .chars()
        .map(|c| if c.is_ascii() { 1 } else { 2 })
        .sum()
}

/// Exchanges what stands from `start` on with the `blanks` behind it. A rotation, but one that
/// knows that half of it is blank: at three of them a row it is worth it.
fn move_right(out: &mut [u8], start: usize, blanks: usize) {
    if let Some(end) = out.len().checked_sub(blanks).filter(|end| start <= *end) {
        out.copy_within(start..end, start + blanks);
        if let Some(vacated) = out.get_mut(start..start + blanks) {
            vacated.fill(b' ');
        }
    }
}

/// More than most columns are filled up with.
const BLANKS: [u8; 64] = [b' '; 64];

fn push_blanks(out: &mut Vec<u8>, count: usize) {
    match BLANKS.get(..count) {
        Some(blanks) => out.extend_from_slice(blanks),
        None => out.resize(out.len() + count, b' '),
    }
}
