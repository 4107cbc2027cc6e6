//! Seccomp filters for a child, and the calls that one passes to a supervisor. seccomp(2),
//! seccomp_unotify(2); struct layouts from `linux/seccomp.h`.
//!
//! Must not decide what a call returns.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::ioctl::{Opcode, Updater, opcode};
use seccompiler::BpfProgram;

const SECCOMP_IOCTL_NOTIF_RECV: Opcode = opcode::read_write::<Notification>(b'!', 0);
const SECCOMP_IOCTL_NOTIF_SEND: Opcode = opcode::read_write::<Response>(b'!', 1);

/// Makes `command` start under a seccomp filter, seccomp(2).
pub(crate) fn filter(command: &mut Command, program: BpfProgram) {
    let apply = move || {
        seccompiler::apply_filter(&program).map_err(|_| io::Error::from(rustix::io::Errno::PERM))
    };
    // SAFETY: `apply` makes two system calls with a program made before the fork.
    unsafe { command.pre_exec(apply) };
}

/// The same for a program that passes calls to a supervisor, whose descriptor stays open in the
/// child without being read.
pub(crate) fn filter_with_listener(command: &mut Command, program: BpfProgram) {
    let apply = move || {
        rustix::thread::set_no_new_privs(true)?;
        let program = libc::sock_fprog {
            len: u16::try_from(program.len()).map_err(|_| rustix::io::Errno::INVAL)?,
            filter: program.as_ptr().cast_mut().cast(),
        };
        // SAFETY: `program` describes the instructions behind its pointer, which outlive the call;
        // seccompiler lays them out as `struct sock_filter`.
        let supervisor = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
                &raw const program,
            )
        };
        let supervisor = i32::try_from(supervisor).map_err(|_| rustix::io::Errno::INVAL)?;
        if supervisor < 0 {
            return Err(io::Error::last_os_error());
        }
        // It must survive exec(2): without it the kernel fails the call instead of blocking it.
        // SAFETY: the descriptor is open, and used nowhere else.
        match unsafe { libc::fcntl(supervisor, libc::F_SETFD, 0) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: `apply` makes three system calls with a program made before the fork.
    unsafe { command.pre_exec(apply) };
}

/// `struct seccomp_notif`: a call that waits for its supervisor.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Notification {
    id: u64,
    pid: u32,
    flags: u32,
    number: i32,
    architecture: u32,
    instruction_pointer: u64,
    pub(crate) arguments: [u64; 6],
}

/// `struct seccomp_notif_resp`.
#[repr(C)]
struct Response {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

/// The next call that waits for the supervisor.
pub(crate) fn next_call(listener: impl AsFd) -> io::Result<Notification> {
    let mut notification = Notification::default();
    // SAFETY: the kernel fills a `struct seccomp_notif`, which `Notification` is.
    let call = unsafe { Updater::<SECCOMP_IOCTL_NOTIF_RECV, Notification>::new(&mut notification) };
    // SAFETY: as above; the call borrows `notification` until it returns.
    unsafe { rustix::ioctl::ioctl(listener, call) }?;
    Ok(notification)
}

/// Ends a call: with a value, with an errno, or as the kernel would (`None`).
pub(crate) fn end_call(
    listener: impl AsFd,
    call: &Notification,
    result: Option<rustix::io::Result<usize>>,
) -> io::Result<()> {
    /// `SECCOMP_USER_NOTIF_FLAG_CONTINUE`, since Linux 5.5.
    const CONTINUE: u32 = 1;
    let (value, error, flags) = match result {
        Some(Ok(value)) => (i64::try_from(value).unwrap(), 0, 0),
        Some(Err(errno)) => (0, -errno.raw_os_error(), 0),
        None => (0, 0, CONTINUE),
    };
    let mut response = Response {
        id: call.id,
        value,
        error,
        flags,
    };
    // SAFETY: the kernel reads a `struct seccomp_notif_resp`, which `Response` is.
    let call = unsafe { Updater::<SECCOMP_IOCTL_NOTIF_SEND, Response>::new(&mut response) };
    // SAFETY: as above; the call borrows `response` until it returns.
    Ok(unsafe { rustix::ioctl::ioctl(listener, call) }?)
}
