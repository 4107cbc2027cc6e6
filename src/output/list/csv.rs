//! Sockets as CSV (RFC 4180): a header, then a row for each, with the time of its sample, so that
//! samples can be appended.

use std::io;
use std::time::SystemTime;

use super::text::{push_ip, push_number, push_state};
use super::value::{Value, value};
use super::{Rows, holders};
use crate::model::{Field, InetEnds, Names, Observation, Socket};
use crate::output::{escape, utc_stamp};

/// The columns every row has, before those that were asked for.
const USUAL: [&str; 11] = [
    "time",
    "state",
    "family",
    "local_addr",
    "local_port",
    "remote_addr",
    "remote_port",
    "receive_queue",
    "send_queue",
    "accept_queue",
    "accept_limit",
];

/// How many rows are collected before they are handed on: the writer cannot be emptied without
/// making another one, which should not happen for each row.
const COLLECTED: u32 = 256;

/// Rows of CSV.
#[derive(Debug)]
pub struct CsvRows {
    /// Fields behind the usual ones.
    further: Vec<Field>,
    writer: csv::Writer<Vec<u8>>,
    collected: u32,
    /// The stamp of the sample, the same in all its rows.
    time: String,
    /// Whether a sample was ended, and the header written before it.
    has_header: bool,
    /// One field, kept for its memory.
    cell: Vec<u8>,
}

impl CsvRows {
    /// Rows with these fields behind the usual ones, in this order.
    pub fn new(further: &[Field]) -> CsvRows {
        let further = further.iter().copied();
        CsvRows {
            // Every row has it.
            further: further.filter(|field| *field != Field::Family).collect(),
            writer: csv::Writer::from_writer(Vec::new()),
            collected: 0,
            time: String::new(),
            has_header: false,
            cell: Vec::new(),
        }
    }

    fn field(&mut self, push: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        self.cell.clear();
        push(&mut self.cell);
        Ok(self.writer.write_field(&self.cell)?)
    }

    /// A number, or nothing.
    fn number(&mut self, value: Option<impl itoa::Integer>) -> io::Result<()> {
        self.field(|cell| {
            if let Some(value) = value {
                push_number(cell, value);
            }
        })
    }

    /// Family, addresses and ports; empty for a socket without internet addresses.
    fn ends(&mut self, ends: Option<&InetEnds>) -> io::Result<()> {
        let class = ends.map_or("", |ends| ends.class().name());
        self.writer.write_field(class)?;
        for end in [ends.map(|ends| ends.local), ends.map(|ends| ends.remote)] {
            self.field(|cell| end.into_iter().for_each(|end| push_ip(cell, end.ip())))?;
            self.number(end.map(|end| end.port()))?;
        }
        Ok(())
    }

    fn end_row(&mut self) -> io::Result<()> {
        Ok(self.writer.write_record(None::<&[u8]>)?)
    }

    /// Hands on what was collected.
    fn hand_on(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let empty = csv::Writer::from_writer(Vec::new());
        let writer = std::mem::replace(&mut self.writer, empty);
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        out.extend_from_slice(&bytes);
        self.collected = 0;
        Ok(())
    }

    fn further<N: Names>(
        &mut self,
        field: Field,
        socket: &Socket,
        names: &mut N,
    ) -> io::Result<()> {
        match value(field, socket, names) {
            Value::None => {
                self.writer.write_field("")?;
                if field == Field::Timer {
                    self.writer.write_field("")?;
                }
                Ok(())
            }
            Value::Number(value) => self.number(Some(value)),
            Value::Held(shown, held) => self.field(|cell| holders::push_csv(cell, shown, &held)),
            Value::Word(text) => Ok(self.writer.write_field(text)?),
            Value::Name(text) => Ok(self.writer.write_field(escape::line(text))?),
            Value::Timer(timer) => {
                self.writer.write_field(timer.kind.name().as_ref())?;
                self.number(Some(timer.remaining.as_millis()))
            }
        }
    }
}

impl Rows for CsvRows {
    fn begin(&mut self, _out: &mut Vec<u8>, time: SystemTime) -> io::Result<()> {
        self.time = utc_stamp(time);
        if !self.has_header {
            for name in USUAL {
                self.writer.write_field(name)?;
            }
            for field in &self.further {
                self.writer.write_field(holders::list_key(*field))?;
                if *field == Field::Timer {
                    self.writer.write_field("timer_remaining_ms")?;
                }
            }
            self.end_row()?;
        }
        Ok(())
    }

    fn row<N: Names>(
        &mut self,
        out: &mut Vec<u8>,
        socket: &Socket,
        names: &mut N,
    ) -> io::Result<()> {
        self.writer.write_field(&self.time)?;
        self.field(|cell| push_state(cell, socket))?;
        self.ends(socket.internet())?;
        self.number(socket.byte_queues().map(|queues| queues.0))?;
        self.number(socket.byte_queues().map(|queues| queues.1))?;
        self.number(socket.accept_queue())?;
        self.number(socket.accept_limit())?;
        for at in 0..self.further.len() {
            if let Some(field) = self.further.get(at).copied() {
                self.further(field, socket, names)?;
            }
        }
        self.end_row()?;
        self.collected += 1;
        if self.collected >= COLLECTED {
            self.hand_on(out)?;
        }
        Ok(())
    }

    fn end<N: Names>(
        &mut self,
        out: &mut Vec<u8>,
        _observation: &Observation,
        _listed: u64,
        _names: &mut N,
    ) -> io::Result<()> {
        self.has_header = true;
        self.hand_on(out)
    }

    fn abandon(&mut self) {
        self.writer = csv::Writer::from_writer(Vec::new());
        self.collected = 0;
    }
}
