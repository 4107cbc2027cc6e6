//! FIN_WAIT1, CLOSING and LAST_ACK that are stuck: the FIN, or data before it, is retransmitted and not
//! acknowledged.
//!
//! Orphans are given up after `tcp_orphan_retries` (ip-sysctl.rst; 0 means 8, `tcp_orphan_retries`,
//! net/ipv4/tcp_timer.c), sockets that a process holds after `tcp_retries2`.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use crate::diagnose::attempts::destination;
use crate::diagnose::subject::address_word;
use crate::diagnose::{Case, Examined, FirstPass, Host, Rule, Sampled, TopCounts, Unacknowledged};
use crate::model::Setting::OrphanRetries;
use crate::model::{
    Command, Field, Finding, InetEnds, Label, Service, Severity, Socket, State, StateSet,
    TimerKind, thousands,
};

/// How often a FIN must have been retransmitted: from here on a host should suspect that the path is dead
/// (RFC 1122, 4.2.3.5, R1; `tcp_retries1`).
pub(super) const RETRANSMITS: u32 = 3;

/// Fewer stuck connections than this do not warn; this many warn where ...
const LEAST: u64 = 10;

/// ... they are this part of all sockets, because some peers vanish from every busy host, or ...
const PART: f64 = 0.01;

/// ... this many have the same peer, which is down or unreachable, or ...
const OF_ONE_PEER: u64 = 100;

/// ... this many are to one destination of this host's own connections, to which none is established:
/// all that needs it fails. Clients vanish, and scanners leave what they have opened.
const OF_ONE_DESTINATION: u64 = 10;

/// How many peers are named.
const NAMED: usize = 3;

/// The retransmissions of an orphan if `tcp_orphan_retries` is 0.
const ORPHAN_RETRIES: u64 = 8;

const WHY: &str = "The connection is closed here, and the peer does not acknowledge the FIN (RFC 9293, 3.6): it crashed or lost its network, or a firewall or NAT on the path has forgotten the connection. Each keeps its unsent data until the kernel gives up.";

/// The stuck connections before the window, by destination.
#[derive(Debug, Default)]
pub(super) struct Before(TopCounts<SocketAddr, 10_000>);

impl FirstPass for Before {
    const STATES: StateSet = CLOSING;

    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        let runs = socket
            .timer
            .is_some_and(|timer| timer.kind == TimerKind::Retransmit);
        if runs && socket.retransmits.is_some_and(|times| times > 0) {
            self.0.add(destination(ends));
        }
    }
}

/// The connections to a destination that had stuck ones before the window.
#[derive(Clone, Copy, Debug, Default)]
struct Connections {
    established: u64,
    stuck: u64,
}

/// The stuck connections, by peer.
#[derive(Debug, Default)]
pub(super) struct VanishedPeers {
    stuck: Unacknowledged<IpAddr>,
    destinations: HashMap<SocketAddr, Connections>,
}

const CLOSING: StateSet = StateSet::NONE
    .with(State::FinWait1)
    .with(State::Closing)
    .with(State::LastAck);

impl Rule for VanishedPeers {
    const ID: &'static str = "vanished-peers";

    // Compares with all sockets.
    const IS_LIVE: bool = false;

    const STATES: StateSet = CLOSING.with(State::Established);

    type Before = Before;

    fn begin(&mut self, before: Before, _: &Host) {
        let many = before.0.top(usize::MAX).into_iter();
        let many = many.filter(|(_, stuck)| *stuck >= OF_ONE_DESTINATION);
        self.destinations = many.map(|(to, _)| (to, Connections::default())).collect();
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        let Sampled {
            socket,
            ends,
            service,
        } = *sampled;
        if socket.state == State::Established {
            if !self.destinations.is_empty()
                && let Some(connections) = self.destinations.get_mut(&destination(ends))
            {
                connections.established += 1;
            }
            return;
        }
        let peer = ends.remote.ip().to_canonical();
        let is_stuck = self.stuck.add(socket, RETRANSMITS, peer);
        if is_stuck
            && let Service::Used(to) = service
            && let Some(connections) = self.destinations.get_mut(&to)
        {
            connections.stuck += 1;
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let total = self.stuck.peers.total();
        let of_one = self
            .stuck
            .peers
            .top(1)
            .first()
            .map_or(0, |(_, stuck)| *stuck);
        let part = case.host.sockets as f64 * PART;
        let mut destinations = self.destinations.values();
        let is_dead =
            destinations.any(|one| one.stuck >= OF_ONE_DESTINATION && one.established == 0);
        let are_many = total as f64 >= part || of_one >= OF_ONE_PEER || is_dead;
        Examined::found((total >= LEAST && are_many).then(|| self.finding(total, case.host)))
    }
}

impl VanishedPeers {
    fn finding(&self, total: u64, host: &Host) -> Finding {
        let show = |command: Command| {
            let command = command.of(format!("retransmits ge {RETRANSMITS}"));
            match self.stuck.peers.top(1)[..] {
                [(peer, stuck)] if stuck == total => {
                    command.of(format!("dst {}", address_word(peer)))
                }
                _ => command,
            }
        };
        let states = "--state fin-wait-1,closing,last-ack";
        let peers = format!("{states} --by remote-addr --top 10");
        let list = format!("{states} --columns timer,retransmits");
        let stuck = thousands(total);
        let title = format!("{stuck} closed connections wait for peers that do not answer");
        let remedy = vec![
            "Check the path to these peers: a host that is down, a firewall that drops packets, a NAT or load balancer that forgets idle connections sooner than this host.".to_owned(),
            "Let the program detect vanished peers while it still uses the connection: a timeout of its own, TCP_USER_TIMEOUT, or SO_KEEPALIVE with a shorter period than the idle timeout of the devices on the path.".to_owned(),
            format!(
                "If they take too much memory on a busy server, set {OrphanRetries} to less than {ORPHAN_RETRIES}, but not to 0, which means {ORPHAN_RETRIES}."
            ),
        ];
        let inodes = self.stuck.inodes.all();
        let only = self.stuck.peers.top(1).into_iter();
        let only = only.filter(|(_, stuck)| *stuck == total);
        let subject = only.map(|(peer, _)| (Field::RemoteAddr, Label::Text(peer.to_string())));
        Finding::new(Severity::Warning, title, total as f64, inodes, WHY)
            .with_subject(subject.collect())
            .with_evidence(self.evidence(total, host))
            .with_commands([show(Command::count(&peers)), show(Command::list(&list))])
            .with_remedy(remedy)
            .with_causes(&["path-mtu"])
    }

    fn evidence(&self, total: u64, host: &Host) -> Vec<String> {
        let (most, [stuck, all]) = (self.stuck.retransmits, [total, host.sockets].map(thousands));
        let mut evidence = vec![format!(
            "their FIN, data before it, or a probe of a closed window was sent {RETRANSMITS} to {most} times without an answer; they are {stuck} of {all} sockets"
        )];
        let peers = self.stuck.peers.top(NAMED);
        let peers = peers.iter().filter(|(_, stuck)| *stuck > 1);
        let peers = peers.map(|(peer, stuck)| format!("{} wait for {peer}", thousands(*stuck)));
        let peers: Vec<String> = peers.collect();
        evidence.push(match peers.is_empty() {
            true => "each waits for a different peer".to_owned(),
            false => peers.join(", "),
        });
        evidence.extend(host.setting(OrphanRetries).map(|retries| {
            let kept = match retries {
                0 => ORPHAN_RETRIES,
                retries => retries,
            };
            format!(
                "{OrphanRetries} is {retries}: without a process they are given up after {kept} retransmissions"
            )
        }));
        evidence.extend(self.stuck.inodes.limit_note());
        evidence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{host, socket};
    use crate::model::{Setting, Timer};
    use std::time::Duration;

    fn stuck(retransmits: u32, kind: TimerKind) -> Socket {
        Socket {
            retransmits: Some(retransmits),
            timer: Some(Timer {
                kind,
                remaining: Duration::from_secs(1),
            }),
            ..socket(State::LastAck, "192.0.2.9:80", "[::ffff:192.0.2.1]:5000")
        }
    }

    fn found(number: usize, one: &Socket, sockets: u64) -> Option<Finding> {
        let mut host = host().with_setting(Setting::OrphanRetries, "0");
        host.sockets = sockets;
        let rule: VanishedPeers = host.read(&[], &vec![one.clone(); number]);
        host.examine(&rule).findings.pop()
    }

    #[test]
    fn ten_that_are_a_hundredth_of_all_or_a_hundred_of_one_peer_are_reported() {
        let one = stuck(3, TimerKind::Retransmit);
        assert!(found(9, &one, 9).is_none());
        assert!(found(10, &one, 1001).is_none());
        let ten = found(10, &one, 1000).unwrap();
        assert_eq!(ten.evidence[1], "10 wait for 192.0.2.1");
        assert!(ten.evidence[2].ends_with("given up after 8 retransmissions"));
        assert!(found(99, &one, 100_000).is_none());
        assert!(found(100, &one, 100_000).is_some());
    }

    #[test]
    fn ten_to_a_destination_without_an_established_connection_are_reported_on_any_host() {
        let found = |number: usize, established: bool, listens: &[&str]| {
            let mut host = host().listening_at(listens);
            host.sockets = 100_000;
            let mut sockets = vec![stuck(3, TimerKind::Retransmit); number];
            let other = socket(State::Established, "192.0.2.9:81", "192.0.2.1:5000");
            sockets.extend(established.then_some(other));
            let rule: VanishedPeers = host.read(&sockets, &sockets);
            host.examine(&rule).findings.pop()
        };
        assert!(found(9, false, &[]).is_none());
        assert!(found(10, false, &[]).is_some());
        assert!(found(10, true, &[]).is_none());
        let served = ["0.0.0.0:80"];
        assert!(found(10, false, &served).is_none(), "clients vanish");
    }

    #[test]
    fn a_fin_that_was_hardly_retransmitted_or_has_no_such_timer_is_not_counted() {
        assert!(found(50, &stuck(2, TimerKind::Retransmit), 50).is_none());
        assert!(found(50, &stuck(3, TimerKind::KeepAlive), 50).is_none());
        assert!(found(50, &stuck(3, TimerKind::Persist), 50).is_some());
    }
}
