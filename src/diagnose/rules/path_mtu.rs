//! Paths on which full segments vanish while small ones arrive: a router drops what is too large for
//! its next link, and its `fragmentation needed` or `packet too big` does not reach this host
//! (RFC 2923, 2.1, a black hole of path MTU discovery).
//!
//! The handshake and small requests work. Of the first full segment nothing is ever acknowledged, and
//! it is retransmitted; `net.ipv4.tcp_mtu_probing` decides whether smaller ones are tried
//! (`tcp_mtu_probing`, net/ipv4/tcp_timer.c).

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::diagnose::stalled::StalledService;
use crate::diagnose::subject::{address_word, counted_connections};
use crate::diagnose::{Case, Examined, Host, Rule, Sampled, Suspects};
use crate::model::Setting::MtuProbing;
use crate::model::{
    Command, Finding, InetEnds, Metric, Service, Severity, Socket, SourceName, State, StateSet,
    TimerKind, counted, thousands,
};

/// How often a segment must have been retransmitted in a row: once may be loss.
const RETRANSMITS: u32 = 2;

/// A suspect has this many bytes in its send queue, at least one full segment of the smallest MTU that
/// IPv4 hosts must accept (RFC 9293, 3.7.1).
const LEAST_QUEUE: u32 = 536;

/// From this many connections to one address on it warns: single peers vanish, and some of them between
/// a request and its answer.
const OF_ONE_PEER: u64 = 3;

/// From this many to any addresses on.
const OF_ALL: u64 = 10;

/// They must be this part of the measured ones, of one address or of all.
const HALF: f64 = 0.5;

/// How many connections are measured.
const MEASURED: usize = 64;

/// How many addresses are named.
const NAMED: usize = 3;

const WHY: &str = "Small segments get through, so connections open and requests arrive; answers that need a full segment hang until the kernel gives up. A router on the path, often the entry of a tunnel, drops packets that are too large, and the ICMP message that says so does not arrive.";

/// A peer that was heard from so shortly before a first segment was sent, in milliseconds, was there:
/// most answers take less.
const AT_ONCE: u64 = 1_000;

/// A connection that retransmits.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    ends: InetEnds,
    inode: u64,
    retransmission: Retransmission,
}

impl Suspect {
    fn peer(&self) -> IpAddr {
        self.ends.remote.ip().to_canonical()
    }
}

/// Some connections that retransmit what may be full segments.
#[derive(Debug, Default)]
pub(super) struct PathMtu {
    suspects: Vec<Suspect>,
}

/// The connections to one address that were measured, and those of them that are in a black hole.
#[derive(Clone, Debug, Default)]
struct Path {
    measured: u64,
    stuck: Vec<(Suspect, Lost)>,
}

impl Path {
    fn lost(&self) -> impl Iterator<Item = Lost> {
        self.stuck.iter().map(|(_, lost)| *lost)
    }

    fn stuck(&self) -> u64 {
        self.stuck.len() as u64
    }

    fn is_at_least(&self, least: u64) -> bool {
        self.stuck() >= least && self.stuck() as f64 >= self.measured as f64 * HALF
    }
}

impl Rule for PathMtu {
    const ID: &'static str = "path-mtu";

    const STATES: StateSet = StateSet::NONE
        .with(State::Established)
        .with(State::CloseWait)
        .with(State::FinWait1)
        .with(State::LastAck);

    type Before = ();

    const SUSPECTS: Option<Suspects<Self>> = Some(PathMtu::suspects);

    fn add(&mut self, sampled: &Sampled<'_>) {
        let Sampled { socket, ends, .. } = *sampled;
        let runs = socket
            .timer
            .is_some_and(|timer| timer.kind == TimerKind::Retransmit);
        let is_suspect = runs
            && socket.send_queue >= LEAST_QUEUE
            && socket.retransmits.is_some_and(|times| times >= RETRANSMITS);
        if is_suspect && self.suspects.len() < MEASURED {
            self.suspects.push(Suspect {
                ends: *ends,
                inode: socket.inode,
                retransmission: Retransmission::of(socket),
            });
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        if self.suspects.len() as u64 >= OF_ONE_PEER && host.source == SourceName::Proc {
            return Examined::lacking(
                "/proc does not report how much of what was sent is acknowledged",
            );
        }
        let mut paths: HashMap<IpAddr, Path> = HashMap::new();
        for suspect in &self.suspects {
            let measure = |metric| host.measures.get(suspect.ends, metric);
            let Some(lost) = suspect.retransmission.lost(measure) else {
                continue;
            };
            let path = paths.entry(suspect.peer()).or_default();
            path.measured += 1;
            path.stuck.extend(lost.map(|lost| (*suspect, lost)));
        }
        let every: Vec<Lost> = paths.values().flat_map(Path::lost).collect();
        let are_first = are_first(&every, OF_ALL);
        let mut all = Path::default();
        for path in paths.values_mut() {
            if !are_first && !small_get_through(&path.lost().collect::<Vec<_>>()) {
                path.stuck.clear();
            }
            all.measured += path.measured;
            all.stuck.extend(&path.stuck);
        }
        let mut found: Vec<(IpAddr, Path)> = paths
            .into_iter()
            .filter(|(_, path)| path.stuck() > 0)
            .filter(|(_, path)| path.is_at_least(OF_ONE_PEER) || all.is_at_least(OF_ALL))
            .collect();
        found.sort_unstable_by_key(|(peer, path)| (std::cmp::Reverse(path.stuck()), *peer));
        Examined::found((!found.is_empty()).then(|| finding(&found, host)))
    }
}

impl PathMtu {
    fn suspects(&self, _: &Host) -> Vec<InetEnds> {
        match self.suspects.len() as u64 >= OF_ONE_PEER {
            true => self.suspects.iter().map(|suspect| suspect.ends).collect(),
            false => Vec::new(),
        }
    }
}

/// What a socket that retransmits shows, besides its measures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retransmission {
    queue: u64,
    /// How often in a row.
    times: u32,
    /// When it is done again.
    remaining: Duration,
}

/// A connection without any full segment acknowledged; times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost {
    /// The size of a full segment.
    pub(super) segment: u64,
    /// Whether a later segment was acknowledged selectively.
    is_sacked: bool,
    /// How long ago the peer was last heard from.
    heard: u64,
    /// How long ago the first retransmission was, at least.
    retransmitted: u64,
    /// Whether it was the first that was sent, at once after the peer was heard from.
    is_first: bool,
}

impl Retransmission {
    /// Of this socket.
    pub(super) fn of(socket: &Socket) -> Retransmission {
        Retransmission {
            queue: socket.send_queue.into(),
            times: socket.retransmits.unwrap_or(0),
            remaining: socket.timer.map_or(Duration::ZERO, |timer| timer.remaining),
        }
    }

    /// The full segment that is lost again and again, `Some(None)` where the connection has another
    /// fault, `None` where that is unknown.
    pub(super) fn lost(self, of: impl Fn(Metric) -> Option<u64>) -> Option<Option<Lost>> {
        let (segment, acknowledged) = (of(Metric::Mss)?, of(Metric::BytesAcked)?);
        let received = of(Metric::BytesReceived)?;
        let is_full = of(Metric::Unacked)? > 0 && self.queue >= segment;
        // The peer's SYN-ACK counts as one byte.
        let small_arrive = received > 0 || acknowledged > 1;
        let is_stuck = is_full && small_arrive && acknowledged < segment;
        let heard = of(Metric::LastAckReceived)?;
        let busy = of(Metric::BusyTime).map(|us| us / 1_000);
        let is_first = busy.is_some_and(|ms| acknowledged <= 1 && heard <= ms + AT_ONCE);
        Some(is_stuck.then(|| Lost {
            segment,
            is_sacked: of(Metric::Sacked) > Some(0),
            heard,
            retransmitted: self.since_first(of(Metric::LastDataSent).unwrap_or(0)),
            is_first,
        }))
    }

    /// How long ago the first one was, at least, if data was last sent so long ago: each timeout is
    /// twice the one before (`tcp_retransmit_timer`, net/ipv4/tcp_timer.c), and the longest one repeats.
    fn since_first(self, sent: u64) -> u64 {
        let remaining = u64::try_from(self.remaining.as_millis()).unwrap_or(0);
        let timeout = sent.saturating_add(remaining);
        let before = self.times.saturating_sub(1);
        let last = timeout.checked_shr(before).unwrap_or(0);
        sent.saturating_add(timeout - last)
    }
}

/// Whether small segments get through where these are lost: one that was sent later, or what the peer
/// sent after one was retransmitted. A peer that vanished sends nothing; that several do so between a
/// first request and its answer is no chance.
pub(super) fn small_get_through(lost: &[Lost]) -> bool {
    let heard = lost.iter().map(|one| one.heard).min();
    let retransmitted = lost.iter().map(|one| one.retransmitted).max();
    lost.iter().any(|one| one.is_sacked) || heard < retransmitted || are_first(lost, OF_ONE_PEER)
}

/// Whether at least this number of them, and most, are of first segments that were sent at once.
fn are_first(lost: &[Lost], least: u64) -> bool {
    let first = lost.iter().filter(|one| one.is_first).count();
    first as u64 >= least && first * 2 > lost.len()
}

/// A finding about connections of one service that get no acknowledgment, as one about their path: small
/// segments get through, and no full one did on any that was measured.
pub(super) fn of_service(finding: Finding, found: &StalledService, host: &Host) -> Finding {
    let stalled = found.stalled.len() as u64;
    let connections = counted_connections(found.all, found.service);
    // Everything that needs the service hangs.
    let is_critical =
        found.is_dead() && (matches!(found.service, Service::Used(_)) || stalled >= OF_ONE_PEER);
    Finding {
        id: PathMtu::ID,
        title: format!(
            "path MTU: full segments are not acknowledged and small ones are, on {} of {connections}",
            thousands(stalled)
        ),
        severity: match is_critical {
            true => Severity::Critical,
            false => finding.severity,
        },
        why: WHY,
        causes: &[],
        ..finding
    }
    .with_evidence(probing(host))
    .with_remedy(remedy())
}

/// Whether smaller segments are tried.
fn probing(host: &Host) -> Option<String> {
    host.setting(MtuProbing).map(|probing| {
        let effect = match probing {
            0 => "smaller segments are not tried",
            _ => "smaller segments are tried after some retransmissions",
        };
        format!("{MtuProbing} is {probing}: {effect}")
    })
}

fn remedy() -> [String; 4] {
    [
        "Find the link with the smaller MTU: `ping -M do -s SIZE PEER` with a SIZE of 28 less than this host's MTU (1472 for 1500) gets no answer, and a smaller one does; `tracepath PEER` shows where.".to_owned(),
        "Let its ICMP messages through: type 3 code 4 of ICMP, type 2 of ICMPv6, in firewalls and security groups on the path and on this host.".to_owned(),
        "Or make the router that enters the tunnel lower the segment size of connections (`tcp option maxseg size set rt mtu` in nftables), or lower the MTU of this host's route.".to_owned(),
        format!("Set {MtuProbing} to 1 on this host, so that TCP finds the size itself."),
    ]
}

fn finding(paths: &[(IpAddr, Path)], host: &Host) -> Finding {
    let stuck: Vec<&(Suspect, Lost)> = paths.iter().flat_map(|(_, path)| &path.stuck).collect();
    let measured: u64 = paths.iter().map(|(_, path)| path.measured).sum();
    let number = stuck.len() as u64;
    let some = thousands(number);
    let of = counted(
        measured,
        "connection that retransmits",
        "connections that retransmit",
    );
    let title = match paths {
        [(peer, _)] => format!("full segments to {peer} do not arrive, on {some} of {of}"),
        _ => format!("full segments do not arrive, on {some} of {of}"),
    };
    let sizes = stuck.iter().map(|(_, lost)| lost.segment);
    let largest = sizes.max().unwrap_or(0);
    let inodes = stuck.iter().map(|(suspect, _)| suspect.inode);
    let inodes = inodes.filter(|inode| *inode != 0).collect();
    let list = "--process --columns timer,retransmits,mss,unacked,bytes-acked,bytes-received";
    let show = Command::list(list).of(format!("retransmits ge {RETRANSMITS}"));
    let show = match paths {
        [(peer, _)] => show.of(format!("dst {}", address_word(*peer))),
        _ => show,
    };
    let named = paths.iter().take(NAMED);
    let named = named.map(|(peer, path)| {
        let connections = counted(path.stuck(), "connection", "connections");
        format!("{connections} to {}", address_word(*peer))
    });
    Finding::new(Severity::Warning, title, number as f64, inodes, WHY)
        .with_evidence([format!(
            "on each, less than one segment of up to {} bytes was ever acknowledged, but small ones arrive in both directions: {}",
            thousands(largest),
            named.collect::<Vec<_>>().join(", ")
        )])
        .with_evidence(probing(host))
        .with_commands([show])
        .with_remedy(remedy())
}
