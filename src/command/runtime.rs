//! What the language's runtime does not offer: a look at standard output before it starts, and
//! handlers that run as soon as a signal arrives. The only module with unsafe code.
//!
//! Handlers do no more than signal-safety(7) allows: they set atomics, write(2), poll(2), set
//! terminal modes and raise(3).

#![allow(
    unsafe_code,
    reason = "the standard library has neither of the two, and no crate has both"
)]

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use libc::{
    SIGABRT, SIGALRM, SIGBUS, SIGCONT, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGIO, SIGPROF, SIGPWR,
    SIGQUIT, SIGSEGV, SIGSTKFLT, SIGSYS, SIGTERM, SIGTRAP, SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGWINCH, SIGXCPU, SIGXFSZ, c_int,
};

use super::wait::Waker;

/// Whether standard output was closed when the process began. The runtime has opened /dev/null in
/// its place since, and nothing distinguishes that from a null device of the caller's.
static STDOUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

// SAFETY: the section holds pointers to functions of this type, elf(5). Each is called once before
// main, when the C library is ready and there is one thread.
#[unsafe(link_section = ".init_array")]
#[used]
static BEFORE_MAIN: extern "C" fn() = look_at_stdout;

extern "C" fn look_at_stdout() {
    // SAFETY: F_GETFD takes no argument and changes nothing; a closed descriptor is an error.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    STDOUT_WAS_CLOSED.store(flags == -1, Ordering::Relaxed);
}

/// Standard output; where it was closed from the start, a file that cannot be written to either.
/// Not [`io::Stdout`], which reports a write to a descriptor that cannot be written to as done.
///
/// # Errors
/// The system's: no descriptor is free, or /dev is missing.
pub fn standard_output() -> io::Result<File> {
    if STDOUT_WAS_CLOSED.load(Ordering::Relaxed) {
        return File::open("/dev/null");
    }
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}

/// What a signal requests, in the order in which it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGINT: quit, as by a key.
    Interrupt,
    /// SIGTERM, SIGHUP, SIGQUIT: end by this signal.
    End(c_int),
    /// SIGTSTP: stop.
    Stop,
    /// SIGCONT: continue, after other programs may have used the terminal.
    Continue,
    /// SIGWINCH: read the size of the terminal.
    Resize,
}

/// The signal that ends a program whose terminal is gone.
pub(super) const TERMINAL_GONE: c_int = SIGHUP;

/// The signal that requests the end of a program.
pub(super) const TERMINATE: c_int = SIGTERM;

/// The signals that the program acts upon itself, when it takes them.
const HANDLED: [(c_int, Signal); 7] = [
    (SIGINT, Signal::Interrupt),
    (SIGTERM, Signal::End(SIGTERM)),
    (SIGHUP, Signal::End(SIGHUP)),
    (SIGQUIT, Signal::End(SIGQUIT)),
    (SIGTSTP, Signal::Stop),
    (SIGCONT, Signal::Continue),
    (SIGWINCH, Signal::Resize),
];

/// Those that end a process by default, besides: signal(7). Real-time signals do too. SIGPIPE is
/// ignored, and SIGKILL cannot be handled.
const FATAL: [c_int; 17] = [
    SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGIO, SIGPROF, SIGPWR, SIGSEGV, SIGSTKFLT, SIGSYS,
    SIGTRAP, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
];

/// The signals that came and were not taken yet: a bit each.
static CAME: AtomicU64 = AtomicU64::new(0);

/// Woken by those that the program handles.
static WAKER: OnceLock<Waker> = OnceLock::new();

/// Called before a signal ends the process.
static BEFORE_END: OnceLock<fn()> = OnceLock::new();

/// Handles signals from now on, waking the other end of `waker` for each; where one ends the process,
/// `before_end` is called first, in the handler.
///
/// # Errors
/// The system's.
pub(super) fn handle_signals(waker: Waker, before_end: fn()) -> io::Result<()> {
    WAKER.get_or_init(|| waker);
    BEFORE_END.get_or_init(|| before_end);
    for (number, _) in HANDLED {
        handle(number)?;
    }
    // glibc keeps 32 and 33 for itself, musl 34 too: there the default remains.
    let real_time = libc::SIGRTMIN()..=libc::SIGRTMAX();
    FATAL.into_iter().chain(real_time).try_for_each(handle)
}

/// The signals that came since the last time.
pub(super) fn take_signals() -> Vec<Signal> {
    let came = CAME.swap(0, Ordering::SeqCst);
    let taken = HANDLED
        .iter()
        .filter(|(number, _)| came & bit(*number) != 0);
    taken.map(|(_, signal)| *signal).collect()
}

/// Takes the signals that came, for a program without a terminal of its own: whether one of them requests the
/// end. It goes on without the terminal that it was started in, and is stopped where that is requested.
pub(super) fn is_end_requested() -> bool {
    for signal in take_signals() {
        match signal {
            Signal::End(TERMINAL_GONE) | Signal::Continue | Signal::Resize => {}
            Signal::Interrupt | Signal::End(_) => return true,
            Signal::Stop => stop(),
        }
    }
    false
}

fn bit(number: c_int) -> u64 {
    1 << ((number - 1) & 63)
}

/// Sets the handler, except where the signal is ignored that would end the process.
fn handle(number: c_int) -> io::Result<()> {
    let handled = HANDLED.iter().any(|(handled, _)| *handled == number);
    let mut before = MaybeUninit::uninit();
    // SAFETY: both structures are valid for the call; zeros are one without flags and mask. The
    // handler is of the type that goes without SA_SIGINFO, and does what signal-safety(7) allows.
    let done = unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = on_signal as extern "C" fn(c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        match libc::sigaction(number, ptr::null(), before.as_mut_ptr()) {
            0 if !handled && before.assume_init_ref().sa_sigaction == libc::SIG_IGN => 0,
            0 => libc::sigaction(number, &raw const action, ptr::null_mut()),
            error => error,
        }
    };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Marks a signal that the program handles, and wakes it. Where it came before and was not
/// taken, as on a terminal that takes nothing, it ends the process, as do all others.
extern "C" fn on_signal(number: c_int) {
    let came = CAME.fetch_or(bit(number), Ordering::SeqCst) & bit(number) != 0;
    let handled = HANDLED.iter().find(|(handled, _)| *handled == number);
    let wake = || WAKER.get().map_or((), Waker::wake);
    match handled {
        Some((_, Signal::Stop | Signal::Continue | Signal::Resize)) => wake(),
        Some((_, Signal::Interrupt | Signal::End(_))) if !came => wake(),
        Some(_) | None => {
            if let Some(before_end) = BEFORE_END.get() {
                before_end();
            }
            end_by(number);
        }
    }
}

/// Ends the process by this signal; in its handler, as soon as that returns.
pub(super) fn end_by(number: c_int) {
    // SAFETY: both may be called anywhere, also in a handler.
    unsafe {
        libc::signal(number, libc::SIG_DFL);
        libc::raise(number);
    }
}

/// Stops the process, until it is continued.
pub(super) fn stop() {
    // SAFETY: as above.
    unsafe {
        libc::raise(libc::SIGSTOP);
    }
}

/// The size from which glibc takes whole pages for a piece of memory, and gives them back at once: its
/// default, which grows with the pieces that are freed unless it is set.
#[cfg(target_env = "gnu")]
const WHOLE_PAGES: c_int = 128 << 10;

/// Makes glibc keep little of the memory that a sample needed: threads that end take no part of their own, and
/// large pieces are given back. musl does both.
pub(super) fn keep_little_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no other thread was started; an unknown parameter is ignored.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, WHOLE_PAGES);
    }
}
