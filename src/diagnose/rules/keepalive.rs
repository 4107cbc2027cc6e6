//! Idle connections whose peers do not answer keepalive probes: the kernel knows that they are dead
//! before their programs do.
//!
//! A connection with SO_KEEPALIVE is probed after `tcp_keepalive_time`, and every
//! `tcp_keepalive_intvl` until the peer answers or `tcp_keepalive_probes` were not answered, or what its
//! program has set instead (`tcp_keepalive_timer`, net/ipv4/tcp_timer.c; tcp(7)).

use std::collections::HashMap;
use std::net::IpAddr;

use crate::diagnose::subject::{address_word, counted_connections, service_subject, service_test};
use crate::diagnose::{
    Case, Examined, FirstPass, Host, Inodes, Rule, Sampled, Suspects, TopCounts,
};
use crate::model::{
    Command, Finding, InetEnds, Kind, Metric, Netns, Service, Severity, Socket, State, StateSet,
    TimerKind, thousands,
};

/// How many probes in a row must have had no answer: one may be lost, or its answer is on the way; R1 of
/// RFC 1122, 4.2.3.5.
const PROBES: u32 = 3;

/// As many before the window, when the last of them may not have been sent yet.
const EARLIER_PROBES: u32 = PROBES - 1;

/// A service warns from this many dead connections on if they are half of all that it has ...
const FEW: u64 = 3;
const HALF: f64 = 0.5;

/// ... or from this many on if they are a tenth: single peers vanish everywhere.
const MANY: u64 = 10;
const TENTH: f64 = 0.1;

/// More connections before the window are not followed; 1 MB.
const ROOM: usize = 10_000;

/// If as many connections are all that go to one destination and all are dead, what needs it fails.
const ALL_OF: u64 = 2;

/// How many services have findings of their own.
const REPORTED: usize = 5;

/// How many connections are measured.
const MEASURED: usize = 16;

/// How many peers are named.
const NAMED: usize = 3;

const WHY: &str = "A peer answers a probe even if its program does nothing (RFC 9293, 3.8.4). No answer means that its host is down, or that a firewall or NAT on the path has forgotten the connection. Until the last probe, whatever the program sends on it is lost.";

const REMEDY: [&str; 3] = [
    "Check whether the peers are up, and what on the path forgets idle connections: a firewall, NAT or load balancer.",
    "Send the first probe before such devices forget: TCP_KEEPIDLE below their idle timeout; or close idle connections of a pool before that.",
    "Let the kernel give up sooner: smaller TCP_KEEPINTVL and TCP_KEEPCNT, or TCP_USER_TIMEOUT.",
];

/// How many probes in a row had no answer; 0 where none are sent.
fn unanswered_probes(socket: &Socket) -> u32 {
    let runs = socket
        .timer
        .is_some_and(|timer| timer.kind == TimerKind::KeepAlive);
    match (runs, socket.retransmits) {
        (true, Some(probes)) => probes,
        (true, None) | (false, _) => 0,
    }
}

/// Connections with unanswered probes before the window.
#[derive(Debug, Default)]
pub(super) struct Before(Vec<(Netns, InetEnds)>);

impl FirstPass for Before {
    const STATES: StateSet = Keepalive::STATES;

    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if unanswered_probes(socket) >= EARLIER_PROBES && self.0.len() < ROOM {
            self.0.push((socket.netns, *ends));
        }
    }
}

/// The connections of one service.
#[derive(Clone, Copy, Debug, Default)]
struct OfService {
    all: u64,
    dead: u64,
    /// The most probes that had no answer.
    most: u32,
}

impl OfService {
    /// Whether it is a destination that is gone. Clients vanish.
    fn is_gone(self, service: Service) -> bool {
        matches!(service, Service::Used(_)) && self.all >= ALL_OF && self.dead >= self.all
    }
}

/// The connections of those services that had some with unanswered probes before the window.
#[derive(Debug, Default)]
pub(super) struct Keepalive {
    services: HashMap<Service, OfService>,
    peers: TopCounts<(Service, IpAddr), 10_000>,
    measured: Vec<(Service, InetEnds)>,
    inodes: Inodes<Service>,
}

impl Rule for Keepalive {
    const ID: &'static str = "keepalive";

    const STATES: StateSet = StateSet::NONE
        .with(State::Established)
        .with(State::CloseWait);

    type Before = Before;

    const SUSPECTS: Option<Suspects<Self>> = Some(Keepalive::suspects);

    fn begin(&mut self, before: Before, host: &Host) {
        let services = before.0.iter();
        let services =
            services.map(|(netns, ends)| host.listeners.service(Kind::Tcp, *netns, ends));
        self.services = services.map(|one| (one, OfService::default())).collect();
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        if self.services.is_empty() {
            return;
        }
        let Sampled {
            socket,
            ends,
            service,
        } = *sampled;
        let Some(of_service) = self.services.get_mut(&service) else {
            return;
        };
        of_service.all += 1;
        let probes = unanswered_probes(socket);
        if probes < PROBES {
            return;
        }
        of_service.dead += 1;
        of_service.most = of_service.most.max(probes);
        self.peers.add((service, ends.remote.ip().to_canonical()));
        self.inodes.add(service, socket.inode);
        if self.measured.len() < MEASURED {
            self.measured.push((service, *ends));
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let mut dead: Vec<(Service, OfService)> = self.dead().collect();
        dead.sort_unstable_by_key(|(service, of)| (std::cmp::Reverse(of.dead), *service));
        let reported = dead.into_iter().take(REPORTED);
        Examined::found(reported.map(|(service, of)| self.finding(service, of, case.host)))
    }
}

impl Keepalive {
    /// The services with enough dead connections for a finding.
    fn dead(&self) -> impl Iterator<Item = (Service, OfService)> {
        let services = self.services.iter().map(|(service, of)| (*service, *of));
        services.filter(|(service, of)| {
            let are = |least: u64, share: f64| {
                of.dead >= least && of.dead as f64 >= of.all as f64 * share
            };
            of.is_gone(*service) || are(FEW, HALF) || are(MANY, TENTH)
        })
    }

    fn suspects(&self, _: &Host) -> Vec<InetEnds> {
        let is_dead = |service: Service| self.dead().any(|(dead, _)| dead == service);
        let of_dead = self.measured.iter();
        let of_dead = of_dead.filter(|(service, _)| is_dead(*service));
        of_dead.map(|(_, ends)| *ends).collect()
    }

    fn finding(&self, service: Service, of: OfService, host: &Host) -> Finding {
        let (dead, connections) = (thousands(of.dead), counted_connections(of.all, service));
        let title = format!("no answer to keepalive probes on {dead} of {connections}");
        let inodes = self.inodes.of(|its| *its == service).collect();
        let list = "--process --state established,close-wait --columns timer,retransmits";
        let show = Command::list(list).of(service_test(service));
        let severity = Severity::critical_if(of.is_gone(service));
        Finding::new(severity, title, of.dead as f64, inodes, WHY)
            .with_subject(service_subject(service))
            .with_limit(of.all as f64)
            .with_evidence(self.evidence(service, of, host))
            .with_commands([show.of(format!("retransmits ge {PROBES}"))])
            .with_remedy(REMEDY)
    }

    fn evidence(&self, service: Service, of: OfService, host: &Host) -> Vec<String> {
        let mut evidence = vec![match of.most {
            PROBES => format!("{PROBES} probes in a row had no answer"),
            most => format!("{PROBES} to {most} probes in a row had no answer"),
        }];
        let measured = self.measured.iter().filter(|(its, _)| *its == service);
        let heard: Vec<u64> = measured
            .filter_map(|(_, ends)| host.measures.get(*ends, Metric::LastAckReceived))
            .collect();
        if let (Some(least), Some(most)) = (heard.iter().min(), heard.iter().max()) {
            let [least, most] = [least, most].map(|ms| thousands(ms / 1_000));
            let ago = match least == most {
                true => least,
                false => format!("{least} to {most}"),
            };
            evidence.push(format!(
                "of {} measured, the peer was last heard from {ago} s ago",
                heard.len()
            ));
        }
        let peers = self.peers.top(usize::MAX).into_iter();
        let peers = peers.filter(|((its, _), _)| *its == service).take(NAMED);
        evidence.extend(peers.map(|((_, peer), dead)| {
            format!("{} of them to {}", thousands(dead), address_word(peer))
        }));
        evidence.extend(self.inodes.limit_note());
        evidence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{host, socket};
    use crate::model::Timer;
    use std::time::Duration;

    fn idle(port: u16, probes: u32) -> Socket {
        Socket {
            retransmits: Some(probes),
            timer: Some(Timer {
                kind: TimerKind::KeepAlive,
                remaining: Duration::from_secs(1),
            }),
            ..socket(
                State::Established,
                "192.0.2.9:80",
                &format!("192.0.2.1:{port}"),
            )
        }
    }

    /// The findings about this number of dead connections among others.
    fn found(dead: u16, others: u16, probes: (u32, u32)) -> Vec<Finding> {
        let sockets = |probes: u32| -> Vec<Socket> {
            let dead = (0..dead).map(|port| idle(1_000 + port, probes));
            let others = (0..others).map(|port| idle(20_000 + port, 0));
            dead.chain(others).collect()
        };
        let host = host().listening_at(&["0.0.0.0:80"]);
        let rule: Keepalive = host.read(&sockets(probes.0), &sockets(probes.1));
        host.examine(&rule).findings
    }

    #[test]
    fn three_that_are_half_of_a_service_or_ten_that_are_a_tenth_warn() {
        for (dead, others, expected) in [
            (2, 0, 0),
            (3, 0, 1),
            (3, 3, 1),
            (3, 4, 0),
            (9, 10, 0),
            (10, 90, 1),
            (10, 91, 0),
        ] {
            let found = found(dead, others, (2, 3));
            assert_eq!(found.len(), expected, "{dead} and {others}");
        }
        let found = found(50, 0, (5, 6));
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(
            found[0].title,
            "no answer to keepalive probes on 50 of 50 inbound connections to port 80"
        );
        assert_eq!(found[0].evidence[0], "3 to 6 probes in a row had no answer");
        assert_eq!(found[0].evidence[1], "50 of them to 192.0.2.1");
    }

    #[test]
    fn all_connections_to_a_destination_are_critical_from_two_on() {
        for (dead, others, expected) in [
            (1, 0, None),
            (2, 0, Some(Severity::Critical)),
            (2, 1, None),
            (3, 1, Some(Severity::Warning)),
        ] {
            let outbound = |port: u16, probes| Socket {
                ends: socket(
                    State::Established,
                    &format!("192.0.2.9:{port}"),
                    "192.0.2.1:80",
                )
                .ends,
                ..idle(80, probes)
            };
            let sockets = |probes| -> Vec<Socket> {
                let dead = (0..dead).map(|port| outbound(1_000 + port, probes));
                let others = (0..others).map(|port| outbound(20_000 + port, 0));
                dead.chain(others).collect()
            };
            let host = host();
            let rule: Keepalive = host.read(&sockets(2), &sockets(3));
            let found = host.examine(&rule).findings;
            let severity = found.first().map(|finding| finding.severity);
            assert_eq!(severity, expected, "{dead} and {others}");
        }
    }

    #[test]
    fn probes_that_are_on_the_way_are_no_finding() {
        assert!(found(50, 0, (1, 3)).is_empty());
        assert!(found(50, 0, (2, 2)).is_empty());
        assert!(found(50, 0, (0, 0)).is_empty());
    }
}
