//! Connections on which nothing moves: peers that do not take what is sent to them, and processes that
//! do not read what came.
//!
//! That a queue is as long as before the window proves little: the next request may be as long as
//! the last. But what is neither acknowledged within a timeout nor sent again does not exist: a queue
//! that does not move has a closed window before it (the persist timer runs, RFC 9293, 3.8.6.1) or is
//! sent again. Nor does a long queue: every transfer that is as fast as its path has one. So of the
//! longest it is measured how much they sent.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::facts::Facts;
use super::queues::{LONG_RECEIVE_QUEUE, LONG_SEND_QUEUE, MEASURED, Queues};
use super::rule::Examined;
use crate::model::{
    Finding, Holders, InetEnds, Metric, Severity, Socket, State, TimerKind, counted, thousands,
};

/// The rule's name.
pub(super) const ID: &str = "stuck-peers";

/// A long queue is slow if it takes as many seconds to empty as it moves: nobody waits longer for an
/// answer.
const SLOW_SECONDS: f64 = 10.0;

/// How fast a queue moves is not known within less than so many round trips.
const ROUND_TRIPS: u32 = 2;

/// The part of all connections that must be stuck at their peers: single clients sleep everywhere.
const STUCK_SHARE: f64 = 0.01;

/// Or this many bytes that wait for peers: more than four default send buffers (`tcp_wmem`, 4 MiB).
const STUCK_BYTES: u64 = 16 << 20;

/// The holders of so many connections are looked for, and so many peers told apart; some 2 MiB.
const KEPT: usize = 20_000;

/// How many peers are named.
const NAMED: usize = 3;

const WHY_PEERS: &str = "A send queue that does not move keeps the process that wrote it waiting, and its memory taken, until the peer reads or is given up.";

const WHY_PROCESSES: &str = "What is not read closes the window: the peer can send no more (RFC 9293, 3.8.6), and its requests wait.";

/// Connections that are stuck in one way.
#[derive(Clone, Debug, Default)]
struct Sum {
    sockets: u64,
    /// What waits on all of them.
    bytes: u64,
    /// Of the first so many.
    inodes: Vec<u64>,
    /// How many, and how much waits, by peer.
    peers: HashMap<IpAddr, (u64, u64)>,
}

impl Sum {
    fn add(&mut self, inode: u64, peer: IpAddr, bytes: u32) {
        self.sockets += 1;
        self.bytes += u64::from(bytes);
        if inode != 0 && self.inodes.len() < KEPT {
            self.inodes.push(inode);
        }
        let peer = peer.to_canonical();
        if self.peers.len() < KEPT || self.peers.contains_key(&peer) {
            let (sockets, waiting) = self.peers.entry(peer).or_default();
            *sockets += 1;
            *waiting += u64::from(bytes);
        }
    }

    /// The peers of most connections: `3 with 192.0.2.7: 120,000 bytes`.
    fn evidence(&self) -> Vec<String> {
        let mut peers: Vec<_> = self.peers.iter().collect();
        peers.sort_by_key(|(peer, sums)| (std::cmp::Reverse(**sums), **peer));
        let named = peers.iter().take(NAMED);
        let mut evidence: Vec<String> = named
            .map(|(peer, (sockets, bytes))| {
                let (sockets, bytes) = (thousands(*sockets), counted(*bytes, "byte", "bytes"));
                format!("{sockets} with {peer}: {bytes}")
            })
            .collect();
        if self.sockets > KEPT as u64 {
            let kept = thousands(KEPT as u64);
            evidence.push(format!("holders are those of the first {kept}"));
        }
        evidence
    }
}

/// A connection with a long send queue before and after the window.
#[derive(Clone, Copy, Debug)]
struct Long {
    ends: InetEnds,
    inode: u64,
    bytes: u32,
}

impl Long {
    /// Whether it moves so slowly that it takes long to empty; `None` where that is not known.
    fn is_slow(&self, facts: &Facts) -> Option<bool> {
        let sent = |measures: &super::Measures| measures.get(self.ends, Metric::BytesSent);
        let sent = sent(&facts.measures)?.checked_sub(sent(&facts.measures_before)?)?;
        let round_trip = facts.measures.get(self.ends, Metric::RoundTripTime)?;
        let over = facts.measured_over;
        if over < Duration::from_micros(round_trip) * ROUND_TRIPS {
            return None;
        }
        Some(f64::from(self.bytes) * over.as_secs_f64() >= sent as f64 * SLOW_SECONDS)
    }
}

/// The established connections that were stuck over the window.
#[derive(Debug, Default)]
pub(super) struct Stuck {
    before: Queues,
    connections: u64,
    /// Peers that take nothing of what is sent.
    unsent: Sum,
    /// Of these, how many wait for a closed window; the others send again.
    probed: u64,
    /// Those that had much to send, and something of it may have gone; of which it was measured.
    long: Vec<Long>,
    /// Those of which it was not.
    unmeasured: u64,
    /// Processes that do not read what came.
    unread: Sum,
}

impl Stuck {
    /// Compares with the queues of the first look.
    pub(super) fn after(before: Queues) -> Stuck {
        Stuck {
            before,
            ..Stuck::default()
        }
    }

    /// Takes a connection.
    pub(super) fn add(&mut self, socket: &Socket) {
        let Some(ends) = socket.internet() else {
            return;
        };
        if socket.state != State::Established {
            return;
        }
        self.connections += 1;
        let Some((unread, unsent)) = self.before.of(socket) else {
            return;
        };
        let timer = socket.timer.map(|timer| timer.kind);
        let is_probed = timer == Some(TimerKind::Persist);
        let is_sent_again = timer == Some(TimerKind::Retransmit)
            && socket.retransmits.is_some_and(|times| times > 0);
        let is_still = socket.send_queue == unsent && unsent > 0 && (is_probed || is_sent_again);
        let peer = ends.remote.ip();
        if is_still {
            self.probed += u64::from(is_probed);
            self.unsent.add(socket.inode, peer, socket.send_queue);
        } else if unsent.min(socket.send_queue) >= LONG_SEND_QUEUE {
            self.add_long(socket);
        }
        let is_held = socket.inode != 0;
        // One that grows may be read and filled again meanwhile; nobody reads one that stands still.
        if is_held && unread >= LONG_RECEIVE_QUEUE && socket.receive_queue == unread {
            self.unread.add(socket.inode, peer, socket.receive_queue);
        }
    }

    fn add_long(&mut self, socket: &Socket) {
        let Some(ends) = socket.internet() else {
            return;
        };
        if self.before.is_of_longest(socket) {
            self.long.push(Long {
                ends: *ends,
                inode: socket.inode,
                bytes: socket.send_queue,
            });
        } else {
            self.unmeasured += 1;
        }
    }

    /// Those stuck at their peers and those slow at them, where they are worth a word.
    fn at_peers(&self, facts: &Facts) -> Option<Sum> {
        let mut sum = self.unsent.clone();
        for long in &self.long {
            if long.is_slow(facts) == Some(true) {
                sum.add(long.inode, long.ends.remote.ip(), long.bytes);
            }
        }
        let least = self.connections as f64 * STUCK_SHARE;
        let are_many = sum.sockets as f64 >= least || sum.bytes >= STUCK_BYTES;
        (sum.sockets > 0 && are_many).then_some(sum)
    }

    /// How many had much to send, and it is not known how fast it went.
    fn unknown(&self, facts: &Facts) -> u64 {
        let unknown = self
            .long
            .iter()
            .filter(|long| long.is_slow(facts).is_none());
        self.unmeasured + unknown.count() as u64
    }
}

/// Connections of which it is to be measured how much they have sent by now.
pub(super) fn suspects(seen: &Stuck) -> Vec<InetEnds> {
    seen.long.iter().map(|long| long.ends).collect()
}

/// The sockets whose holders are to be named.
pub(super) fn wanted(seen: &Stuck, facts: &Facts) -> Vec<u64> {
    let mut inodes = Vec::new();
    if !facts.copied {
        inodes.extend(seen.at_peers(facts).into_iter().flat_map(|sum| sum.inodes));
        inodes.extend(&seen.unread.inodes);
    }
    inodes
}

/// Tells of the connections that were stuck.
pub(super) fn examine(seen: &Stuck, facts: &Facts, holders: &Holders) -> Examined {
    if facts.copied {
        return Examined::lacking("nothing moves in a copied tree, stuck or not");
    }
    let findings = [peers(seen, facts, holders), processes(seen, facts, holders)];
    Examined {
        findings: findings.into_iter().flatten().collect(),
        lacking: lacking(seen, facts),
    }
}

fn lacking(seen: &Stuck, facts: &Facts) -> Option<String> {
    let (unseen, unknown) = (seen.before.beyond(), seen.unknown(facts));
    let unseen = (unseen > 0).then(|| {
        format!(
            "{} more connections with something in their queues were not compared",
            thousands(unseen)
        )
    });
    let unknown = (unknown > 0).then(|| {
        format!(
            "how fast {} with 1 MiB or more to send moved was not measured, which it is of the {MEASURED} longest over netlink",
            counted(unknown, "connection", "connections"),
        )
    });
    let reasons: Vec<String> = unseen.into_iter().chain(unknown).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn peers(seen: &Stuck, facts: &Facts, holders: &Holders) -> Option<Finding> {
    let stuck = seen.at_peers(facts)?;
    let sent_again = seen.unsent.sockets - seen.probed;
    let slow = stuck.sockets - seen.unsent.sockets;
    let ways = [
        (seen.probed, "behind a closed window (persist timer)"),
        (sent_again, "sent again without an acknowledgement"),
        (slow, "too slow to empty 1 MiB or more within 10 s"),
    ];
    let ways = ways.iter().filter(|(sockets, _)| *sockets > 0);
    let ways: Vec<String> = ways
        .map(|(sockets, way)| format!("{} {way}", thousands(*sockets)))
        .collect();
    let mut evidence = vec![format!(
        "over {}, {}",
        facts.shown_window(),
        ways.join(", ")
    )];
    evidence.extend(stuck.evidence());
    Some(Finding {
        title: format!(
            "{} of {} stuck at peers that take {} of {}",
            thousands(stuck.sockets),
            counted(
                seen.connections,
                "established connection",
                "established connections"
            ),
            if slow > 0 { "little or nothing" } else { "nothing" },
            counted(stuck.bytes, "byte", "bytes")
        ),
        value: Some(stuck.sockets as f64),
        evidence,
        processes: holders.of(stuck.inodes.iter().copied()),
        commands: vec![
            "tcpstates list -p --state established --columns timer,retransmits --sort send-queue:desc 'send-queue > 0'".to_owned(),
        ],
        why: WHY_PEERS,
        remedy: vec![
            "See why the peers do not read: a process that hangs, a client that went to sleep, a disk or a consumer that is slower than what is sent.".to_owned(),
            "Let the process that sends give such peers up: a timeout for writes (`send_timeout` of nginx), or TCP_USER_TIMEOUT.".to_owned(),
        ],
        causes: if sent_again > 0 { &["retransmission"] } else { &[] },
        ..blank()
    })
}

fn processes(seen: &Stuck, facts: &Facts, holders: &Holders) -> Option<Finding> {
    let stuck = &seen.unread;
    if stuck.sockets == 0 {
        return None;
    }
    let mut evidence = vec![format!(
        "each has {} KiB or more to read, and as much as {} earlier",
        LONG_RECEIVE_QUEUE >> 10,
        facts.shown_window()
    )];
    evidence.extend(stuck.evidence());
    Some(Finding {
        title: format!(
            "{} lie unread on {}",
            counted(stuck.bytes, "byte", "bytes"),
            counted(stuck.sockets, "connection", "connections")
        ),
        value: Some(stuck.bytes as f64),
        evidence,
        processes: holders.of(stuck.inodes.iter().copied()),
        commands: vec![format!(
            "tcpstates list -p --state established --sort receive-queue:desc 'receive-queue >= {LONG_RECEIVE_QUEUE}'"
        )],
        why: WHY_PROCESSES,
        remedy: vec![
            "See what the processes that hold them do instead of reading: blocked, out of workers, or overloaded.".to_owned(),
            "If they have forgotten the connections, let them close those they no longer read.".to_owned(),
        ],
        ..blank()
    })
}

fn blank() -> Finding {
    Finding {
        id: ID,
        severity: Severity::Warning,
        title: String::new(),
        subject: Vec::new(),
        value: None,
        limit: None,
        evidence: Vec::new(),
        processes: Vec::new(),
        commands: Vec::new(),
        why: "",
        remedy: Vec::new(),
        causes: &[],
    }
}

#[cfg(test)]
mod tests;
