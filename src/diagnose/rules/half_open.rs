//! Half-open requests (SYN_RECV) against the room for them at their listener.
//!
//! The queue of requests is as long as the accept queue may be (`inet_csk_reqsk_queue_is_full`,
//! include/net/inet_connection_sock.h). Beyond it a SYN is answered with a cookie or dropped
//! (`tcp_syn_flood_action`, net/ipv4/tcp_input.c). `tcp_max_syn_backlog` applies only if cookies
//! are off: then SYNs of unknown peers are dropped from three quarters of it on (`tcp_conn_request`).

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;

use super::unconfirmed::{FLOOD, is_flood};
use crate::diagnose::subject::{listener_subject, most_of_them};
use crate::diagnose::{Case, Examined, Host, Rule, Sampled, TopCounts};
use crate::model::Setting::{MaxSynBacklog, Somaxconn, Syncookies};
use crate::model::{
    Arrival, Command, Counter, Finding, ListenAddress, Listener, Severity, State, StateSet,
    counted, thousands,
};

/// From this part of the limit on it warns.
const WARNING_SHARE: f64 = 0.8;

/// Fewer than this do not warn before they are beyond the limit: two of two is a quiet service with a
/// short queue.
const FEW: u64 = 10;

/// From this part of the requests on, one source is the only one worth naming.
const ONE_SOURCE: f64 = 0.9;

/// How many listeners have findings of their own.
const REPORTED: usize = 5;

const WHY: &str = "Each half-open request waits for the last step of a handshake (RFC 9293, 3.5). Without room for more, SYNs are answered with cookies, which may lose TCP options (RFC 4987, 3.6), or not at all.";

/// Half-open requests, by where they arrived and from where.
#[derive(Debug, Default)]
pub(super) struct HalfOpen {
    /// Some 8 MB.
    requests: TopCounts<Arrival, 100_000>,
    /// Some 2 MiB.
    sources: TopCounts<(Arrival, IpAddr), 20_000>,
}

impl Rule for HalfOpen {
    const ID: &'static str = "half-open";

    const STATES: StateSet = StateSet::NONE.with(State::SynRecv);

    type Before = ();

    fn add(&mut self, sampled: &Sampled<'_>) {
        if let Some(arrival) = Arrival::of(sampled.socket) {
            let source = sampled.ends.remote.ip().to_canonical();
            self.requests.add(arrival);
            self.sources.add((arrival, source));
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let beyond = match case.host.settings.number(Syncookies) {
            Ok(0) => Beyond::Drops,
            Ok(_) => Beyond::SendsCookies,
            Err(reason) => return Examined::lacking(reason),
        };
        let mut queues: Vec<(ListenAddress, RequestQueue)> =
            self.queues(case.host).into_iter().collect();
        queues.sort_unstable_by(|(a, one), (b, other)| {
            let most_first = other.requests.cmp(&one.requests);
            most_first.then_with(|| a.cmp(b))
        });
        let found = queues.iter();
        let found = found.filter_map(|(address, queue)| queue.finding(address, beyond, case));
        let mut findings: Vec<Finding> = found.collect();
        let found = findings.len();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings.truncate(REPORTED);
        let worst = findings.iter().map(|finding| finding.severity).max();
        let unseen = self.without_room(case);
        findings.extend(unseen.filter(|found| Some(found.severity) > worst));
        let is_unknown = queues.iter().any(|(_, queue)| queue.limit.is_none());
        let unknown = is_unknown
            .then(|| "/proc does not report how many requests a listener has room for".to_owned());
        let cut = (found > REPORTED)
            .then(|| format!("only the worst {REPORTED} of {found} listeners are reported"));
        Examined::found(findings)
            .without(unknown.or(cut))
            .without(case.host.growth(Counter::ReqQFullDrop).err())
    }
}

impl HalfOpen {
    /// SYNs for which there was no room in the window, though no listener shows it.
    fn without_room(&self, case: &Case<'_>) -> Option<Finding> {
        let cookies = case.host.setting(Syncookies);
        let growth_of = |counter| case.host.growth(counter).unwrap_or(0);
        let dropped = growth_of(Counter::ReqQFullDrop);
        let answered = match cookies {
            // Every SYN, whether or not there is room.
            Some(2) => 0,
            _ => growth_of(Counter::ReqQFullDoCookies),
        };
        let severity = match (dropped, answered) {
            (0, 0) => return None,
            (0, _) => Severity::Warning,
            _ => Severity::Critical,
        };
        let window = case.host.window_text();
        let number = counted(dropped + answered, "SYN", "SYNs");
        let title = format!("{number} found no room for another half-open request in {window}");
        let only = only_listener(case.host);
        let inodes = only.iter().map(|listener| listener.inode).collect();
        let only = only.map(|listener| case.host.listen_address(listener, &[]));
        let which = match &only {
            Some(address) => format!(
                "Give listen() of {address} a larger backlog, up to {Somaxconn}: the room for requests is the limit of the accept queue."
            ),
            None => "If it happens again, find out which listener it is, and whether its accept queue is full."
                .to_owned(),
        };
        let remedy = [
            which,
            match cookies {
                Some(0) => format!("Set {Syncookies} to 1."),
                Some(_) | None => format!("Leave {Syncookies} on."),
            },
        ];
        let syns = (dropped + answered) as f64;
        Some(
            Finding::new(severity, title, syns, inodes, WHY)
                .with_subject(only.map_or_else(Vec::new, |address| listener_subject(&address)))
                .with_evidence(growth(case.host))
                .with_commands([match self.requests.total() {
                    // Fewer may have ended when it is typed.
                    0..FEW => Command::list("--listening --sort accept-queue:desc"),
                    _ => Command::count("--state syn-recv --by local-port,remote-addr --top 10"),
                }])
                .with_remedy(remedy)
                .with_causes(&["accept-queue"]),
        )
    }

    fn queues(&self, host: &Host) -> HashMap<ListenAddress, RequestQueue> {
        let mut queues: HashMap<ListenAddress, RequestQueue> = HashMap::new();
        let mut addresses = HashMap::new();
        for (arrival, requests) in self.requests.top(usize::MAX) {
            let takers = host.listeners.takers(&arrival);
            // Without a listener, because it was closed meanwhile, there is nothing to compare with.
            let Some(first) = takers.first() else {
                continue;
            };
            let address = host.listen_address(first, &takers);
            let queue = queues.entry(address.clone()).or_default();
            queue.requests += requests;
            queue.limit = takers.iter().map(|one| one.limit.map(u64::from)).sum();
            let drops = takers.iter().map(|one| one.drops.map(u64::from));
            queue.drops = drops.sum();
            queue.inodes = takers.iter().map(|listener| listener.inode).collect();
            queue.is_full = takers.iter().any(|listener| listener.is_at_limit());
            queue.has_all_sources = self.sources.is_whole();
            addresses.insert(arrival, address);
        }
        for ((arrival, source), requests) in self.sources.top(usize::MAX) {
            let address = addresses.get(&arrival);
            if let Some(queue) = address.and_then(|address| queues.get_mut(address)) {
                *queue.sources.entry(source).or_default() += requests;
            }
        }
        queues
    }
}

/// What the kernel does with a SYN for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beyond {
    Drops,
    SendsCookies,
}

/// The listeners at one address, several with SO_REUSEPORT, and the requests there.
#[derive(Debug, Default)]
struct RequestQueue {
    /// Of all of them together; `None` where one is unknown.
    limit: Option<u64>,
    /// What they dropped in the window; `None` where that is unknown.
    drops: Option<u64>,
    /// Whether an accept queue has reached its limit.
    is_full: bool,
    requests: u64,
    sources: HashMap<IpAddr, u64>,
    /// Whether these are all sources.
    has_all_sources: bool,
    /// The inodes of the listeners.
    inodes: Vec<u64>,
}

impl RequestQueue {
    fn finding(&self, address: &ListenAddress, beyond: Beyond, case: &Case<'_>) -> Option<Finding> {
        let limit = self.limit?;
        let requests = self.requests;
        let backlog = case.host.setting(MaxSynBacklog);
        // The last quarter is kept for peers that the kernel knows.
        let for_unknown = backlog.map_or(u64::MAX, |most| most - most / 4);
        let binds = beyond == Beyond::Drops && for_unknown < limit;
        let limit = if binds { for_unknown } else { limit };
        let is_over = requests > limit;
        let severity = if beyond == Beyond::Drops && is_over {
            Severity::Critical
        } else if is_over || requests >= FEW && requests as f64 >= limit as f64 * WARNING_SHARE {
            Severity::Warning
        } else {
            return None;
        };
        let number = counted(requests, "half-open request", "half-open requests");
        let room = thousands(limit);
        let title = match binds {
            true => format!(
                "{number} at {address}, and the limit for clients without an earlier connection is {room} (three quarters of {MaxSynBacklog})"
            ),
            false => format!("{number} at {address}, with room for {room}"),
        };
        let show = Command::count("--state syn-recv --by remote-addr --top 10");
        Some(
            Finding::new(severity, title, requests as f64, self.inodes.clone(), WHY)
                .with_subject(listener_subject(address))
                .with_limit(limit as f64)
                .with_evidence(self.evidence(beyond, backlog, case.host))
                .with_commands([show.of(format!("sport = {}", address.local.port()))])
                .with_remedy(self.remedy(beyond, binds, address))
                .with_causes(if self.is_full {
                    &["accept-queue"]
                } else {
                    &["unconfirmed"]
                }),
        )
    }

    fn evidence(&self, beyond: Beyond, backlog: Option<u64>, host: &Host) -> Vec<String> {
        let mut evidence = Vec::new();
        let largest = self.largest_source();
        if largest.is_some() {
            let least = if self.has_all_sources {
                ""
            } else {
                "at least "
            };
            let addresses = counted(self.sources.len() as u64, "address", "addresses");
            let most = most_of_them(largest, self.sources.len());
            evidence.push(format!("they came from {least}{addresses}{most}"));
        }
        if self.is_full {
            let full =
                "the accept queue there has reached its limit, and requests pile up behind it";
            evidence.push(full.to_owned());
        }
        let unknown_peers = backlog.map_or_else(String::new, |backlog| {
            let most = thousands(backlog - backlog / 4);
            format!(
                ", and SYNs of clients without an earlier connection beyond {most} (three quarters of {MaxSynBacklog})"
            )
        });
        evidence.push(match beyond {
            Beyond::SendsCookies => {
                format!("{Syncookies} is on: beyond the limit SYNs are answered with cookies")
            }
            Beyond::Drops => {
                format!("{Syncookies} is 0: beyond the limit SYNs are dropped{unknown_peers}")
            }
        });
        if let Some(dropped) = self.drops.filter(|_| beyond == Beyond::Drops) {
            let (dropped, window) = (thousands(dropped), host.window_text());
            evidence.push(format!("the listener dropped {dropped} in {window}"));
            evidence.push(host.growth_text(&[Counter::ListenDrops]));
        }
        evidence.extend(growth(host));
        evidence
    }

    /// The source of most requests, and how many.
    fn largest_source(&self) -> Option<(IpAddr, u64)> {
        let sources = self.sources.iter();
        let sources = sources.map(|(source, requests)| (*source, *requests));
        sources.max_by_key(|(source, requests)| (*requests, std::cmp::Reverse(*source)))
    }

    /// What to do; `binds` says that `tcp_max_syn_backlog` is the limit that applies.
    fn remedy(&self, beyond: Beyond, binds: bool, address: &ListenAddress) -> Vec<String> {
        let mut remedy = Vec::new();
        if self.is_full {
            remedy.push(format!(
                "Fix the accept queue of {address} first: no handshake completes while it is full."
            ));
        }
        remedy.push(match self.largest_source() {
            Some((source, most)) if most as f64 >= self.requests as f64 * ONE_SOURCE => format!(
                "If {source} is one of your clients, find out why the SYN-ACK does not reach it (routes, firewalls); if not, block it or limit its rate."
            ),
            Some(_) if is_flood(self.requests, self.sources.len()) => FLOOD.to_owned(),
            Some(_) | None => "If they are your clients, find out why SYN-ACKs do not reach them (routes, firewalls); if not, it may be a SYN flood: have it filtered upstream.".to_owned(),
        });
        if !binds {
            remedy.push(format!(
                "Give listen() a larger backlog, up to {Somaxconn}: the room for requests is the limit of the accept queue."
            ));
        }
        remedy.push(match (beyond, binds) {
            (Beyond::SendsCookies, _) => format!("Leave {Syncookies} on."),
            (Beyond::Drops, false) => format!("Set {Syncookies} to 1."),
            (Beyond::Drops, true) => format!(
                "Set {Syncookies} to 1, or raise {MaxSynBacklog}, which applies only while it is 0."
            ),
        });
        remedy
    }
}

/// The listener that it is about: the only one, or the only one that dropped connections in the window if
/// it had no room.
fn only_listener(host: &Host) -> Option<&Listener> {
    let overflows = host.growth(Counter::ListenOverflows).unwrap_or(0) > 0;
    let mut all = host.listeners.iter();
    let mut dropping = host.listeners.iter().filter(|one| one.drops != Some(0));
    let one = match (all.next(), all.next()) {
        (Some(one), None) => one,
        _ => dropping
            .next()
            .filter(|one| overflows || one.is_at_limit())?,
    };
    let is_only = dropping.next().is_none_or(|other| other == one);
    is_only.then_some(one)
}

fn growth(host: &Host) -> [String; 2] {
    [
        host.growth_text(&[Counter::ReqQFullDrop, Counter::ReqQFullDoCookies]),
        host.growth_text(&[Counter::SyncookiesSent, Counter::SyncookiesRecv]),
    ]
}
