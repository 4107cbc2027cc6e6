//! Ports for connections that go out, running out: to one destination, or lost to all of them.
//!
//! Follows `__inet_hash_connect` (net/ipv4/inet_hashtables.c), and in ip-sysctl.rst
//! `ip_local_port_range`, `ip_local_reserved_ports`, `tcp_tw_reuse` and `tcp_tw_reuse_delay`. A range
//! that a socket has for itself (IP_LOCAL_PORT_RANGE, Linux 6.3) is not known here.

mod bound;
mod destination;
mod pool;
mod port_set;
mod seen;
mod source;
#[cfg(test)]
mod tests;

pub use bound::BoundPorts;

use std::collections::HashSet;
use std::net::IpAddr;

use super::rule::Examined;
use crate::model::{Finding, Holders, Listeners, Settings, Severity, Socket, State, thousands};
use seen::Outgoing;
use source::Lost;

/// The rule's name.
pub(super) const ID: &str = "ephemeral-ports";

/// From this share on it warns: a third more connections, and there is no port left. A search takes
/// at least four steps then, and more than half of all ports where those of one parity are used up,
/// which connect() tries first.
const CAUTION: f64 = 0.75;

/// From this share on it is critical: a ninth more connections, and connect() fails.
const ALARM: f64 = 0.9;

/// How many destinations and addresses have findings of their own.
const TOLD: usize = 5;

/// Up to so many sockets those that are bound only are asked for in any case: it takes some
/// milliseconds.
const FEW_SOCKETS: u64 = 20_000;

/// From this share of the ports on they may be what is missing to a warning.
const HALF: f64 = 0.5;

/// How urgent it is that so many of the ports there are are gone.
fn severity(taken: u64, limit: u64) -> Option<Severity> {
    let (taken, limit) = (taken as f64, limit as f64);
    if taken >= limit * ALARM {
        Some(Severity::Critical)
    } else if taken >= limit * CAUTION {
        Some(Severity::Warning)
    } else {
        None
    }
}

/// What is kept of the sockets.
#[derive(Debug)]
pub(super) struct EphemeralPorts {
    outgoing: Result<Outgoing, String>,
    /// `None` where nobody asked for them.
    bound: Option<Result<BoundPorts, String>>,
}

impl EphemeralPorts {
    /// Of a host of these settings and listeners.
    pub(super) fn new(settings: &Settings, listeners: &Listeners) -> EphemeralPorts {
        EphemeralPorts {
            outgoing: Outgoing::new(settings, listeners),
            bound: None,
        }
    }

    /// Takes a socket that no listener here is the origin of.
    pub(super) fn add(&mut self, socket: &Socket) {
        let is_connection = match socket.state {
            State::SynSent
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait => true,
            State::Listen | State::SynRecv | State::Close | State::Bound | State::Unknown(_) => {
                false
            }
        };
        if let (true, Ok(outgoing)) = (is_connection, &mut self.outgoing) {
            outgoing.add(socket);
        }
    }

    /// Whether it may matter how many sockets are bound only, of a host of so many others.
    pub(super) fn wants_bound(&self, sockets: u64) -> bool {
        let Ok(outgoing) = &self.outgoing else {
            return false;
        };
        let half = outgoing.pool.size as f64 * HALF;
        let listening = &outgoing.pool.listening;
        let mut sources = outgoing.sources();
        sockets <= FEW_SOCKETS
            || listening.len() as f64 >= half
            || sources.any(|(_, at)| at.single().or(listening).len() as f64 >= half)
    }

    /// Takes what was found of them, or why nothing was.
    pub(super) fn set_bound(&mut self, bound: Result<BoundPorts, String>) {
        self.bound = Some(bound);
    }

    fn known_bound(&self) -> Option<&BoundPorts> {
        self.bound.as_ref()?.as_ref().ok()
    }

    /// The inodes of sockets whose holders the findings will name.
    pub(super) fn wanted(&self) -> Vec<u64> {
        let Ok(outgoing) = &self.outgoing else {
            return Vec::new();
        };
        let short: HashSet<u32> = destination::short(outgoing)
            .into_iter()
            .take(TOLD)
            .map(|(_, number, _)| number)
            .collect();
        let lost = source::lost(outgoing, self.known_bound());
        let mut inodes: Vec<u64> = outgoing
            .inodes
            .of(|number| short.contains(number))
            .collect();
        for lost in lost.iter().take(TOLD) {
            inodes.extend(self.inodes_of(outgoing, lost));
        }
        inodes
    }

    /// The inodes of the sockets that take the ports.
    fn inodes_of(&self, outgoing: &Outgoing, lost: &Lost) -> Vec<u64> {
        let bound = self.known_bound().into_iter();
        let bound = bound.flat_map(|bound| bound.inodes(&outgoing.pool));
        let numbers = numbers_from(outgoing, lost.source);
        let connected = outgoing.inodes.of(|number| numbers.contains(number));
        connected.chain(bound).collect()
    }
}

/// The numbers of the destinations that connections from there go to.
fn numbers_from(outgoing: &Outgoing, source: Option<IpAddr>) -> HashSet<u32> {
    let destinations = outgoing.destinations();
    destinations
        .filter(|(to, _, _)| Some(to.source) == source)
        .map(|(_, number, _)| number)
        .collect()
}

/// Compares the ports in use with those there are.
pub(super) fn examine(seen: &EphemeralPorts, holders: &Holders) -> Examined {
    let outgoing = match &seen.outgoing {
        Ok(outgoing) => outgoing,
        Err(reason) => return Examined::lacking(reason.clone()),
    };
    let lost = source::lost(outgoing, seen.known_bound());
    let short = destination::short(outgoing);
    let further = short.len().saturating_sub(TOLD);
    let mut findings: Vec<Finding> = lost
        .iter()
        .take(TOLD)
        .filter_map(|lost| {
            let processes = holders.of(seen.inodes_of(outgoing, lost));
            source::finding(lost, outgoing, processes)
        })
        .collect();
    findings.extend(short.into_iter().take(TOLD).filter_map(|short| {
        let inodes = outgoing.inodes.of(|number| *number == short.1);
        destination::finding(short, outgoing, holders.of(inodes))
    }));
    for finding in &mut findings {
        finding.evidence.extend(outgoing.inodes.remark());
    }
    if let (true, Some(last)) = (further > 0, findings.last_mut()) {
        let further = thousands(further as u64);
        let text = format!("{further} further destinations are short of ports too");
        last.evidence.push(text);
    }
    Examined {
        findings,
        lacking: lacking(seen, outgoing),
    }
}

/// What was not known.
fn lacking(seen: &EphemeralPorts, outgoing: &Outgoing) -> Option<String> {
    let mut reasons = Vec::new();
    if let Err(reason) = &outgoing.reuse {
        reasons.push(format!("reuse of TIME_WAIT: {reason}"));
    }
    if let Some(Err(reason)) = &seen.bound {
        reasons.push(format!("sockets that are bound only: {reason}"));
    }
    if outgoing.beyond() > 0 && severity(outgoing.beyond(), outgoing.pool.usable.len()).is_some() {
        reasons.push(format!(
            "{} connections, to more destinations or from more addresses than are told apart",
            thousands(outgoing.beyond())
        ));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}
