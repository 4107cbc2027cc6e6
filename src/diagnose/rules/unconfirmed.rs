//! Handshakes that no client confirms: a SYN arrives, the SYN-ACK is retransmitted and not answered.
//!
//! A request is kept until the SYN-ACK was retransmitted `tcp_synack_retries` times (`reqsk_timer_handler`,
//! net/ipv4/inet_connection_sock.c), 5 by default: for 63 s. A SYN that the client retransmits is
//! answered with one more (`tcp_check_req`, net/ipv4/tcp_minisocks.c). A request that was confirmed and
//! waits for data (TCP_DEFER_ACCEPT) is not retransmitted (`syn_ack_recalc`).

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;

use crate::diagnose::subject::{address_word, most_of_them, service_subject};
use crate::diagnose::{Case, Examined, FirstPass, Host, Rule, Sampled, TopCounts};
use crate::model::Setting::SynackRetries;
use crate::model::{
    Command, Counter, Finding, InetEnds, Service, Severity, Socket, State, StateSet, counted,
    thousands, times,
};

/// How often a SYN-ACK must have been retransmitted: from here on a host should suspect that the path
/// is dead (RFC 1122, 4.2.3.5, R1; `tcp_retries1`). Fewer may be a lost segment.
const RETRANSMITS: u32 = 3;

/// Fewer requests than this at a port do not warn: scans and forged addresses leave some everywhere.
const LEAST: u64 = 10;

/// They must be as many as the connections accepted in this time. A request is kept for 63 s, so that
/// is a seventh of all handshakes.
const SECONDS: f64 = 10.0;

/// The least number of addresses with one or two requests each that are forged rather than lost.
const FLOOD_ADDRESSES: u64 = 50;

/// Of a flood that began some seconds ago, the SYN-ACKs have been retransmitted less often. It is one if
/// there are as many as connections were accepted in a second: they arrived in up to 6 s, so that is the
/// same part of all handshakes.
const YOUNG_SECONDS: f64 = 1.0;

/// And if requests still arrive: in the first second before a retransmission, half as many as in one of
/// these six. A burst of clients whose SYN-ACKs are late has ended by then.
const YOUNG_PER_NEW: u64 = 12;

/// How many ports have findings of their own.
const REPORTED: usize = 5;

const WHY: &str = "A client confirms a handshake within one round trip (RFC 9293, 3.5). If none does, SYN-ACKs do not arrive: they take another route than the SYNs, a firewall or security group drops them, or a load balancer with direct server return hands on SYNs alone. Or the SYNs are forged.";

/// The first remedy where [`is_flood`].
pub(super) const FLOOD: &str = "These addresses sent one or two requests each: they are forged, or a botnet's (a SYN flood). Have it filtered upstream, and keep the backlog of listen() long (net.core.somaxconn).";

/// Whether these requests of these addresses are not those of clients that try again: each has one or two.
pub(super) fn is_flood(requests: u64, addresses: usize) -> bool {
    let addresses = addresses as u64;
    addresses >= FLOOD_ADDRESSES && requests <= addresses.saturating_mul(2)
}

/// A port and a client.
type From = (u16, IpAddr);

/// Clients with as many requests before the window that any connection of theirs is of interest.
#[derive(Debug, Default)]
pub(super) struct Before(TopCounts<From, 10_000>);

impl FirstPass for Before {
    const STATES: StateSet = StateSet::NONE.with(State::SynRecv);

    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if is_unconfirmed(socket) {
            self.0.add(from(ends));
        }
    }
}

fn from(ends: &InetEnds) -> From {
    (ends.local.port(), ends.remote.ip().to_canonical())
}

fn is_unconfirmed(socket: &Socket) -> bool {
    socket.retransmits.is_some_and(|times| times >= RETRANSMITS)
}

/// Requests whose SYN-ACK was retransmitted; some 3 MB.
#[derive(Debug, Default)]
struct Requests {
    ports: TopCounts<u16, 10_000>,
    sources: TopCounts<From, 20_000>,
    /// The fewest retransmissions that count as such.
    least: u32,
    /// The most of one SYN-ACK.
    most: u32,
}

impl Requests {
    fn add(&mut self, ends: &InetEnds, least: u32, retransmits: u32) {
        self.ports.add(ends.local.port());
        self.sources.add(from(ends));
        self.least = least;
        self.most = self.most.max(retransmits);
    }

    /// The clients with requests at a port, those with the most first.
    fn sources_of(&self, port: u16) -> Vec<(IpAddr, u64)> {
        let sources = self.sources.top(usize::MAX).into_iter();
        let of_port = sources.filter(|((at, _), _)| *at == port);
        of_port
            .map(|((_, source), number)| (source, number))
            .collect()
    }
}

/// The requests, and the connections of the clients that had many of them before the window.
#[derive(Debug, Default)]
pub(super) struct Unconfirmed {
    /// Those whose SYN-ACK was retransmitted [`RETRANSMITS`] times or more, and less often.
    old: Requests,
    young: Requests,
    /// Those whose SYN-ACK was not retransmitted yet.
    new: TopCounts<u16, 10_000>,
    /// Requests for which it is unknown how often the SYN-ACK was retransmitted.
    unknown: u64,
    connected: HashMap<From, u64>,
}

impl Rule for Unconfirmed {
    const ID: &'static str = "unconfirmed";

    const STATES: StateSet = StateSet::NONE.with(State::SynRecv).with(State::Established);

    type Before = Before;

    fn begin(&mut self, before: Before, _: &Host) {
        let many = before.0.top(usize::MAX).into_iter();
        let many = many.filter(|(_, requests)| *requests >= LEAST);
        self.connected = many.map(|(from, _)| (from, 0)).collect();
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        let Sampled { socket, ends, .. } = *sampled;
        if socket.state == State::Established {
            if !self.connected.is_empty()
                && let Some(connected) = self.connected.get_mut(&from(ends))
            {
                *connected += 1;
            }
        } else if !matches!(sampled.service, Service::Served(_)) {
            // Two hosts that connect to each other at the same time: no listener is involved.
        } else {
            match socket.retransmits {
                None => self.unknown += 1,
                Some(0) => drop(self.new.add(ends.local.port())),
                Some(times) if times < RETRANSMITS => self.young.add(ends, 1, times),
                Some(times) => self.old.add(ends, RETRANSMITS, times),
            }
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        if self.unknown > 0 {
            return Examined::lacking(
                "/proc does not report how often a SYN-ACK was retransmitted",
            );
        }
        // Behind a full accept queue no handshake completes.
        let at_limit = case.host.listeners.iter().filter(|one| one.is_at_limit());
        let at_limit: Vec<u16> = at_limit.map(|one| one.local.port()).collect();
        let of = |requests: &Requests| {
            let mut ports = requests.ports.top(REPORTED);
            ports.retain(|(port, number)| *number >= LEAST && !at_limit.contains(port));
            ports
        };
        let old = of(&self.old).into_iter();
        let old = old.filter_map(|(port, requests)| {
            let finding = self.judge(port, requests, case.host)?;
            Some((port, finding))
        });
        let mut found: HashMap<u16, Finding> = old.collect();
        for (port, requests) in of(&self.young) {
            if !found.contains_key(&port) && self.is_young_flood(port, requests, case.host) {
                let severity = Severity::Warning;
                let flood = finding(&self.young, port, None, requests, severity, case.host);
                found.insert(port, flood);
            }
        }
        let mut found: Vec<Finding> = found.into_values().collect();
        found.sort_by(|one, other| other.value.total_cmp(&one.value));
        Examined::found(found).without(case.host.growth(Counter::PassiveOpens).err())
    }
}

impl Unconfirmed {
    /// The requests at a port, where they are a large part of all handshakes; else those of one client
    /// that has no connection to it.
    fn judge(&self, port: u16, requests: u64, host: &Host) -> Option<Finding> {
        let opens = host.growth(Counter::PassiveOpens).ok()?;
        let in_time = opens as f64 * SECONDS / host.window.as_secs_f64();
        if requests as f64 >= in_time {
            let severity = Severity::critical_if(opens == 0);
            return Some(finding(&self.old, port, None, requests, severity, host));
        }
        let clients = self.old.sources_of(port);
        let cut_off = clients.into_iter().find(|(source, requests)| {
            *requests >= LEAST && self.connected.get(&(port, *source)) == Some(&0)
        });
        cut_off.map(|(source, requests)| {
            finding(
                &self.old,
                port,
                Some(source),
                requests,
                Severity::Warning,
                host,
            )
        })
    }

    /// Whether these requests at a port are those of a flood that began some seconds ago, and goes on.
    fn is_young_flood(&self, port: u16, requests: u64, host: &Host) -> bool {
        let Ok(opens) = host.growth(Counter::PassiveOpens) else {
            return false;
        };
        let in_time = opens as f64 * YOUNG_SECONDS / host.window.as_secs_f64();
        let new = self.new.of(&port);
        requests as f64 >= in_time
            && new.saturating_mul(YOUNG_PER_NEW) >= requests
            && is_flood(requests, self.young.sources_of(port).len())
    }
}

/// A finding about these at a port, of all clients or of one.
fn finding(
    these: &Requests,
    port: u16,
    source: Option<IpAddr>,
    requests: u64,
    severity: Severity,
    host: &Host,
) -> Finding {
    let by = source.map_or_else(String::new, |source| format!(" by {source}"));
    let number = thousands(requests);
    let title = format!("{number} handshakes at port {port} are not confirmed{by}");
    let show = Command::list("--state syn-recv --columns timer,retransmits");
    let least = these.least;
    let show = show.of(format!("sport = {port} and retransmits ge {least}"));
    let peers = Command::count("--state syn-recv --by remote-addr --top 10");
    let commands = match source {
        Some(source) => vec![show.of(format!("dst {}", address_word(source)))],
        None => vec![peers.of(format!("sport = {port}")), show],
    };
    let client = match (source.as_ref(), &these.sources_of(port)[..]) {
        (Some(source), _) | (None, [(source, _)]) => source.to_string(),
        (None, _) => "the clients".to_owned(),
    };
    let flood = source.is_none() && is_flood(requests, these.sources_of(port).len());
    let listeners = host.listeners.iter();
    let its = listeners.filter(|listener| listener.local.port() == port);
    let inodes = its.map(|listener| listener.inode).collect();
    Finding::new(severity, title, requests as f64, inodes, WHY)
        .with_subject(service_subject(Service::Served(port)))
        .with_evidence(evidence(these, port, source, host))
        .with_commands(commands)
        .with_remedy(remedy(&client, flood))
}

fn evidence(these: &Requests, port: u16, source: Option<IpAddr>, host: &Host) -> Vec<String> {
    let mut evidence = vec![match (these.least, these.most) {
        (least, most) if least == most => {
            format!("each SYN-ACK was retransmitted {}", times(most.into()))
        }
        (least, most) => format!("each SYN-ACK was retransmitted {least} to {most} times"),
    }];
    match (source, these.sources_of(port)) {
        (Some(source), _) => {
            let all = counted(these.ports.of(&port), "such request", "such requests");
            evidence.push(format!(
                "{source} has no established connection to port {port}; from all clients: {all}"
            ));
        }
        (None, sources) => {
            let addresses = counted(sources.len() as u64, "address", "addresses");
            let least = if these.sources.is_whole() {
                ""
            } else {
                "at least "
            };
            let most = sources
                .first()
                .map(|(source, requests)| (*source, *requests));
            let most = most_of_them(most, sources.len());
            evidence.push(format!("they came from {least}{addresses}{most}"));
        }
    }
    evidence.push(host.growth_text(&[Counter::PassiveOpens, Counter::SynRetrans]));
    evidence.extend(host.setting(SynackRetries).map(|retries| {
        format!("{SynackRetries} is {retries}: a request is dropped after as many retransmissions of its SYN-ACK by the timer")
    }));
    evidence
}

/// What to do about handshakes that `client` does not confirm.
fn remedy(client: &str, is_flood: bool) -> Vec<String> {
    let route = format!(
        "find out where SYN-ACKs to {client} are lost: see with a packet capture here and there which way they take, and check routes (`ip route get`), reverse path filters and firewalls on it."
    );
    let balancer = "Behind a load balancer with direct server return, check that this host answers from the address of the service.".to_owned();
    let forged = "If these are none of your clients, their addresses are forged: have them filtered upstream.";
    match is_flood {
        true => vec![
            format!(
                "{FLOOD} Keep net.ipv4.tcp_syncookies at 1, so that clients still get through."
            ),
            format!("If they are clients of yours, {route}"),
            balancer,
        ],
        false => vec![route.replacen('f', "F", 1), balancer, forged.to_owned()],
    }
}
