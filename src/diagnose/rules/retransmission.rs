//! How much is retransmitted, and the peers that do not acknowledge.
//!
//! Handshakes are left out (`Counters::segments_since`): other rules are about them.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use crate::diagnose::{Case, Examined, Host, Inodes, Rule, Sampled, Suspects, TopCounts};
use crate::model::{
    Command, Counter, Finding, InetEnds, Metric, Segments, Severity, SourceName, State, StateSet,
    TimerKind, counted, thousands,
};

/// The part of all segments sent from which it warns. At 1 % the equation of TCP's throughput gives a
/// connection of 50 ms and full segments some 2.6 Mbit/s (RFC 5348, 3.1), whatever the path carries.
const WARNING_SHARE: f64 = 0.01;

/// With fewer retransmitted segments than this, the share is left to chance (one in three, at ten).
const MIN_RETRANSMITTED: u64 = 10;

/// From this many retransmissions in a row on a path counts as suspect: R1 of RFC 9293, 3.8.3, and
/// `tcp_retries1`, 3 by default.
const IN_A_ROW: u32 = 3;

/// The part of all connections that must have reached that: peers vanish one by one everywhere.
const SUSPECT_SHARE: f64 = 0.01;

/// How many connections are measured, those first that have tried longest.
const MEASURED: usize = 16;

/// How many peers are named.
const NAMED: usize = 3;

const WHY: &str = "Retransmitted data arrived late or not at all; each loss slows its connection down, or stalls it for a timeout (RFC 5681, 3.1; RFC 6298).";

const REMEDY: [&str; 2] = [
    "Find out whether it affects one peer, one network or all of them: one peer is a problem of that peer, all of them one of this host's link, cable, driver or rate limiter.",
    "If a firewall or load balancer forgets idle connections, send keepalives more often than it forgets; give up vanished peers with TCP_USER_TIMEOUT.",
];

/// A connection that retransmits.
#[derive(Clone, Copy, Debug)]
struct Pending {
    retransmits: u32,
    ends: InetEnds,
}

/// The connections, and which of them wait for an acknowledgment that did not arrive in time.
#[derive(Debug, Default)]
pub(super) struct Retransmission {
    connections: u64,
    suspect: u64,
    /// The peers of those that retransmit; 1 MB.
    peers: TopCounts<IpAddr, 20_000>,
    /// Some of those that have tried longest, in no order.
    worst: Vec<Pending>,
    inodes: Inodes<()>,
}

impl Rule for Retransmission {
    const ID: &'static str = "retransmission";

    // Connections that are being closed, or not connected yet, are other rules'.
    const STATES: StateSet = StateSet::NONE
        .with(State::Established)
        .with(State::CloseWait);

    type Before = ();

    const SUSPECTS: Option<Suspects<Self>> = Some(Retransmission::suspects);

    fn begin(&mut self, (): (), _: &Host) {}

    fn add(&mut self, sampled: &Sampled<'_>) {
        let Sampled { socket, ends, .. } = *sampled;
        self.connections += 1;
        let kind = socket.timer.map(|timer| timer.kind);
        let retransmits = socket.retransmits.unwrap_or(0);
        if kind != Some(TimerKind::Retransmit) || retransmits == 0 {
            return;
        }
        self.suspect += u64::from(retransmits >= IN_A_ROW);
        self.peers.add(ends.remote.ip().to_canonical());
        self.inodes.add((), socket.inode);
        let ends = *ends;
        self.worst.push(Pending { retransmits, ends });
        if self.worst.len() >= 2 * MEASURED {
            self.worst = self.worst();
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let window = case.host.window_text();
        let sent = sent(case.host);
        let finding = match sent {
            Ok(sent) if is_lossy(sent) => {
                let Segments { again, all } = sent;
                let percent = again as f64 / all as f64 * 100.0;
                let [again, all] = [again, all].map(thousands);
                let title = format!(
                    "{percent:.1} % of the segments sent in {window} were retransmissions: {again} of {all}"
                );
                let finding = self.finding(title, percent, case.host);
                Some(finding.with_limit(WARNING_SHARE * 100.0))
            }
            Ok(_) | Err(_) if self.are_peers_suspect() => {
                let suspect = thousands(self.suspect);
                let all = counted(self.connections, "connection", "connections");
                let title = format!(
                    "{suspect} of {all} retransmitted {IN_A_ROW} times or more in a row without an acknowledgment"
                );
                Some(self.finding(title, self.suspect as f64, case.host))
            }
            Ok(_) | Err(_) => None,
        };
        Examined::found(finding).without(sent.err())
    }
}

/// The segments sent in the window.
fn sent(host: &Host) -> Result<Segments, String> {
    host.growth(Counter::RetransSegs)?;
    host.after.segments_since(&host.before)
}

fn is_lossy(Segments { again, all }: Segments) -> bool {
    again >= MIN_RETRANSMITTED && again as f64 >= all as f64 * WARNING_SHARE
}

impl Retransmission {
    fn suspects(&self, host: &Host) -> Vec<InetEnds> {
        let is_wrong = self.are_peers_suspect() || sent(host).is_ok_and(is_lossy);
        let worst = if is_wrong { self.worst() } else { Vec::new() };
        worst.iter().map(|pending| pending.ends).collect()
    }

    /// Those that have tried longest, longest first.
    fn worst(&self) -> Vec<Pending> {
        let mut worst = self.worst.clone();
        worst.sort_by_key(|pending| std::cmp::Reverse(pending.retransmits));
        worst.truncate(MEASURED);
        worst
    }

    fn are_peers_suspect(&self) -> bool {
        self.suspect as f64 >= (self.connections as f64 * SUSPECT_SHARE).max(1.0)
    }

    fn finding(&self, title: String, value: f64, host: &Host) -> Finding {
        // /proc reports no measures.
        let columns = match host.source {
            SourceName::Proc => "timer,retransmits",
            SourceName::Netlink | SourceName::NetlinkAndCounters => "timer,total-retrans,rtt,lost",
        };
        let list = format!("-p --state established,close-wait --columns {columns}");
        let peers = Command::count("--by remote-addr --top 10");
        let now = "retransmits > 0";
        let inodes = self.inodes.all();
        Finding::new(Severity::Warning, title, value, inodes, WHY)
            .with_evidence(self.evidence(host))
            .with_commands(match self.peers.total() {
                // All of them have been acknowledged.
                0 => vec![peers],
                _ => vec![Command::list(&list).of(now), peers.of(now)],
            })
            .with_remedy(REMEDY)
    }

    fn evidence(&self, host: &Host) -> Vec<String> {
        let [pending, suspect] = [self.peers.total(), self.suspect].map(thousands);
        let all = counted(self.connections, "connection is", "connections are");
        let syns = host.growth_text(&[Counter::SynRetrans]);
        let mut evidence = vec![
            host.growth_text(&[Counter::RetransSegs, Counter::OutSegs]),
            format!("SYNs and SYN-ACKs are subtracted: {syns}"),
            format!(
                "{pending} of {all} retransmitting now, {suspect} of them for the third time or more"
            ),
        ];
        evidence.extend(self.inodes.limit_note());
        let worst = self.worst();
        let peers = self.peers.top(NAMED).into_iter();
        evidence.extend(peers.map(|(peer, sockets)| {
            let is_its = |one: &&Pending| one.ends.remote.ip().to_canonical() == peer;
            let worst = worst.iter().find(is_its);
            let measured = worst.map(|worst| measured(worst, host));
            let (sockets, measured) = (thousands(sockets), measured.unwrap_or_default());
            format!("{sockets} of them to {peer}{measured}")
        }));
        evidence
    }
}

/// `, one of them retransmitted 4 times in a row (total-retrans 9, lost 1, rtt 40.0 ms)`.
fn measured(worst: &Pending, host: &Host) -> String {
    let of = |metric| host.measures.get(worst.ends, metric);
    let measured = [
        of(Metric::TotalRetrans).map(|times| format!("total-retrans {}", thousands(times))),
        of(Metric::Lost).map(|lost| format!("lost {}", thousands(lost))),
        of(Metric::RoundTripTime).map(|us| format!("rtt {}.{} ms", us / 1_000, us % 1_000 / 100)),
    ];
    let measured: Vec<String> = measured.into_iter().flatten().collect();
    let times = counted(worst.retransmits.into(), "time", "times in a row");
    let measured = match measured.join(", ") {
        none if none.is_empty() => none,
        measured => format!(" ({measured})"),
    };
    format!(", one of them retransmitted {times}{measured}")
}
