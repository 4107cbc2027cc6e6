//! The second of two looks at the sockets, which the findings speak of.

use std::ops::ControlFlow;

use super::accept_queue::Waiting;
use super::close_wait::CloseWaits;
use super::ephemeral_ports::{BoundPorts, EphemeralPorts};
use super::facts::Facts;
use super::first_look::FirstLook;
use super::half_open::HalfOpen;
use super::no_answer::{self, Unanswered};
use super::orphans::Orphans;
use super::retransmission::Retransmitting;
use super::stuck_peers::Stuck;
use super::time_wait::TimeWaits;
use super::vanished_peers::{self, Vanished};
use crate::model::{Listeners, Service, Sink, Socket, State};

/// What the rules keep of the sockets after the window.
#[derive(Debug)]
pub struct SecondLook {
    pub(super) total: u64,
    pub(super) ephemeral_ports: EphemeralPorts,
    pub(super) close_wait: CloseWaits,
    pub(super) orphans: Orphans,
    pub(super) vanished: Vanished,
    pub(super) unanswered: Unanswered,
    pub(super) time_wait: TimeWaits,
    pub(super) half_open: HalfOpen,
    pub(super) waiting: Waiting,
    pub(super) stuck: Stuck,
    pub(super) retransmitting: Retransmitting,
}

impl SecondLook {
    /// A look at the sockets of a host of which this is known.
    pub fn new(facts: &Facts) -> SecondLook {
        SecondLook {
            total: 0,
            ephemeral_ports: EphemeralPorts::new(&facts.settings, &facts.listeners),
            close_wait: CloseWaits::default(),
            orphans: Orphans::default(),
            vanished: Vanished::default(),
            unanswered: Unanswered::default(),
            time_wait: TimeWaits::default(),
            half_open: HalfOpen::default(),
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

    /// What takes the sockets of a host that listens there.
    pub fn sink<'a>(&'a mut self, listeners: &'a Listeners) -> impl Sink {
        Looking {
            look: self,
            listeners,
        }
    }

    /// How many sockets were seen.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether it matters which sockets are bound only, which costs a walk of its own.
    pub fn wants_bound_ports(&self) -> bool {
        self.ephemeral_ports.wants_bound(self.total)
    }

    /// Takes the ports of sockets that are bound only, or why they are not known.
    pub fn set_bound_ports(&mut self, bound: Result<BoundPorts, String>) {
        self.ephemeral_ports.set_bound(bound);
    }

    /// Takes a socket that data may be waiting on.
    fn connected(&mut self, socket: &Socket) {
        self.waiting.add(socket);
        self.stuck.add(socket);
        self.retransmitting.add(socket);
    }
}

/// A look, and what it takes to say what connections serve.
struct Looking<'a> {
    look: &'a mut SecondLook,
    listeners: &'a Listeners,
}

impl Sink for Looking<'_> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.look.total += 1;
        if let Some(ends) = socket.internet() {
            let service = self.listeners.service(socket.netns, ends);
            self.look.add(socket, service);
        }
        ControlFlow::Continue(())
    }
}

impl SecondLook {
    fn add(&mut self, socket: &Socket, service: Service) {
        if let Service::Used(_) = service {
            self.ephemeral_ports.add(socket);
        }
        match socket.state {
            State::TimeWait => self.time_wait.add(service),
            State::SynSent => no_answer::add(&mut self.unanswered, socket),
            State::SynRecv => self.half_open.add(socket),
            State::Established => self.connected(socket),
            State::CloseWait => {
                self.connected(socket);
                self.close_wait.add(socket, service);
            }
            State::FinWait2 => {
                self.orphans.add(socket, service);
                self.time_wait.add_before_fin(socket);
            }
            State::FinWait1 | State::Closing | State::LastAck => {
                self.orphans.add_closing(socket);
                vanished_peers::add(&mut self.vanished, socket);
            }
            State::Listen | State::Close | State::Bound | State::Unknown(_) => {}
        }
    }
}
