//! How much is sent again, and the peers that do not acknowledge.
//!
//! TcpRetransSegs counts SYNs and SYN-ACKs too (`tcp_rtx_synack`, net/ipv4/tcp_output.c), which are of
//! destinations that do not answer and of strangers that knock: TcpExtTCPSynRetrans is taken off.

use std::collections::HashMap;
use std::net::IpAddr;

use super::facts::Facts;
use super::most::Most;
use super::rule::Examined;
use crate::model::{
    Counter, Finding, Holders, InetEnds, Metric, Severity, Socket, State, TimerKind, counted,
    thousands,
};

/// The rule's name.
pub(super) const ID: &str = "retransmission";

/// The part of all segments sent from which it warns. At 1 % the equation of TCP's throughput gives a
/// connection of 50 ms and full segments some 2.6 Mbit/s (RFC 5348, 3.1), whatever the path carries.
const WARNING_SHARE: f64 = 0.01;

/// With fewer segments sent again than this, the share is left to chance (one in three, at ten).
const MIN_RETRANSMITTED: u64 = 10;

/// From this many retransmissions in a row on a path counts as suspect: R1 of RFC 9293, 3.8.3, and
/// `tcp_retries1`, 3 by default.
const IN_A_ROW: u32 = 3;

/// The part of all connections that must have reached that: peers vanish one by one everywhere.
const SUSPECT_SHARE: f64 = 0.01;

/// How many connections are asked about, those first that have tried longest.
const ASKED: usize = 16;

/// So many peers are told apart, and the holders of so many connections are looked for; some 2 MiB.
const KEPT: usize = 20_000;

/// How many peers are named.
const NAMED: usize = 3;

const WHY: &str = "What is sent again arrived late or not at all; each loss slows its connection down, or stalls it for a timeout (RFC 5681, 3.1; RFC 6298).";

/// A connection with something to send again.
#[derive(Clone, Copy, Debug)]
struct Pending {
    retransmits: u32,
    ends: InetEnds,
}

/// The connections, and which of them wait for an acknowledgement that did not come in time.
#[derive(Debug)]
pub(super) struct Retransmitting {
    connections: u64,
    pending: u64,
    suspect: u64,
    peers: Most<IpAddr>,
    worst: Vec<Pending>,
    inodes: Vec<u64>,
}

impl Default for Retransmitting {
    fn default() -> Self {
        Retransmitting {
            connections: 0,
            pending: 0,
            suspect: 0,
            peers: Most::with_room(KEPT),
            worst: Vec::new(),
            inodes: Vec::new(),
        }
    }
}

impl Retransmitting {
    /// Takes a socket; those that are on their way out, or not connected yet, are other rules'.
    pub(super) fn add(&mut self, socket: &Socket) {
        let Some(ends) = socket.internet() else {
            return;
        };
        if !matches!(socket.state, State::Established | State::CloseWait) {
            return;
        }
        self.connections += 1;
        let kind = socket.timer.map(|timer| timer.kind);
        let retransmits = socket.retransmits.unwrap_or(0);
        if kind != Some(TimerKind::Retransmit) || retransmits == 0 {
            return;
        }
        self.pending += 1;
        self.suspect += u64::from(retransmits >= IN_A_ROW);
        self.peers.add(ends.remote.ip().to_canonical());
        self.worst.push(Pending {
            retransmits,
            ends: *ends,
        });
        if socket.inode != 0 && self.inodes.len() < KEPT {
            self.inodes.push(socket.inode);
        }
        if self.worst.len() >= 2 * ASKED {
            self.keep_worst();
        }
    }

    fn keep_worst(&mut self) {
        self.worst
            .sort_by_key(|pending| std::cmp::Reverse(pending.retransmits));
        self.worst.truncate(ASKED);
    }

    /// The worst, the longest tries first.
    fn worst(&self) -> Vec<Pending> {
        let mut worst = self.worst.clone();
        worst.sort_by_key(|pending| std::cmp::Reverse(pending.retransmits));
        worst.truncate(ASKED);
        worst
    }
}

/// What is wrong, if anything is: the share of segments sent again, and whether peers are suspect.
#[derive(Debug)]
struct Wrong {
    /// Sent again, and sent in all.
    segments: Option<(u64, u64)>,
    are_peers_suspect: bool,
    lacking: Option<String>,
}

fn wrong(seen: &Retransmitting, facts: &Facts) -> Wrong {
    let grown = sent(facts);
    let least = (seen.connections as f64 * SUSPECT_SHARE).max(1.0);
    let (segments, lacking) = match grown {
        // OutSegs leaves those out that are sent again.
        Ok((again, new)) => (Some((again, again.saturating_add(new))), None),
        Err(reason) => (None, Some(reason)),
    };
    let is_lossy = |(again, all): &(u64, u64)| {
        *again >= MIN_RETRANSMITTED && *again as f64 >= *all as f64 * WARNING_SHARE
    };
    Wrong {
        segments: segments.filter(is_lossy),
        are_peers_suspect: seen.suspect as f64 >= least,
        lacking,
    }
}

/// Segments sent again that do not begin a connection, and those sent for the first time.
fn sent(facts: &Facts) -> Result<(u64, u64), String> {
    let again = facts.grown(Counter::RetransSegs)?;
    // Of another file, read a moment later.
    let again = again.saturating_sub(facts.grown(Counter::SynRetrans)?);
    Ok((again, facts.grown(Counter::OutSegs)?))
}

/// Connections whose measures are to be asked for.
pub(super) fn suspects(seen: &Retransmitting, facts: &Facts) -> Vec<InetEnds> {
    let wrong = wrong(seen, facts);
    if wrong.segments.is_none() && !wrong.are_peers_suspect {
        return Vec::new();
    }
    seen.worst().iter().map(|pending| pending.ends).collect()
}

/// The sockets whose holders are to be named.
pub(super) fn wanted(seen: &Retransmitting, facts: &Facts) -> Vec<u64> {
    match suspects(seen, facts).is_empty() {
        true => Vec::new(),
        false => seen.inodes.clone(),
    }
}

/// Judges the rate over the window, and the connections that wait.
pub(super) fn examine(seen: &Retransmitting, facts: &Facts, holders: &Holders) -> Examined {
    let wrong = wrong(seen, facts);
    let window = facts.shown_window();
    let (title, value) = match wrong.segments {
        Some((again, all)) => {
            let percent = again as f64 / all as f64 * 100.0;
            let title = format!(
                "{percent:.1} % of what was sent in {window} was sent again: {} of {} segments",
                thousands(again),
                thousands(all)
            );
            (title, percent)
        }
        None if wrong.are_peers_suspect => (
            format!(
                "{} of {} sent again {IN_A_ROW} times or more in a row without an acknowledgement",
                thousands(seen.suspect),
                counted(seen.connections, "connection", "connections")
            ),
            seen.suspect as f64,
        ),
        None => {
            return Examined {
                findings: Vec::new(),
                lacking: wrong.lacking,
            };
        }
    };
    let finding = Finding {
        id: ID,
        severity: Severity::Warning,
        title,
        subject: Vec::new(),
        value: Some(value),
        limit: wrong.segments.map(|_| WARNING_SHARE * 100.0),
        evidence: evidence(seen, facts),
        processes: holders.of(wanted(seen, facts)),
        commands: vec![
            "tcpstates list -p --state established,close-wait --columns timer,total-retrans,rtt,lost 'retransmits > 0'".to_owned(),
            "tcpstates --by remote-addr --top 10 'retransmits > 0'".to_owned(),
        ],
        why: WHY,
        remedy: vec![
            "See whether one peer, one network or all of them are concerned: one peer is its own trouble, all of them this host's link, cable, driver or limiter of rates.".to_owned(),
            "Where a firewall or balancer forgets idle connections, send keepalives more often than it forgets; give up peers that are gone with TCP_USER_TIMEOUT.".to_owned(),
        ],
        causes: &[],
    };
    Examined {
        findings: vec![finding],
        lacking: wrong.lacking,
    }
}

fn evidence(seen: &Retransmitting, facts: &Facts) -> Vec<String> {
    let mut evidence = vec![
        facts.told(&[Counter::RetransSegs, Counter::OutSegs]),
        format!(
            "of what was sent again, SYNs and SYN-ACKs are left out: {}",
            facts.told(&[Counter::SynRetrans])
        ),
    ];
    evidence.push(format!(
        "{} of {} with something to send again now, {} of them for the third time or more",
        thousands(seen.pending),
        counted(seen.connections, "connection", "connections"),
        thousands(seen.suspect)
    ));
    if seen.pending > KEPT as u64 {
        evidence.push(format!(
            "peers and holders are those of the first {}",
            thousands(KEPT as u64)
        ));
    }
    let mut measured: HashMap<IpAddr, Pending> = HashMap::new();
    for pending in seen.worst() {
        measured
            .entry(pending.ends.remote.ip().to_canonical())
            .or_insert(pending);
    }
    evidence.extend(seen.peers.top(NAMED).into_iter().map(|(peer, sockets)| {
        let told = measured.get(&peer).map(|worst| measures(worst, facts));
        format!(
            "{} of them to {peer}{}",
            thousands(sockets),
            told.unwrap_or_default()
        )
    }));
    evidence
}

/// `, one of them sent again 4 times in a row (total-retrans 9, lost 1, rtt 40.0 ms)`.
fn measures(worst: &Pending, facts: &Facts) -> String {
    let of = |metric| facts.measures.get(worst.ends, metric);
    let counts = [
        ("total-retrans", Metric::TotalRetrans),
        ("lost", Metric::Lost),
    ];
    let counts = counts.iter().filter_map(|(name, metric)| {
        of(*metric).map(|value| format!("{name} {}", thousands(value)))
    });
    let rtt = of(Metric::RoundTripTime);
    let rtt = rtt.map(|us| format!("rtt {}.{} ms", us / 1_000, us % 1_000 / 100));
    let measured: Vec<String> = counts.chain(rtt).collect();
    let tried = counted(worst.retransmits.into(), "time", "times in a row");
    let tried = format!(", one of them sent again {tried}");
    match measured.is_empty() {
        true => tried,
        false => format!("{tried} ({})", measured.join(", ")),
    }
}

#[cfg(test)]
mod tests;
