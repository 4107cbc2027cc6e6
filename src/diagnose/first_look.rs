//! The first of two looks at the sockets: what is needed to see later what has moved.

use std::ops::ControlFlow;

use super::lingering::Before;
use super::queues::Queues;
use crate::model::{InetEnds, Sink, Socket, State, StateSet};

/// What the rules keep of the sockets before the window.
#[derive(Debug, Default)]
pub struct FirstLook {
    pub(super) queues: Queues,
    pub(super) close_wait: Before,
    /// Those that a process holds.
    pub(super) fin_wait2: Before,
}

impl FirstLook {
    /// The states in which it matters what moved.
    pub const STATES: StateSet = StateSet::NONE
        .with(State::Established)
        .with(State::CloseWait)
        .with(State::FinWait2);

    /// The connections of which it is to be measured now how much they have sent, few of them.
    pub fn suspects(&self) -> Vec<InetEnds> {
        self.queues.longest()
    }
}

impl Sink for FirstLook {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        match socket.state {
            State::Established => self.queues.add(socket),
            State::CloseWait => self.close_wait.add(socket),
            State::FinWait2 if socket.inode != 0 => self.fin_wait2.add(socket),
            State::Listen
            | State::SynSent
            | State::SynRecv
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck
            | State::TimeWait
            | State::Close
            | State::Bound
            | State::Unknown(_) => {}
        }
        ControlFlow::Continue(())
    }
}
