//! Writes lines as gzip members. What was written can be read, whatever happens later.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::line::Line;

/// A member has at least this many bytes of lines, unless it is the last one of a moment.
const MEMBER: usize = 1 << 20;

/// The lines of a record on their way into a file.
#[derive(Debug)]
pub struct Writer<W: Write> {
    file: W,
    /// The lines of the next member.
    pub lines: Vec<u8>,
    packed: Vec<u8>,
    /// How many bytes were written.
    pub written: u64,
}

impl<W: Write> Writer<W> {
    /// Writes to a file.
    pub fn new(file: W) -> Writer<W> {
        Writer {
            file,
            lines: Vec::with_capacity(MEMBER + MEMBER / 8),
            packed: Vec::new(),
            written: 0,
        }
    }

    /// The file.
    pub fn into_file(self) -> W {
        self.file
    }

    /// Appends a line.
    ///
    /// # Errors
    /// Those of the file.
    pub fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.lines, line)?;
        self.lines.push(b'\n');
        self.pass_on()
    }

    /// Writes the lines when they are enough for a member.
    ///
    /// # Errors
    /// Those of the file.
    pub fn pass_on(&mut self) -> io::Result<()> {
        match self.lines.len() < MEMBER {
            true => Ok(()),
            false => self.end_member(),
        }
    }

    /// Writes all lines.
    ///
    /// # Errors
    /// Those of the file.
    pub fn end_member(&mut self) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        self.packed.clear();
        let mut encoder = GzEncoder::new(&mut self.packed, Compression::fast());
        encoder.write_all(&self.lines)?;
        encoder.finish()?;
        self.file.write_all(&self.packed)?;
        self.file.flush()?;
        self.written += self.packed.len() as u64;
        self.lines.clear();
        Ok(())
    }
}
