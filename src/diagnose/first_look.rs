//! The first of two looks at the sockets: what is needed to see later what has moved.

use std::ops::ControlFlow;

use super::queues::Queues;
use crate::model::{Sink, Socket, State, StateSet};

/// What the rules keep of the sockets before the window.
#[derive(Debug, Default)]
pub struct FirstLook {
    pub(super) queues: Queues,
}

impl FirstLook {
    /// The states in which it matters what moved.
    pub const STATES: StateSet = StateSet::NONE
        .with(State::Established)
        .with(State::CloseWait);
}

impl Sink for FirstLook {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if socket.state == State::Established {
            self.queues.add(socket);
        }
        ControlFlow::Continue(())
    }

    fn restart(&mut self) -> bool {
        *self = FirstLook::default();
        true
    }
}
