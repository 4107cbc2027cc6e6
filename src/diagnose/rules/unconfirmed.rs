//! Handshakes that no client confirms: a SYN arrives, the SYN-ACK is retransmitted and not answered.
//!
//! A request is kept until the SYN-ACK was retransmitted `tcp_synack_retries` times (`reqsk_timer_handler`,
//! net/ipv4/inet_connection_sock.c), 5 by default: for 63 s. A SYN that the client retransmits is
//! answered with one more (`tcp_check_req`, net/ipv4/tcp_minisocks.c). A request that was confirmed and
//! waits for data (TCP_DEFER_ACCEPT) is not retransmitted (`syn_ack_recalc`).

use std::collections::HashMap;
use std::net::IpAddr;

use crate::diagnose::subject::{address_word, most_of_them, service_subject};
use crate::diagnose::{Case, Examined, FirstPass, Host, Rule, Sampled, Suspects, TopCounts};
use crate::model::Setting::SynackRetries;
use crate::model::{
    Command, Counter, Finding, InetEnds, Service, Severity, Socket, State, StateSet, counted,
    thousands,
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

/// How many ports have findings of their own.
const REPORTED: usize = 5;

const WHY: &str = "A client confirms a handshake within one round trip (RFC 9293, 3.5). If none does, SYN-ACKs do not arrive: they take another route than the SYNs, a firewall or security group drops them, or a load balancer with direct server return hands on SYNs alone. Or the SYNs are forged.";

/// The first remedy where [`is_flood`].
pub(super) const FLOOD: &str = "These addresses sent one or two requests each: they are forged, or a botnet's (a SYN flood). Have it filtered upstream, and keep net.ipv4.tcp_syncookies at 1 and the backlog of listen() long (net.core.somaxconn), so that clients still get through.";

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

/// The requests, and the connections of the clients that had many of them before the window.
#[derive(Debug, Default)]
pub(super) struct Unconfirmed {
    ports: TopCounts<u16, 10_000>,
    sources: TopCounts<From, 20_000>,
    /// The most retransmissions of one SYN-ACK.
    most: u32,
    /// Requests of which it is unknown how often their SYN-ACK was retransmitted.
    unknown: u64,
    connected: HashMap<From, u64>,
}

impl Rule for Unconfirmed {
    const ID: &'static str = "unconfirmed";

    const STATES: StateSet = StateSet::NONE.with(State::SynRecv).with(State::Established);

    type Before = Before;

    const SUSPECTS: Option<Suspects<Self>> = None;

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
        } else if is_unconfirmed(socket) {
            self.ports.add(ends.local.port());
            self.sources.add(from(ends));
            self.most = self.most.max(socket.retransmits.unwrap_or(0));
        } else if socket.retransmits.is_none() {
            self.unknown += 1;
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        if self.unknown > 0 {
            return Examined::lacking(
                "/proc does not report how often a SYN-ACK was retransmitted",
            );
        }
        let ports = self.ports.top(REPORTED).into_iter();
        let many = ports.filter(|(port, requests)| {
            // Behind a full accept queue no handshake completes.
            let mut listeners = case.host.listeners.iter();
            let is_at_limit = listeners.any(|one| one.local.port() == *port && one.is_at_limit());
            *requests >= LEAST && !is_at_limit
        });
        let found = many.filter_map(|(port, requests)| self.judge(port, requests, case.host));
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
            return Some(self.finding(port, None, requests, severity, host));
        }
        let clients = self.sources_of(port);
        let cut_off = clients.into_iter().find(|(source, requests)| {
            *requests >= LEAST && self.connected.get(&(port, *source)) == Some(&0)
        });
        cut_off.map(|(source, requests)| {
            self.finding(port, Some(source), requests, Severity::Warning, host)
        })
    }

    /// The clients with requests at a port, those with the most first.
    fn sources_of(&self, port: u16) -> Vec<(IpAddr, u64)> {
        let sources = self.sources.top(usize::MAX).into_iter();
        let of_port = sources.filter(|((at, _), _)| *at == port);
        of_port
            .map(|((_, source), number)| (source, number))
            .collect()
    }

    fn finding(
        &self,
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
        let show = show.of(format!("sport = {port} and retransmits ge {RETRANSMITS}"));
        let peers = Command::count("--state syn-recv --by remote-addr --top 10");
        let commands = match source {
            Some(source) => vec![show.of(format!("dst {}", address_word(source)))],
            None => vec![peers.of(format!("sport = {port}")), show],
        };
        let client = match (source.as_ref(), &self.sources_of(port)[..]) {
            (Some(source), _) | (None, [(source, _)]) => source.to_string(),
            (None, _) => "the clients".to_owned(),
        };
        let flood = source.is_none() && is_flood(requests, self.sources_of(port).len());
        let listeners = host.listeners.iter();
        let its = listeners.filter(|listener| listener.local.port() == port);
        let inodes = its.map(|listener| listener.inode).collect();
        Finding::new(severity, title, requests as f64, inodes, WHY)
            .with_subject(service_subject(Service::Served(port)))
            .with_evidence(self.evidence(port, source, host))
            .with_commands(commands)
            .with_remedy(remedy(&client, flood))
    }

    fn evidence(&self, port: u16, source: Option<IpAddr>, host: &Host) -> Vec<String> {
        let most = match self.most {
            RETRANSMITS => String::new(),
            most => format!(" to {most}"),
        };
        let mut evidence = vec![format!(
            "each SYN-ACK was retransmitted {RETRANSMITS}{most} times"
        )];
        match (source, self.sources_of(port)) {
            (Some(source), _) => {
                let all = self.ports.top(usize::MAX);
                let all = all.iter().find(|(at, _)| *at == port);
                let all = all.map_or(0, |(_, requests)| *requests);
                let all = counted(all, "such request", "such requests");
                evidence.push(format!(
                    "{source} has no established connection to port {port}; from all clients: {all}"
                ));
            }
            (None, sources) => {
                let addresses = counted(sources.len() as u64, "address", "addresses");
                let least = if self.sources.is_whole() {
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
}

/// What to do about handshakes that `client` does not confirm.
fn remedy(client: &str, is_flood: bool) -> Vec<String> {
    let route = format!(
        "Find out where SYN-ACKs to {client} are lost: see with a packet capture here and there which way they take, and check routes (`ip route get`), reverse path filters and firewalls on it."
    );
    let balancer = "Behind a load balancer with direct server return, check that this host answers from the address of the service.".to_owned();
    let forged = "If these are none of your clients, their addresses are forged: have them filtered upstream.";
    match is_flood {
        true => vec![
            FLOOD.to_owned(),
            format!("If they are your clients after all: {route}"),
            balancer,
        ],
        false => vec![route, balancer, forged.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{assert_names_settings, host, socket};
    use crate::model::Setting;

    /// Half-open requests of one client at port 80.
    fn requests(client: &str, number: usize, retransmits: Option<u32>) -> Vec<Socket> {
        let one = Socket {
            retransmits,
            ..socket(State::SynRecv, "192.0.2.9:80", &format!("{client}:5000"))
        };
        vec![one; number]
    }

    fn server(opens: u64) -> Host {
        host()
            .listening_at(&["0.0.0.0:80"])
            .with_growth(Counter::PassiveOpens, 7, 7 + opens)
            .with_growth(Counter::SynRetrans, 0, 20)
            .with_setting(Setting::SynackRetries, "5")
    }

    fn found(host: &Host, sockets: &[Socket]) -> Vec<Finding> {
        let rule: Unconfirmed = host.read(sockets, sockets);
        host.examine(&rule).findings
    }

    fn severity(host: &Host, sockets: &[Socket]) -> Option<Severity> {
        let found = found(host, sockets);
        found.iter().for_each(assert_names_settings);
        found.first().map(|finding| finding.severity)
    }

    #[test]
    fn many_addresses_with_a_request_or_two_each_are_a_flood() {
        for (addresses, each, is_flood) in [(50, 2, true), (50, 3, false), (49, 1, false)] {
            let clients =
                (0..addresses).map(|n| requests(&format!("198.51.100.{n}"), each, Some(3)));
            let all: Vec<Socket> = clients.flatten().collect();
            let found = found(&server(0), &all).remove(0);
            assert_names_settings(&found);
            assert_eq!(found.remedy[0] == FLOOD, is_flood, "{addresses} {each}");
            assert_eq!(found.remedy.len(), 3);
        }
    }

    #[test]
    fn ten_warn_if_they_are_as_many_as_were_accepted_in_ten_seconds() {
        let ten = requests("192.0.2.1", 10, Some(3));
        assert_eq!(severity(&server(0), &ten[1..]), None);
        assert_eq!(severity(&server(0), &ten), Some(Severity::Critical));
        assert_eq!(severity(&server(1), &ten), Some(Severity::Warning));
        assert_eq!(
            severity(&server(0), &requests("192.0.2.1", 50, Some(2))),
            None,
            "a request that was hardly retransmitted is not counted"
        );
        let many: Vec<Socket> = (1..=50)
            .flat_map(|n| requests(&format!("192.0.2.{n}"), 1, Some(5)))
            .collect();
        assert_eq!(severity(&server(5), &many), Some(Severity::Warning));
        assert_eq!(severity(&server(6), &many), None);
    }

    #[test]
    fn ten_of_one_client_without_a_connection_warn_however_many_others_are_accepted() {
        let mut sockets = requests("192.0.2.1", 10, Some(3));
        sockets.extend(requests("192.0.2.2", 5, Some(3)));
        let found = found(&server(1_000), &sockets);
        assert_eq!(
            found[0].title,
            "10 handshakes at port 80 are not confirmed by 192.0.2.1"
        );
        let text = "192.0.2.1 has no established connection to port 80; from all clients: 15 such requests";
        assert_eq!(found[0].evidence[1], text);
        assert_eq!(severity(&server(1_000), &sockets[1..]), None);
        let other = socket(State::Established, "192.0.2.9:80", "192.0.2.2:6000");
        sockets.push(other);
        assert_eq!(severity(&server(1_000), &sockets), Some(Severity::Warning));
        let its = socket(State::Established, "192.0.2.9:80", "192.0.2.1:6000");
        sockets.push(its);
        assert_eq!(severity(&server(1_000), &sockets), None);
    }

    #[test]
    fn behind_a_full_accept_queue_or_without_a_listener_they_are_no_finding() {
        let ten = requests("192.0.2.1", 10, Some(3));
        let full = host()
            .with_listeners(&[crate::diagnose::testing::listener("0.0.0.0:80", 5, 5, 1)])
            .with_growth(Counter::PassiveOpens, 7, 7);
        assert_eq!(severity(&full, &ten), None);
        let without = host().with_growth(Counter::PassiveOpens, 7, 7);
        assert_eq!(severity(&without, &ten), None);
    }

    #[test]
    fn without_the_number_of_retransmissions_the_rule_is_not_examined() {
        let host = server(0);
        let rule: Unconfirmed = host.read(&[], &requests("192.0.2.1", 10, None));
        let examined = host.examine(&rule);
        assert!(examined.findings.is_empty());
        assert_eq!(examined.lacking.len(), 1);
    }
}
