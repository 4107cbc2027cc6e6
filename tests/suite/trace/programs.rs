//! Which programs are loaded in the kernel: bpf(2), which has no safe interface, and proc_pid_fdinfo(5).

#![allow(unsafe_code, reason = "bpf(2) has no safe interface")]

use std::fs;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// `BPF_PROG_GET_FD_BY_ID`, linux/bpf.h.
const GET_BY_ID: libc::c_int = 13;

/// Whether the kernel has the program of this number. Needs CAP_SYS_ADMIN.
#[track_caller]
pub(crate) fn program_exists(number: u32) -> bool {
    let mut attributes = [0u32; 32];
    attributes[0] = number;
    let length: libc::c_uint = 128;
    // SAFETY: the kernel reads `length` bytes, which live until the call returns.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, GET_BY_ID, attributes.as_mut_ptr(), length) };
    if result < 0 {
        let error = io::Error::last_os_error();
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT), "{error}");
        return false;
    }
    let descriptor = i32::try_from(result).unwrap();
    // SAFETY: the descriptor is new and owned by no one else.
    drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
    true
}

/// The numbers of the programs that a process has loaded.
#[track_caller]
pub(crate) fn programs_of(process: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{process}/fdinfo")).unwrap();
    // Descriptors may be closed meanwhile.
    let information = entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
    information
        .filter(|text| text.contains("prog_type:"))
        .filter_map(|text| {
            let mut lines = text.lines();
            let number = lines.find_map(|line| line.strip_prefix("prog_id:"))?;
            number.trim().parse().ok()
        })
        .collect()
}
