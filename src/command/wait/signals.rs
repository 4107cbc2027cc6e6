//! The signals that concern a program that has the terminal for itself.
//!
//! Handlers only take a note and ring; what is to be done is done by who waits, signal-safety(7).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::signal::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::{flag, low_level};

use super::Waker;

/// What a signal asks for, in the order in which it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command) enum Signal {
    /// SIGINT: to quit as by a key.
    Interrupt,
    /// SIGTERM, SIGHUP, SIGQUIT: to end by this signal.
    End(i32),
    /// SIGTSTP: to stop.
    Stop,
    /// SIGCONT: to go on, after somebody else may have used the terminal.
    Continue,
    /// SIGWINCH: to look at the size of the terminal.
    Resize,
}

/// What a program is told whose terminal is gone.
pub(in crate::command) const TERMINAL_GONE: i32 = SIGHUP;

const HEEDED: [(i32, Signal); 7] = [
    (SIGINT, Signal::Interrupt),
    (SIGTERM, Signal::End(SIGTERM)),
    (SIGHUP, Signal::End(SIGHUP)),
    (SIGQUIT, Signal::End(SIGQUIT)),
    (SIGTSTP, Signal::Stop),
    (SIGCONT, Signal::Continue),
    (SIGWINCH, Signal::Resize),
];

/// Signals that came and were not acted upon yet.
#[derive(Debug)]
pub(in crate::command) struct Signals(Vec<(Arc<AtomicBool>, Signal)>);

impl Signals {
    /// Heeds them from now on, waking `waker`'s end for each.
    pub(in crate::command) fn heed(waker: &Waker) -> io::Result<Signals> {
        let mut heeded = Vec::new();
        for (number, signal) in HEEDED {
            let came = Arc::new(AtomicBool::new(false));
            // Where the first one cannot be heeded, on a terminal that takes nothing, the next one
            // ends the program.
            if matches!(signal, Signal::Interrupt | Signal::End(_)) {
                flag::register_conditional_default(number, Arc::clone(&came))?;
            }
            flag::register(number, Arc::clone(&came))?;
            low_level::pipe::register(number, waker.socket()?)?;
            heeded.push((came, signal));
        }
        Ok(Signals(heeded))
    }

    /// Those that came since the last time.
    pub(in crate::command) fn take(&self) -> Vec<Signal> {
        let came = self.0.iter();
        let came = came.filter(|(came, _)| came.swap(false, Ordering::SeqCst));
        came.map(|(_, signal)| *signal).collect()
    }
}

/// Lets a signal do what it does to those who do not heed it.
pub(in crate::command) fn obey(number: i32) {
    // What cannot be obeyed is a number that is no signal.
    let _ = low_level::emulate_default_handler(number);
}

/// Stops this process, until somebody lets it go on.
pub(in crate::command) fn stop() {
    obey(SIGTSTP);
}
