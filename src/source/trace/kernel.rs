//! Memory that the kernel shares, and options of packet sockets.
//!
//! All unsafe code of tracing is here: the rings are memory that the kernel writes while it is read,
//! and the options have no safe wrapper. They are wrapped so that no caller can break them.

#![allow(
    unsafe_code,
    reason = "a ring buffer and options of packet sockets have no safe interface"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Memory shared with the kernel, which may write it at any time.
#[derive(Debug)]
pub(super) struct Shared {
    start: *mut u8,
    length: usize,
}

// SAFETY: the memory is the process's, not a thread's, and is given back once.
unsafe impl Send for Shared {}

impl Shared {
    /// Maps `length` bytes of what is behind a descriptor, from `offset` on.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn map(
        of: impl AsFd,
        length: usize,
        offset: u64,
        writable: bool,
    ) -> io::Result<Shared> {
        let mut protection = ProtFlags::READ;
        protection.set(ProtFlags::WRITE, writable);
        // SAFETY: a new mapping, at an address the kernel chooses.
        let start = unsafe {
            mmap(
                ptr::null_mut(),
                length,
                protection,
                MapFlags::SHARED,
                of,
                offset,
            )?
        };
        Ok(Shared {
            start: start.cast(),
            length,
        })
    }

    /// Where `bytes` bytes at `at` are, if they are within and aligned to their size.
    fn place(&self, at: usize, bytes: usize) -> Option<*mut u8> {
        let is_within = at.checked_add(bytes)? <= self.length && at.is_multiple_of(bytes);
        // SAFETY: it is within the mapping.
        is_within.then(|| unsafe { self.start.add(at) })
    }

    /// The number at `at`, read no earlier than what was written before it; 0 outside.
    pub(super) fn load_u32(&self, at: usize) -> u32 {
        // SAFETY: within the mapping, aligned, and both sides use atomic operations only.
        let place = self
            .place(at, 4)
            .map(|at| unsafe { &*at.cast::<AtomicU32>() });
        place.map_or(0, |place| place.load(Ordering::Acquire))
    }

    /// The same of 64 bits.
    pub(super) fn load_u64(&self, at: usize) -> u64 {
        // SAFETY: as for `load_u32`.
        let place = self
            .place(at, 8)
            .map(|at| unsafe { &*at.cast::<AtomicU64>() });
        place.map_or(0, |place| place.load(Ordering::Acquire))
    }

    /// Writes the number at `at`, of writable memory, after all that was read before.
    pub(super) fn store_u32(&self, at: usize, value: u32) {
        // SAFETY: as for `load_u32`.
        if let Some(place) = self
            .place(at, 4)
            .map(|at| unsafe { &*at.cast::<AtomicU32>() })
        {
            place.store(value, Ordering::Release);
        }
    }

    /// The same of 64 bits.
    pub(super) fn store_u64(&self, at: usize, value: u64) {
        // SAFETY: as for `load_u32`.
        if let Some(place) = self
            .place(at, 8)
            .map(|at| unsafe { &*at.cast::<AtomicU64>() })
        {
            place.store(value, Ordering::Release);
        }
    }

    /// Bytes that the kernel has given away: it writes them only after their place was given back,
    /// which is the caller's to do when it is done with them. Empty outside.
    pub(super) fn bytes(&self, at: usize, length: usize) -> &[u8] {
        match at.checked_add(length) {
            // SAFETY: within the mapping. The kernel's protocol of both rings is to leave a record
            // alone until its reader has moved on.
            Some(end) if end <= self.length => unsafe {
                std::slice::from_raw_parts(self.start.add(at), length)
            },
            _ => &[],
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the mapping of `Shared::map`, to which nothing refers any more.
        unsafe {
            let _ = munmap(self.start.cast(), self.length);
        }
    }
}

/// Sets an option of a socket that is a plain value, setsockopt(2).
///
/// # Errors
/// The system's.
pub(super) fn set_option(
    socket: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: &[u32],
) -> io::Result<()> {
    let (value, length) = (value.as_ptr().cast(), socket_length(value)?);
    // SAFETY: the value outlives the call and has this length.
    checked(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value, length) })
}

/// Attaches a classic filter, socket(7): what it does not accept is not received.
///
/// # Errors
/// The system's.
pub(super) fn attach_filter(socket: BorrowedFd<'_>, code: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(code.len()).map_err(io::Error::other)?,
        // The kernel only reads it.
        filter: code.as_ptr().cast_mut(),
    };
    let (level, name) = (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER);
    let (value, length) = ((&raw const program).cast(), socket_length(&program)?);
    // SAFETY: the program and its instructions outlive the call, in which the kernel copies them.
    checked(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value, length) })
}

/// `PACKET_STATISTICS`: packets for which there was no room since the last call, packet(7).
///
/// # Errors
/// The system's.
pub(super) fn take_dropped_packets(socket: BorrowedFd<'_>) -> io::Result<u32> {
    // `struct tpacket_stats_v3`: packets, drops, times the queue was frozen.
    let mut statistics = [0u32; 3];
    let mut length = socket_length(&statistics)?;
    // SAFETY: the kernel writes no more than this length.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            statistics.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    checked(result).map(|()| statistics[1])
}

fn socket_length<T: ?Sized>(value: &T) -> io::Result<libc::socklen_t> {
    libc::socklen_t::try_from(size_of_val(value)).map_err(io::Error::other)
}

fn checked(result: libc::c_int) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
