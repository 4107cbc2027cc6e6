//! How much is retransmitted: of all segments, and of those to each peer; with a filter, to the peers of
//! the connections that it selects alone.
//!
//! A single lossy path is a small part of what a host sends, and much of what it sends there. All peers
//! are surveyed once, and the connections to the notable ones are compared after that (`peers`).
//! Handshakes are left out (`Counters::segments_since`): other rules are about them. So are peers that
//! acknowledge nothing: what is sent to them is retransmitted however good the path is.

mod peers;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use super::resets;
use crate::diagnose::stalled::is_retransmitting;
use crate::diagnose::{Case, Examined, Growth, Host, Rule, Sampled};
use crate::model::{
    Command, Counter, Field, Finding, Label, Scope, Segments, Severity, SourceName, State,
    StateSet, counted, thousands,
};
use peers::Peer;

/// The part of all segments sent from which it warns. At 1 % the equation of TCP's throughput gives a
/// connection of 50 ms and full segments some 2.6 Mbit/s (RFC 5348, 3.1), whatever the path carries.
const WARNING_SHARE: f64 = 0.01;

/// With fewer retransmitted segments than this, the share is left to chance (one in three, at ten): where
/// fewer in the window have that share, what is sent until peers were last seen decides.
const MIN_RETRANSMITTED: u64 = 10;

/// How often, at most, a connection that a peer resets had been retransmitted on in the window: by a tail
/// loss probe, and twice within the first second of timeouts (`TCP_RTO_MIN`, 0.2 s, doubled).
const BEFORE_A_RESET: u64 = 3;

/// Of so few sockets `tcp_info` is read in some 50 ms, whether anything is retransmitted or not: on a
/// lossy path little is sent, and a window without a retransmission is chance.
const FEW_SOCKETS: u64 = 20_000;

/// From this part of the retransmissions on, one peer is the only one worth naming in the title.
const ONE_PEER: f64 = 0.8;

/// One is named for all retransmissions only if those watched have this part of what is sent; else for
/// those watched.
const HALF: f64 = 0.5;

/// How many peers are named, or have findings of their own.
const NAMED: usize = 3;

const WHY: &str = "Retransmitted data arrived late or not at all; each loss slows its connection down, or stalls it for a timeout (RFC 5681, 3.1; RFC 6298).";

const REMEDY: [&str; 2] = [
    "Find out whether it affects one peer, one network or all of them: one peer is a problem of that peer or its path, all of them one of this host's link, cable, driver or rate limiter.",
    "Compare the rtt of its connections with that of others: a queue that overflows on the path makes it grow before it loses.",
];

/// The connections with data in flight, and how many of all retransmit.
#[derive(Debug, Default)]
pub(super) struct Retransmission {
    connections: u64,
    /// Those that wait for an acknowledgment of what they have retransmitted, closed ones included.
    waiting: u64,
}

impl Rule for Retransmission {
    const ID: &'static str = "retransmission";

    const STATES: StateSet = StateSet::NONE
        .with(State::Established)
        .with(State::CloseWait)
        .with(State::FinWait1)
        .with(State::Closing)
        .with(State::LastAck);

    type Before = ();

    fn add(&mut self, sampled: &Sampled<'_>) {
        let socket = sampled.socket;
        self.waiting += u64::from(is_retransmitting(socket, 1));
        let is_open = matches!(socket.state, State::Established | State::CloseWait);
        self.connections += u64::from(is_open);
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        let in_window = match self.sent(host.in_window()) {
            Ok(sent) => sent,
            Err(reason) => return Examined::lacking(reason),
        };
        let peers = peers::watched(host);
        let later = host.while_watched().map(|growth| self.sent(growth));
        let mut sent = [
            Some(&in_window),
            later.as_ref().and_then(|one| one.as_ref().ok()),
        ]
        .into_iter()
        .flatten();
        // The counters are about more than the connections that a filter selects.
        let lossy = sent.find(|sent| sent.are_lossy() && host.filter.is_none());
        let whole = lossy.map(|sent| self.finding(sent, &peers, host));
        let are_many = in_window.lost >= MIN_RETRANSMITTED;
        let unmeasured = peers::lacking(are_many && whole.is_none(), host);
        let findings = match whole {
            Some(whole) => vec![whole],
            None => peers::findings(&peers, host),
        };
        Examined::found(findings).without(unmeasured)
    }
}

/// The segments sent in a time.
#[derive(Debug)]
struct SentAll<'a> {
    growth: Growth<'a>,
    counted: Segments,
    /// The retransmissions without those that prove no loss.
    lost: u64,
}

impl SentAll<'_> {
    /// Whether too many of them were lost.
    fn are_lossy(&self) -> bool {
        self.lost >= MIN_RETRANSMITTED && self.are_large_part()
    }

    /// Whether more of them may show that too many are lost.
    fn may_be_lossy(&self) -> bool {
        (1..MIN_RETRANSMITTED).contains(&self.lost) && self.are_large_part()
    }

    fn are_large_part(&self) -> bool {
        self.lost as f64 >= self.counted.all as f64 * WARNING_SHARE
    }
}

impl Retransmission {
    fn sent<'a>(&self, growth: Growth<'a>) -> Result<SentAll<'a>, String> {
        let counted = growth.segments()?;
        // A peer that was restarted drops segments first, and resets the connections then.
        let ended = resets::by_servers(&growth).saturating_mul(BEFORE_A_RESET);
        // Each of those that wait retransmits once a second or less often.
        let waiting = self.waiting.saturating_mul(growth.time.as_secs().max(1));
        let lost = counted.again.saturating_sub(waiting);
        let lost = lost.saturating_sub(ended);
        // What arrived twice was not lost: a peer on a busy host acknowledges late.
        let lost = lost.saturating_sub(growth.of(Counter::DsackRecv).unwrap_or(0));
        Ok(SentAll {
            growth,
            counted,
            lost,
        })
    }

    /// Whether what was retransmitted to each peer matters.
    pub(super) fn wants_survey(&self, host: &Host) -> bool {
        let is_measured = host.still.is_none() && host.source != SourceName::Proc;
        let lost = self.sent(host.in_window()).map_or(0, |sent| sent.lost);
        is_measured && (host.sockets <= FEW_SOCKETS || lost >= MIN_RETRANSMITTED)
    }

    /// The peers that are watched until it is known whether too much is retransmitted to them.
    pub(super) fn watched_peers(&self, host: &Host) -> Vec<IpAddr> {
        let growth = host.while_watched().unwrap_or_else(|| host.in_window());
        match self.sent(growth) {
            Ok(sent) => peers::undecided(sent.lost > 0, sent.may_be_lossy(), host),
            Err(_) => Vec::new(),
        }
    }

    fn finding(&self, sent: &SentAll<'_>, peers: &[Peer], host: &Host) -> Finding {
        let Segments { again, all } = sent.counted;
        let worst = worst(peers);
        let percent = again as f64 / all as f64 * 100.0;
        let [again, all] = [again, all].map(thousands);
        let window = sent.growth.time_text();
        let of_those = if watches_half(peers, host) {
            ""
        } else {
            " of those watched"
        };
        let most = worst.map_or_else(String::new, |peer| {
            format!(", most{of_those} to {}", peer.address)
        });
        let title = format!(
            "{percent:.1} % of the segments sent in {window} were retransmissions: {again} of {all}{most}"
        );
        let subject = worst.map(|peer| {
            let address = Label::Text(peer.address.to_string());
            (Field::RemoteAddr, address)
        });
        let named = match worst {
            Some(peer) => std::slice::from_ref(peer),
            None => peers,
        };
        let inodes = named.iter().flat_map(|peer| &peer.inodes).copied();
        // Without connections that have retransmitted, all peers are shown.
        let has_some = peers.iter().any(|peer| peer.sent.again > 0);
        let show = match worst {
            Some(peer) => peer.command(),
            None if has_some => peers::retransmitted(),
            None => Command::count("--by remote-addr --top 10"),
        };
        Finding::new(Severity::Warning, title, percent, inodes.collect(), WHY)
            .with_scope(Scope::Namespace)
            .with_subject(subject.into_iter().collect())
            .with_limit(WARNING_SHARE * 100.0)
            .with_evidence(self.evidence(&sent.growth, peers, host))
            .with_commands([show])
            .with_remedy(REMEDY)
    }

    fn evidence(&self, growth: &Growth<'_>, peers: &[Peer], host: &Host) -> Vec<String> {
        let (waiting, all) = (
            counted(self.waiting, "socket waits", "sockets wait"),
            counted(self.connections, "open connection", "open connections"),
        );
        let mut evidence = vec![
            growth.text(&[Counter::RetransSegs, Counter::OutSegs]),
            format!(
                "SYNs and SYN-ACKs are subtracted: {}",
                growth.text(&[Counter::SynRetrans])
            ),
            format!(
                "those that peers received twice are no loss: {}",
                growth.text(&[Counter::DsackRecv])
            ),
            match self.waiting {
                0 => format!(
                    "no socket waits for an acknowledgment of a retransmission now; there are {all}"
                ),
                _ => format!(
                    "{waiting} for an acknowledgment of a retransmission now; there are {all}"
                ),
            },
        ];
        let lossy = peers.iter().filter(|peer| peer.sent.again > 0).take(NAMED);
        let lossy: Vec<String> = lossy.map(Peer::text).collect();
        if let (false, Some(watched)) = (lossy.is_empty(), host.watch.peers_watched()) {
            let watched = watched.as_secs_f64();
            evidence.push(format!("in {watched:.1} s after that {}", lossy.join(", ")));
        }
        evidence
    }
}

/// The peer to which most of what was watched is retransmitted.
fn worst(peers: &[Peer]) -> Option<&Peer> {
    let measured: u64 = peers.iter().map(|peer| peer.sent.again).sum();
    let worst = peers.first().filter(|peer| peer.sent.again > 0)?;
    let is_most = worst.sent.again as f64 >= measured as f64 * ONE_PEER;
    is_most.then_some(worst)
}

/// Whether the watched peers have most of what is sent.
fn watches_half(peers: &[Peer], host: &Host) -> bool {
    let addresses = peers.iter().map(|peer| peer.address);
    host.survey.as_ref().is_some_and(|survey| {
        let watched: f64 = addresses.map(|address| survey.part(address)).sum();
        watched >= HALF
    })
}
