//! The peers to which much is retransmitted, however much the host sends elsewhere.
//!
//! What counts is what was retransmitted while their connections were watched. On a lossy path that is
//! little, because TCP slows down: one retransmission is enough where the connections have had a large
//! part since they began. What a slow reader drops is not lost on the path, and connections on which
//! nothing is acknowledged are another rule's.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::{MIN_RETRANSMITTED, NAMED, WHY};
use crate::diagnose::Host;
use crate::diagnose::subject::address_word;
use crate::diagnose::survey::Sent;
use crate::diagnose::watch::Watched;
use crate::model::{
    Command, Field, Finding, Kind, Label, Metric, Service, Severity, SourceName, counted, thousands,
};

/// The part of the segments to a peer from which it warns: twice that of all segments, because a single
/// sender that fills a short queue loses 1 % by itself.
const SHARE: f64 = 0.02;

/// The part retransmitted since its connections began from which on a single retransmission shows that it goes on.
const LASTING_SHARE: f64 = 0.05;

/// A peer whose window leaves no room for this part of the time reads slowly.
const HELD_UP: u32 = 5;

/// A client with a smaller part of all connections and segments is information: some clients of every
/// service are behind lossy paths.
const LARGE_CLIENT: f64 = 0.1;

const REMEDY: [&str; 2] = [
    "Look for the loss on the path to this peer, or at the peer: its link, cable, rate limiter or firewall; `mtr PEER` shows from which hop on packets are lost.",
    "Compare the rtt of its connections with that of others: a queue that overflows on the path makes it grow before it loses.",
];

/// What was sent to a peer while its connections were watched.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    pub(super) sent: Sent,
    /// The same since its connections began.
    since: Sent,
    /// The longest round trip of those that retransmitted, in microseconds.
    round_trip: Option<u64>,
    /// Those of them that a process holds.
    pub(super) inodes: Vec<u64>,
    /// Whether it has connected to this host.
    is_client: bool,
}

/// The peers that were watched, those with most retransmissions first.
pub(super) fn watched(host: &Host) -> Vec<Peer> {
    let mut peers: HashMap<IpAddr, Peer> = HashMap::new();
    for (ends, watched) in host.watch.of_peers() {
        let growth = |metric| watched.growth(metric);
        let measures = (growth(Metric::TotalRetrans), growth(Metric::DataSegsOut));
        let compares = watched.was_acknowledged() && !is_held_up(watched, host);
        let ((Some(again), Some(all)), true) = (measures, compares) else {
            continue;
        };
        let address = ends.remote.ip().to_canonical();
        let service = host.listeners.service(Kind::Tcp, watched.last.netns, ends);
        let peer = peers.entry(address).or_insert_with(|| Peer {
            address,
            sent: Sent::default(),
            since: host
                .survey
                .as_ref()
                .map_or_else(Sent::default, |survey| survey.to(address)),
            round_trip: None,
            inodes: Vec::new(),
            is_client: matches!(service, Service::Served(_)),
        });
        peer.add(
            watched,
            Sent {
                connections: 1,
                again,
                all,
            },
        );
    }
    let mut peers: Vec<Peer> = peers.into_values().collect();
    peers.sort_unstable_by_key(|peer| (std::cmp::Reverse(peer.sent.again), peer.address));
    peers
}

/// Whether the peer's window left no room for much of the time: a receiver that reads slowly drops what
/// does not fit (`tcp_prune_queue`, net/ipv4/tcp_input.c).
fn is_held_up(watched: &Watched, host: &Host) -> bool {
    let time = host.watch.peers_watched().unwrap_or_default();
    let limited = watched.growth(Metric::RwndLimited).unwrap_or(0);
    Duration::from_micros(limited) > time / HELD_UP
}

impl Peer {
    fn add(&mut self, watched: &Watched, sent: Sent) {
        self.sent.add(sent);
        if sent.again > 0 {
            self.round_trip = self.round_trip.max(watched.last(Metric::RoundTripTime));
            self.inodes.extend(watched.last.held_inode());
        }
    }

    fn is_lossy(&self) -> bool {
        let goes_on = is_lasting(&self.since) && self.sent.are_again(1, SHARE);
        goes_on || self.is_lossy_now()
    }

    /// Whether enough was retransmitted while it was watched.
    fn is_lossy_now(&self) -> bool {
        self.sent.are_again(MIN_RETRANSMITTED, SHARE)
    }

    /// Whether it may turn out to be lossy.
    fn is_undecided(&self) -> bool {
        let may_be = is_lasting(&self.since) || self.sent.are_again(1, SHARE);
        may_be && !self.is_lossy()
    }

    /// Its part of the retransmissions, as evidence.
    pub(super) fn text(&self) -> String {
        let connections = counted(self.sent.connections, "connection", "connections");
        let rtt = self.round_trip.map_or_else(String::new, |us| {
            format!(", rtt {}.{} ms", us / 1_000, us % 1_000 / 100)
        });
        format!(
            "{} of {} segments to {} on {connections}{rtt}",
            thousands(self.sent.again),
            thousands(self.sent.all),
            self.address
        )
    }

    /// Shows its connections that have retransmitted, the worst first.
    pub(super) fn command(&self) -> Command {
        retransmitted().of(format!("dst {}", address_word(self.address)))
    }
}

/// Whether connections have had a large part of retransmissions since they began.
fn is_lasting(since: &Sent) -> bool {
    since.are_again(MIN_RETRANSMITTED, LASTING_SHARE)
}

/// Shows the connections that have retransmitted, the worst first.
pub(super) fn retransmitted() -> Command {
    let columns = "total-retrans,data-segs-out,lost,rtt";
    let list = format!("-p --sort total-retrans:desc --limit 10 --columns {columns}");
    Command::list(&list).of("total-retrans > 0")
}

/// The peers to watch as long as it is not known whether too much is retransmitted to one of them;
/// `retransmits` says whether the host has retransmitted anything, and `may_be_lossy` whether more of that
/// decides about all peers.
pub(super) fn undecided(retransmits: bool, may_be_lossy: bool, host: &Host) -> Vec<IpAddr> {
    let Some(survey) = &host.survey else {
        return Vec::new();
    };
    let is_compared = host.watch.peers_watched() > Some(Duration::ZERO);
    let is_undecided = may_be_lossy || watched(host).iter().any(Peer::is_undecided);
    if is_compared && !is_undecided {
        return Vec::new();
    }
    match retransmits {
        true => survey.lossiest(),
        false => survey.suspects(is_lasting),
    }
}

/// A finding for each of the worst peers.
pub(super) fn findings(peers: &[Peer], host: &Host) -> Vec<Finding> {
    let lossy: Vec<&Peer> = peers.iter().filter(|peer| peer.is_lossy()).collect();
    let mut findings: Vec<Finding> = lossy
        .iter()
        .take(NAMED)
        .map(|peer| finding(peer, peers, host))
        .collect();
    let others = lossy.iter().skip(NAMED).map(|peer| peer.text());
    if let Some(last) = findings.last_mut() {
        last.evidence.extend(others);
    }
    findings
}

fn finding(peer: &Peer, peers: &[Peer], host: &Host) -> Finding {
    let watched = host.watch.peers_watched().unwrap_or_default();
    let now = format!("in {:.1} s", watched.as_secs_f64());
    let (sent, time, limit) = match peer.is_lossy_now() {
        true => (peer.sent, &*now, SHARE),
        false => (peer.since, "since its connections began", LASTING_SHARE),
    };
    let address = peer.address;
    let percent = sent.again as f64 / sent.all.max(1) as f64 * 100.0;
    let title = format!(
        "{percent:.1} % of the segments sent to {address} {time} were retransmissions: {} of {}",
        thousands(sent.again),
        thousands(sent.all)
    );
    let survey = host.survey.as_ref();
    let part = survey.map_or(1.0, |survey| survey.part(address));
    let severity = match peer.is_client && part < LARGE_CLIENT {
        true => Severity::Info,
        false => Severity::Warning,
    };
    let since = format!(
        "{now} {}; since its connections began {} of {}",
        peer.text(),
        thousands(peer.since.again),
        thousands(peer.since.all)
    );
    let mut others = Sent::default();
    let other = peers.iter().filter(|other| other.address != address);
    let number = other.map(|other| others.add(other.sent)).count() as u64;
    let others = format!(
        "in the same time {} of {} segments to {} that were watched",
        thousands(others.again),
        thousands(others.all),
        counted(number, "other peer", "other peers")
    );
    let subject = vec![(Field::RemoteAddr, Label::Text(address.to_string()))];
    Finding::new(severity, title, percent, peer.inodes.clone(), WHY)
        .with_subject(subject)
        .with_limit(limit * 100.0)
        .with_evidence([since])
        .with_evidence((number > 0).then_some(others))
        .with_commands([peer.command()])
        .with_remedy(REMEDY)
}

/// Why single peers were not compared, where that matters.
pub(super) fn lacking(matters: bool, host: &Host) -> Option<String> {
    if matters && host.source == SourceName::Proc {
        return Some("/proc does not report what is retransmitted to each peer".to_owned());
    }
    let unmeasured = host.survey.as_ref().map_or(0, |survey| survey.unmeasured);
    let connections = counted(unmeasured, "connection", "connections");
    (unmeasured > 0).then(|| {
        format!("this kernel does not report how many segments were sent on {connections}")
    })
}
