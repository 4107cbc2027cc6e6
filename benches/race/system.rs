//! The system calls that std and rustix leave out, and the only `unsafe` of the race. It measures
//! nothing and decides nothing.
#![allow(unsafe_code, reason = "unshare, wait4 and pre_exec have no safe form")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::{Signal, set_parent_process_death_signal};

/// What the kernel says of a process that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) succeeded: bool,
    /// User plus system time, its waited-for children included.
    pub(crate) cpu: Duration,
    /// Since Linux 6.2 the kernel adds pages up per processor in batches and bills what has been
    /// added up: with few processors this is short by up to three quarters of a MiB.
    pub(crate) peak_bytes: u64,
}

/// Moves this process into a network namespace of its own, or a user namespace of its own.
pub(crate) fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: unshare takes no pointers. The race has one thread and holds no descriptor whose
    // meaning depends on the namespaces it leaves.
    match unsafe { libc::unshare(flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Starts `command` so that it dies with this process, and after `lifetime` in any case.
///
/// `pre_exec` also makes std fork instead of `posix_spawn`, and that matters: exec charges the peak
/// memory of the address space it leaves to the new program (`setmax_mm_hiwater_rss` in
/// `fs/exec.c`). With `vfork` that is the whole of this process, after `fork` a few anonymous pages.
pub(crate) fn spawn_bounded(command: &mut Command, lifetime: Duration) -> io::Result<Child> {
    let seconds = libc::c_uint::try_from(lifetime.as_secs()).unwrap_or(libc::c_uint::MAX);
    // SAFETY: between fork and exec only two async-signal-safe system calls run; neither
    // allocates nor takes a lock.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            libc::alarm(seconds);
            Ok(())
        });
    }
    command.spawn()
}

/// Waits for `child` to end and takes its bill.
pub(crate) fn wait_with_usage(child: &Child) -> io::Result<Ended> {
    let pid = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: all zeroes is a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to locals that outlive the call.
        if unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) } == pid {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(Ended {
        succeeded: status == 0,
        cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
        peak_bytes: u64::try_from(usage.ru_maxrss).unwrap_or_default() * 1024,
    })
}

fn duration(time: libc::timeval) -> Duration {
    Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default())
        + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or_default())
}
