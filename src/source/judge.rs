//! Judges sockets by what of a filter is left to us, before a sink sees them.

use std::ops::ControlFlow;

use crate::filter::Program;
use crate::model::{Sink, Socket};

/// Passes on what the program accepts.
#[derive(Debug)]
pub(super) struct Judge<'a, S> {
    pub(super) program: &'a Program,
    pub(super) sink: &'a mut S,
}

impl<S: Sink> Sink for Judge<'_, S> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if self.program.matches(socket) {
            self.sink.socket(socket)
        } else {
            ControlFlow::Continue(())
        }
    }
}
