//! The second of two looks at the sockets, which the findings speak of.

use std::ops::ControlFlow;

use super::time_wait::TimeWaits;
use crate::model::{Listeners, Sink, Socket, State};

/// What the rules keep of the sockets after the window.
#[derive(Debug)]
pub struct SecondLook {
    listeners: Listeners,
    total: u64,
    pub(super) time_wait: TimeWaits,
}

impl SecondLook {
    /// A look at the sockets of a host that listens there.
    pub fn new(listeners: Listeners) -> SecondLook {
        SecondLook {
            listeners,
            total: 0,
            time_wait: TimeWaits::default(),
        }
    }

    /// How many sockets were seen.
    pub fn total(&self) -> u64 {
        self.total
    }
}

impl Sink for SecondLook {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.total += 1;
        match socket.state {
            State::TimeWait => self.time_wait.add(self.listeners.service(socket)),
            State::Listen
            | State::SynSent
            | State::SynRecv
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::Close
            | State::Bound
            | State::Unknown(_) => {}
        }
        ControlFlow::Continue(())
    }

    fn restart(&mut self) -> bool {
        *self = SecondLook::new(std::mem::take(&mut self.listeners));
        true
    }
}
