//! bpf(2): maps, programs, and running them.
//!
//! The unsafe code of this folder is here: bpf(2) takes pointers in a union of numbers. It is wrapped
//! so that no caller can break it. Layouts: `union bpf_attr` and `struct bpf_prog_info`, linux/bpf.h.

#![allow(unsafe_code, reason = "bpf(2) has no safe interface")]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use super::assemble::{Code, Instruction};
use super::functions;

/// Commands of bpf(2).
mod command {
    pub(super) const MAP_CREATE: i32 = 0;
    pub(super) const MAP_LOOKUP_ELEM: i32 = 1;
    pub(super) const MAP_DELETE_ELEM: i32 = 3;
    pub(super) const MAP_GET_NEXT_KEY: i32 = 4;
    pub(super) const PROG_LOAD: i32 = 5;
    pub(super) const PROG_TEST_RUN: i32 = 10;
    pub(super) const OBJ_GET_INFO_BY_FD: i32 = 15;
    pub(super) const RAW_TRACEPOINT_OPEN: i32 = 17;
    pub(super) const BTF_LOAD: i32 = 18;
}

const MAP_TYPE_HASH: u32 = 1;
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

    /// Makes the call, which may write to the attributes.
    ///
    /// # Safety
    /// Every pointer set must be valid for what the command does with it.
    unsafe fn call(&mut self, command: i32) -> io::Result<i32> {
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
    unsafe fn open(mut self, command: i32) -> io::Result<OwnedFd> {
        // SAFETY: by the caller's promise; the descriptor is new and owned by no one else.
        unsafe { Ok(OwnedFd::from_raw_fd(self.call(command)?)) }
    }

    /// What the call wrote at `at`.
    fn read_u32(&self, at: usize) -> u32 {
        let chunk = self.0.get(at..).and_then(<[u8]>::first_chunk);
        chunk.map_or(0, |chunk| u32::from_ne_bytes(*chunk))
    }
}

/// A map from keys of 8 bytes to values of a fixed length.
#[derive(Debug)]
pub(in crate::source) struct HashMap {
    map: OwnedFd,
    value_len: usize,
}

impl HashMap {
    /// A map with room for `entries` entries, allocated at once.
    ///
    /// # Errors
    /// EPERM without CAP_BPF.
    pub(in crate::source) fn create(value_len: u32, entries: u32) -> io::Result<HashMap> {
        let attributes = Attributes::new()
            .u32(0, MAP_TYPE_HASH)
            .u32(4, 8)
            .u32(8, value_len)
            .u32(12, entries);
        Ok(HashMap {
            // SAFETY: no pointer is set.
            map: unsafe { attributes.open(command::MAP_CREATE)? },
            // The kernel rounds the length of a value up to 8 bytes where it copies several only.
            value_len: usize::try_from(value_len).map_err(io::Error::other)?,
        })
    }

    /// The key after this one, or the first one.
    ///
    /// # Errors
    /// The system's.
    pub(in crate::source) fn next_key(&self, after: Option<u64>) -> io::Result<Option<u64>> {
        let mut next = 0u64;
        let after_at = after.as_ref().map_or(ptr::null(), ptr::from_ref);
        let mut attributes = Attributes::new()
            .descriptor(0, self.map.as_fd())
            .pointer(8, after_at)
            .pointer(16, &raw mut next);
        // SAFETY: both keys have the 8 bytes that the map was made with, and outlive the call.
        match unsafe { attributes.call(command::MAP_GET_NEXT_KEY) } {
            Ok(_) => Ok(Some(next)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// The system's; not found where it is not in the map.
    pub(in crate::source) fn read(&self, key: u64) -> io::Result<Vec<u8>> {
        let mut value = vec![0u8; self.value_len];
        let mut attributes = Attributes::new()
            .descriptor(0, self.map.as_fd())
            .pointer(8, &raw const key)
            .pointer(16, value.as_mut_ptr());
        // SAFETY: the key and the value have the lengths that the map was made with, and outlive the
        // call.
        unsafe { attributes.call(command::MAP_LOOKUP_ELEM)? };
        Ok(value)
    }

    /// Removes a key.
    ///
    /// # Errors
    /// The system's; not found where it is not in the map.
    pub(in crate::source) fn remove(&self, key: u64) -> io::Result<()> {
        let mut attributes = Attributes::new()
            .descriptor(0, self.map.as_fd())
            .pointer(8, &raw const key);
        // SAFETY: the key has the 8 bytes that the map was made with, and outlives the call.
        unsafe { attributes.call(command::MAP_DELETE_ELEM)? };
        Ok(())
    }
}

impl AsFd for HashMap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}

/// A map of one 64-bit number, 0 at first.
///
/// # Errors
/// The system's.
pub(in crate::source) fn create_counter() -> io::Result<OwnedFd> {
    let attributes = Attributes::new()
        .u32(0, MAP_TYPE_ARRAY)
        .u32(4, 4)
        .u32(8, 8)
        .u32(12, 1);
    // SAFETY: no pointer is set.
    unsafe { attributes.open(command::MAP_CREATE) }
}

/// A ring buffer of `bytes` bytes, a power of two and a multiple of the page.
///
/// # Errors
/// EPERM without CAP_BPF, EINVAL before 5.8.
pub(in crate::source) fn create_ring(bytes: u32) -> io::Result<OwnedFd> {
    let attributes = Attributes::new().u32(0, MAP_TYPE_RINGBUF).u32(12, bytes);
    // SAFETY: no pointer is set.
    unsafe { attributes.open(command::MAP_CREATE) }
}

/// The number in a map of [`create_counter`].
///
/// # Errors
/// The system's.
pub(in crate::source) fn read_counter(map: BorrowedFd<'_>) -> io::Result<u64> {
    let (key, mut value) = (0u32, 0u64);
    let mut attributes = Attributes::new()
        .descriptor(0, map)
        .pointer(8, &raw const key)
        .pointer(16, &raw mut value);
    // SAFETY: the key has the 4 bytes and the value the 8 that the map was made with, and both
    // outlive the call.
    unsafe { attributes.call(command::MAP_LOOKUP_ELEM)? };
    Ok(value)
}

/// Loads a program: one for a typed tracepoint, by the number of its typedef, or one for a raw one,
/// which may also be run by [`run`].
///
/// # Errors
/// The system's, with the last line of the verifier's log where there is one.
pub(in crate::source) fn load(code: &Code, typedef: Option<u32>) -> io::Result<OwnedFd> {
    // Functions other than the first are called by helpers, which takes a description of them.
    let types = match code.functions[..] {
        [] | [_] => None,
        _ => Some(load_types(&functions::types())?),
    };
    let records = functions::records(&code.functions);
    let load = |log: Option<&mut Vec<u8>>| {
        let instructions = u32::try_from(code.instructions.len()).unwrap_or(u32::MAX);
        let kind = match typedef {
            Some(_) => PROG_TYPE_TRACING,
            None => PROG_TYPE_RAW_TRACEPOINT,
        };
        let mut attributes = Attributes::new()
            .u32(0, kind)
            .u32(4, instructions)
            .pointer::<Instruction>(8, code.instructions.as_ptr())
            .pointer(16, LICENSE.as_ptr())
            .set(48, b"tcpstates");
        if let Some(typedef) = typedef {
            attributes = attributes.u32(68, TRACE_RAW_TP).u32(108, typedef);
        }
        if let Some(types) = &types {
            attributes = attributes
                .descriptor(72, types.as_fd())
                .u32(76, functions::RECORD_LEN)
                .pointer(80, records.as_ptr())
                .u32(88, u32::try_from(records.len()).unwrap_or(u32::MAX));
        }
        if let Some(log) = log {
            attributes = attributes
                .u32(24, 1)
                .u32(28, u32::try_from(log.len()).unwrap_or(0))
                .pointer(32, log.as_mut_ptr());
        }
        // SAFETY: the instructions, the license, which ends in a NUL, the records of functions, of the
        // given number and length, and the log, of the given length, outlive the call.
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

/// Loads types, which end with the descriptor and the programs that use them.
fn load_types(types: &[u8]) -> io::Result<OwnedFd> {
    let length = u32::try_from(types.len()).map_err(io::Error::other)?;
    let attributes = Attributes::new().pointer(0, types.as_ptr()).u32(16, length);
    // SAFETY: the types have this length and outlive the call.
    unsafe { attributes.open(command::BTF_LOAD) }
}

/// Runs a program for a raw tracepoint once, in this thread, with these arguments, and returns what
/// it returns.
///
/// # Errors
/// The system's; EINVAL before 5.10.
pub(in crate::source) fn run(program: BorrowedFd<'_>, arguments: &[u64]) -> io::Result<u32> {
    let length = u32::try_from(size_of_val(arguments)).map_err(io::Error::other)?;
    let mut attributes = Attributes::new()
        .descriptor(0, program)
        .u32(40, length)
        .pointer(48, arguments.as_ptr());
    // SAFETY: the arguments have this length and outlive the call.
    unsafe { attributes.call(command::PROG_TEST_RUN)? };
    Ok(attributes.read_u32(4))
}

/// Attaches a program; it runs for as long as the descriptor that is returned lives.
///
/// # Errors
/// The system's; not found where the kernel has no such tracepoint.
pub(in crate::source) fn attach(
    program: BorrowedFd<'_>,
    raw_name: Option<&str>,
) -> io::Result<OwnedFd> {
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
pub(in crate::source) fn read_recursion_misses(program: BorrowedFd<'_>) -> io::Result<u64> {
    let mut info = [0u8; INFO_LEN as usize];
    let mut attributes = Attributes::new()
        .descriptor(0, program)
        .u32(4, INFO_LEN)
        .pointer(8, info.as_mut_ptr());
    // SAFETY: the kernel writes no more than this length, and all zeros request no arrays.
    unsafe { attributes.call(command::OBJ_GET_INFO_BY_FD)? };
    let misses = info.get(INFO_RECURSION_MISSES..);
    let misses = misses.and_then(<[u8]>::first_chunk);
    Ok(misses.map_or(0, |misses| u64::from_ne_bytes(*misses)))
}
