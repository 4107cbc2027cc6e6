//! The system calls of tracing: bpf(2), memory shared with the kernel, and options of packet
//! sockets.
//!
//! All unsafe code of tracing is here: bpf(2) takes pointers in a union of numbers, the rings are
//! memory that the kernel writes while it is read, and the options have no safe wrapper. They are
//! wrapped so that no caller can break them. Layouts: `union bpf_attr` and `struct bpf_prog_info`,
//! linux/bpf.h.

#![allow(
    unsafe_code,
    reason = "bpf(2) and a ring buffer have no safe interface"
)]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Commands of bpf(2).
mod command {
    pub(super) const MAP_CREATE: i32 = 0;
    pub(super) const MAP_LOOKUP_ELEM: i32 = 1;
    pub(super) const PROG_LOAD: i32 = 5;
    pub(super) const OBJ_GET_INFO_BY_FD: i32 = 15;
    pub(super) const RAW_TRACEPOINT_OPEN: i32 = 17;
}

const MAP_TYPE_ARRAY: u32 = 2;
const MAP_TYPE_RINGBUF: u32 = 27;
const PROG_TYPE_RAW_TRACEPOINT: u32 = 17;
const PROG_TYPE_TRACING: u32 = 26;
const TRACE_RAW_TP: u32 = 23;

/// Only programs that say they are compatible with the GPL may read the kernel's structures.
const LICENSE: &std::ffi::CStr = c"Dual MIT/GPL";

/// Longer than any `struct bpf_prog_info` up to 6.18; a kernel fills what it knows.
const INFO_LEN: u32 = 256;
/// `recursion_misses`, 5.12.
const INFO_RECURSION_MISSES: usize = 208;

/// How much of the verifier's log is kept for an error.
const LOG_LEN: usize = 64 * 1024;

/// The arguments of one command.
struct Attributes([u8; ATTRIBUTES_LEN as usize]);

/// As long as any command needs.
const ATTRIBUTES_LEN: libc::c_uint = 128;

impl Attributes {
    fn new() -> Attributes {
        Attributes([0; ATTRIBUTES_LEN as usize])
    }

    fn set(mut self, at: usize, value: &[u8]) -> Attributes {
        let place = self.0.iter_mut().skip(at);
        place.zip(value).for_each(|(byte, value)| *byte = *value);
        self
    }

    fn u32(self, at: usize, value: u32) -> Attributes {
        self.set(at, &value.to_ne_bytes())
    }

    fn descriptor(self, at: usize, value: BorrowedFd<'_>) -> Attributes {
        self.set(at, &value.as_raw_fd().to_ne_bytes())
    }

    fn pointer<T>(self, at: usize, value: *const T) -> Attributes {
        self.set(at, &(value.expose_provenance() as u64).to_ne_bytes())
    }

    /// Makes the call.
    ///
    /// # Safety
    /// Every pointer set must be valid for what the command does with it.
    unsafe fn call(mut self, command: i32) -> io::Result<i32> {
        // SAFETY: the attributes live until the call returns and have this length; the caller
        // promises that what they point to is valid.
        let result =
            unsafe { libc::syscall(libc::SYS_bpf, command, self.0.as_mut_ptr(), ATTRIBUTES_LEN) };
        match i32::try_from(result) {
            Ok(result) if result >= 0 => Ok(result),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Makes a call that returns a new descriptor.
    ///
    /// # Safety
    /// As for [`Attributes::call`].
    unsafe fn open(self, command: i32) -> io::Result<OwnedFd> {
        // SAFETY: by the caller's promise; the descriptor is new and owned by no one else.
        unsafe { Ok(OwnedFd::from_raw_fd(self.call(command)?)) }
    }
}

/// A map of one 64-bit number, 0 at first.
///
/// # Errors
/// The system's.
pub(super) fn create_counter() -> io::Result<OwnedFd> {
    let attributes = Attributes::new()
        .u32(0, MAP_TYPE_ARRAY)
        .u32(4, 4)
        .u32(8, 8)
        .u32(12, 1);
    // SAFETY: no pointer is set.
    unsafe { attributes.open(command::MAP_CREATE) }
}

/// A ring buffer of so many bytes, a power of two and a multiple of the page.
///
/// # Errors
/// EPERM without CAP_BPF, EINVAL before 5.8.
pub(super) fn create_ring(bytes: u32) -> io::Result<OwnedFd> {
    let attributes = Attributes::new().u32(0, MAP_TYPE_RINGBUF).u32(12, bytes);
    // SAFETY: no pointer is set.
    unsafe { attributes.open(command::MAP_CREATE) }
}

/// The number in a map of [`create_counter`].
///
/// # Errors
/// The system's.
pub(super) fn read_counter(map: BorrowedFd<'_>) -> io::Result<u64> {
    let (key, mut value) = (0u32, 0u64);
    let attributes = Attributes::new()
        .descriptor(0, map)
        .pointer(8, &raw const key)
        .pointer(16, &raw mut value);
    // SAFETY: the key has the 4 bytes and the value the 8 that the map was made with, and both
    // outlive the call.
    unsafe { attributes.call(command::MAP_LOOKUP_ELEM)? };
    Ok(value)
}

/// Loads a program: one for a typed tracepoint, by the number of its typedef, or one for a raw one.
///
/// # Errors
/// The system's, with the last line of the verifier's log where there is one.
pub(super) fn load(code: &[[u8; 8]], typedef: Option<u32>) -> io::Result<OwnedFd> {
    let load = |log: Option<&mut Vec<u8>>| {
        let instructions = u32::try_from(code.len()).unwrap_or(u32::MAX);
        let kind = match typedef {
            Some(_) => PROG_TYPE_TRACING,
            None => PROG_TYPE_RAW_TRACEPOINT,
        };
        let mut attributes = Attributes::new()
            .u32(0, kind)
            .u32(4, instructions)
            .pointer(8, code.as_ptr())
            .pointer(16, LICENSE.as_ptr())
            .set(48, b"tcpstates");
        if let Some(typedef) = typedef {
            attributes = attributes.u32(68, TRACE_RAW_TP).u32(108, typedef);
        }
        if let Some(log) = log {
            attributes = attributes
                .u32(24, 1)
                .u32(28, u32::try_from(log.len()).unwrap_or(0))
                .pointer(32, log.as_mut_ptr());
        }
        // SAFETY: the instructions, the license, which ends in a NUL, and the log, of the given length,
        // outlive the call.
        unsafe { attributes.open(command::PROG_LOAD) }
    };
    load(None).map_err(|error| {
        let mut log = vec![0; LOG_LEN];
        let Err(_) = load(Some(&mut log)) else {
            return error;
        };
        let log = String::from_utf8_lossy(&log);
        let mut lines = log.trim_end_matches('\0').lines().rev();
        match lines.find(|line| !line.is_empty() && !line.starts_with("processed ")) {
            Some(line) => io::Error::new(error.kind(), format!("{error} ({line})")),
            None => error,
        }
    })
}

/// Attaches a program; it runs for as long as the descriptor that is returned lives.
///
/// # Errors
/// The system's; not found where the kernel has no such tracepoint.
pub(super) fn attach(program: BorrowedFd<'_>, raw_name: Option<&str>) -> io::Result<OwnedFd> {
    let name = raw_name.map(CString::new).transpose()?;
    let name_at = name.as_ref().map_or(ptr::null(), |name| name.as_ptr());
    let attributes = Attributes::new().pointer(0, name_at).descriptor(8, program);
    // SAFETY: the name ends in a NUL and outlives the call; a typed tracepoint has none.
    unsafe { attributes.open(command::RAW_TRACEPOINT_OPEN) }
}

/// How often a program was not run because it was running on the same processor already.
///
/// # Errors
/// The system's.
pub(super) fn read_recursion_misses(program: BorrowedFd<'_>) -> io::Result<u64> {
    let mut info = [0u8; INFO_LEN as usize];
    let attributes = Attributes::new()
        .descriptor(0, program)
        .u32(4, INFO_LEN)
        .pointer(8, info.as_mut_ptr());
    // SAFETY: the kernel writes no more than this length, and all zeros request no arrays.
    unsafe { attributes.call(command::OBJ_GET_INFO_BY_FD)? };
    let misses = info.get(INFO_RECURSION_MISSES..);
    let misses = misses.and_then(<[u8]>::first_chunk);
    Ok(misses.map_or(0, |misses| u64::from_ne_bytes(*misses)))
}

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

    /// Where so many bytes at `at` are, if they are within, aligned to their size.
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
