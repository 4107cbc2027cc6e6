//! Opening and reading below a proc file system, or a copy of one: never waiting for a file that
//! is none of the kernel's, and never more of it than asked for.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, openat, readlinkat_raw, statat};
use rustix::io::{Errno, read};

use super::link::{parse_number, parse_socket};

/// Entries of a directory are read in pieces of this size, in bytes.
pub(super) const DIRECTORY_PIECE: usize = 16 * 1024;

/// Opens a proc file system, or a copy of one.
pub(super) fn open_root(root: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, root, flags, Mode::empty())
}

/// Opens a directory below `root`.
pub(super) fn open_directory(root: impl AsFd, path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(root, path, flags, Mode::empty())
}

/// The first `most` bytes of a file below `root`.
pub(super) fn read_start(root: impl AsFd, path: &str, most: usize) -> Result<Vec<u8>, Errno> {
    // In a copied tree anything may stand there; a FIFO must not be waited for.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(root, path, flags, Mode::empty())?;
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    while bytes.len() < most {
        match read(&file, &mut piece) {
            Ok(0) => break,
            Ok(length) => bytes.extend(piece.iter().take(length)),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    bytes.truncate(most);
    Ok(bytes)
}

/// The entries of a directory that are numbers, ascending: processes, threads.
pub(super) fn read_numbers(directory: impl AsFd) -> Result<Vec<u32>, Errno> {
    let mut buffer = [MaybeUninit::uninit(); DIRECTORY_PIECE];
    let mut entries = RawDir::new(directory, &mut buffer);
    let mut numbers = Vec::new();
    while let Some(entry) = entries.next() {
        numbers.extend(parse_number::<u32>(entry?.file_name().to_bytes()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The size of a file below `root`: of a directory of descriptors, how many there are since Linux
/// 6.2 (`proc_fd_getattr`), 0 before.
pub(super) fn query_size(root: impl AsFd, path: &str) -> Option<u64> {
    let status = statat(root, path, AtFlags::empty()).ok()?;
    u64::try_from(status.st_size).ok()
}

/// The user a process runs as, who owns its directory; root's where it must not be traced.
pub(super) fn query_user(root: impl AsFd, pid: u32) -> Option<u32> {
    let status = statat(root, pid.to_string(), AtFlags::empty()).ok()?;
    Some(status.st_uid)
}

/// The inode of the socket that a descriptor leads to; `None` where it leads elsewhere.
pub(super) fn query_inode(table: impl AsFd, descriptor: &CStr) -> Result<Option<u64>, Errno> {
    // No socket's link is longer; of others the beginning will do.
    let mut buffer = [MaybeUninit::uninit(); 32];
    let (link, _) = readlinkat_raw(table, descriptor, &mut buffer)?;
    Ok(parse_socket(link))
}

/// The tables of descriptors that threads of a process have for themselves: of those with the same
/// number of open files one, and none with one of the `known` numbers. Opened as they are asked
/// for: a process may have more threads than we may have files.
pub(super) fn open_unshared_tables(
    root: BorrowedFd<'_>,
    pid: u32,
    mut known: Vec<u64>,
) -> impl Iterator<Item = OwnedFd> + use<> {
    let task = open_directory(root, &format!("{pid}/task")).ok();
    let tids = task.as_ref().and_then(|task| read_numbers(task).ok());
    tids.unwrap_or_default().into_iter().filter_map(move |tid| {
        let task = task.as_ref()?;
        let path = format!("{tid}/fd");
        let size = query_size(task, &path)?;
        if tid == pid || known.contains(&size) {
            return None;
        }
        known.push(size);
        open_directory(task, &path).ok()
    })
}
