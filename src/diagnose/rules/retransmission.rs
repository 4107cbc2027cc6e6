//! How much is retransmitted, and the peers to which it is.
//!
//! Handshakes are left out (`Counters::segments_since`): other rules are about them. So are peers that
//! acknowledge nothing: what is sent to them is retransmitted however good the path is.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;

use super::resets;
use crate::diagnose::stalled::is_retransmitting;
use crate::diagnose::subject::address_word;
use crate::diagnose::watch::Watched;
use crate::diagnose::{Case, Examined, Host, Inodes, Rule, Sampled, Suspects};
use crate::model::{
    Command, Counter, Field, Finding, InetEnds, Label, Metric, Scope, Segments, Severity,
    SourceName, State, StateSet, counted, thousands,
};

/// The part of all segments sent from which it warns. At 1 % the equation of TCP's throughput gives a
/// connection of 50 ms and full segments some 2.6 Mbit/s (RFC 5348, 3.1), whatever the path carries.
const WARNING_SHARE: f64 = 0.01;

/// With fewer retransmitted segments than this, the share is left to chance (one in three, at ten).
const MIN_RETRANSMITTED: u64 = 10;

/// How often, at most, a connection that a peer resets had been retransmitted on in the window: by a tail
/// loss probe, and twice within the first second of timeouts (`TCP_RTO_MIN`, 0.2 s, doubled).
const BEFORE_A_RESET: u64 = 3;

/// How many connections are watched: those that retransmit first, then others with data in flight.
const WATCHED: usize = 64;

/// From this part of the retransmissions on, one peer is the only one worth naming in the title.
const ONE_PEER: f64 = 0.8;

/// How many peers are named.
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
    /// Some that retransmit, and some that have data in flight.
    retransmitting: Vec<InetEnds>,
    sending: Vec<InetEnds>,
    inodes: Inodes<InetEnds>,
}

impl Rule for Retransmission {
    const ID: &'static str = "retransmission";

    const SCOPE: Scope = Scope::Namespace;

    const STATES: StateSet = StateSet::NONE
        .with(State::Established)
        .with(State::CloseWait)
        .with(State::FinWait1)
        .with(State::Closing)
        .with(State::LastAck);

    type Before = ();

    const SUSPECTS: Option<Suspects<Self>> = None;

    const WATCHED: Option<Suspects<Self>> = Some(Retransmission::watched);

    fn begin(&mut self, (): (), _: &Host) {}

    fn add(&mut self, sampled: &Sampled<'_>) {
        let Sampled { socket, ends, .. } = *sampled;
        let is_waiting = is_retransmitting(socket, 1);
        self.waiting += u64::from(is_waiting);
        if !matches!(socket.state, State::Established | State::CloseWait) {
            return;
        }
        self.connections += 1;
        let some = match is_waiting {
            true => &mut self.retransmitting,
            false if socket.send_queue > 0 => &mut self.sending,
            false => return,
        };
        if some.len() < WATCHED {
            some.push(*ends);
            self.inodes.add(*ends, socket.inode);
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        match self.lost(case.host) {
            Ok(lost) => Examined::found(lost.map(|lost| self.finding(lost, case.host))),
            Err(reason) => Examined::lacking(reason),
        }
    }
}

/// The retransmissions to one peer, of those that were watched.
#[derive(Clone, Debug)]
struct Lossy {
    peer: IpAddr,
    again: u64,
    connections: Vec<InetEnds>,
    /// The longest round trip of them, in microseconds.
    round_trip: Option<u64>,
}

impl Retransmission {
    /// The segments sent in the window, if too many of them were retransmissions.
    fn lost(&self, host: &Host) -> Result<Option<Segments>, String> {
        host.growth(Counter::RetransSegs)?;
        let sent = host.after.segments_since(&host.before)?;
        // Each of these retransmits once a second or less often, and proves no loss.
        let Segments { again, all } = sent;
        let again = again.saturating_sub(self.waiting);
        // A peer that was restarted drops segments first, and resets the connections then.
        let ended = resets::by_servers(host).saturating_mul(BEFORE_A_RESET);
        let again = again.saturating_sub(ended);
        let is_lossy = again >= MIN_RETRANSMITTED && again as f64 >= all as f64 * WARNING_SHARE;
        Ok(is_lossy.then_some(sent))
    }

    /// Those that are watched until enough of them have retransmitted.
    fn watched(&self, host: &Host) -> Vec<InetEnds> {
        let again: u64 = self.peers(host).iter().map(|lossy| lossy.again).sum();
        let is_known = again >= MIN_RETRANSMITTED;
        match self.lost(host) {
            Ok(Some(_)) if !is_known => self.some().collect(),
            Ok(_) | Err(_) => Vec::new(),
        }
    }

    fn some(&self) -> impl Iterator<Item = InetEnds> {
        let some = self.retransmitting.iter().chain(&self.sending);
        some.take(WATCHED).copied()
    }

    /// The peers to which was retransmitted, most first.
    fn peers(&self, host: &Host) -> Vec<Lossy> {
        let mut peers: HashMap<IpAddr, Lossy> = HashMap::new();
        for ends in self.some() {
            let watched = host.watch.of(&ends);
            let again = watched.and_then(|one| one.growth(Metric::TotalRetrans));
            let (Some(watched), Some(again @ 1..)) = (watched, again) else {
                continue;
            };
            let peer = ends.remote.ip().to_canonical();
            let lossy = peers.entry(peer).or_insert_with(|| Lossy {
                peer,
                again: 0,
                connections: Vec::new(),
                round_trip: None,
            });
            lossy.again += again;
            lossy.connections.push(ends);
            lossy.round_trip = lossy.round_trip.max(watched.last(Metric::RoundTripTime));
        }
        let mut peers: Vec<Lossy> = peers.into_values().collect();
        peers.sort_by_key(|lossy| (std::cmp::Reverse(lossy.again), lossy.peer));
        peers
    }

    fn finding(&self, Segments { again, all }: Segments, host: &Host) -> Finding {
        let peers = self.peers(host);
        let measured: u64 = peers.iter().map(|lossy| lossy.again).sum();
        let worst = peers
            .first()
            .filter(|lossy| lossy.again as f64 >= measured as f64 * ONE_PEER);
        let percent = again as f64 / all as f64 * 100.0;
        let [again, all] = [again, all].map(thousands);
        let window = host.window_text();
        let most = worst.map_or_else(String::new, |lossy| format!(", most to {}", lossy.peer));
        let title = format!(
            "{percent:.1} % of the segments sent in {window} were retransmissions: {again} of {all}{most}"
        );
        let subject = worst.map(|lossy| {
            let peer = Label::Text(lossy.peer.to_string());
            (Field::RemoteAddr, peer)
        });
        let connections: Vec<InetEnds> = match worst {
            Some(lossy) => lossy.connections.clone(),
            None => peers
                .iter()
                .flat_map(|lossy| lossy.connections.clone())
                .collect(),
        };
        let inodes = self.inodes.of(|ends| connections.contains(ends)).collect();
        Finding::new(Severity::Warning, title, percent, inodes, WHY)
            .with_subject(subject.into_iter().collect())
            .with_limit(WARNING_SHARE * 100.0)
            .with_evidence(self.evidence(&peers, measured, host))
            .with_commands([self.command(worst, host)])
            .with_remedy(REMEDY)
    }

    /// Shows the connections that have retransmitted, or all peers where none of them is left.
    fn command(&self, worst: Option<&Lossy>, host: &Host) -> Command {
        let has_retransmitted = |watched: &Watched| watched.last(Metric::TotalRetrans) > Some(0);
        let some = self.some().filter_map(|ends| host.watch.of(&ends));
        let mut left = some.filter(|watched| !watched.has_ended);
        if host.source == SourceName::Proc || !left.any(has_retransmitted) {
            return Command::count("--by remote-addr --top 10");
        }
        let list = "-p --sort total-retrans:desc --limit 10 --columns total-retrans,lost,rtt";
        let list = Command::list(list).of("total-retrans > 0");
        match worst {
            Some(lossy) => list.of(format!("dst {}", address_word(lossy.peer))),
            None => list,
        }
    }

    fn evidence(&self, peers: &[Lossy], measured: u64, host: &Host) -> Vec<String> {
        let mut evidence = vec![
            host.growth_text(&[Counter::RetransSegs, Counter::OutSegs]),
            format!(
                "SYNs and SYN-ACKs are subtracted: {}",
                host.growth_text(&[Counter::SynRetrans])
            ),
        ];
        let (waiting, all) = (
            counted(self.waiting, "socket waits", "sockets wait"),
            counted(self.connections, "connection", "connections"),
        );
        evidence.push(format!(
            "{waiting} for an acknowledgment of what was retransmitted, beside {all}"
        ));
        if measured > 0 {
            let watched = self.some().filter(|ends| host.watch.of(ends).is_some());
            let measured = counted(measured, "retransmission", "retransmissions");
            let watched = watched.count() as u64;
            let watched = counted(watched, "connection that was", "connections that were");
            evidence.push(format!("{measured} on {watched} measured"));
        }
        evidence.extend(peers.iter().take(NAMED).map(|lossy| {
            let again = thousands(lossy.again);
            let connections = counted(lossy.connections.len() as u64, "connection", "connections");
            let rtt = lossy.round_trip.map_or_else(String::new, |us| {
                format!(", rtt {}.{} ms", us / 1_000, us % 1_000 / 100)
            });
            format!("{again} of them to {} on {connections}{rtt}", lossy.peer)
        }));
        evidence
    }
}
