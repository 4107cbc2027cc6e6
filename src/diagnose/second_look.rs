//! The second of two looks at the sockets, which the findings speak of.

use std::ops::ControlFlow;

use super::accept_queue::Waiting;
use super::first_look::FirstLook;
use super::half_open::HalfOpen;
use super::listening::Doors;
use super::retransmission::Retransmitting;
use super::stuck_peers::Stuck;
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
    pub(super) stuck: Stuck,
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
            stuck: Stuck::default(),
            retransmitting: Retransmitting::default(),
        }
    }

    /// The same, to be compared with a first look, which gives away what it is compared by.
    #[must_use]
    pub fn after(mut self, first: &mut FirstLook) -> SecondLook {
        self.stuck = Stuck::after(std::mem::take(&mut first.queues));
        self
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
                self.stuck.add(socket);
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
        let stuck = std::mem::take(&mut self.stuck).restarted();
        *self = SecondLook::new(std::mem::take(&mut self.listeners));
        self.stuck = stuck;
        true
    }
}
