//! The lines of a file of gzip members, from any place on, each with the place of the next.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use flate2::bufread::GzDecoder;
use rustix::fs::OFlags;

use super::index::damaged;
use super::tag::{HEADER, SOCKETS, Tag};
use crate::model::Place;

/// A longer line is none of a record, in bytes.
const LONGEST: usize = 1 << 20;

/// The file is read in pieces of this size, and so are the lines, in bytes.
const PIECE: usize = 64 * 1024;

/// The compressed data are inflated in pieces of this size where lines are of use without those behind them: of
/// data that are damaged, what comes before in the same piece is lost.
const SMALL_PIECE: usize = 32;

/// Lines, one after the other.
#[derive(Debug)]
pub struct Lines {
    /// Taken when the file has no further member.
    member: Option<BufReader<GzDecoder<Counted>>>,
    /// Where the next line begins, unless that is in the next member.
    place: Place,
    line: Vec<u8>,
    /// Whether members that have only sockets are left out, as far as tags say which these are.
    skips: bool,
    /// Whether any was.
    pub(super) has_skipped: bool,
}

/// The compressed bytes, and how many were taken.
#[derive(Debug)]
struct Counted {
    file: BufReader<File>,
    taken: u64,
    /// The most that are passed on at once.
    piece: usize,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.taken += read as u64;
        Ok(read)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let bytes = self.file.fill_buf()?;
        Ok(bytes.get(..self.piece).unwrap_or(bytes))
    }

    fn consume(&mut self, bytes: usize) {
        self.taken += bytes as u64;
        self.file.consume(bytes);
    }
}

impl Counted {
    /// The length of the member that begins here, if it is whole and its tag says that it has only sockets.
    fn sockets(&self) -> Option<u64> {
        let mut header = vec![0; usize::try_from(HEADER).ok()?];
        let file = self.file.get_ref();
        file.read_exact_at(&mut header, self.taken).ok()?;
        let tag = Tag::parse(&header).filter(|tag| tag.is(SOCKETS) && tag.length > HEADER)?;
        let end = self.taken.checked_add(tag.length)?;
        (end <= file.metadata().ok()?.len()).then_some(tag.length)
    }

    /// Goes on behind this number of bytes.
    fn skip(&mut self, length: u64) -> io::Result<()> {
        self.taken += length;
        self.file.seek(SeekFrom::Start(self.taken)).map(drop)
    }
}

impl Lines {
    /// Those of a file from this place on.
    ///
    /// # Errors
    /// When it cannot be read, or is no regular file.
    pub fn open(path: &Path, from: Place) -> io::Result<Lines> {
        Lines::open_in(path, from, PIECE)
    }

    /// The same for lines that are of use without those behind them.
    ///
    /// # Errors
    /// Those of [`Lines::open`].
    pub(super) fn open_apart(path: &Path, from: Place) -> io::Result<Lines> {
        Lines::open_in(path, from, SMALL_PIECE)
    }

    /// The same without members that have only sockets and are not the first one.
    ///
    /// # Errors
    /// Those of [`Lines::open`].
    pub(super) fn open_besides_sockets(path: &Path, from: Place) -> io::Result<Lines> {
        let lines = Lines::open_in(path, from, PIECE)?;
        Ok(Lines {
            skips: true,
            ..lines
        })
    }

    fn open_in(path: &Path, from: Place, piece: usize) -> io::Result<Lines> {
        let mut file = open_file(path)?;
        file.seek(SeekFrom::Start(from.member))?;
        let counted = Counted {
            file: BufReader::with_capacity(PIECE, file),
            taken: from.member,
            piece,
        };
        let mut lines = Lines {
            member: Some(member(counted)),
            place: Place {
                member: from.member,
                lines: 0,
            },
            line: Vec::new(),
            skips: false,
            has_skipped: false,
        };
        for _ in 0..from.lines {
            lines.next_line()?;
        }
        Ok(lines)
    }

    /// The next line without its end, and where it begins; `None` at the end of the file. A line ends with its
    /// member at the latest.
    ///
    /// # Errors
    /// When the file is cut off, is damaged, or has a line that is too long.
    pub fn next_line(&mut self) -> io::Result<Option<(Place, &[u8])>> {
        loop {
            let Some(member) = &mut self.member else {
                return Ok(None);
            };
            self.line.clear();
            let limit = u64::try_from(LONGEST + 1).unwrap_or(u64::MAX);
            let read = member.take(limit).read_until(b'\n', &mut self.line);
            let read = read.map_err(|error| in_member(self.place.member, &error))?;
            if read > LONGEST {
                return Err(damaged(self.place, "it is longer than 1 MiB"));
            }
            if read == 0 {
                self.next_member()?;
                continue;
            }
            let begin = self.place;
            self.place.lines += 1;
            if self.line.last() == Some(&b'\n') {
                self.line.pop();
            }
            return Ok(Some((begin, &self.line)));
        }
    }

    /// The line that was read last, without its end.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Goes on to the next member, if there is one.
    fn next_member(&mut self) -> io::Result<()> {
        let Some(decoder) = self.member.take().map(BufReader::into_inner) else {
            return Ok(());
        };
        let mut counted = decoder.into_inner();
        while let Some(length) = self.skips.then(|| counted.sockets()).flatten() {
            counted.skip(length)?;
            self.has_skipped = true;
        }
        if !counted.fill_buf()?.is_empty() {
            self.place = Place {
                member: counted.taken,
                lines: 0,
            };
            self.member = Some(member(counted));
        }
        Ok(())
    }
}

/// Opens a regular file to read it. What is none is refused at once: a pipe that no process writes to would be
/// waited for.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = options.read(true).custom_flags(flags).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(not_regular()),
    }
}

/// That a file is none that a record can be in.
pub fn not_regular() -> io::Error {
    io::Error::other("not a regular file")
}

/// What is wrong with a member; the kind of the error stays.
fn in_member(at: u64, error: &io::Error) -> io::Error {
    let is_damage = matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
    );
    let what = match error.kind() == io::ErrorKind::UnexpectedEof {
        true => "is cut off".to_owned(),
        false if is_damage => format!("is damaged: {error}"),
        false => format!("cannot be read: {error}"),
    };
    io::Error::new(error.kind(), format!("the gzip member at byte {at} {what}"))
}

fn member(counted: Counted) -> BufReader<GzDecoder<Counted>> {
    BufReader::with_capacity(PIECE, GzDecoder::new(counted))
}
