//! How threads and signals wake the one who waits for keys: by a byte in a socket that is waited
//! for with them.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

/// Rings, from any thread; also when it is let go, so that the end of a thread is noticed.
#[derive(Debug)]
pub(super) struct Bell(UnixStream);

/// Hears it.
#[derive(Debug)]
pub(super) struct Ear(UnixStream);

/// A bell, and who hears it.
pub(super) fn hang() -> io::Result<(Bell, Ear)> {
    let (bell, ear) = UnixStream::pair()?;
    bell.set_nonblocking(true)?;
    ear.set_nonblocking(true)?;
    Ok((Bell(bell), Ear(ear)))
}

impl Bell {
    /// Another one to the same ear.
    pub(super) fn again(&self) -> io::Result<Bell> {
        Ok(Bell(self.0.try_clone()?))
    }

    /// The socket itself, for who can only write to one.
    pub(super) fn socket(&self) -> io::Result<UnixStream> {
        self.0.try_clone()
    }

    pub(super) fn ring(&self) {
        // Where the socket is full, the ear has enough to hear.
        let _ = (&self.0).write(&[0]);
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.ring();
    }
}

impl Ear {
    /// What to wait for.
    pub(super) fn socket(&self) -> &UnixStream {
        &self.0
    }

    /// Forgets what rang so far.
    pub(super) fn clear(&self) {
        let mut bytes = [0; 64];
        while matches!((&self.0).read(&mut bytes), Ok(read) if read > 0) {}
    }
}
