//! FIN_WAIT1, CLOSING and LAST_ACK that are stuck: the FIN, or data before it, is sent again and nobody
//! acknowledges it.
//!
//! Orphans are given up after `tcp_orphan_retries` (ip-sysctl.rst; 0 stands for 8,
//! `tcp_orphan_retries`, net/ipv4/tcp_timer.c), what a process holds after `tcp_retries2`.

use std::net::IpAddr;

use super::facts::Facts;
use super::rule::Examined;
use super::unheard::Unheard;
use crate::model::{Finding, Holders, Setting, Severity, Socket, thousands};

/// The rule's name.
pub(super) const ID: &str = "vanished-peers";

/// So often a FIN must have been sent again: after as many the host is to ask itself whether the path is
/// dead (RFC 1122, 4.2.3.5, R1; `tcp_retries1`).
const RETRANSMITS: u32 = 3;

/// So many stuck connections are too few to warn, unless ...
const LEAST: u64 = 10;

/// ... they are this part of all sockets, because some peers vanish from every busy host, or ...
const PART: f64 = 0.01;

/// ... so many have the same peer, which then is gone, or behind something that drops.
const OF_ONE_PEER: u64 = 100;

/// How many peers are named.
const NAMED: usize = 3;

/// What the kernel takes 0 of `tcp_orphan_retries` for.
const ORPHAN_RETRIES: u64 = 8;

const WHY: &str = "The connection is closed here, and the peer does not acknowledge the FIN (RFC 9293, 3.6): it crashed, lost its network, or a firewall or NAT between has forgotten the connection. Each keeps its unsent data until the kernel gives up.";

/// What is kept of the sockets, by peer.
pub(super) type Vanished = Unheard<IpAddr>;

/// Takes a socket in one of the three states.
pub(super) fn add(seen: &mut Vanished, socket: &Socket) {
    let Some(ends) = socket.internet() else {
        return;
    };
    seen.add(socket, RETRANSMITS, ends.remote.ip().to_canonical());
}

/// Whether there are too many, of so many sockets.
fn is_guilty(seen: &Vanished, sockets: u64) -> bool {
    let total = seen.peers.total();
    let of_one = seen.peers.top(1).first().map_or(0, |(_, stuck)| *stuck);
    total >= LEAST && (total as f64 >= sockets as f64 * PART || of_one >= OF_ONE_PEER)
}

/// The inodes of sockets whose holders the finding will name.
pub(super) fn wanted(seen: &Vanished, sockets: u64) -> Vec<u64> {
    match is_guilty(seen, sockets) {
        true => seen.inodes.of(|_| true).collect(),
        false => Vec::new(),
    }
}

/// Tells of those that are stuck, of so many sockets.
pub(super) fn examine(seen: &Vanished, sockets: u64, facts: &Facts, holders: &Holders) -> Examined {
    Examined::found(is_guilty(seen, sockets).then(|| finding(seen, sockets, facts, holders)))
}

fn finding(seen: &Vanished, sockets: u64, facts: &Facts, holders: &Holders) -> Finding {
    let total = seen.peers.total();
    let most = seen.peers.top(1);
    let one_peer = match most[..] {
        [(peer, stuck)] if stuck == total => format!(" and dst {peer}"),
        _ => String::new(),
    };
    let states = "fin-wait-1,closing,last-ack";
    Finding {
        id: ID,
        severity: Severity::Warning,
        title: format!(
            "{} closed connections wait for peers that do not answer",
            thousands(total)
        ),
        subject: Vec::new(),
        value: Some(total as f64),
        limit: None,
        evidence: evidence(seen, sockets, facts),
        processes: holders.of(seen.inodes.of(|_| true)),
        commands: vec![
            format!(
                "tcpstates --state {states} --by remote-addr --top 10 'retransmits ge {RETRANSMITS}{one_peer}'"
            ),
            format!(
                "tcpstates list --state {states} --columns timer,retransmits 'retransmits ge {RETRANSMITS}{one_peer}'"
            ),
        ],
        why: WHY,
        remedy: vec![
            "Look at the path to these peers: a host that is down, a firewall that drops, a NAT or load balancer that forgets idle connections sooner than this host.".to_owned(),
            "Let the program notice peers that have gone while it still talks to them: a timeout of its own, TCP_USER_TIMEOUT, or SO_KEEPALIVE with a period shorter than that of what lies between.".to_owned(),
            format!(
                "Where they take too much memory on a busy server, set {} to less than {ORPHAN_RETRIES}, but not to 0, which stands for that.",
                Setting::OrphanRetries.name()
            ),
        ],
        causes: &[],
    }
}

fn evidence(seen: &Vanished, sockets: u64, facts: &Facts) -> Vec<String> {
    let total = seen.peers.total();
    let most = seen.peers.top(NAMED);
    let mut evidence = vec![format!(
        "their FIN, or data before it, was sent again {RETRANSMITS} to {} times; they are {} of {} sockets",
        seen.retransmits,
        thousands(total),
        thousands(sockets)
    )];
    let peers = most.iter().filter(|(_, stuck)| *stuck > 1);
    let peers = peers.map(|(peer, stuck)| format!("{} wait for {peer}", thousands(*stuck)));
    let peers: Vec<String> = peers.collect();
    evidence.push(match peers.is_empty() {
        true => "each waits for a peer of its own".to_owned(),
        false => peers.join(", "),
    });
    let retries = facts.settings.number(Setting::OrphanRetries);
    evidence.extend(retries.ok().map(|retries| {
        let kept = match retries {
            0 => ORPHAN_RETRIES,
            retries => retries,
        };
        format!(
            "{} is {retries}: without a process they are given up after {kept} retransmissions",
            Setting::OrphanRetries.name()
        )
    }));
    evidence.extend(seen.inodes.remark());
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{facts, socket};
    use crate::model::{State, Timer, TimerKind};
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

    fn judged(number: u64, one: &Socket, sockets: u64) -> Option<Finding> {
        let mut seen = Vanished::default();
        (0..number).for_each(|_| add(&mut seen, one));
        let facts = facts().with_setting(Setting::OrphanRetries, "0");
        let mut examined = examine(&seen, sockets, &facts, &Holders::default());
        examined.findings.pop()
    }

    #[test]
    fn ten_that_are_a_hundredth_of_all_or_a_hundred_of_one_peer_are_told() {
        let one = stuck(3, TimerKind::Retransmit);
        assert!(judged(9, &one, 9).is_none());
        assert!(judged(10, &one, 1001).is_none());
        let found = judged(10, &one, 1000).unwrap();
        assert_eq!(found.evidence[1], "10 wait for 192.0.2.1");
        assert!(found.evidence[2].ends_with("given up after 8 retransmissions"));
        assert!(judged(99, &one, 100_000).is_none());
        assert!(judged(100, &one, 100_000).is_some());
    }

    #[test]
    fn a_fin_that_was_hardly_sent_again_or_has_no_timer_is_none_of_them() {
        assert!(judged(50, &stuck(2, TimerKind::Retransmit), 50).is_none());
        assert!(judged(50, &stuck(3, TimerKind::KeepAlive), 50).is_none());
        assert!(judged(50, &stuck(3, TimerKind::Persist), 50).is_some());
    }
}
