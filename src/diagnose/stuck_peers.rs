//! Connections on which nothing moves: peers that do not take what is sent to them, and processes that
//! do not read what came.
//!
//! That a queue is as long as before the window proves little: the next request may be as long as
//! the last. But what is neither acknowledged within a timeout nor sent again does not exist: a queue
//! that does not move has a closed window before it (the persist timer runs, RFC 9293, 3.8.6.1) or is
//! sent again.

use std::net::IpAddr;

use super::facts::Facts;
use super::plural::plural;
use super::queues::{LONG_RECEIVE_QUEUE, Long, Queues};
use super::rule::Examined;
use crate::model::{Finding, Holders, Severity, Socket, State, thousands};

/// The rule's name.
pub(super) const ID: &str = "stuck-peers";

/// A send queue of this many bytes before and after the window waits for a slow peer: what a path of
/// 100 Mbit/s and 80 ms has in flight is 1 MB.
const LONG_SEND_QUEUE: u32 = 1 << 20;

/// The part of all connections that must be stuck at their peers: single clients sleep everywhere.
const STUCK_SHARE: f64 = 0.01;

/// Or this many bytes that wait for peers: more than four default send buffers (`tcp_wmem`, 4 MiB).
const STUCK_BYTES: u64 = 16 << 20;

/// How many connections are kept; the others are counted in no finding, which says so.
const KEPT: usize = 20_000;

/// How many peers are named.
const NAMED: usize = 3;

const WHY_PEERS: &str = "A send queue that does not move keeps the process that wrote it waiting, and its memory taken, until the peer reads or is given up.";

const WHY_PROCESSES: &str = "What is not read closes the window: the peer can send no more (RFC 9293, 3.8.6), and its requests wait.";

/// Connections that may be stuck, and how many there are at all.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    connections: u64,
    long: Vec<(Long, IpAddr)>,
    beyond: u64,
}

impl Candidates {
    /// Takes an established connection.
    pub(super) fn add(&mut self, socket: &Socket) {
        if socket.state != State::Established {
            return;
        }
        self.connections += 1;
        let may_be = |long: &Long| {
            let waits = long.is_probed || long.is_sent_again || long.unsent >= LONG_SEND_QUEUE;
            waits && long.unsent > 0 || long.unread >= LONG_RECEIVE_QUEUE && long.inode != 0
        };
        if let Some(long) = Long::of(socket).filter(may_be) {
            if self.long.len() < KEPT {
                self.long.push((long, socket.remote.ip().to_canonical()));
            } else {
                self.beyond += 1;
            }
        }
    }

    /// Those whose peers do not take what is sent.
    fn unsent<'a>(&'a self, before: &'a Queues) -> impl Iterator<Item = &'a (Long, IpAddr)> {
        self.long.iter().filter(|(long, _)| {
            let (_, earlier) = before.of(long.key);
            let is_still = earlier == long.unsent && (long.is_probed || long.is_sent_again);
            long.unsent > 0 && (is_still || earlier.min(long.unsent) >= LONG_SEND_QUEUE)
        })
    }

    /// Those whose processes do not read what came.
    fn unread<'a>(&'a self, before: &'a Queues) -> impl Iterator<Item = &'a (Long, IpAddr)> {
        self.long.iter().filter(|(long, _)| {
            let (earlier, _) = before.of(long.key);
            let is_long = long.inode != 0 && long.unread >= LONG_RECEIVE_QUEUE;
            is_long && earlier >= LONG_RECEIVE_QUEUE && long.unread >= earlier
        })
    }

    /// Whether those stuck at their peers are worth a word.
    fn are_many(&self, stuck: u64, bytes: u64) -> bool {
        let least = self.connections as f64 * STUCK_SHARE;
        stuck > 0 && (stuck as f64 >= least || bytes >= STUCK_BYTES)
    }
}

/// The sockets whose holders are to be named.
pub(super) fn wanted(before: &Queues, after: &Candidates, facts: &Facts) -> Vec<u64> {
    if facts.copied {
        return Vec::new();
    }
    let (mut stuck, mut bytes, mut inodes) = (0, 0, Vec::new());
    for (long, _) in after.unsent(before) {
        stuck += 1;
        bytes += u64::from(long.unsent);
        inodes.push(long.inode);
    }
    if !after.are_many(stuck, bytes) {
        inodes.clear();
    }
    inodes.extend(after.unread(before).map(|(long, _)| long.inode));
    inodes.retain(|inode| *inode != 0);
    inodes
}

/// Compares the queues after the window with those before it.
pub(super) fn examine(
    before: &Queues,
    after: &Candidates,
    facts: &Facts,
    holders: &Holders,
) -> Examined {
    if facts.copied {
        return Examined::lacking("nothing moves in a copied tree, stuck or not");
    }
    let findings = [
        peers(before, after, facts, holders),
        processes(before, after, facts, holders),
    ];
    let unseen = after.beyond + before.beyond();
    Examined {
        findings: findings.into_iter().flatten().collect(),
        lacking: (unseen > 0).then(|| {
            format!(
                "{} more connections with something in their queues were not compared",
                thousands(unseen)
            )
        }),
    }
}

fn peers(before: &Queues, after: &Candidates, facts: &Facts, holders: &Holders) -> Option<Finding> {
    let stuck: Vec<&(Long, IpAddr)> = after.unsent(before).collect();
    let bytes = stuck.iter().map(|(long, _)| u64::from(long.unsent)).sum();
    if !after.are_many(stuck.len() as u64, bytes) {
        return None;
    }
    let probed = stuck.iter().filter(|(long, _)| long.is_probed).count();
    let again = stuck.iter().filter(|(long, _)| long.is_sent_again).count();
    let long = stuck.len() - probed - again;
    let ways = [
        (probed, "wait for a closed window to open (persist timer)"),
        (again, "are sent again without an acknowledgement"),
        (long, "had more than 1 MiB to send before and after"),
    ];
    let ways = ways.iter().filter(|(sockets, _)| *sockets > 0);
    let ways: Vec<String> = ways
        .map(|(sockets, way)| format!("{} {way}", thousands(*sockets as u64)))
        .collect();
    let mut evidence = vec![format!(
        "over {}, {}",
        facts.shown_window(),
        ways.join(", ")
    )];
    evidence.extend(by_peer(&stuck, |long| long.unsent));
    Some(Finding {
        title: format!(
            "{} of {} stuck at peers that do not take {}",
            thousands(stuck.len() as u64),
            plural(after.connections, "connection", "connections"),
            plural(bytes, "byte", "bytes")
        ),
        value: Some(stuck.len() as f64),
        evidence,
        processes: holders.of(stuck.iter().map(|(long, _)| long.inode)),
        commands: vec![
            "tcpstates list -p --state established --columns timer,retransmits --sort send-queue:desc 'send-queue > 0'".to_owned(),
        ],
        why: WHY_PEERS,
        remedy: vec![
            "See why the peers do not read: a process that hangs, a client that went to sleep, a disk or a consumer that is slower than what is sent.".to_owned(),
            "Let the process that sends give such peers up: a timeout for writes (`send_timeout` of nginx), or TCP_USER_TIMEOUT.".to_owned(),
        ],
        causes: &["retransmission"],
        ..blank()
    })
}

fn processes(
    before: &Queues,
    after: &Candidates,
    facts: &Facts,
    holders: &Holders,
) -> Option<Finding> {
    let stuck: Vec<&(Long, IpAddr)> = after.unread(before).collect();
    if stuck.is_empty() {
        return None;
    }
    let bytes: u64 = stuck.iter().map(|(long, _)| u64::from(long.unread)).sum();
    let mut evidence = vec![format!(
        "each has had {} KiB or more to read for {}, and none has become less",
        LONG_RECEIVE_QUEUE >> 10,
        facts.shown_window()
    )];
    evidence.extend(by_peer(&stuck, |long| long.unread));
    Some(Finding {
        title: format!(
            "{} bytes lie unread on {}",
            thousands(bytes),
            plural(stuck.len() as u64, "connection", "connections")
        ),
        value: Some(bytes as f64),
        evidence,
        processes: holders.of(stuck.iter().map(|(long, _)| long.inode)),
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

/// The peers of most connections: `3 to 192.0.2.7, 120,000 bytes`.
fn by_peer(stuck: &[&(Long, IpAddr)], bytes: impl Fn(&Long) -> u32) -> Vec<String> {
    let mut peers = std::collections::BTreeMap::<IpAddr, (u64, u64)>::new();
    for (long, peer) in stuck {
        let sums = peers.entry(*peer).or_default();
        sums.0 += 1;
        sums.1 += u64::from(bytes(long));
    }
    let mut peers: Vec<_> = peers.into_iter().collect();
    peers.sort_by_key(|(_, (sockets, bytes))| std::cmp::Reverse((*sockets, *bytes)));
    let named = peers.iter().take(NAMED);
    named
        .map(|(peer, (sockets, bytes))| {
            let (sockets, bytes) = (thousands(*sockets), thousands(*bytes));
            format!("{sockets} with {peer}: {bytes} bytes")
        })
        .collect()
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
