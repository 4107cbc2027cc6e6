//! The second of two looks at the sockets, which the findings speak of.

use std::ops::ControlFlow;

use super::accept_queue::Waiting;
use super::close_wait::CloseWaits;
use super::ephemeral_ports::{BoundPorts, EphemeralPorts};
use super::first_look::FirstLook;
use super::half_open::HalfOpen;
use super::listening::Doors;
use super::no_answer::{self, Unanswered};
use super::orphans::Orphans;
use super::retransmission::Retransmitting;
use super::stuck_peers::Stuck;
use super::time_wait::TimeWaits;
use super::vanished_peers::{self, Vanished};
use crate::model::{Listeners, Service, Settings, Sink, Socket, State};

/// What the rules keep of the sockets after the window.
#[derive(Debug)]
pub struct SecondLook {
    pub(super) listeners: Listeners,
    pub(super) total: u64,
    pub(super) ephemeral_ports: EphemeralPorts,
    pub(super) close_wait: CloseWaits,
    pub(super) orphans: Orphans,
    pub(super) vanished: Vanished,
    pub(super) unanswered: Unanswered,
    pub(super) time_wait: TimeWaits,
    pub(super) half_open: HalfOpen,
    pub(super) doors: Doors,
    pub(super) waiting: Waiting,
    pub(super) stuck: Stuck,
    pub(super) retransmitting: Retransmitting,
}

impl SecondLook {
    /// A look at the sockets of a host that listens there and has these settings.
    pub fn new(listeners: Listeners, settings: &Settings) -> SecondLook {
        let ephemeral_ports = EphemeralPorts::new(settings, &listeners);
        SecondLook::with(listeners, ephemeral_ports)
    }

    fn with(listeners: Listeners, ephemeral_ports: EphemeralPorts) -> SecondLook {
        SecondLook {
            listeners,
            total: 0,
            ephemeral_ports,
            close_wait: CloseWaits::default(),
            orphans: Orphans::default(),
            vanished: Vanished::default(),
            unanswered: Unanswered::default(),
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

impl Sink for SecondLook {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.total += 1;
        let Some(ends) = socket.internet() else {
            return ControlFlow::Continue(());
        };
        let service = self.listeners.service(ends);
        if let Service::Used(_) = service {
            self.ephemeral_ports.add(socket);
        }
        match socket.state {
            State::TimeWait => self.time_wait.add(service),
            State::Listen => {
                self.doors.add(socket);
                self.close_wait.add_listener(socket);
            }
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
            State::Close | State::Bound | State::Unknown(_) => {}
        }
        ControlFlow::Continue(())
    }
}
