//! Ports that are lost to every destination, because a socket was bound to them explicitly: those of
//! listeners, of sockets that are only bound, and of connections that were bound before they
//! connected.
//!
//! The kernel does not report the last kind (`__inet_bind` locks a port that the program chose, not one
//! of bind(0)). But no port of theirs serves two connections, while connect() shares ports between
//! destinations by chance. So ports that serve one connection only are counted as bound where they are
//! many more than expected by chance.

use std::net::IpAddr;

use super::destination::range_text;
use super::outgoing::{AtSource, Outgoing};
use super::pool::BoundPorts;
use super::port_set::PortSet;
use super::severity;
use crate::diagnose::subject::address_word;
use crate::model::Setting::{LocalPortRange, LocalReservedPorts};
use crate::model::{Command, Field, Finding, Label, counted, thousands};

/// By how much of all ports those that serve one connection must exceed the number expected by chance.
/// That number varies by less than half the root of the number of ports: of 100 by 5, of 28,232 by 84.
const MORE_THAN_CHANCE: f64 = 0.1;

const WHY: &str = "connect() skips every port that a socket was bound to explicitly, whatever the addresses (__inet_hash_connect, net/ipv4/inet_hashtables.c), and bind() every port in use at its address. Such a port serves one connection instead of one for each destination.";

/// The ports lost at one source address.
#[derive(Debug, Default)]
pub(super) struct Lost {
    /// The address; `None` where listeners and bound sockets alone take the ports, at every one.
    pub(super) source: Option<IpAddr>,
    /// How many ports are lost.
    pub(super) ports: u64,
    /// How many of them serve one connection, and how many would by chance.
    single: u64,
    chance: f64,
    /// To how many destinations connections go, and how many ports the largest of them takes.
    destinations: usize,
    largest: u64,
    /// Ports of bound sockets.
    bound: u64,
}

/// The addresses at which most ports are lost, worst first.
pub(super) fn lost(outgoing: &Outgoing, bound: Option<&BoundPorts>) -> Vec<Lost> {
    let size = outgoing.pool.size;
    let bound = bound
        .map(|bound| bound.among(&outgoing.pool))
        .unwrap_or_default();
    let fixed = outgoing.pool.listening.or(&bound);
    if severity(fixed.len(), size).is_some() {
        let (ports, bound) = (fixed.len(), bound.len());
        let lost = Lost::default();
        return vec![Lost {
            ports,
            bound,
            ..lost
        }];
    }
    let at = |(source, at): (IpAddr, &AtSource)| at_source(outgoing, source, at, &fixed, &bound);
    let mut lost: Vec<Lost> = outgoing.sources().filter_map(at).collect();
    lost.sort_unstable_by_key(|lost| (std::cmp::Reverse(lost.ports), lost.source));
    lost
}

fn at_source(
    outgoing: &Outgoing,
    source: IpAddr,
    ports: &AtSource,
    fixed: &PortSet,
    bound: &PortSet,
) -> Option<Lost> {
    let single = ports.single();
    let lost = fixed.or(&single).len();
    severity(lost, outgoing.pool.size)?;
    let room = outgoing.pool.usable.len().saturating_sub(bound.len());
    let destinations = outgoing.destinations();
    let taken: Vec<u64> = destinations
        .filter(|(to, _)| to.source == source)
        .map(|(_, uses)| uses.taken() + uses.reusable)
        .collect();
    let chance = single_by_chance(room, &taken);
    let enough = chance + (room as f64 * MORE_THAN_CHANCE);
    (single.len() as f64 >= enough).then(|| Lost {
        source: Some(source),
        ports: lost,
        single: single.len(),
        chance,
        destinations: taken.len(),
        largest: taken.iter().copied().max().unwrap_or(0),
        bound: bound.len(),
    })
}

/// How many of `ports` would serve one connection if each destination had as many of them as `taken`
/// says, each as likely as any other.
fn single_by_chance(ports: u64, taken: &[u64]) -> f64 {
    let shares = taken
        .iter()
        .map(|taken| *taken as f64 / ports.max(1) as f64);
    // One that takes all ports shares each with whatever else there is.
    let shares: Vec<f64> = shares.map(|share| share.min(0.999_999)).collect();
    let unused: f64 = shares.iter().map(|share| 1.0 - share).product();
    let one: f64 = shares.iter().map(|share| share / (1.0 - share)).sum();
    ports as f64 * unused * one
}

impl Lost {
    /// `inodes` are those of the sockets that take the ports.
    pub(super) fn finding(&self, outgoing: &Outgoing, inodes: Vec<u64>) -> Option<Finding> {
        let size = outgoing.pool.size;
        let at = match self.source {
            None => "at every address".to_owned(),
            Some(source) => format!("at {source}"),
        };
        let subject = self.source;
        let subject = subject.map(|ip| (Field::LocalAddr, Label::Text(ip.to_string())));
        let [ports, all] = [self.ports, size].map(thousands);
        let title = format!(
            "{ports} of {all} ports for outgoing connections are lost to explicit bind {at}"
        );
        let severity = severity(self.ports, size)?;
        Some(
            Finding::new(severity, title, self.ports as f64, inodes, WHY)
                .with_subject(subject.into_iter().collect())
                .with_limit(size as f64)
                .with_evidence(self.evidence(outgoing))
                .with_commands(self.commands(outgoing))
                .with_remedy(self.remedy()),
        )
    }

    fn evidence(&self, outgoing: &Outgoing) -> Vec<String> {
        let mut evidence = Vec::new();
        if self.source.is_some() {
            let single = counted(
                self.single,
                "port serves one connection",
                "ports serve one connection each",
            );
            let destinations = counted(self.destinations as u64, "destination", "destinations");
            let largest = thousands(self.largest);
            evidence.push(format!(
                "{single}, to {destinations}, the largest of which has {largest}"
            ));
            evidence.push(format!(
                "{:.0} would if connect() had chosen them: the others were bound before they connected",
                self.chance
            ));
        }
        evidence.push(range_text(outgoing));
        if self.bound > 0 {
            let bound = counted(self.bound, "port has", "ports have");
            evidence.push(format!("{bound} sockets that are only bound"));
        }
        evidence
    }

    fn commands(&self, outgoing: &Outgoing) -> Vec<Command> {
        let (first, last) = outgoing.pool.range;
        let range = format!("sport ge {first} and sport le {last}");
        // Only netlink reports those that are only bound.
        let held = Command::list(match self.bound {
            0 => "--process --state listen",
            _ => "--process --state listen,bound",
        });
        let held = held.of(range.clone());
        let Some(source) = self.source else {
            return vec![held];
        };
        let connected = Command::count("--by remote-addr,remote-port --top 10")
            .of(format!("src {}", address_word(source)))
            .of(range);
        let held = (self.bound > 0).then_some(held);
        std::iter::once(connected).chain(held).collect()
    }

    fn remedy(&self) -> Vec<String> {
        if self.source.is_none() {
            return vec![
                "Close sockets that are bound and not used, and let listeners use ports outside the range.".to_owned(),
                format!("Move or widen {LocalPortRange}, so that it does not contain the ports of services."),
            ];
        }
        vec![
            "Set IP_BIND_ADDRESS_NO_PORT before bind(): connect() then chooses the port, and shares it between destinations. nginx does so for `proxy_bind` since 1.11.4, if it was built with that option.".to_owned(),
            "Or do not bind before connecting, if the address that routing chooses will do.".to_owned(),
            "Keep connections open and reuse them: `keepalive` in an nginx upstream, a connection pool in an application.".to_owned(),
            format!(
                "Widen {LocalPortRange}; put the ports of services that fall into it on {LocalReservedPorts}."
            ),
        ]
    }
}
