//! The cells of the terminal, and the bytes that change them.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use rustix::fd::OwnedFd;

use super::guard::{Guard, is_taken, write_all};
use crate::command::outcome::Failure;

/// What is drawn on.
pub(super) struct Canvas {
    terminal: Terminal<CrosstermBackend<Out>>,
    failure: Rc<RefCell<Option<io::Error>>>,
}

impl Canvas {
    /// An empty one. Made anew where every cell is to be drawn: to clear one, its library would
    /// send the terminal queries, and wait for the answer among the keys.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn of(guard: &Guard) -> Result<Canvas, Failure> {
        let (width, height) = guard.size();
        let failure = Rc::default();
        let out = Out {
            out: guard.output().map_err(Failure::to("use the terminal"))?,
            kept: Vec::new(),
            failure: Rc::clone(&failure),
        };
        let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
        let options = TerminalOptions { viewport };
        let terminal = Terminal::with_options(CrosstermBackend::new(out), options);
        let terminal = terminal.map_err(Failure::write)?;
        Ok(Canvas { terminal, failure })
    }

    /// Draws, and writes what has changed since the last time.
    ///
    /// # Errors
    /// The terminal's.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), Failure> {
        self.terminal.draw(draw).map_err(Failure::write)?;
        match self.failure.take() {
            None => Ok(()),
            Some(error) => Err(Failure::write(error)),
        }
    }
}

/// Output in one piece a frame: what is written is kept until it is flushed.
struct Out {
    out: OwnedFd,
    kept: Vec<u8>,
    /// A failed write is reported here alone: its library would print it to standard error at the
    /// end, and panic where that is the same terminal.
    failure: Rc<RefCell<Option<io::Error>>>,
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.kept.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // A signal handler on another thread may have given the terminal back.
        if is_taken()
            && let Err(error) = write_all(&self.out, &self.kept)
        {
            self.failure.replace(Some(error));
        }
        self.kept.clear();
        Ok(())
    }
}
