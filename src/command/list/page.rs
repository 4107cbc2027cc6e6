//! The rows of one sample on their way to the reader, in pieces of 64 KiB.
//!
//! It wants no more rows once the reader has left or the limit is reached.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::SystemTime;

use crate::model::{Names, Observation, Sink, Socket};
use crate::output::list::Rows;

/// A write of this size costs next to nothing for each row, and its buffer no memory to speak of.
const PIECE: usize = 64 * 1024;

/// One sample as it is written.
#[derive(Debug)]
pub(super) struct Page<'a, W, R, N> {
    out: &'a mut W,
    rows: &'a mut R,
    names: &'a mut N,
    limit: Option<u64>,
    buffer: Vec<u8>,
    listed: u64,
    /// Whether the kernel kept the mark of a full socket to itself.
    lacked_marks: bool,
    failure: Option<io::Error>,
}

impl<'a, W: Write, R: Rows, N: Names> Page<'a, W, R, N> {
    /// An empty page for a sample taken at `time`, of at most `limit` rows.
    pub(super) fn new(
        out: &'a mut W,
        rows: &'a mut R,
        names: &'a mut N,
        time: SystemTime,
        limit: Option<NonZeroUsize>,
    ) -> Self {
        let mut page = Page {
            out,
            rows,
            names,
            limit: limit.and_then(|limit| u64::try_from(limit.get()).ok()),
            buffer: Vec::new(),
            listed: 0,
            lacked_marks: false,
            failure: None,
        };
        page.failure = page.rows.begin(&mut page.buffer, time).err();
        page
    }

    /// What kept it from being written, if anything did.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Whether the mark of a socket that may have one was not told.
    pub(super) fn lacked_marks(&self) -> bool {
        self.lacked_marks
    }

    /// Ends the sample and writes what is left of it.
    ///
    /// # Errors
    /// The writer's.
    pub(super) fn end(mut self, observation: &Observation) -> io::Result<()> {
        let (listed, names) = (self.listed, &mut *self.names);
        self.rows
            .end(&mut self.buffer, observation, listed, names)?;
        self.write()?;
        self.out.flush()
    }

    /// Forgets the sample: there was no answer.
    pub(super) fn abandon(self) {
        self.rows.abandon();
    }

    fn write(&mut self) -> io::Result<()> {
        let written = self.out.write_all(&self.buffer);
        self.buffer.clear();
        written
    }

    fn row(&mut self, socket: &Socket) -> io::Result<()> {
        self.rows.row(&mut self.buffer, socket, self.names)?;
        if self.buffer.len() >= PIECE {
            self.write()?;
        }
        Ok(())
    }
}

impl<W: Write, R: Rows, N: Names> Sink for Page<'_, W, R, N> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if self.failure.is_some() {
            return ControlFlow::Break(());
        }
        if let Err(error) = self.row(socket) {
            self.failure = Some(error);
            return ControlFlow::Break(());
        }
        self.listed += 1;
        self.lacked_marks |= socket.full == Some(true) && socket.mark.is_none();
        if self.limit.is_some_and(|limit| self.listed >= limit) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}
