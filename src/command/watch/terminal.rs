//! The terminal of the view: taken, drawn on, and restored however the program ends.
//!
//! Keys are read one by one and not echoed, but the terminal still turns ^C, ^Z and ^\ into
//! signals, so that they reach a whole pipeline as usual. A panic restores the
//! terminal before its message is printed, and a signal before it ends the process. termios(3),
//! console_codes(4).

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io::{self, Write};
use std::panic;
use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize,
    tcsetattr,
};

use crate::command::outcome::Failure;

/// To the alternate screen, without cursor, empty.
const TAKE: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[2J\x1b[H";

/// Without mouse, plain, empty (for terminals without an alternate screen), back to the main screen, with cursor.
const GIVE_BACK: &[u8] = b"\x1b[?1006l\x1b[?1000l\x1b[0m\x1b[2J\x1b[H\x1b[?1049l\x1b[?25h";

/// Clicks and the wheel are reported, in a form that has no limit of columns, or no longer: modes 1000
/// and 1006 of xterm.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// The size of a terminal that reports none.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// The terminal as it was before. Static, because a panic may happen, and a signal arrive, anywhere
/// in the process.
static BEFORE: OnceLock<TerminalBefore> = OnceLock::new();

/// Whether the mouse is reported while the view has the terminal.
static HAS_MOUSE: AtomicBool = AtomicBool::new(false);

/// How much of it the view has taken.
static TAKEN: AtomicU8 = AtomicU8::new(NOTHING);

const NOTHING: u8 = 0;
const MODES: u8 = 1;
const MODES_AND_SCREEN: u8 = 2;

struct TerminalBefore {
    input: OwnedFd,
    output: OwnedFd,
    modes: Termios,
}

/// The view has the terminal until this is dropped.
#[derive(Debug)]
pub(super) struct Guard(());

impl Guard {
    /// Takes the terminal.
    ///
    /// # Errors
    /// The terminal's.
    pub(super) fn take(input: impl AsFd, output: impl AsFd) -> io::Result<Guard> {
        let found = TerminalBefore {
            modes: tcgetattr(&input)?,
            input: input.as_fd().try_clone_to_owned()?,
            output: output.as_fd().try_clone_to_owned()?,
        };
        if BEFORE.set(found).is_ok() {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                give_back_at_once();
                before(panic);
            }));
        }
        let guard = Guard(());
        guard.take_again()?;
        Ok(guard)
    }

    /// Takes it again after it was given back, or after other programs may have used it.
    ///
    /// # Errors
    /// The terminal's.
    pub(super) fn take_again(&self) -> io::Result<()> {
        let found = found()?;
        let mut modes = found.modes.clone();
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN;
        modes.input_modes -= InputModes::IXON | InputModes::ICRNL | InputModes::INLCR;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        TAKEN.store(MODES_AND_SCREEN, Ordering::SeqCst);
        rustix::io::retry_on_intr(|| tcsetattr(&found.input, OptionalActions::Now, &modes))?;
        write_all(&found.output, TAKE)?;
        self.set_mouse(HAS_MOUSE.load(Ordering::SeqCst))
    }

    /// Lets the terminal report clicks and the wheel, or no longer: it cannot select text meanwhile.
    ///
    /// # Errors
    /// The terminal's.
    pub(super) fn set_mouse(&self, on: bool) -> io::Result<()> {
        let was_on = HAS_MOUSE.swap(on, Ordering::SeqCst);
        match (was_on, on) {
            (false, false) => Ok(()),
            (true, false) => write_all(&found()?.output, MOUSE_OFF),
            (_, true) => write_all(&found()?.output, MOUSE_ON),
        }
    }

    /// Its columns and rows.
    pub(super) fn size(&self) -> (u16, u16) {
        match found().map(|found| tcgetwinsize(&found.output)) {
            Ok(Ok(size)) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
            _ => USUAL_SIZE,
        }
    }

    /// Restores it, until it is taken again.
    pub(super) fn give_back(&self) {
        give_back(write_all, OptionalActions::Drain);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.give_back();
    }
}

fn found() -> io::Result<&'static TerminalBefore> {
    BEFORE.get().ok_or(io::ErrorKind::NotConnected.into())
}

/// Whether the terminal is the view's to draw on.
fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst) == MODES_AND_SCREEN
}

/// Restores the terminal without waiting until it can be written to: for signal handlers.
pub(super) fn give_back_at_once() {
    give_back(write_at_once, OptionalActions::Now);
}

/// Restores the terminal, once; errors are ignored, because it may have disappeared. Complete also
/// if a signal handler interrupts it and restores the rest.
fn give_back(write: fn(&OwnedFd, &[u8]) -> io::Result<()>, when: OptionalActions) {
    let Some(found) = BEFORE.get() else {
        return;
    };
    if is_taken() {
        let _ = write(&found.output, GIVE_BACK);
        TAKEN.store(MODES, Ordering::SeqCst);
    }
    if TAKEN.load(Ordering::SeqCst) == MODES {
        let _ = rustix::io::retry_on_intr(|| tcsetattr(&found.input, when, &found.modes));
        TAKEN.store(NOTHING, Ordering::SeqCst);
    }
}

/// Writes a short text if the terminal can be written to now.
fn write_at_once(to: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    let mut ready = [PollFd::new(to, PollFlags::OUT)];
    if poll(&mut ready, Some(&Timespec::default()))? > 0 {
        rustix::io::write(to, bytes)?;
    }
    Ok(())
}

/// Writes everything, and waits until the terminal can be written to, also if another program that
/// shares it has made it non-blocking.
fn write_all(to: &OwnedFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::retry_on_intr(|| rustix::io::write(to, bytes)) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::AGAIN) => {
                let mut ready = [PollFd::new(to, PollFlags::OUT)];
                rustix::io::retry_on_intr(|| poll(&mut ready, None))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// What is drawn on.
pub(super) struct Canvas {
    terminal: Terminal<CrosstermBackend<Drawn>>,
    drawn: Drawn,
}

/// What was drawn and is not written yet.
#[derive(Clone, Default)]
struct Drawn(Rc<RefCell<Vec<u8>>>);

impl Canvas {
    /// An empty one of this size. Made anew where every cell must be drawn: to clear one, its
    /// library would send the terminal queries, and wait for the answer among the keys.
    ///
    /// # Errors
    /// Those of its library, which writes nothing here.
    pub(super) fn of((width, height): (u16, u16)) -> Result<Canvas, Failure> {
        let drawn = Drawn::default();
        let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
        let options = TerminalOptions { viewport };
        let terminal = Terminal::with_options(CrosstermBackend::new(drawn.clone()), options);
        let terminal = terminal.map_err(Failure::write)?;
        Ok(Canvas { terminal, drawn })
    }

    /// Draws, and writes what has changed since the last time, in one piece.
    ///
    /// # Errors
    /// The terminal's.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), Failure> {
        self.terminal.draw(draw).map_err(Failure::write)?;
        let bytes = self.drawn.0.take();
        // A signal handler on another thread may have restored the terminal.
        if !is_taken() {
            return Ok(());
        }
        let written = found().and_then(|found| write_all(&found.output, &bytes));
        written.map_err(Failure::write)
    }
}

impl Write for Drawn {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
