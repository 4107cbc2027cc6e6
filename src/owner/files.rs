//! Opening and reading below a proc file system, or a copy of one: never waiting for a file that
//! is none of the kernel's, and never more of it than asked for.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, openat, statat};
use rustix::io::{Errno, read};

use super::link::parse_number;

/// Entries of a directory are read in pieces of this size, in bytes.
pub(super) const DIRECTORY_PIECE: usize = 16 * 1024;

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
