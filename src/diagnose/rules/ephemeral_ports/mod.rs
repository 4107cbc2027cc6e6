//! Ports for outgoing connections, running out: to one destination, or lost to all of them.
//!
//! Follows `__inet_hash_connect` (net/ipv4/inet_hashtables.c), and in ip-sysctl.rst
//! `ip_local_port_range`, `ip_local_reserved_ports`, `tcp_tw_reuse` and `tcp_tw_reuse_delay`. A range
//! of a single socket (IP_LOCAL_PORT_RANGE, Linux 6.3) is unknown here.

mod destination;
mod fullest;
mod lost;
mod outgoing;
mod pool;
mod port_set;
#[cfg(test)]
mod tests;

pub use fullest::{OutgoingPorts, PortsTaken};
pub use pool::BoundPorts;

use crate::diagnose::{Case, Examined, Host, Rule, Sampled};
use crate::model::{Finding, Scope, Service, Severity, State, StateSet, counted, thousands};
use lost::Lost;
use outgoing::Outgoing;

/// From this share on it warns: a third more connections, and there is no port left. A search takes
/// at least four steps then, and more than half of all ports where those of one parity are used up,
/// which connect() tries first.
const CAUTION: f64 = 0.75;

/// From this share on it is critical: a ninth more connections, and connect() fails.
const ALARM: f64 = 0.9;

/// How many destinations and addresses have findings of their own.
const REPORTED: usize = 5;

/// Up to this many sockets, sockets that are only bound are always requested: that takes a few
/// milliseconds.
const FEW_SOCKETS: u64 = 20_000;

/// From this share of the ports on, bound sockets may make the difference to a warning.
const HALF: f64 = 0.5;

/// The severity of this number of taken ports.
fn severity(taken: u64, limit: u64) -> Option<Severity> {
    Severity::of_share(taken, limit, CAUTION, ALARM)
}

/// The outgoing connections.
#[derive(Debug, Default)]
pub(super) struct EphemeralPorts {
    /// Or why the ports are unknown; `None` before they are read.
    outgoing: Option<Result<Outgoing, String>>,
    /// `None` where they were not requested.
    bound: Option<Result<BoundPorts, String>>,
}

impl Rule for EphemeralPorts {
    const ID: &'static str = "ephemeral-ports";

    const SCOPE: Scope = Scope::Namespace;

    const STATES: StateSet = StateSet::ALL
        .without(State::Listen)
        .without(State::SynRecv)
        .without(State::Close);

    type Before = ();

    fn begin(&mut self, (): (), host: &Host) {
        self.outgoing = Some(Outgoing::new(&host.settings, &host.listeners));
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        if let (Service::Used(_), Some(Ok(outgoing))) = (sampled.service, &mut self.outgoing) {
            outgoing.add(sampled.socket, sampled.ends);
        }
    }

    fn examine(&self, _: &Case<'_>) -> Examined {
        let outgoing = match &self.outgoing {
            Some(Ok(outgoing)) => outgoing,
            Some(Err(reason)) => return Examined::lacking(reason.clone()),
            None => return Examined::default(),
        };
        let lost = lost::lost(outgoing, self.known_bound());
        let short = destination::short(outgoing);
        let further = short.len().saturating_sub(REPORTED);
        let lost = lost.iter().take(REPORTED);
        let mut findings: Vec<Finding> = lost
            .filter_map(|lost| lost.finding(outgoing, self.inodes(outgoing, lost)))
            .collect();
        let short = short.into_iter().take(REPORTED);
        findings.extend(short.filter_map(|short| short.finding(outgoing)));
        for finding in &mut findings {
            finding.evidence.extend(outgoing.inodes.limit_note());
        }
        if let (true, Some(last)) = (further > 0, findings.last_mut()) {
            let (one, many) = ("more destination is", "more destinations are");
            let further = counted(further as u64, one, many);
            last.evidence.push(format!("{further} short of ports too"));
        }
        Examined::found(findings).without(self.unknown(outgoing))
    }
}

impl EphemeralPorts {
    /// Whether it may matter which sockets are only bound, by the number of others on the host.
    pub(super) fn wants_bound(&self, sockets: u64) -> bool {
        let Some(Ok(outgoing)) = &self.outgoing else {
            return false;
        };
        let half = outgoing.pool.size as f64 * HALF;
        let listening = &outgoing.pool.listening;
        let mut sources = outgoing.sources();
        sockets <= FEW_SOCKETS
            || listening.len() as f64 >= half
            || sources.any(|(_, at)| at.single().or(listening).len() as f64 >= half)
    }

    /// Takes those, or why they are unknown.
    pub(super) fn set_bound(&mut self, bound: Result<BoundPorts, String>) {
        self.bound = Some(bound);
    }

    fn known_bound(&self) -> Option<&BoundPorts> {
        self.bound.as_ref()?.as_ref().ok()
    }

    /// The inodes of the sockets that take the ports.
    fn inodes(&self, outgoing: &Outgoing, lost: &Lost) -> Vec<u64> {
        let bound = self.known_bound().into_iter();
        let bound = bound.flat_map(|bound| bound.inodes(&outgoing.pool));
        let connected = outgoing.inodes.of(|to| Some(to.source) == lost.source);
        connected.chain(bound).collect()
    }

    /// What is unknown.
    fn unknown(&self, outgoing: &Outgoing) -> Vec<String> {
        let mut reasons = Vec::new();
        if let Err(reason) = &outgoing.reuse {
            reasons.push(format!("reuse of TIME_WAIT is unknown: {reason}"));
        }
        if let Some(Err(reason)) = &self.bound {
            reasons.push(format!("sockets that are only bound are unknown: {reason}"));
        }
        let beyond = outgoing.beyond();
        if beyond > 0 && severity(beyond, outgoing.pool.usable.len()).is_some() {
            let beyond = thousands(beyond);
            reasons.push(format!(
                "{beyond} connections have more destinations, or more source addresses, than are counted"
            ));
        }
        reasons
    }
}
