//! The second of two looks at the sockets, which the findings speak of.

use std::ops::ControlFlow;

use super::accept_queue::Waiting;
use super::half_open::HalfOpen;
use super::listening::Doors;
use super::retransmission::Retransmitting;
use super::stuck_peers::Candidates;
use super::time_wait::TimeWaits;
use crate::model::{Listeners, Sink, Socket, State};

/// What the rules keep of the sockets after the window.
#[derive(Debug)]
pub struct SecondLook {
    listeners: Listeners,
    total: u64,
    pub(super) time_wait: TimeWaits,
    pub(super) half_open: HalfOpen,
    pub(super) doors: Doors,
    pub(super) waiting: Waiting,
    pub(super) candidates: Candidates,
    pub(super) retransmitting: Retransmitting,
}

impl SecondLook {
    /// A look at the sockets of a host that listens there.
    pub fn new(listeners: Listeners) -> SecondLook {
        SecondLook {
            listeners,
            total: 0,
            time_wait: TimeWaits::default(),
            half_open: HalfOpen::default(),
            doors: Doors::default(),
            waiting: Waiting::default(),
            candidates: Candidates::default(),
            retransmitting: Retransmitting::default(),
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
            State::Listen => self.doors.add(socket),
            State::SynRecv => self.half_open.add(socket),
            State::Established | State::CloseWait => {
                self.waiting.add(socket);
                self.candidates.add(socket);
                self.retransmitting.add(socket);
            }
            State::SynSent
            | State::FinWait1
            | State::FinWait2
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
