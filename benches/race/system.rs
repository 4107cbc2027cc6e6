//! The system calls that std and rustix leave out (the race's only `unsafe`), processes with a
//! bounded life, and the network namespaces that crowds live in. Writes no setting outside them.
#![allow(
    unsafe_code,
    reason = "unshare, pre_exec, alarm and wait4 have no safe form"
)]

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, Result, ensure};
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use crate::measure::pipeline::Sample;

/// Moves into a new network namespace, off the host's and that of the last crowd.
///
/// It gets a socket hash of its own, as large as the host's: otherwise a dump walks the host's
/// hash, and with it every crowd that is still being closed or belongs to others.
pub(crate) fn enter_namespace() -> Result<()> {
    unshare().context("cannot make a network namespace (run as root, or under `unshare -r`)")?;
    let buckets = fs::read_to_string("/proc/sys/net/ipv4/tcp_ehash_entries")?;
    // Negative where the namespace shares the host's hash; the size is the same.
    let buckets = buckets.trim().trim_start_matches('-');
    // Before Linux 6.1 there is no such setting, and crowds share the host's hash.
    let _ = fs::write("/proc/sys/net/ipv4/tcp_child_ehash_entries", buckets);
    unshare().context("cannot make a network namespace for the crowd")
}

fn unshare() -> rustix::io::Result<()> {
    // SAFETY: descriptors are not unshared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
}

/// Starts `command` so that it dies with this process, and after `lifetime` in any case.
///
/// `pre_exec` also makes std fork instead of `posix_spawn`, and that matters: exec charges the peak
/// memory of the address space it leaves to the new program (`setmax_mm_hiwater_rss` in
/// `fs/exec.c`). With `vfork` that is the whole of this process, after `fork` a few anonymous pages.
pub(crate) fn spawn_bounded(command: &mut Command, lifetime: Duration) -> io::Result<Child> {
    let seconds = libc::c_uint::try_from(lifetime.as_secs()).unwrap_or(libc::c_uint::MAX);
    // SAFETY: between fork and exec only two async-signal-safe system calls run; neither allocates
    // nor takes a lock.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            libc::alarm(seconds);
            Ok(())
        });
    }
    command.spawn()
}

/// Waits until `child` has ended and adds what it used to `sample`. True when it succeeded.
///
/// Since Linux 6.2 the kernel adds pages up per processor and in batches: with few processors the
/// peak is too low by up to three quarters of a MiB.
pub(crate) fn wait_with_usage(child: &Child, sample: &mut Sample) -> Result<bool> {
    let pid = libc::pid_t::try_from(child.id())?;
    let mut status = 0;
    // SAFETY: all zeroes is a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to locals that outlive the call.
    while unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) } != pid {
        let error = io::Error::last_os_error();
        ensure!(error.kind() == io::ErrorKind::Interrupted, "wait4: {error}");
    }
    sample.cpu += duration(usage.ru_utime)? + duration(usage.ru_stime)?;
    let peak_bytes = u64::try_from(usage.ru_maxrss)? * 1024;
    sample.peak_bytes = sample.peak_bytes.max(peak_bytes);
    Ok(status == 0)
}

fn duration(time: libc::timeval) -> Result<Duration> {
    let micros = Duration::from_micros(time.tv_usec.try_into()?);
    Ok(Duration::from_secs(time.tv_sec.try_into()?) + micros)
}
