//! One way to open anything in a proc file system, or in a copy of one.
//!
//! Only regular files are read, and neither opening nor reading them waits. In another proc file
//! system or a copy, no link is followed and no mount is entered (openat2(2)): it may have been made
//! to let root print files outside of it. Links in this process's own /proc, such as `thread-self`,
//! are made by the kernel and are followed.
//!
//! Must not interpret the files.

mod beneath;
mod hiding;
mod mounts;

pub use mounts::{parse_mounts, read_mounts, unescape};

use std::fs::File;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, Stat, fstat, fstatfs, open, openat,
    openat2, readlinkat, statat,
};

use crate::model::{Recorded, Where};
use beneath::{explain, open_beneath};

/// The proc file system of the calling thread.
const OWN: &str = "/proc";

/// `PROC_SUPER_MAGIC`, linux/magic.h.
const PROC_SUPER_MAGIC: u64 = 0x9fa0;

/// The inode of the root of every proc file system: `PROCFS_ROOT_INO`, linux/fs.h.
const PROC_ROOT_INODE: u64 = 1;

/// `PROC_PID_INIT_INO`, linux/proc_ns.h.
const FIRST_PID_NAMESPACE: &[u8] = b"pid:[4026531836]";

/// More than any file that is not a table of sockets has, in bytes.
const TEXT_MOST: usize = 64 * 1024;

/// Files up to this size are read in one piece, in bytes.
const USUAL_LEN: usize = 8 * 1024;

/// Entries of a directory are read in pieces of this size, in bytes.
pub const DIRECTORY_PIECE: usize = 16 * 1024;

const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

const LOCATE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// A proc file system, a directory in one, or a copy.
#[derive(Debug)]
pub struct ProcRoot {
    path: PathBuf,
    /// `None` for the own one, which is opened by path, and for a record.
    directory: Option<OwnedFd>,
    kind: RootKind,
    record: Option<Arc<Recorded>>,
}

/// What a root is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// The `/proc` of the calling thread.
    Own,
    /// Another proc file system, or the same one as if it were another's.
    Live,
    /// A directory in a live proc file system, such as that of a process.
    Below,
    /// Files and directories anywhere else.
    Copy,
    /// The files of a record.
    Record,
}

impl ProcRoot {
    /// The own one. Nothing is opened yet, so none needs to be mounted.
    pub fn own() -> ProcRoot {
        ProcRoot {
            path: PathBuf::from(OWN),
            directory: None,
            kind: RootKind::Own,
            record: None,
        }
    }

    /// The files of a record, at the moment that it is about.
    pub fn recorded(record: Arc<Recorded>) -> ProcRoot {
        ProcRoot {
            path: record.path.clone(),
            directory: None,
            kind: RootKind::Record,
            record: Some(record),
        }
    }

    /// The directory `path`, opened now: it stays the same if another one takes its place.
    ///
    /// # Errors
    /// When it is no directory or cannot be opened.
    pub fn open(path: &Path) -> io::Result<ProcRoot> {
        let directory = open(path, LOCATE | OFlags::DIRECTORY, Mode::empty())?;
        let is_live = u64::try_from(fstatfs(&directory)?.f_type) == Ok(PROC_SUPER_MAGIC);
        Ok(ProcRoot {
            kind: match is_live {
                true if fstat(&directory)?.st_ino == PROC_ROOT_INODE => RootKind::Live,
                true => RootKind::Below,
                false => RootKind::Copy,
            },
            path: path.to_owned(),
            directory: Some(directory),
            record: None,
        })
    }

    /// The one with the processes that may hold the sockets of `place`.
    ///
    /// # Errors
    /// As for [`ProcRoot::open`].
    pub fn of(place: &Where) -> io::Result<ProcRoot> {
        match place.recorded() {
            Some(record) => Ok(ProcRoot::recorded(Arc::clone(record))),
            None if place.is_own_host() => Ok(ProcRoot::own()),
            None => ProcRoot::open(place.proc_root()),
        }
    }

    /// What it is.
    pub fn kind(&self) -> RootKind {
        self.kind
    }

    /// The path of something in it, for a message.
    pub fn join(&self, below: &str) -> PathBuf {
        self.path.join(below)
    }

    /// Of the directory of a process or thread: which one, `process 7 (web)`, and the path of the
    /// proc file system it is in. `None` for any other directory.
    pub fn read_process(&self) -> Option<(String, PathBuf)> {
        let root = ["..", "../../.."].into_iter().find_map(|up| {
            let root = ProcRoot::open(&self.join(up)).ok()?;
            (root.kind == RootKind::Live).then_some(root)
        })?;
        let id = |root: &ProcRoot| root.stat("").map(|status| (status.st_dev, status.st_ino));
        // `/proc` rather than `/proc/7/..`.
        let parent = self
            .path
            .parent()
            .and_then(|path| ProcRoot::open(path).ok());
        let parent = parent.filter(|parent| id(parent).ok() == id(&root).ok());
        let path = parent.unwrap_or(root).path;
        Some((self.read_process_name()?, path))
    }

    /// Which process this is the directory of: `process 7 (web)`.
    pub fn read_process_name(&self) -> Option<String> {
        // `7 (web) S …`; the name may hold anything.
        let stat = self.read_start("stat", USUAL_LEN).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        let (pid, name) = stat.get(..=stat.rfind(')')?)?.split_once(' ')?;
        Some(format!("process {pid} {name}"))
    }

    /// Whether it shows all processes of a host: as number 2 the kernel's own, pid_namespaces(7).
    pub fn shows_first_pid_namespace(&self) -> bool {
        let name = self.read_start("2/comm", USUAL_LEN);
        name.is_ok_and(|name| name == b"kthreadd\n")
    }

    /// Opens a regular file.
    ///
    /// # Errors
    /// The system's; also when it is no regular file, or can only be reached through a link or
    /// outside of this root.
    pub fn open_file(&self, below: &str) -> io::Result<File> {
        if self.kind == RootKind::Copy {
            // Opening a device may have an effect; its location is opened without one. A proc file system
            // has no devices.
            check_regular(self.open_at(below, LOCATE)?)?;
        }
        check_regular(self.open_at(below, READ)?)
    }

    /// The first `most` bytes of a file.
    ///
    /// # Errors
    /// As for [`ProcRoot::open_file`].
    pub fn read_start(&self, below: &str, most: usize) -> io::Result<Vec<u8>> {
        if let Some(record) = &self.record {
            let text = read_recorded(record, below)?;
            return Ok(text.as_bytes().iter().copied().take(most).collect());
        }
        read_start(self.open_file(below)?, most)
    }

    /// A file of text of at most 64 KiB.
    ///
    /// # Errors
    /// As for [`ProcRoot::open_file`]; also when the file is larger, or not UTF-8.
    pub fn read_text(&self, below: &str) -> io::Result<String> {
        let bytes = self.read_start(below, TEXT_MOST + 1)?;
        if bytes.len() > TEXT_MOST {
            return Err(io::Error::other("larger than 64 KiB"));
        }
        String::from_utf8(bytes).map_err(|_| io::Error::other("not text in UTF-8"))
    }

    /// Opens a directory, to list it.
    ///
    /// # Errors
    /// As for [`ProcRoot::open_file`].
    pub fn open_directory(&self, below: &str) -> io::Result<OwnedFd> {
        self.open_at(below, OFlags::DIRECTORY | READ)
    }

    /// The entries of a directory that are numbers, ascending: processes, threads.
    ///
    /// # Errors
    /// As for [`ProcRoot::open_file`].
    pub fn numbers(&self, below: &str) -> io::Result<Vec<u32>> {
        let mut buffer = [MaybeUninit::uninit(); DIRECTORY_PIECE];
        let mut entries = RawDir::new(self.open_directory(below)?, &mut buffer);
        let mut numbers = Vec::new();
        while let Some(entry) = entries.next() {
            numbers.extend(parse_number::<u32>(entry?.file_name().to_bytes()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The status of a file or directory.
    ///
    /// # Errors
    /// As for [`ProcRoot::open_file`].
    pub fn stat(&self, below: &str) -> io::Result<Stat> {
        Ok(match self.kind {
            RootKind::Own => statat(CWD, self.join(below), AtFlags::empty())?,
            RootKind::Live | RootKind::Below | RootKind::Copy | RootKind::Record => {
                fstat(self.open_at(below, LOCATE)?)?
            }
        })
    }

    /// The inode number of the network namespace of a process or thread: `7`, `7/task/8`. For a proc
    /// file system only, whose links the kernel makes: no link of a copy is read.
    ///
    /// # Errors
    /// The system's: no permission for another user's process; not found if it has ended.
    pub fn read_netns(&self, home: &str) -> io::Result<u32> {
        let path = format!("{home}/ns/net");
        if self.record.is_some() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let link = match &self.directory {
            None => readlinkat(CWD, self.join(&path), Vec::new())?,
            Some(directory) => readlinkat(directory, path, Vec::new())?,
        };
        let number = link.to_bytes().strip_prefix(b"net:[");
        let number = number.and_then(|number| number.strip_suffix(b"]"));
        let number = number.and_then(parse_number);
        number.ok_or_else(|| io::Error::other("not the link of a network namespace"))
    }

    /// Whether a process is known to have the mounts of this one, mount_namespaces(7).
    pub fn shares_mounts(&self, home: &str) -> bool {
        let link = |path: PathBuf| readlinkat(CWD, path, Vec::new()).ok();
        let its = link(self.join(home).join("ns/mnt"));
        its.is_some() && its == link(Path::new(OWN).join("self/ns/mnt"))
    }

    /// Whether this process is in the first pid namespace, in which all processes of a host are
    /// visible, pid_namespaces(7).
    pub fn is_in_first_pid_namespace() -> bool {
        let link = readlinkat(CWD, "/proc/self/ns/pid", Vec::new());
        link.is_ok_and(|link| link.to_bytes() == FIRST_PID_NAMESPACE)
    }

    /// The first `most` bytes of a regular file of this host, by its path from the root directory.
    ///
    /// # Errors
    /// As for [`ProcRoot::open_file`].
    pub fn read_own_file(path: &str, most: usize) -> io::Result<Vec<u8>> {
        let file = openat(CWD, format!("/{path}"), READ, Mode::empty())?;
        read_start(check_regular(file)?, most)
    }

    /// The directory of the process whose namespaces the tables show, with a slash behind it.
    pub fn first_process(&self) -> &'static str {
        match self.kind {
            RootKind::Below => "",
            RootKind::Own | RootKind::Live | RootKind::Copy | RootKind::Record => "1/",
        }
    }

    /// A file in the root directory of a process, such as a container: links lead no further than
    /// that directory.
    ///
    /// # Errors
    /// As for [`ProcRoot::open_file`]; also when it has more than `most` bytes, or the kernel has no
    /// openat2(2).
    pub fn read_in_root_of(&self, home: &str, path: &str, most: usize) -> io::Result<Vec<u8>> {
        let root = format!("{home}root");
        let root = match (&self.directory, self.kind) {
            // A magic link of the kernel to that directory.
            (Some(directory), RootKind::Live | RootKind::Below) => {
                openat(directory, root, LOCATE | OFlags::DIRECTORY, Mode::empty())?
            }
            _ => self.open_at(&root, LOCATE | OFlags::DIRECTORY)?,
        };
        let open = |flags| openat2(&root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT);
        check_regular(open(LOCATE)?)?;
        let bytes = read_start(check_regular(open(READ)?)?, most + 1)?;
        match bytes.len() > most {
            true => Err(io::Error::other("too large")),
            false => Ok(bytes),
        }
    }

    /// Whether a process is in the user namespace of this one, so that uids are the same; true in a
    /// copy.
    ///
    /// # Errors
    /// When the process may not be read.
    pub fn is_in_own_user_namespace(&self, home: &str) -> io::Result<bool> {
        let (Some(directory), RootKind::Live | RootKind::Below) = (&self.directory, self.kind)
        else {
            return Ok(true);
        };
        let [its, own] = [
            statat(directory, format!("{home}ns/user"), AtFlags::empty())?,
            statat(CWD, "/proc/self/ns/user", AtFlags::empty())?,
        ];
        Ok((its.st_dev, its.st_ino) == (own.st_dev, own.st_ino))
    }

    fn open_at(&self, below: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let below = if below.is_empty() { "." } else { below };
        if self.record.is_some() {
            return Err(io::ErrorKind::NotFound.into());
        }
        match &self.directory {
            None => Ok(openat(CWD, self.join(below), flags, Mode::empty())?),
            Some(directory) => open_beneath(directory.as_fd(), below, flags).map_err(explain),
        }
    }
}

/// The text of a file of a record.
fn read_recorded<'a>(record: &'a Recorded, below: &str) -> io::Result<&'a str> {
    let file = record.moment().and_then(|moment| moment.files.get(below));
    match file {
        None => Err(io::ErrorKind::NotFound.into()),
        Some(Ok(text)) => Ok(text),
        Some(Err(error)) => Err(io::Error::other(error.clone())),
    }
}

/// A number of digits only; `None` for anything else, `.` and `..` included.
pub fn parse_number<T: TryFrom<u64>>(digits: &[u8]) -> Option<T> {
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        number.checked_mul(10)?.checked_add(digit.into())
    })?;
    T::try_from(number).ok()
}

fn check_regular(file: OwnedFd) -> io::Result<File> {
    if FileType::from_raw_mode(fstat(&file)?.st_mode) == FileType::RegularFile {
        Ok(file.into())
    } else {
        Err(io::Error::other("not a regular file"))
    }
}

fn read_start(file: File, most: usize) -> io::Result<Vec<u8>> {
    // Files of /proc have no size: with room for all of it, it takes one read and not eight.
    let mut bytes = Vec::with_capacity(most.min(USUAL_LEN));
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
