//! Resets: connections that this host or its peers end by force, and segments that belong to none.
//!
//! All of it is in counters. `__tcp_close` (net/ipv4/tcp.c) resets a connection with unread data
//! (RFC 2525, 2.17; TCPAbortOnClose) and one whose program discards what is unsent (SO_LINGER of 0 s,
//! TCPAbortOnData, as data after close(), `tcp_rcv_state_process`). TcpEstabResets counts every open
//! connection that ends so, by either side.

#[cfg(test)]
mod tests;

use crate::diagnose::{Case, Examined, Growth, Host, Rule};
use crate::model::{
    Command, Counter, Finding, Scope, Severity, StateSet, Where, counted, thousands,
};

/// Fewer than this in the window are left to chance.
const LEAST: u64 = 10;

/// The part of the connections begun in the window from which it is reported: health checks and
/// impatient users reset some everywhere.
const SHARE: f64 = 0.1;

/// The counters that resets are derived from.
const COUNTERS: [Counter; 5] = [
    Counter::EstabResets,
    Counter::AbortOnClose,
    Counter::AbortOnData,
    Counter::AbortOnTimeout,
    Counter::OutRsts,
];

const WHY_UNREAD: &str = "close() with unread data sends a reset instead of the end of the data (RFC 2525, 2.17). The peer reports `connection reset by peer`, and may lose an answer that it has received and not read yet; a proxy then reports 502.";

const REMEDY_UNREAD: [&str; 2] = [
    "Let the program read the whole request before it closes, also where it answers early (413, 401): send the answer, shut down its own side, read to the end or for some seconds, then close (`lingering_close` of nginx).",
    "Find the program: it answers without reading, or closes connections that it has forgotten to read.",
];

const WHY_UNREAD_CLIENT: &str = "close() with unread data sends a reset instead of the end of the data (RFC 2525, 2.17). This host accepted no connection, so its programs did this as clients: they closed before they had read the whole answer, as health checks often do. The server reports `connection reset by peer`.";

const REMEDY_UNREAD_CLIENT: [&str; 2] = [
    "If these are health checks, nothing is wrong.",
    "Otherwise find the program that connects, and let it read the whole answer before it closes; it may time out, or accept fewer bytes than the server sends.",
];

const WHY_RECEIVED: &str = "A peer that resets an open connection discards what was under way; programs report `connection reset by peer`. Servers do so when they close with unread requests, when they crash, or when they have closed an idle connection that is used again.";

const REMEDY_RECEIVED: &str = "If connections of a pool are reset when they are used again, close them here before the server's idle time is over.";

const WHY_TIMEOUT: &str = "The kernel gives up a connection when the peer has acknowledged nothing for too long: data (`tcp_retries2`), keepalive probes, SYNs. Programs report ETIMEDOUT after minutes of waiting.";

const REMEDY_TIMEOUT: [&str; 2] = [
    "Check the path to the peers: a host that is down, a firewall or NAT that forgets idle connections.",
    "Let the programs notice sooner: a timeout of their own, TCP_USER_TIMEOUT, or SO_KEEPALIVE with a shorter period than the idle timeout of the devices on the path.",
];

const WHY_UNKNOWN: &str = "A segment that belongs to no connection is answered with a reset (RFC 9293, 3.10.7.1): a SYN to a port where nothing listens, or data for a connection that this host has closed or forgotten.";

const REMEDY_UNKNOWN: [&str; 3] = [
    "See which ports they are about: `tcpdump -nn 'tcp[tcpflags] & tcp-rst != 0'`.",
    "If a service should be running here, check that it listens, and on the address that its clients use.",
    "Otherwise it may be a port scan, a health check of a service that has moved, or peers that still use connections from before a restart.",
];

/// Needs no sockets.
#[derive(Debug, Default)]
pub(super) struct Resets;

impl Rule for Resets {
    const ID: &'static str = "resets";

    const SCOPE: Scope = Scope::Namespace;

    const STATES: StateSet = StateSet::NONE;

    type Before = ();

    fn examine(&self, case: &Case<'_>) -> Examined {
        match Counted::of(case.host) {
            Ok(counted) => Examined::found(counted.findings(case.host)),
            Err(reason) => Examined::lacking(reason),
        }
    }
}

/// How many open connections servers reset in this time, at least; 0 where it is unknown.
pub(super) fn by_servers(growth: &Growth<'_>) -> u64 {
    Counted::since(growth).map_or(0, |counted| counted.by_servers())
}

/// Whether peers reset connections, and it is unknown whether that goes on: a server that is restarted
/// resets those that it has once.
pub(super) fn goes_on_unknown(host: &Host) -> bool {
    let is_many = |counted: Counted| are_many(counted.by_servers(), counted.begun);
    Counted::of(host).is_ok_and(is_many)
}

/// How many resets were sent in the window that ended no connection of this host, at most.
///
/// # Errors
/// Why that is unknown.
pub(super) fn to_unknown(host: &Host) -> Result<u64, String> {
    Ok(Counted::of(host)?.unknown)
}

/// Shows which connections end now, how, and where to: they are gone before a listing shows them.
pub(super) fn closes(host: &Host) -> Command {
    match host.place {
        Where::Here | Where::Netns(_) => {
            Command::trace("--by remote-addr,remote-port,process --limit 200 --duration 5s")
        }
        // Other namespaces cannot be traced by their /proc, nor several at once, nor a record.
        Where::ProcRoot(_)
        | Where::Process { .. }
        | Where::NetnsTables { .. }
        | Where::Several(_)
        | Where::Recorded(_) => Command::count("--by service --top 10"),
    }
}

/// How to see the same, in a remedy.
pub(super) fn see_closes(host: &Host) -> &'static str {
    match closes(host).is_trace() {
        true => "the command below lists those that end now by peer and program (root only)",
        false => "`tcpdump -nn 'tcp[tcpflags] & tcp-rst != 0'` shows the resets",
    }
}

/// Whether this number is enough, and a large enough part of these.
fn are_many(number: u64, of: u64) -> bool {
    number >= LEAST && number as f64 >= of as f64 * SHARE
}

/// What was counted in the window, or until suspects were last seen.
#[derive(Clone, Copy, Debug)]
struct Counted {
    /// Connections that this host began, and that its listeners took.
    begun: u64,
    accepted: u64,
    /// Connections reset because they were closed with unread data, and given up.
    unread: u64,
    timed_out: u64,
    /// Connections that peers have reset, at least.
    received: u64,
    /// Resets in answer to segments that belong to no connection, at most.
    unknown: u64,
    /// Segments received.
    segments: u64,
}

impl Counted {
    fn of(host: &Host) -> Result<Counted, String> {
        Counted::since(&host.in_window())
    }

    fn since(growth: &Growth<'_>) -> Result<Counted, String> {
        let [resets, unread, discarded, timed_out, sent] =
            COUNTERS.map(|counter| growth.of(counter));
        let (unread, timed_out) = (unread?, timed_out?);
        let local = unread.saturating_add(discarded?).saturating_add(timed_out);
        Ok(Counted {
            begun: growth.of(Counter::ActiveOpens)?,
            accepted: growth.of(Counter::PassiveOpens)?,
            unread,
            timed_out,
            received: resets?.saturating_sub(local),
            unknown: sent?.saturating_sub(local),
            segments: growth.of(Counter::InSegs)?,
        })
    }

    /// Connections that servers have reset, at least: load balancers and clients reset connections that
    /// they have accepted answers on, so only what more clients cannot have done is counted.
    fn by_servers(&self) -> u64 {
        self.received.saturating_sub(self.accepted)
    }

    fn findings(&self, host: &Host) -> Vec<Finding> {
        let all = self.begun.saturating_add(self.accepted);
        // What a client leaves unread harms its server little.
        let is_server = are_many(self.unread, self.accepted) && self.accepted > 0;
        let severity = if is_server {
            Severity::Warning
        } else {
            Severity::Info
        };
        let unread = are_many(self.unread, all.min(self.accepted.max(self.begun)))
            .then(|| self.unread(severity, host));
        let timed_out = are_many(self.timed_out, all).then(|| self.timed_out(host));
        let received = are_many(self.by_servers(), self.begun).then(|| self.received(host));
        let unknown = are_many(self.unknown, self.segments).then(|| self.unknown(host));
        let findings = [unread, received, timed_out, unknown];
        findings.into_iter().flatten().collect()
    }

    fn unread(&self, severity: Severity, host: &Host) -> Finding {
        let (unread, window) = (thousands(self.unread), host.window_text());
        let title =
            format!("{unread} connections were closed with unread data and reset in {window}");
        let listeners: Vec<_> = host.listeners.iter().collect();
        let mut ports: Vec<u16> = listeners.iter().map(|one| one.local.port()).collect();
        ports.sort_unstable();
        ports.dedup();
        // With a single service it is known who accepts the connections.
        let inodes = match ports.len() {
            1 if severity == Severity::Warning => listeners.iter().map(|one| one.inode).collect(),
            _ => Vec::new(),
        };
        let show = match ports.len() {
            _ if self.accepted == 0 => Command::count("--by service --top 10"),
            0 => closes(host),
            _ => Command::list("--listening --process"),
        };
        let (why, remedy) = match self.accepted {
            0 => (WHY_UNREAD_CLIENT, REMEDY_UNREAD_CLIENT),
            _ => (WHY_UNREAD, REMEDY_UNREAD),
        };
        Finding::new(severity, title, self.unread as f64, inodes, why)
            .with_evidence(self.evidence(host))
            .with_commands([show])
            .with_remedy(remedy)
    }

    fn received(&self, host: &Host) -> Finding {
        let (received, window) = (thousands(self.received), host.window_text());
        let title = format!("peers reset {received} open connections in {window}");
        let value = self.received as f64;
        let find = format!(
            "Find the server: {}; run `tcpstates doctor` there.",
            see_closes(host)
        );
        // Those after the window, where that is known.
        let later = host.while_watched().and_then(|growth| {
            let all = Counted::since(&growth).ok()?;
            let after = growth.time.saturating_sub(host.window).as_secs_f64();
            Some((all.by_servers().saturating_sub(self.by_servers()), after))
        });
        let severity = match later {
            Some((more, _)) if more < LEAST => Severity::Info,
            Some(_) | None => Severity::Warning,
        };
        let more = later
            .map(|(more, after)| format!("{} more in the {after:.1} s after it", thousands(more)));
        Finding::new(severity, title, value, Vec::new(), WHY_RECEIVED)
            .with_evidence(self.evidence(host))
            .with_evidence(more)
            .with_commands([closes(host)])
            .with_remedy([find, REMEDY_RECEIVED.to_owned()])
    }

    fn timed_out(&self, host: &Host) -> Finding {
        let (timed_out, window) = (thousands(self.timed_out), host.window_text());
        let title = format!(
            "the kernel gave up {timed_out} connections in {window}, because their peers did not answer"
        );
        let value = self.timed_out as f64;
        Finding::new(Severity::Warning, title, value, Vec::new(), WHY_TIMEOUT)
            .with_evidence(self.evidence(host))
            .with_commands([closes(host)])
            .with_remedy(REMEDY_TIMEOUT)
            .with_causes(&["no-answer", "vanished-peers", "keepalive"])
    }

    fn unknown(&self, host: &Host) -> Finding {
        let (unknown, window) = (thousands(self.unknown), host.window_text());
        let title = format!(
            "{unknown} resets were sent in {window} to segments that belong to no connection"
        );
        let value = self.unknown as f64;
        let segments = format!("{} segments were received", thousands(self.segments));
        // To others they end no connection of this host that a trace could show.
        let are_own = host.growth(Counter::AttemptFails).unwrap_or(0) >= LEAST;
        let show = match host.listeners.iter().next() {
            Some(_) => Some(Command::list("--listening --process")),
            None => are_own.then(|| closes(host)),
        };
        Finding::new(Severity::Info, title, value, Vec::new(), WHY_UNKNOWN)
            .with_evidence(self.evidence(host))
            .with_evidence([segments])
            .with_commands(Vec::from_iter(show))
            .with_remedy(REMEDY_UNKNOWN)
            .with_causes(&["refused"])
    }

    fn evidence(&self, host: &Host) -> [String; 2] {
        let begun = counted(self.begun, "connection was", "connections were");
        let accepted = thousands(self.accepted);
        [
            host.growth_text(&COUNTERS),
            format!("in the same time {begun} begun and {accepted} accepted"),
        ]
    }
}
