//! One destination that takes most of the ports available for it.

use super::outgoing::{Destination, Outgoing, Uses};
use super::pool::Reuse;
use super::severity;
use crate::diagnose::subject::{address_word, peer_subject};
use crate::model::Setting::{LocalPortRange, LocalReservedPorts, Timestamps, TwReuse};
use crate::model::{Command, Field, Finding, Label, counted, thousands};

/// From this part of the range on, listeners in it come before the connections that have the rest.
const MANY_LISTENERS: f64 = 0.1;

const WHY: &str = "A connection is identified by its addresses and ports (RFC 9293, 4), so a source address has no more connections to one address and port than it has ports. Without a free port connect() fails with EADDRNOTAVAIL, and with few it searches long.";

/// A destination that is short of ports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Short {
    to: Destination,
    uses: Uses,
}

/// Those destinations, worst first.
pub(super) fn short(outgoing: &Outgoing) -> Vec<Short> {
    let limit = outgoing.pool.usable.len();
    let all = outgoing.destinations();
    let mut short: Vec<Short> = all
        .filter(|(_, uses)| severity(uses.taken(), limit).is_some())
        .map(|(to, uses)| Short { to, uses })
        .collect();
    short.sort_unstable_by_key(|short| (std::cmp::Reverse(short.uses.taken()), short.to));
    short
}

impl Short {
    pub(super) fn finding(&self, outgoing: &Outgoing) -> Option<Finding> {
        let limit = outgoing.pool.usable.len();
        let Destination { source, peer } = self.to;
        let taken = self.uses.taken();
        let (first, last) = outgoing.pool.range;
        let open = self.uses.open;
        let open = counted(open, "of these connections is", "of these connections are");
        let waiting = counted(self.uses.waiting, "is", "are");
        let mut evidence = vec![
            format!("{open} open, {waiting} in TIME_WAIT, which lasts 60 s"),
            range_text(outgoing),
        ];
        let mut remedy = self.remedy(outgoing.reuse.as_ref().ok());
        let range = format!("sport ge {first} and sport le {last}");
        let mut listeners = None;
        let listening = outgoing.pool.listening.len();
        if listening as f64 >= outgoing.pool.size as f64 * MANY_LISTENERS {
            // Their ports are missing for every destination.
            evidence.reverse();
            let count = counted(listening, "service that listens", "services that listen");
            remedy.insert(0, format!(
                "Move the {count} in {LocalPortRange} to ports outside it, or the range away from them: no connection can have their ports."
            ));
            listeners = Some(Command::list("-l -p").of(range.clone()));
        }
        evidence.extend(self.reuse_text(outgoing));
        let mut subject = peer_subject(peer);
        subject.insert(0, (Field::LocalAddr, Label::Text(source.to_string())));
        let [ports, all] = [taken, limit].map(thousands);
        let title =
            format!("{ports} of {all} ports for connections from {source} to {peer} are taken");
        let inodes = outgoing.inodes.of(|to| *to == self.to);
        let show = Command::count("").of(format!("src {}", address_word(source)));
        let show = show.of(format!("dst {peer} and {range}"));
        let commands: Vec<Command> = listeners.into_iter().chain([show]).collect();
        let severity = severity(taken, limit)?;
        Some(
            Finding::new(severity, title, taken as f64, inodes.collect(), WHY)
                .with_subject(subject)
                .with_limit(limit as f64)
                .with_evidence(evidence)
                .with_commands(commands)
                .with_remedy(remedy),
        )
    }

    /// What becomes of those in TIME_WAIT.
    fn reuse_text(&self, outgoing: &Outgoing) -> Option<String> {
        let (to, uses) = (self.to, self.uses);
        let reuse = match &outgoing.reuse {
            Ok(reuse) => reuse,
            Err(reason) => {
                return Some(format!(
                    "whether TIME_WAIT is cut short is unknown: {reason}"
                ));
            }
        };
        let delay = reuse.delay.as_millis();
        if uses.reusable > 0 {
            let more = thousands(uses.reusable);
            return Some(format!(
                "{more} more have been in TIME_WAIT for at least {delay} ms, and a new connection may replace them ({TwReuse})"
            ));
        }
        (uses.waiting > 0).then(|| match reuse.reaches(to.source, to.peer.ip()) {
            true => format!(
                "a new connection may replace one that has been in TIME_WAIT for {delay} ms ({TwReuse}), and none has been yet"
            ),
            false => format!(
                "{TwReuse} and {Timestamps} let no new connection replace those in TIME_WAIT"
            ),
        })
    }

    /// What to do: reuse connections, then use more addresses, then more ports.
    fn remedy(&self, reuse: Option<&Reuse>) -> Vec<String> {
        let (Destination { source, peer }, uses) = (self.to, self.uses);
        let first = match uses.waiting >= uses.open {
            true => format!(
                "Keep connections to {peer} open and reuse them: `keepalive` in an nginx upstream, a connection pool in an application."
            ),
            false => format!(
                "Send more over fewer connections to {peer}: a pool with a limit, or a protocol that carries several requests at once."
            ),
        };
        let mut remedy = vec![
            first,
            "Let the destination have more addresses or ports, or bind to several source addresses (with IP_BIND_ADDRESS_NO_PORT): each pair has all ports for itself.".to_owned(),
            format!(
                "Widen {LocalPortRange}; put the ports of services that fall into it on {LocalReservedPorts}."
            ),
        ];
        let helps = |reuse: &Reuse| reuse.timestamps && !reuse.reaches(source, peer.ip());
        if uses.waiting >= uses.open && reuse.is_some_and(helps) {
            remedy.push(format!(
                "If the destination uses TCP timestamps as this host does, set {TwReuse} to 1: outgoing connections may then replace those in TIME_WAIT after a second."
            ));
        }
        remedy
    }
}

/// Where the limit comes from.
pub(super) fn range_text(outgoing: &Outgoing) -> String {
    let (first, last) = outgoing.pool.range;
    let ports = u64::from(last) - u64::from(first) + 1;
    let reserved = ports - outgoing.pool.size;
    let ports = counted(ports, "port", "ports");
    let reserved = counted(reserved, "is", "are");
    let listening = outgoing.pool.listening.len();
    let listening = counted(listening, "has a listener", "have listeners");
    format!(
        "{LocalPortRange} is {first} to {last}: {ports}, of which {reserved} reserved and {listening}"
    )
}
