//! Opening what is in a directory tree that may have been made to lead out of itself, openat2(2).

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

use super::LOCATE;

/// Opens what is beneath a directory, in the same file system and through no link.
pub(super) fn open_beneath(
    directory: BorrowedFd<'_>,
    below: &str,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_XDEV;
    match openat2(directory, below, flags, Mode::empty(), resolve) {
        // Linux before 5.6, and filters of system calls that do not know it.
        Err(Errno::NOSYS | Errno::PERM) => open_stepwise(directory, below, flags),
        opened => opened,
    }
}

/// The same for one part of the path after the other; none of them is `..`.
pub(super) fn open_stepwise(
    directory: BorrowedFd<'_>,
    below: &str,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    let (folders, last) = below.rsplit_once('/').unwrap_or((".", below));
    let mut folder = openat(directory, ".", LOCATE | OFlags::DIRECTORY, Mode::empty())?;
    for part in folders.split('/') {
        let flags = LOCATE | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        folder = openat(&folder, part, flags, Mode::empty())?;
    }
    // What is mounted here is not opened before this is known.
    let located = openat(&folder, last, LOCATE | OFlags::NOFOLLOW, Mode::empty())?;
    if fstat(&located)?.st_dev != fstat(directory)?.st_dev {
        return Err(Errno::XDEV);
    }
    openat(&folder, last, flags | OFlags::NOFOLLOW, Mode::empty())
}

/// What the two refusals of [`open_beneath`] mean; the system's words for them say something else.
pub(super) fn explain(errno: Errno) -> io::Error {
    match errno {
        Errno::LOOP => io::Error::other("symbolic links are not followed here"),
        Errno::XDEV => io::Error::other("other file systems are not entered here"),
        other => other.into(),
    }
}
