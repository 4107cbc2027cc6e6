//! A file of members that never grows past its bound: its oldest moments and samples give way to new ones.
//!
//! Where they do, the others are copied to a new file, which then takes the name of the old one: a reader
//! finds a whole record at any time, and one that has opened the old file keeps it. A part of the file is a
//! moment, or a member with samples; what cannot be written leaves nothing of its part. Two moments of which the
//! second refers to the first become one part, with the samples between them.

mod parts;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, OFlags, flock};

use super::continued::repair;
use super::index::{milliseconds, read_members};
use super::lines::not_regular;
use super::open::{RecordError, read_origin};
use crate::model::{Origin, Place};
use parts::{Part, head_at, join, parts};

/// Of each limit, this part more is given up at once, so that the file is copied rarely.
const SPARE: u32 = 8;

/// How long and how large a record may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// What is older is given up.
    pub keep: Duration,
    /// The length of the file, in bytes.
    pub size: u64,
}

/// The file.
#[derive(Debug)]
pub struct Ring {
    file: File,
    path: PathBuf,
    bounds: Bounds,
    length: u64,
    removed: u64,
    /// In the order of the file.
    parts: Vec<Part>,
    /// Where the part begins that is written.
    begun: Option<u64>,
    /// Where the first of two moments begins, until the second one is there or the first is given up.
    first: Option<u64>,
    /// Whether what is written refers to it.
    is_second: bool,
}

impl Ring {
    /// A new file, or one that another run has left and that is continued.
    ///
    /// # Errors
    /// Those of the file; [`io::ErrorKind::WouldBlock`] where another process records into it, and
    /// [`io::ErrorKind::InvalidData`] where it is no record, or an earlier version wrote it.
    pub fn open(path: &Path, bounds: Bounds, replace: bool) -> io::Result<Ring> {
        let mut options = options();
        let opened = options.create(true).truncate(false).open(path)?;
        if !opened.metadata()?.is_file() {
            return Err(not_regular());
        }
        lock(&opened)?;
        if replace {
            opened.set_len(0)?;
        }
        let file = opened;
        let before = file.metadata()?.len();
        repair(&file)?;
        let (members, length) = read_members(&file)?;
        if length != file.metadata()?.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(Ring {
            file,
            path: path.to_owned(),
            bounds,
            length,
            removed: before.saturating_sub(length),
            parts: parts(&members),
            begun: None,
            first: None,
            is_second: false,
        })
    }

    /// Whether it has nothing yet.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whose record its last run is; `None` if it has nothing yet.
    ///
    /// # Errors
    /// When that cannot be read, or a later version wrote it.
    pub fn origin(&self) -> Result<Option<Origin>, RecordError> {
        let mut runs = self.parts.iter().rev().filter(|part| part.is_head);
        let run = runs.next().map(|part| Place {
            member: part.at,
            lines: 0,
        });
        run.map(|run| read_origin(&self.path, run)).transpose()
    }

    /// How many bytes at its end were not whole, and were removed so that it can be continued.
    pub fn removed(&self) -> u64 {
        self.removed
    }

    /// How long it is, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether the file at its path is still this one.
    pub fn is_in_place(&self) -> bool {
        let id = |found: fs::Metadata| (found.dev(), found.ino());
        let own = self.file.metadata().map(id).ok();
        own.is_some() && fs::symlink_metadata(&self.path).map(id).ok() == own
    }

    /// Begins a part, at this time; gives up what is too old.
    ///
    /// # Errors
    /// Those of the file.
    pub fn begin_part(&mut self, time: SystemTime) -> io::Result<()> {
        self.give_up_old(time)?;
        self.begun = Some(self.length);
        Ok(())
    }

    /// Begins the second of two moments. False where the first is not there any more: then it must not refer
    /// to that one, and else the first stays while it is written.
    ///
    /// # Errors
    /// Those of the file.
    pub fn begin_second(&mut self, time: SystemTime) -> io::Result<bool> {
        self.begin_part(time)?;
        self.is_second = self.first.is_some();
        Ok(self.is_second)
    }

    /// Ends it; its last time is this one.
    pub fn end_part(&mut self, last: SystemTime) {
        let Some(at) = self.begun.take() else {
            return;
        };
        let part = Part {
            at,
            last: milliseconds(last),
            is_head: false,
        };
        self.parts.push(part);
        if std::mem::take(&mut self.is_second) {
            join(&mut self.parts, self.first.take());
        }
    }

    /// Ends it as the first of two moments.
    pub fn end_first(&mut self, last: SystemTime) {
        self.first = self.begun;
        self.end_part(last);
    }

    /// Ends it as one that says whose record it is.
    pub fn end_head(&mut self) {
        self.end_part(SystemTime::UNIX_EPOCH);
        if let Some(part) = self.parts.last_mut() {
            part.is_head = true;
        }
    }

    /// Removes the part that is written.
    ///
    /// # Errors
    /// Those of the file.
    pub fn drop_part(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_second) {
            self.first = None;
        }
        match self.begun.take() {
            Some(at) => self.cut(at),
            None => Ok(()),
        }
    }

    /// Where the part begins that is written.
    pub(super) fn part(&self) -> Option<u64> {
        self.begun
    }

    /// Replaces bytes that were written.
    pub(super) fn patch(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    /// Waits until all of it is on the disk.
    ///
    /// # Errors
    /// Those of the file.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Removes what is behind this place.
    pub(super) fn cut(&mut self, at: u64) -> io::Result<()> {
        self.file.set_len(at)?;
        self.length = at;
        Ok(())
    }

    /// Gives up what is older than it is kept, where that is enough to be worth a copy.
    fn give_up_old(&mut self, now: SystemTime) -> io::Result<()> {
        let before = |age: Duration| milliseconds(now.checked_sub(age).unwrap_or(now));
        let oldest = self.parts.iter().find(|part| !part.is_head);
        let worth = self.bounds.keep + self.bounds.keep / SPARE;
        if oldest.is_none_or(|part| part.last >= before(worth)) {
            return Ok(());
        }
        let limit = before(self.bounds.keep);
        let kept = |part: &Part| !part.is_head && part.last >= limit;
        let from = self.parts.iter().position(kept);
        self.give_up(from.unwrap_or(self.parts.len()))
    }

    /// Makes room for a number of further bytes.
    fn make_room(&mut self, more: u64) -> io::Result<()> {
        let size = self.bounds.size;
        let full = || io::Error::other(format!("it would need more than {size} bytes (--size)"));
        if self.length + more <= size {
            return Ok(());
        }
        let begun = self.begun.unwrap_or(self.length);
        // Nothing is given up for a part that takes most of the file itself.
        if (self.length - begun + more) > size / 2 {
            return Err(full());
        }
        let spare = size / u64::from(SPARE);
        let excess = self.length + more + spare - size;
        let first = self.parts.iter().find(|part| !part.is_head);
        let begin = first.map_or(begun, |part| part.at);
        let is_enough = |part: &Part| !part.is_head && part.at - begin >= excess;
        let from = self.parts.iter().position(is_enough);
        self.give_up(from.unwrap_or(self.parts.len()))?;
        match self.length + more <= size {
            true => Ok(()),
            false => Err(full()),
        }
    }

    /// Gives up the parts before this one, except that which says whose record the others are.
    fn give_up(&mut self, from: usize) -> io::Result<()> {
        let needed = self.first.filter(|_| self.is_second);
        let needed = self.parts.iter().position(|part| Some(part.at) == needed);
        let from = from.min(needed.unwrap_or(from));
        let (given_up, kept) = self.parts.split_at(from.min(self.parts.len()));
        let Some(head) = given_up.iter().rev().find(|part| part.is_head) else {
            return Ok(());
        };
        let end = self.begun.unwrap_or(self.length);
        let next = self
            .parts
            .iter()
            .map(|part| part.at)
            .find(|at| *at > head.at);
        let head_length = next.unwrap_or(end) - head.at;
        let begin = kept.first().map_or(end, |part| part.at);
        if begin == head.at + head_length {
            return Ok(());
        }
        let moved = |at: u64| at - begin + head_length;
        let kept = kept.iter().map(|part| Part {
            at: moved(part.at),
            ..*part
        });
        let head = Part { at: 0, ..*head };
        let parts: Vec<Part> = std::iter::once(head).chain(kept).collect();
        let begun = self.begun.map(moved);
        let first = self.first.filter(|first| *first >= begin).map(moved);
        let from = [
            (head_at(&self.parts, from), head_length),
            (begin, self.length - begin),
        ];
        self.file = copy(&self.path, &self.file, &from)?;
        self.length = head_length + (self.length - begin);
        (self.parts, self.begun, self.first) = (parts, begun, first);
        Ok(())
    }
}

impl Write for Ring {
    /// Writes all, or nothing.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.make_room(bytes.len() as u64)?;
        let before = self.length;
        if let Err(error) = self.file.write_all_at(bytes, before) {
            self.cut(before)?;
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Locks a file for the process that records into it, and lets only its owner read it.
///
/// # Errors
/// Those of the file; [`io::ErrorKind::WouldBlock`] where another process records into it.
pub fn lock(file: &File) -> io::Result<()> {
    flock(file, FlockOperation::NonBlockingLockExclusive)?;
    let mode = file.metadata()?.mode();
    match mode & 0o077 {
        0 => Ok(()),
        _ => file.set_permissions(fs::Permissions::from_mode(0o600)),
    }
}

/// Only the owner may read it, and symbolic links are not followed.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options.custom_flags(i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default());
    options
}

/// Copies these ranges of a file to a new one, which takes its name. Returns the new one.
fn copy(path: &Path, from: &File, ranges: &[(u64, u64)]) -> io::Result<File> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(".new");
    let temporary = path.with_file_name(temporary);
    let copied = (|| {
        // One that an earlier run has left.
        let _ = fs::remove_file(&temporary);
        let mut file = options().create_new(true).open(&temporary)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let mut from = from;
        for (at, length) in ranges {
            from.seek(SeekFrom::Start(*at))?;
            let copied = io::copy(&mut from.take(*length), &mut file)?;
            if copied != *length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        // After a power cut, the folder has the one or the other.
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(file)
    })();
    if copied.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    copied
}
