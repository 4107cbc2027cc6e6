//! A file as lines, through one buffer of fixed size and without a copy of any line.
//!
//! Bounded on purpose: a file without line ends must not fill the memory.

use std::io::{self, Read};

/// Larger than any row (150 bytes, `TMPSZ` in net/ipv4/tcp_ipv4.c; some 200 in tcp6) by far. The
/// kernel hands out a page at a time, whatever is offered.
const BUFFER_LEN: usize = 64 * 1024;

/// One line, without its line end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A line that ended.
    Whole(&'a [u8]),
    /// The last line, without the line end that every row has.
    Torn,
    /// A line that did not fit the buffer; it was read past.
    TooLong,
}

/// Reads lines; not an iterator, because each line borrows the buffer.
pub(super) struct Lines<R> {
    file: R,
    buffer: Vec<u8>,
    /// The unread part of `buffer`.
    start: usize,
    end: usize,
    reads: u64,
    bytes: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(file: R) -> Self {
        Self::with_buffer(file, BUFFER_LEN)
    }

    fn with_buffer(file: R, length: usize) -> Self {
        Lines {
            file,
            buffer: vec![0; length],
            start: 0,
            end: 0,
            reads: 0,
            bytes: 0,
        }
    }

    /// How many reads it took so far.
    pub(super) fn reads(&self) -> u64 {
        self.reads
    }

    /// How many bytes were read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next line; `None` at the end of the file.
    ///
    /// # Errors
    /// Any error of the reader but an interruption; the rest of the file is then out of reach.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut too_long = false;
        let mut searched = 0;
        loop {
            if let Some(length) = self.line_end(searched) {
                let start = self.start;
                self.start += length + 1;
                return Ok(Some(if too_long {
                    Line::TooLong
                } else {
                    Line::Whole(self.buffer.get(start..start + length).unwrap_or(&[]))
                }));
            }
            searched = self.end - self.start;
            if searched == self.buffer.len() {
                too_long = true;
                searched = 0;
                self.start = self.end;
            }
            if self.fill()? == 0 {
                let rest = self.end - self.start;
                self.start = self.end;
                return Ok((rest > 0 || too_long).then_some(Line::Torn));
            }
        }
    }

    /// Where the next line ends, counted from its start; its first `searched` bytes are known to
    /// hold no line end.
    fn line_end(&self, searched: usize) -> Option<usize> {
        let unread = self.buffer.get(self.start + searched..self.end)?;
        memchr::memchr(b'\n', unread).map(|at| searched + at)
    }

    /// Reads more behind what is unread, which moves to the front; 0 at the end of the file.
    fn fill(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        loop {
            let room = self.buffer.get_mut(self.end..).unwrap_or(&mut []);
            match self.file.read(room) {
                Ok(length) => {
                    self.end += length;
                    self.reads += 1;
                    self.bytes += length as u64;
                    return Ok(length);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out `bytes` in pieces of `piece` bytes.
    struct Pieces<'a> {
        bytes: &'a [u8],
        piece: usize,
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let length = self.piece.min(room.len()).min(self.bytes.len());
            room[..length].copy_from_slice(&self.bytes[..length]);
            self.bytes = &self.bytes[length..];
            Ok(length)
        }
    }

    fn read_all(bytes: &[u8], piece: usize) -> Vec<String> {
        let mut lines = Lines::with_buffer(Pieces { bytes, piece }, 8);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push(match line {
                Line::Whole(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                Line::Torn => "<torn>".to_owned(),
                Line::TooLong => "<too long>".to_owned(),
            });
        }
        all
    }

    #[test]
    fn lines_are_the_same_however_the_reads_fall() {
        for piece in 1..20 {
            assert_eq!(
                read_all(b"one\n\nthree\nseven77\nend\n", piece),
                ["one", "", "three", "seven77", "end"],
                "{piece}"
            );
        }
    }

    #[test]
    fn a_line_longer_than_the_buffer_is_read_past_and_told() {
        for piece in 1..20 {
            assert_eq!(
                read_all(b"a\nfar too long a line\nb\n", piece),
                ["a", "<too long>", "b"],
                "{piece}"
            );
        }
    }

    #[test]
    fn a_last_line_without_an_end_is_torn() {
        for piece in 1..20 {
            assert_eq!(read_all(b"a\nb", piece), ["a", "<torn>"], "{piece}");
            assert_eq!(
                read_all(b"a\n0123456789", piece),
                ["a", "<torn>"],
                "{piece}"
            );
            assert_eq!(read_all(b"01234567", piece), ["<torn>"], "{piece}");
        }
        assert!(read_all(b"", 1).is_empty());
    }
}
