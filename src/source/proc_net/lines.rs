//! The lines of a file, through one buffer of fixed size, without copying them. Must not need more
//! memory for a file without line ends.

use std::io::{self, Read};

/// Far larger than any row (150 bytes, `TMPSZ` in net/ipv4/tcp_ipv4.c; some 200 in tcp6). A read
/// returns at most a page, whatever the buffer.
const BUFFER_LEN: usize = 64 * 1024;

/// A line, and where it came from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) text: Text<'a>,
    /// Which line of the file it is, from 1.
    pub(super) number: u64,
    /// Which read returned its end, from 1.
    pub(super) read: u64,
}

/// What is in a line, without its line end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Text<'a> {
    /// A line with a line end.
    Ended(&'a [u8]),
    /// The last line, without the line end that the kernel writes after every row.
    Unended(&'a [u8]),
    /// The beginning of a line that does not fit the buffer. It may never end, as in a file with a
    /// hole, so the rest is not to be read.
    TooLong,
}

/// Reads lines; not an iterator, because each line borrows the buffer.
pub(super) struct Lines<R> {
    file: R,
    buffer: Vec<u8>,
    /// The unread part of `buffer`.
    start: usize,
    end: usize,
    lines: u64,
    /// The number of reads so far.
    pub(super) reads: u64,
    /// The number of bytes read so far.
    pub(super) bytes: u64,
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
            lines: 0,
            reads: 0,
            bytes: 0,
        }
    }

    /// The next line; `None` at the end of the file.
    ///
    /// # Errors
    /// Any error of the reader except an interruption; the rest of the file cannot be read then.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut searched = 0;
        let (length, ended) = loop {
            if let Some(length) = self.line_end(searched) {
                break (length, true);
            }
            searched = self.end - self.start;
            if searched == self.buffer.len() || self.fill()? == 0 {
                break (searched, false);
            }
        };
        if length == 0 && !ended {
            return Ok(None);
        }
        let bytes = self.start..self.start + length;
        self.start = bytes.end + usize::from(ended);
        self.lines += 1;
        let bytes = self.buffer.get(bytes).unwrap_or(&[]);
        Ok(Some(Line {
            text: match ended {
                true => Text::Ended(bytes),
                false if length == self.buffer.len() => Text::TooLong,
                false => Text::Unended(bytes),
            },
            number: self.lines,
            read: self.reads,
        }))
    }

    /// The length of the next line; its first `searched` bytes are known to hold no line end.
    fn line_end(&self, searched: usize) -> Option<usize> {
        let unread = self.buffer.get(self.start + searched..self.end)?;
        memchr::memchr(b'\n', unread).map(|at| searched + at)
    }

    /// Moves what is unread to the front and reads more behind it; 0 at the end of the file.
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
            assert_eq!(line.number, all.len() as u64 + 1);
            all.push(match line.text {
                Text::Ended(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                Text::Unended(bytes) => format!("{}<", str::from_utf8(bytes).unwrap()),
                Text::TooLong => "<too long>".to_owned(),
            });
        }
        all
    }

    #[test]
    fn lines_do_not_depend_on_where_reads_end() {
        for piece in 1..20 {
            assert_eq!(
                read_all(b"one\n\nthree\nseven77\nend\n", piece),
                ["one", "", "three", "seven77", "end"],
                "{piece}"
            );
        }
    }

    #[test]
    fn a_last_line_without_a_line_end_and_one_too_long_are_marked() {
        for piece in 1..20 {
            assert_eq!(read_all(b"a\nb", piece), ["a", "b<"], "{piece}");
            assert_eq!(read_all(b"0123456", piece), ["0123456<"], "{piece}");
            for long in [&b"a\n0123456789"[..], b"a\n01234567", b"a\n012345678\n9\n"] {
                assert_eq!(read_all(long, piece)[..2], ["a", "<too long>"], "{piece}");
            }
        }
        assert!(read_all(b"", 1).is_empty());
    }
}
