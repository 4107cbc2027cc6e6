//! Writing an answer to a reader who may not read, with an end to the wait for it.

use std::io::{self, Write};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use rustix::io::Errno;

use crate::command::failure::Failure;

/// How much a pipe takes at once where it takes anything: PIPE_BUF, pipe(7).
const PIECE: usize = 4096;

/// Writes and flushes, by `end`.
///
/// # Errors
/// The writer's; [`io::ErrorKind::TimedOut`] where nobody reads.
pub(super) fn write(
    out: &mut (impl Write + AsFd),
    bytes: &[u8],
    end: Instant,
) -> Result<(), Failure> {
    let mut write = || {
        for piece in bytes.chunks(PIECE) {
            wait_for_room(out, end)?;
            out.write_all(piece)?;
        }
        out.flush()
    };
    write().map_err(Failure::write)
}

/// Waits until a write would not.
fn wait_for_room(out: &impl AsFd, end: Instant) -> io::Result<()> {
    loop {
        let left = Timespec::try_from(end.saturating_duration_since(Instant::now()));
        let left = left.map_err(io::Error::other)?;
        let mut room = [PollFd::new(out, PollFlags::OUT)];
        match poll(&mut room, Some(&left)) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads it")),
            // An error is room too: the write will tell which one it is.
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
