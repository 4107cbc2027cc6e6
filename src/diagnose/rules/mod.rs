//! The rules, one a file, and the array of them.

mod accept_queue;
mod close_wait;
mod conntrack;
mod ephemeral_ports;
mod fin_wait_2;
mod half_open;
mod keepalive;
mod memory;
mod mptcp_fallback;
mod netlink_drops;
mod no_acknowledgment;
mod no_answer;
mod orphans;
mod path_mtu;
mod refused;
mod resets;
mod retransmission;
mod self_connection;
mod silent;
mod stuck_peers;
mod syn_loss;
mod time_wait;
mod udp_drops;
mod udp_memory;
mod unconfirmed;
mod unix_accept_queue;
mod unix_peer_gone;
mod vanished_peers;

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;

use super::host::Host;
use super::rule::Case;
use super::rule::{Examined, FirstPass, Rule, Sampled};
use super::samples::rules;
use crate::diagnose::Feed;
use crate::model::{InetEnds, Kind, KindSet, Scope, Sink, Socket, StateSet};

pub use ephemeral_ports::{BoundPorts, OutgoingPorts, PortsTaken};

/// Whether a rule compares counters of the whole host, which are the same in every network namespace.
pub(super) fn is_about_host(id: &str) -> bool {
    [
        memory::Memory::ID,
        orphans::Orphans::ID,
        udp_memory::UdpMemory::ID,
    ]
    .contains(&id)
}

/// The rule whose findings name every holder of a listener.
pub(super) const NAMES_EVERY_HOLDER: &str = accept_queue::AcceptQueue::ID;

/// How often a FIN must have been retransmitted to count as unanswered.
pub(super) const UNACKNOWLEDGED: u32 = vanished_peers::RETRANSMITS;

// Every rule, in the order of the manual.
rules! {
    ephemeral_ports: ephemeral_ports::EphemeralPorts,
    time_wait: time_wait::TimeWait,
    close_wait: close_wait::CloseWait,
    fin_wait_2: fin_wait_2::FinWait2,
    orphans: orphans::Orphans,
    vanished_peers: vanished_peers::VanishedPeers,
    unconfirmed: unconfirmed::Unconfirmed,
    half_open: half_open::HalfOpen,
    no_answer: no_answer::NoAnswer,
    syn_loss: syn_loss::SynLoss,
    refused: refused::Refused,
    resets: resets::Resets,
    accept_queue: accept_queue::AcceptQueue,
    stuck_peers: stuck_peers::StuckPeers,
    no_acknowledgment: no_acknowledgment::NoAcknowledgment,
    path_mtu: path_mtu::PathMtu,
    keepalive: keepalive::Keepalive,
    silent: silent::Silent,
    memory: memory::Memory,
    retransmission: retransmission::Retransmission,
    conntrack: conntrack::Conntrack,
    self_connection: self_connection::SelfConnection,
    udp_drops: udp_drops::UdpDrops,
    udp_memory: udp_memory::UdpMemory,
    mptcp_fallback: mptcp_fallback::MptcpFallback,
    unix_accept_queue: unix_accept_queue::UnixAcceptQueue,
    unix_peer_gone: unix_peer_gone::UnixPeerGone,
    netlink_drops: netlink_drops::NetlinkDrops,
}

impl SecondSample {
    /// Whether what was retransmitted to each peer matters.
    pub fn wants_survey(&self, host: &Host) -> bool {
        self.retransmission.wants_survey(host)
    }

    /// The peers whose connections need a longer watch, few of them.
    pub fn watched_peers(&self, host: &Host) -> Vec<IpAddr> {
        self.retransmission.watched_peers(host)
    }

    /// Whether it matters how much counters grow after the window.
    pub fn wants_counters(&self, host: &Host) -> bool {
        resets::goes_on_unknown(host)
    }

    /// The destinations to which it matters which attempts to connect there are after the window.
    pub fn open_destinations(&self, host: &Host) -> HashSet<SocketAddr> {
        self.no_answer.open(host)
    }

    /// Whether it matters which sockets are only bound, which takes a dump of its own.
    pub fn wants_bound_ports(&self, host: &Host) -> bool {
        self.ephemeral_ports.wants_bound(host.sockets)
    }

    /// Takes the ports of sockets that are only bound, or why they are unknown.
    pub fn set_bound_ports(&mut self, bound: Result<BoundPorts, String>) {
        self.ephemeral_ports.set_bound(bound);
    }
}
