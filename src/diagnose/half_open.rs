//! Half-open requests (SYN_RECV) against what their listener has room for.
//!
//! The queue of requests is as long as the accept queue may be (`inet_csk_reqsk_queue_is_full`,
//! include/net/inet_connection_sock.h). Beyond it a SYN is answered by a cookie or dropped
//! (`tcp_syn_flood_action`, net/ipv4/tcp_input.c). `tcp_max_syn_backlog` binds only where cookies
//! are off: then SYNs of strangers are dropped from three quarters of it on (`tcp_conn_request`).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::facts::Facts;
use super::most::Most;
use super::rule::Examined;
use crate::model::{
    Counter, Field, Finding, InetEnds, Label, Netns, Setting, Severity, Socket, counted, thousands,
};

/// The rule's name.
pub(super) const ID: &str = "half-open";

/// From this part of the limit on it warns.
const WARNING_SHARE: f64 = 0.8;

/// Fewer than this do not warn before they are beyond the limit: two of two is a quiet service with a
/// short queue.
const FEW: u64 = 10;

/// From this part of the requests on, one source is the only one worth naming.
const ONE_SOURCE: f64 = 0.9;

/// How many listeners are told of.
const TOLD: usize = 5;

const WHY: &str = "Each half-open request waits for the last step of a handshake (RFC 9293, 3.5). When there is no room for more, SYNs are answered by cookies, which may lose TCP options (RFC 4987, 3.6), or not at all.";

/// So many pairs of a local address and a source are told apart; some 2 MiB.
const MOST_SOURCES: usize = 20_000;

/// Half-open requests, by where they came in and from where.
#[derive(Debug)]
pub(super) struct HalfOpen {
    requests: Most<Arrival>,
    sources: Most<(Arrival, IpAddr)>,
}

/// Where requests arrive: the local end in its network namespace, without the remote one.
type Arrival = (Netns, InetEnds);

impl Default for HalfOpen {
    fn default() -> Self {
        HalfOpen {
            requests: Most::default(),
            sources: Most::with_room(MOST_SOURCES),
        }
    }
}

impl HalfOpen {
    /// Takes a socket in SYN_RECV.
    pub(super) fn add(&mut self, socket: &Socket) {
        let Some(ends) = socket.internet() else {
            return;
        };
        let source = ends.remote.ip().to_canonical();
        let arrived = (socket.netns, InetEnds::listening(ends.family, ends.local));
        self.requests.add(arrived);
        self.sources.add((arrived, source));
    }
}

/// The listeners at one address, which share a port with SO_REUSEPORT if they are several, and the
/// requests there.
#[derive(Debug, Default)]
struct Pool {
    /// Of all of them together; `None` where one is not known.
    limit: Option<u64>,
    /// Whether an accept queue has reached its limit.
    is_full: bool,
    requests: u64,
    sources: HashMap<IpAddr, u64>,
    /// Whether these are all sources.
    are_all_sources: bool,
}

/// What the kernel does with a SYN for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beyond {
    Drops,
    SendsCookies,
}

/// Compares the requests with the room for them.
pub(super) fn examine(seen: &HalfOpen, facts: &Facts) -> Examined {
    let cookies = match facts.settings.number(Setting::Syncookies) {
        Ok(0) => Beyond::Drops,
        Ok(_) => Beyond::SendsCookies,
        Err(reason) => return Examined::lacking(reason),
    };
    let mut pools: Vec<(SocketAddr, Pool)> = pools(seen, facts).into_iter().collect();
    pools.sort_by_key(|(local, pool)| (std::cmp::Reverse(pool.requests), *local));
    let mut findings: Vec<Finding> = pools
        .iter()
        .filter_map(|(local, pool)| judge(*local, pool, cookies, facts))
        .collect();
    let found = findings.len();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings.truncate(TOLD);
    let worst = findings.iter().map(|finding| finding.severity).max();
    findings.extend(somewhere(facts).filter(|found| Some(found.severity) > worst));
    let lacking = if pools.iter().any(|(_, pool)| pool.limit.is_none()) {
        Some("/proc does not tell how many requests a listener has room for".to_owned())
    } else {
        (found > TOLD).then(|| format!("the worst {TOLD} of {found} listeners are told"))
    };
    Examined { findings, lacking }
}

fn pools(seen: &HalfOpen, facts: &Facts) -> HashMap<SocketAddr, Pool> {
    let mut pools: HashMap<SocketAddr, Pool> = HashMap::new();
    let mut addresses = HashMap::new();
    for (arrived, requests) in seen.requests.top(usize::MAX) {
        let takers = facts.listeners.takers(arrived.0, &arrived.1);
        // Where nobody listens at the address any more, there is nothing to compare with.
        let Some(address) = takers.first().map(|listener| listener.local) else {
            continue;
        };
        let pool = pools.entry(address).or_default();
        pool.requests += requests;
        pool.limit = takers.iter().map(|one| one.limit.map(u64::from)).sum();
        pool.is_full = takers.iter().any(|listener| listener.is_at_limit());
        pool.are_all_sources = seen.sources.is_whole();
        addresses.insert(arrived, address);
    }
    for ((arrived, source), requests) in seen.sources.top(usize::MAX) {
        let address = addresses.get(&arrived);
        if let Some(pool) = address.and_then(|address| pools.get_mut(address)) {
            *pool.sources.entry(source).or_default() += requests;
        }
    }
    pools
}

fn judge(local: SocketAddr, pool: &Pool, beyond: Beyond, facts: &Facts) -> Option<Finding> {
    let limit = pool.limit?;
    let requests = pool.requests;
    let backlog = facts.settings.number(Setting::MaxSynBacklog).ok();
    // The last quarter is kept for peers that the kernel knows.
    let strangers = backlog.map_or(u64::MAX, |most| most - most / 4);
    let is_over_backlog = beyond == Beyond::Drops && requests > strangers;
    let is_over = requests > limit || is_over_backlog;
    let severity = if beyond == Beyond::Drops && is_over {
        Severity::Critical
    } else if is_over || requests >= FEW && requests as f64 >= limit as f64 * WARNING_SHARE {
        Severity::Warning
    } else {
        return None;
    };
    let port = local.port();
    Some(Finding {
        id: ID,
        severity,
        title: format!(
            "{} at {local}, with room for {}",
            counted(requests, "half-open request", "half-open requests"),
            thousands(limit)
        ),
        subject: vec![
            (Field::LocalAddr, Label::Text(local.ip().to_string())),
            (Field::LocalPort, Label::Number(port.into())),
        ],
        value: Some(requests as f64),
        limit: Some(limit as f64),
        evidence: evidence(pool, beyond, backlog, facts),
        processes: Vec::new(),
        commands: vec![format!(
            "tcpstates --state syn-recv --by remote-addr --top 10 'sport = :{port}'"
        )],
        why: WHY,
        remedy: remedy(pool, beyond, is_over_backlog, local),
        causes: if pool.is_full { &["accept-queue"] } else { &[] },
    })
}

fn evidence(pool: &Pool, beyond: Beyond, backlog: Option<u64>, facts: &Facts) -> Vec<String> {
    let mut evidence = Vec::new();
    if let Some((source, most)) = most(pool) {
        evidence.push(format!(
            "they came from {}{}, {} of them from {source}",
            if pool.are_all_sources {
                ""
            } else {
                "at least "
            },
            counted(pool.sources.len() as u64, "address", "addresses"),
            thousands(most)
        ));
    }
    if pool.is_full {
        evidence.push(
            "the accept queue there has reached its limit, and requests pile up behind it"
                .to_owned(),
        );
    }
    evidence.push(match (beyond, backlog) {
        (Beyond::SendsCookies, _) => format!(
            "{} is on, so beyond that SYNs are answered by cookies",
            Setting::Syncookies.name()
        ),
        (Beyond::Drops, Some(backlog)) => format!(
            "{} is 0, so beyond that SYNs are dropped, and those of strangers beyond {}, three quarters of {}",
            Setting::Syncookies.name(),
            thousands(backlog - backlog / 4),
            Setting::MaxSynBacklog.name()
        ),
        (Beyond::Drops, None) => {
            format!("{} is 0, so beyond that SYNs are dropped", Setting::Syncookies.name())
        }
    });
    evidence.push(facts.told(&[Counter::ReqQFullDrop, Counter::ReqQFullDoCookies]));
    evidence.push(facts.told(&[Counter::SyncookiesSent, Counter::SyncookiesRecv]));
    evidence
}

/// The source of most requests, and how many.
fn most(pool: &Pool) -> Option<(IpAddr, u64)> {
    let sources = pool
        .sources
        .iter()
        .map(|(source, requests)| (*source, *requests));
    sources.max_by_key(|(source, requests)| (*requests, std::cmp::Reverse(*source)))
}

/// What to do; `is_over_backlog` says that `tcp_max_syn_backlog` is what binds.
fn remedy(pool: &Pool, beyond: Beyond, is_over_backlog: bool, local: SocketAddr) -> Vec<String> {
    let mut remedy = Vec::new();
    if pool.is_full {
        remedy.push(format!(
            "See to the accept queue of {local} first: a handshake cannot end while it is full."
        ));
    }
    remedy.push(match most(pool) {
        Some((source, most)) if most as f64 >= pool.requests as f64 * ONE_SOURCE => format!(
            "If {source} is a client of yours, find out why the SYN-ACK does not reach it (routes, firewalls); if not, block it or limit its rate."
        ),
        Some(_) | None => "If they are clients of yours, find out why SYN-ACKs do not reach them (routes, firewalls); if not, it may be a SYN flood: have it filtered before it comes here.".to_owned(),
    });
    remedy.push(format!(
        "Give listen() a larger backlog, up to {}: the room for requests is the limit of the accept queue.",
        Setting::Somaxconn.name()
    ));
    let cookies = Setting::Syncookies.name();
    remedy.push(match (beyond, is_over_backlog) {
        (Beyond::SendsCookies, _) => format!("Leave {cookies} on."),
        (Beyond::Drops, false) => format!("Set {cookies} to 1."),
        (Beyond::Drops, true) => format!(
            "Set {cookies} to 1, or raise {}, which binds only while it is 0.",
            Setting::MaxSynBacklog.name()
        ),
    });
    remedy
}

/// SYNs found no room in the window, but no listener shows it.
fn somewhere(facts: &Facts) -> Option<Finding> {
    let dropped = facts.grown(Counter::ReqQFullDrop).unwrap_or(0);
    let answered = match facts.settings.number(Setting::Syncookies) {
        // Always, whether or not there is room.
        Ok(2) => 0,
        _ => facts.grown(Counter::ReqQFullDoCookies).unwrap_or(0),
    };
    let severity = match (dropped, answered) {
        (0, 0) => return None,
        (0, _) => Severity::Warning,
        _ => Severity::Critical,
    };
    Some(Finding {
        id: ID,
        severity,
        title: format!(
            "{} found no room for another half-open request in {}",
            counted(dropped + answered, "SYN", "SYNs"),
            facts.shown_window()
        ),
        subject: Vec::new(),
        value: Some((dropped + answered) as f64),
        limit: None,
        evidence: vec![
            facts.told(&[Counter::ReqQFullDrop, Counter::ReqQFullDoCookies]),
            facts.told(&[Counter::SyncookiesSent, Counter::SyncookiesRecv]),
        ],
        processes: Vec::new(),
        commands: vec![
            "tcpstates --state syn-recv --by local-port,remote-addr --top 10".to_owned(),
        ],
        why: WHY,
        remedy: vec![
            "If it happens again, see which listener it is, and whether its accept queue is full."
                .to_owned(),
            match facts.settings.number(Setting::Syncookies) {
                Ok(0) => format!("Set {} to 1.", Setting::Syncookies.name()),
                Ok(_) | Err(_) => format!("Leave {} on.", Setting::Syncookies.name()),
            },
        ],
        causes: &["accept-queue"],
    })
}

#[cfg(test)]
mod tests;
