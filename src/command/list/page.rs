//! The rows of one sample on their way to the reader, in pieces of 64 KiB.
//!
//! It takes no more rows once the reader has left or the limit is reached.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::SystemTime;

use crate::command::outcome::Failure;
use crate::model::{Names, Sink, Socket};
use crate::output::Format;
use crate::source::{Report, SourceError};

/// The cost of a write of this size is negligible per row, and so is the memory of its buffer.
const PIECE: usize = 64 * 1024;

/// One sample as it is written.
pub(super) struct Page<'a> {
    out: &'a File,
    format: &'a mut dyn Format,
    names: &'a mut dyn Names,
    time: SystemTime,
    limit: usize,
    rest: Rest,
    listed: usize,
    failure: Option<io::Error>,
}

/// The end of a page, which is still to be written.
#[derive(Debug, Default)]
pub(super) struct Rest {
    pub(super) bytes: Vec<u8>,
    /// Whether the kernel did not report the mark of a socket that may have one.
    pub(super) lacks_marks: bool,
}

impl<'a> Page<'a> {
    /// An empty page for a sample taken at `time`, of at most `limit` rows.
    pub(super) fn new(
        out: &'a File,
        format: &'a mut dyn Format,
        names: &'a mut dyn Names,
        time: SystemTime,
        limit: Option<NonZeroUsize>,
    ) -> Self {
        let mut rest = Rest::default();
        format.begin_list(&mut rest.bytes, time);
        Page {
            failure: None,
            out,
            format,
            names,
            time,
            limit: limit.map_or(usize::MAX, NonZeroUsize::get),
            rest,
            listed: 0,
        }
    }

    /// Ends the sample; `report` has its completeness. Without a report, the rest is not written.
    ///
    /// # Errors
    /// The writer's, and that of the report.
    pub(super) fn end(
        mut self,
        report: Result<Report, SourceError>,
    ) -> Result<(Report, Rest), Failure> {
        if let Some(error) = self.failure {
            return Err(Failure::write(error));
        }
        let report = report?;
        let observation = report.observation(self.time);
        let (bytes, listed) = (&mut self.rest.bytes, self.listed as u64);
        self.format
            .end_list(bytes, &observation, listed, self.names);
        Ok((report, self.rest))
    }

    fn row(&mut self, socket: &Socket) -> io::Result<()> {
        let bytes = &mut self.rest.bytes;
        self.format.write_socket(bytes, socket, self.names);
        if bytes.len() >= PIECE {
            self.out.write_all(bytes)?;
            bytes.clear();
        }
        self.listed += 1;
        self.rest.lacks_marks |= socket.full == Some(true) && socket.mark.is_none();
        Ok(())
    }
}

impl Sink for Page<'_> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if self.failure.is_none() {
            self.failure = self.row(socket).err();
        }
        match self.failure.is_none() && self.listed < self.limit {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }
}
