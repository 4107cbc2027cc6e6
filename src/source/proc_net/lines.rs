//! The lines of a file, through one buffer of fixed size, without copying them. Must not need more
//! memory for a file without line ends.

use std::io::{self, Read};

use crate::model::Family;

/// Far larger than any row (150 bytes, `TMPSZ` in net/ipv4/tcp_ipv4.c; some 200 in tcp6). A read
/// returns at most a page, whatever the buffer.
const BUFFER_LEN: usize = 64 * 1024;

/// The fewest bytes of a read of a table in a live proc file system that other rows may follow.
///
/// A read fills a page and stops before the row that does not fit (`seq_read_iter`, fs/seq_file.c),
/// so one with room for another row was the last. What a later read returns is not new: where
/// nothing follows its position, the kernel counts that many sockets from the start
/// (`tcp_seq_start`, net/ipv4/tcp_ipv4.c), and returns the last ones again if others were added.
pub(super) fn full_read(family: Family) -> usize {
    // With the widest value of each column; inodes of sockets have 32 bits, `get_next_ino`.
    let longest_row = match family {
        Family::V4 => 190,
        Family::V6 => 240,
    };
    rustix::param::page_size().saturating_sub(longest_row)
}

/// A line, and where it came from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) text: Text<'a>,
    /// Which line of the file it is, from 1.
    pub(super) number: u64,
    /// Which read returned its start, from 1: the kernel wrote it then. What a read has no room for is
    /// returned by the next one.
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
    /// A read of fewer bytes is the last one.
    full_read: usize,
    is_last_read: bool,
    /// The most bytes of a read.
    most: usize,
    /// The number of reads so far.
    pub(super) reads: u64,
    /// The number of bytes read so far.
    pub(super) bytes: u64,
}

impl<R: Read> Lines<R> {
    /// Nothing is read after a read of less than `full_read` bytes: see [`full_read`]; 1 for a file
    /// that a read without bytes ends.
    pub(super) fn new(file: R, full_read: usize) -> Self {
        Self::with_buffer(file, full_read, BUFFER_LEN)
    }

    /// The same with reads of at most this many bytes.
    pub(super) fn in_pieces(file: R, full_read: usize, most: usize) -> Self {
        Lines {
            most,
            ..Self::new(file, full_read)
        }
    }

    fn with_buffer(file: R, full_read: usize, length: usize) -> Self {
        Lines {
            full_read,
            is_last_read: false,
            most: length,
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
        let is_unread = self.start == self.end;
        let read = self.reads + u64::from(is_unread);
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
            read,
        }))
    }

    /// The number of lines so far.
    pub(super) fn count(&self) -> u64 {
        self.lines
    }

    /// The length of the next line; its first `searched` bytes are known to hold no line end.
    fn line_end(&self, searched: usize) -> Option<usize> {
        let unread = self.buffer.get(self.start + searched..self.end)?;
        memchr::memchr(b'\n', unread).map(|at| searched + at)
    }

    /// Moves what is unread to the front and reads more behind it; 0 at the end of the file.
    fn fill(&mut self) -> io::Result<usize> {
        if self.is_last_read {
            return Ok(0);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        loop {
            let end = self.buffer.len().min(self.end + self.most);
            let room = self.buffer.get_mut(self.end..end).unwrap_or(&mut []);
            let full_read = self.full_read.min(room.len());
            match self.file.read(room) {
                Ok(length) => {
                    self.is_last_read = length < full_read;
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

    /// Each read returns the next of the slices.
    struct Reads<I>(I);

    impl<'a, I: Iterator<Item = &'a [u8]>> Read for Reads<I> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let bytes = self.0.next().unwrap_or_default();
            room[..bytes.len()].copy_from_slice(bytes);
            Ok(bytes.len())
        }
    }

    fn read_all(bytes: &[u8], piece: usize) -> Vec<String> {
        read_to_end(Pieces { bytes, piece }, 1)
    }

    fn read_to_end(file: impl Read, full_read: usize) -> Vec<String> {
        let mut lines = Lines::with_buffer(file, full_read, 8);
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
    fn nothing_is_read_behind_a_read_with_room_for_another_row() {
        // The kernel repeats the last row, because one was added before it.
        let reads = [&b"1\n2\n"[..], b"3\n4\n", b"5\n", b"5\n"];
        let live = read_to_end(Reads(reads.into_iter()), 3);
        assert_eq!(live, ["1", "2", "3", "4", "5"]);
        let copied = read_to_end(Reads(reads.into_iter()), 1);
        assert_eq!(copied, ["1", "2", "3", "4", "5", "5"]);
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
