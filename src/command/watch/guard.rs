//! The terminal as it was found: taken for the view, and given back however the program ends.
//!
//! Keys are heard one by one and unseen, but the terminal goes on turning ^C, ^Z and ^\ into
//! signals, so that they reach a whole pipeline as they do elsewhere. A panic gives the terminal
//! back before it says anything. termios(3), console_codes(4).

#[cfg(test)]
mod tests;

use std::io;
use std::panic;
use std::sync::{Mutex, Once, PoisonError};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize,
    tcsetattr,
};

/// Another screen, no cursor, empty.
const TAKE: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[2J\x1b[H";

/// Empty (for terminals without another screen), plain, the screen there was, the cursor.
const GIVE_BACK: &[u8] = b"\x1b[0m\x1b[2J\x1b[H\x1b[?1049l\x1b[?25h";

/// The size of a terminal that does not tell its own.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// What was found. In one place of the process, because a panic may happen anywhere in it.
static FOUND: Mutex<Option<Found>> = Mutex::new(None);

static HOOK: Once = Once::new();

struct Found {
    input: OwnedFd,
    output: OwnedFd,
    modes: Termios,
    /// Whether the terminal is the view's at the moment.
    is_taken: bool,
}

/// The terminal is the view's as long as this lives.
#[derive(Debug)]
pub(super) struct Guard(());

impl Guard {
    /// Takes the terminal.
    ///
    /// # Errors
    /// The terminal's.
    pub(super) fn take(input: impl AsFd, output: impl AsFd) -> io::Result<Guard> {
        let found = Found {
            modes: tcgetattr(&input)?,
            input: input.as_fd().try_clone_to_owned()?,
            output: output.as_fd().try_clone_to_owned()?,
            is_taken: false,
        };
        *FOUND.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
        });
        let guard = Guard(());
        guard.take_again()?;
        Ok(guard)
    }

    /// Takes it again after it was given back, or after somebody else may have used it.
    ///
    /// # Errors
    /// The terminal's.
    pub(super) fn take_again(&self) -> io::Result<()> {
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(found) = found.as_mut() else {
            return Ok(());
        };
        let mut modes = found.modes.clone();
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN;
        modes.input_modes -= InputModes::IXON | InputModes::ICRNL | InputModes::INLCR;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        rustix::io::retry_on_intr(|| tcsetattr(&found.input, OptionalActions::Now, &modes))?;
        found.is_taken = true;
        write_all(&found.output, TAKE)
    }

    /// Its columns and rows.
    pub(super) fn size(&self) -> (u16, u16) {
        let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        let size = found.as_ref().map(|found| tcgetwinsize(&found.output));
        match size {
            Some(Ok(size)) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
            _ => USUAL_SIZE,
        }
    }

    /// Another descriptor of it to write to.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn output(&self) -> io::Result<OwnedFd> {
        let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        match found.as_ref() {
            Some(found) => found.output.try_clone(),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Gives it back for a while.
    pub(super) fn give_back(&self) {
        give_back();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back as it was found, once. Where it is gone, there is nothing to give back.
fn give_back() {
    // A panic while somebody gives it back must not wait for that.
    let Ok(mut found) = FOUND.try_lock() else {
        return;
    };
    if let Some(found) = found.as_mut().filter(|found| found.is_taken) {
        found.is_taken = false;
        let _ = write_all(&found.output, GIVE_BACK);
        let _ = rustix::io::retry_on_intr(|| {
            tcsetattr(&found.input, OptionalActions::Drain, &found.modes)
        });
    }
}

/// Writes everything, and waits where the terminal takes nothing at the moment: also where
/// somebody who shares it has made it one that does not wait.
pub(super) fn write_all(to: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::retry_on_intr(|| rustix::io::write(&to, bytes)) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::AGAIN) => {
                let mut ready = [PollFd::new(&to, PollFlags::OUT)];
                rustix::io::retry_on_intr(|| poll(&mut ready, None))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
