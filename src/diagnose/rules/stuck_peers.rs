//! Connections on which nothing moves: peers that do not take what is sent to them, and processes that
//! do not read what was received.
//!
//! That a queue is as long as before the window proves little: the next request may be as long as
//! the last. But a queue that does not move is either behind a closed window (the persist timer runs,
//! RFC 9293, 3.8.6.1) or is retransmitted. A long queue proves little too: every transfer that is as
//! fast as its path has one. So the bytes that the longest sent are measured.

mod before;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::diagnose::{Case, Examined, Host, Inodes, Measures, Rule, Sampled, Suspects};
use crate::model::{
    Command, Finding, InetEnds, Metric, Severity, State, StateSet, TimerKind, counted, thousands,
};
use before::{LONG_RECEIVE_QUEUE, LONG_SEND_QUEUE, MEASURED, Queues};

/// A long queue is slow if it takes as many seconds to empty at its rate: no answer should take longer.
const SLOW_SECONDS: f64 = 10.0;

/// How fast a queue moves is unknown within less than so many round trips.
const ROUND_TRIPS: u32 = 2;

/// The part of all connections that must be stuck at their peers: single clients sleep everywhere.
const STUCK_SHARE: f64 = 0.01;

/// Or this many bytes that wait for peers: more than four default send buffers (`tcp_wmem`, 4 MiB).
const STUCK_BYTES: u64 = 16 << 20;

/// More peers than this have no count of their own; some 2 MiB.
const MOST_PEERS: usize = 20_000;

/// How many peers are named.
const NAMED: usize = 3;

const WHY_PEERS: &str = "A send queue that does not move keeps the process that wrote it waiting, and its memory in use, until the peer reads or is given up.";

const REMEDY_PEERS: [&str; 2] = [
    "Find out why the peers do not read: a process that hangs, a client that went to sleep, a disk or a consumer that is slower than the sender.",
    "Let the sending process give up such peers: a write timeout (`send_timeout` of nginx), or TCP_USER_TIMEOUT.",
];

const WHY_PROCESSES: &str = "Unread data closes the window: the peer can send no more (RFC 9293, 3.8.6), and its requests wait.";

const REMEDY_PROCESSES: [&str; 2] = [
    "Find out what the processes that hold them do instead of reading: blocked, out of workers, or overloaded.",
    "If they have forgotten the connections, let them close those they no longer read.",
];

/// Connections that are stuck in one way.
#[derive(Clone, Debug, Default)]
struct Sum {
    sockets: u64,
    /// What waits on all of them.
    bytes: u64,
    inodes: Inodes<()>,
    /// How many, and how much waits, by peer.
    peers: HashMap<IpAddr, (u64, u64)>,
}

impl Sum {
    fn add(&mut self, inode: u64, peer: IpAddr, bytes: u32) {
        self.sockets += 1;
        self.bytes += u64::from(bytes);
        self.inodes.add((), inode);
        let peer = peer.to_canonical();
        if self.peers.len() < MOST_PEERS || self.peers.contains_key(&peer) {
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
        evidence.extend(self.inodes.limit_note());
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
    /// Whether it takes long to empty at its rate; `None` where that is unknown.
    fn is_slow(&self, host: &Host) -> Option<bool> {
        let sent = |measures: &Measures| measures.get(self.ends, Metric::BytesSent);
        let sent = sent(&host.measures)?.checked_sub(sent(&host.measures_before)?)?;
        let round_trip = host.measures.get(self.ends, Metric::RoundTripTime)?;
        let over = host.measured_over;
        if over < Duration::from_micros(round_trip) * ROUND_TRIPS {
            return None;
        }
        Some(f64::from(self.bytes) * over.as_secs_f64() >= sent as f64 * SLOW_SECONDS)
    }
}

/// The established connections that were stuck over the window.
#[derive(Debug, Default)]
pub(super) struct StuckPeers {
    before: Queues,
    connections: u64,
    /// Those whose peers take nothing of what is sent.
    unsent: Sum,
    /// How many of these wait for a closed window; the others retransmit.
    probed: u64,
    /// Those with long send queues that may move, and are measured.
    long: Vec<Long>,
    /// Those that are not.
    unmeasured: u64,
    /// Those whose processes do not read what was received.
    unread: Sum,
}

impl Rule for StuckPeers {
    const ID: &'static str = "stuck-peers";

    const STATES: StateSet = StateSet::NONE.with(State::Established);

    type Before = Queues;

    const SUSPECTS: Option<Suspects<Self>> = Some(StuckPeers::suspects);

    fn begin(&mut self, before: Queues, _: &Host) {
        self.before = before;
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        let Sampled { socket, ends, .. } = *sampled;
        self.connections += 1;
        let Some(before) = self.before.of(socket) else {
            return;
        };
        let (inode, bytes) = (socket.inode, socket.send_queue);
        let timer = socket.timer.map(|timer| timer.kind);
        let is_probed = timer == Some(TimerKind::Persist);
        let is_retransmitted = timer == Some(TimerKind::Retransmit)
            && socket.retransmits.is_some_and(|times| times > 0);
        let is_still = bytes == before.unacknowledged && bytes > 0;
        let peer = ends.remote.ip();
        if is_still && (is_probed || is_retransmitted) {
            self.probed += u64::from(is_probed);
            self.unsent.add(inode, peer, bytes);
        } else if bytes.min(before.unacknowledged) < LONG_SEND_QUEUE {
        } else if self.before.is_of_longest(socket) {
            let ends = *ends;
            self.long.push(Long { ends, inode, bytes });
        } else {
            self.unmeasured += 1;
        }
        // One that grows may be read and filled again meanwhile; one that does not change is not read.
        let unread = socket.receive_queue;
        if inode != 0 && unread >= LONG_RECEIVE_QUEUE && unread == before.unread {
            self.unread.add(inode, peer, unread);
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        if host.copied {
            return Examined::lacking("a copied tree cannot show which queues do not move");
        }
        let findings = [self.peers(host), self.processes(host)];
        Examined::found(findings.into_iter().flatten())
            .without(self.lacking(host))
            .without(host.mptcp())
    }
}

impl StuckPeers {
    fn suspects(&self, _: &Host) -> Vec<InetEnds> {
        self.long.iter().map(|long| long.ends).collect()
    }

    /// Those stuck at their peers and those slow at them, where they are many or hold much.
    fn at_peers(&self, host: &Host) -> Option<Sum> {
        let mut sum = self.unsent.clone();
        for long in &self.long {
            if long.is_slow(host) == Some(true) {
                sum.add(long.inode, long.ends.remote.ip(), long.bytes);
            }
        }
        let least = self.connections as f64 * STUCK_SHARE;
        let are_many = sum.sockets as f64 >= least || sum.bytes >= STUCK_BYTES;
        (sum.sockets > 0 && are_many).then_some(sum)
    }

    fn lacking(&self, host: &Host) -> Vec<String> {
        let beyond = self.before.beyond();
        let slow = self.long.iter().map(|long| long.is_slow(host));
        let unknown = self.unmeasured + slow.filter(Option::is_none).count() as u64;
        let mut lacking = Vec::new();
        if beyond > 0 {
            let beyond = thousands(beyond);
            lacking.push(format!(
                "{beyond} more connections with data in their queues were not compared"
            ));
        }
        if unknown > 0 {
            let connections = counted(unknown, "connection", "connections");
            lacking.push(format!(
                "the rate of {connections} with 1 MiB or more to send is unknown: it is measured for the {MEASURED} longest queues, over netlink"
            ));
        }
        lacking
    }

    fn peers(&self, host: &Host) -> Option<Finding> {
        let stuck = self.at_peers(host)?;
        let retransmitted = self.unsent.sockets - self.probed;
        let slow = stuck.sockets - self.unsent.sockets;
        let ways = [
            (self.probed, "behind a closed window (persist timer)"),
            (retransmitted, "retransmitting without an acknowledgment"),
            (slow, "too slow to empty 1 MiB or more within 10 s"),
        ];
        let ways = ways.iter().filter(|(sockets, _)| *sockets > 0);
        let ways: Vec<String> = ways
            .map(|(sockets, way)| format!("{} {way}", thousands(*sockets)))
            .collect();
        let over = format!("over {}, {}", host.window_text(), ways.join(", "));
        let options = "-p --state established --columns timer,retransmits --sort send-queue:desc";
        let (one, many) = ("established connection is", "established connections are");
        let all = counted(self.connections, one, many);
        let taken = match slow {
            0 => "nothing",
            _ => "little or nothing",
        };
        let (sockets, bytes) = (
            thousands(stuck.sockets),
            counted(stuck.bytes, "byte", "bytes"),
        );
        let title = format!("{sockets} of {all} stuck at peers that take {taken} of {bytes}");
        let (value, inodes) = (stuck.sockets as f64, stuck.inodes.all());
        Some(
            Finding::new(Severity::Warning, title, value, inodes, WHY_PEERS)
                .with_evidence([over])
                .with_evidence(stuck.evidence())
                .with_commands([Command::list(options).of("send-queue > 0")])
                .with_remedy(REMEDY_PEERS)
                .with_causes(match retransmitted {
                    0 => &[],
                    _ => &["retransmission"],
                }),
        )
    }

    fn processes(&self, host: &Host) -> Option<Finding> {
        let stuck = &self.unread;
        let (least, window) = (LONG_RECEIVE_QUEUE >> 10, host.window_text());
        let each = format!("each has {least} KiB or more to read, as much as {window} earlier");
        let connections = counted(stuck.sockets, "connection has", "connections have");
        let bytes = counted(stuck.bytes, "unread byte", "unread bytes");
        let title = format!("{connections} {bytes}");
        let show = Command::list("-p --state established --sort receive-queue:desc");
        let (value, inodes) = (stuck.bytes as f64, stuck.inodes.all());
        let finding = Finding::new(Severity::Warning, title, value, inodes, WHY_PROCESSES)
            .with_evidence([each])
            .with_evidence(stuck.evidence())
            .with_commands([show.of(format!("receive-queue >= {LONG_RECEIVE_QUEUE}"))])
            .with_remedy(REMEDY_PROCESSES);
        (stuck.sockets > 0).then_some(finding)
    }
}
