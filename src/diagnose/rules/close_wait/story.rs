//! Why connections of one service stay in CLOSE_WAIT, from some of them that were watched.

use std::time::Duration;

use super::WARNING;
use super::unfinished::{self, is_unfinished, was_read_on};
use crate::diagnose::Host;
use crate::diagnose::lingering::{Change, GROWTH};
use crate::diagnose::subject::seconds;
use crate::diagnose::watch::Watched;
use crate::model::{InetEnds, Kind, Metric, Service, counted, thousands};

/// What was sent this much before the first sample may have been sent after it: the kernel counts in
/// ticks of up to 10 ms.
const TICKS: u64 = 20;

/// With this part of the connections ending while they were watched, handlers are slow; a leak has
/// none, or few compared with those that it forgets.
const TURNOVER: f64 = 0.05;

/// If this part of those that stayed through the window is left at the end, and its end unread, the
/// handlers take longer than the watch.
const A_PART: f64 = 0.1;

/// An end of a connection that a program leaves unread for longer is not read in time, in milliseconds.
const LATE: u64 = 1_000;

/// If this part of the connections was used while they were watched, the others may be streams with
/// pauses.
const STREAMS: f64 = 0.1;

/// Connections of slow handlers are hardly older than this many times what they take on average.
const AGES: f64 = 1.5;

/// A server that ends an idle connection waits this long, in milliseconds; one that has answered and
/// closes does so at once.
const IDLE: u64 = 1_000;

/// Younger connections whose end is read may be those of peers that wait for more, in milliseconds: a NAT
/// may forget one of which a direction is closed when nothing was sent for 4 minutes (RFC 5382, REQ-5).
const PATIENCE: u64 = 240_000;

/// The same of MPTCP, whose connections leave every table a minute after the peer has closed both
/// directions, while the program still holds the descriptor (`mptcp_close_timeout`, net/mptcp/protocol.c):
/// none would reach an age of one minute.
const PATIENCE_OF_MPTCP: u64 = 10_000;

/// What is sent so long after the last data came is not the answer to it, but one of a stream to a peer
/// that has closed its direction, in milliseconds: a proxy waits 60 s for an answer by default
/// (`proxy_read_timeout` of nginx), and so long a peer that has closed both directions acknowledges what
/// is sent (`tcp_fin_timeout`, ip-sysctl.rst).
const ANSWERED: u64 = 60_000;

/// If this many that have been answered are added and none ends, the program forgets to close them.
const SLOW_GROWTH: u64 = 2;

/// A request that waits longer than this for its answer is taken to be forgotten, in milliseconds, and a
/// stream that pauses for longer: by then most NATs, firewalls and load balancers have forgotten a
/// connection on which nothing is sent.
const LONGEST_WAIT: u64 = 3_600_000;

const WHY_LEAK: &str = "The peer has closed its direction, and only the local program can end the connection (RFC 9293, 3.3.2): until then it keeps its descriptor and its memory, and no timer frees them.";

const REMEDY_LEAK: [&str; 2] = [
    "Let the program close a connection when it reads the end (read() returns 0) or an error, on every path; look for responses and pooled connections that are dropped without being closed.",
    "Until that is fixed, restart the program before it runs out of descriptors; not if its peers still wait for an answer after shutdown(2) of their direction, which looks the same. No kernel setting ends CLOSE_WAIT.",
];

const WHY_SLOW: &str = "Nothing leaks: the program closes each connection when its handler is done. But the clients have closed before, so that the work is wasted, and delays other requests.";

const REMEDY_SLOW: [&str; 3] = [
    "Find out what the handlers wait for (a database, an upstream, a lock, a full pool of workers), and make that faster or give it a timeout below that of the clients.",
    "Let handlers stop when their client has closed, and limit how many requests wait.",
    "Compare with the timeout of the clients or of the load balancer in front: it is shorter than the handlers take.",
];

const WHY_POOL: &str = "The server has closed connections that were idle in a pool, and the program has not noticed: the next request on each fails or is repeated, and until then each keeps its descriptor.";

const REMEDY_POOL: [&str; 2] = [
    "Set the idle time of the connection pool below the keep-alive timeout of the server, so that the client closes first.",
    "Let the pool test a connection before it is used, or close those whose end can be read.",
];

const WHY_UNANSWERED: &str = "The program has read the end, and the peers may wait for an answer: shutdown(2) closes one direction only (RFC 9293, 3.6). This host cannot see whether the peer has closed both: a program that forgets to close looks the same, for four minutes if it has answered and their number does not grow, and for an hour if it has not.";

const WHY_UNANSWERED_MPTCP: &str = "The peers may wait for an answer: shutdown(2) closes one direction only (RFC 8684, 3.3.3). This host cannot see whether the peer has closed both, nor whether the program has read the end: if nothing is sent for 10 s, the program is taken to forget to close.";

const REMEDY_UNANSWERED: [&str; 2] = [
    "Nothing to repair if answers take this long: look again later, and compare the number.",
    "If it grows, or if no peer of this service closes one direction first, the program forgets to close them.",
];

/// Why they stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Story {
    /// The program forgets to close.
    Leak,
    /// The peers have closed, not long ago, and the program has read that: it may still answer.
    Unanswered,
    /// The peers have closed, not long ago, and the program has read a part of what came before: it may read
    /// on.
    Unfinished,
    /// They end, but long after their clients have closed.
    SlowHandlers,
    /// The server has closed idle connections of a pool.
    StalePool,
}

impl Story {
    /// The title, and why it matters.
    pub(super) fn text(self, change: &Change) -> (String, &'static str) {
        let connections = change.connections();
        match self {
            Story::Leak => (format!("{connections} stay in CLOSE_WAIT"), WHY_LEAK),
            Story::Unanswered => (
                format!(
                    "{connections} in CLOSE_WAIT: closed by the peer, and may still be answered"
                ),
                match change.kind() == Kind::Mptcp {
                    true => WHY_UNANSWERED_MPTCP,
                    false => WHY_UNANSWERED,
                },
            ),
            Story::Unfinished => (
                format!("{connections} in CLOSE_WAIT: closed by the peer, and may still be read"),
                unfinished::WHY,
            ),
            Story::SlowHandlers => (
                format!(
                    "{connections} in CLOSE_WAIT: their handlers take longer than the clients wait"
                ),
                WHY_SLOW,
            ),
            Story::StalePool => (
                format!(
                    "{connections} in CLOSE_WAIT: the server has closed them while they were idle"
                ),
                WHY_POOL,
            ),
        }
    }

    pub(super) fn remedy(self) -> &'static [&'static str] {
        match self {
            Story::Leak => &REMEDY_LEAK,
            Story::Unanswered => &REMEDY_UNANSWERED,
            Story::Unfinished => &unfinished::REMEDY,
            Story::SlowHandlers => &REMEDY_SLOW,
            Story::StalePool => &REMEDY_POOL,
        }
    }
}

/// Some connections of a service that stayed through the window, as they were watched.
#[derive(Debug)]
pub(super) struct Members<'a> {
    /// How many stayed through the window; these are some of them.
    stayed: u64,
    watched: usize,
    ended: usize,
    /// How many were used in one direction while they were watched; and how many of these were read, with
    /// data left.
    used: usize,
    read: usize,
    /// How many of the others had an end that the program had not read in time when they were last seen.
    late: usize,
    /// How many had an end that was not read when they were last seen.
    unread: usize,
    /// Of how many of these a part was read, with data left.
    unfinished: usize,
    is_served: bool,
    /// Those that are still there and were not used.
    idle: Vec<&'a Watched>,
}

/// Whether something was sent since before the window, and so to a peer that closed one direction only.
/// Or whether it was read, with data left.
pub(super) fn is_used(watched: &Watched) -> bool {
    let ago = watched.last(Metric::LastDataSent);
    let sent = ago.is_some_and(|ms| Duration::from_millis(ms + TICKS) < watched.last_seen);
    sent || watched.growth(Metric::BytesAcked) > Some(0) || was_read_on(watched)
}

/// Whether something was sent long after the last data came, and acknowledged by a peer that has sent
/// nothing else since: its FIN came before.
fn is_stream(watched: &Watched) -> bool {
    let ago = |metric| watched.last(metric);
    let since = |later: Option<u64>, earlier: Option<u64>| earlier?.checked_sub(later?);
    let sent = ago(Metric::LastDataSent);
    let after_the_last_data = since(sent, ago(Metric::LastDataReceived));
    let until_acknowledged = since(ago(Metric::LastAckReceived), sent);
    after_the_last_data >= Some(ANSWERED) && until_acknowledged.is_some_and(|ms| ms < IDLE)
}

impl<'a> Members<'a> {
    /// Those of these that were watched.
    pub(super) fn of(some: &[InetEnds], change: &Change, host: &'a Host) -> Members<'a> {
        let seen: Vec<&Watched> = some
            .iter()
            .filter_map(|ends| host.watch.of_kind(change.kind(), ends))
            .collect();
        let (used, unused): (Vec<&Watched>, Vec<&Watched>) =
            seen.iter().partition(|one| is_used(one));
        let is_unread = |one: &&&Watched| one.last.receive_queue > 0;
        let is_late = |one: &&&Watched| one.last(Metric::LastAckReceived) >= Some(LATE);
        let unread = unused.iter().filter(is_unread);
        Members {
            stayed: change.counts.stayed,
            watched: seen.len(),
            ended: seen.iter().filter(|one| one.has_ended).count(),
            read: used.iter().filter(|one| was_read_on(one)).count(),
            used: used.len(),
            late: unread.clone().filter(is_late).count(),
            unfinished: unread.clone().filter(|one| is_unfinished(one)).count(),
            unread: unread.count(),
            is_served: matches!(change.service(), Some(Service::Served(_))),
            idle: unused.into_iter().filter(|one| !one.has_ended).collect(),
        }
    }

    /// Whether [`WARNING`] of those that stayed through the window still do and are not used, as far as the
    /// watched ones show; or, if their end is unread, a part of them; or if as many clients of a server
    /// wait for that, though others follow where these end.
    pub(super) fn are_many(&self) -> bool {
        let staying = self.part(self.idle.len()).unwrap_or(self.stayed);
        let a_part = staying as f64 >= self.stayed as f64 * A_PART;
        let late = self.part(self.late).unwrap_or(0);
        staying >= WARNING || (self.are_unread() && (a_part || (self.is_served && late >= WARNING)))
    }

    /// Whether the program has not read the end of most of those that are not used, and does not read others
    /// in batches.
    fn are_unread(&self) -> bool {
        match self.read {
            0 => self.unread * 2 > self.watched - self.used,
            _ => self.are_forgotten(),
        }
    }

    /// Whether the program has left the end of most of those that are not used, and is not about to read what
    /// is before it.
    fn are_forgotten(&self) -> bool {
        (self.unread - self.unfinished) * 2 > self.watched - self.used
    }

    /// Whether most of those that are not used may be read on.
    fn are_unfinished(&self) -> bool {
        self.unfinished * 2 > self.watched - self.used
    }

    /// Whether they are streams to peers that have closed their own direction, with pauses: some were
    /// used while they were watched, or most long after the last data came, and most not long before.
    fn are_streams(&self) -> bool {
        let sent = self.median(|one| one.last(Metric::LastDataSent));
        let is_part = self.used > 0 && self.used as f64 >= self.watched as f64 * STREAMS;
        let are_most = self.idle.iter().filter(|one| is_stream(one)).count() * 2 > self.idle.len();
        (is_part || are_most) && sent.is_some_and(|ms| ms < PATIENCE)
    }

    /// What this many of those that were watched are of all.
    fn part(&self, some: usize) -> Option<u64> {
        let watched = self.watched as u64;
        (some as u64 * self.stayed).checked_div(watched)
    }

    /// The story; `None` where connections are used in one direction: the program has read the end, and
    /// closes after its answer.
    pub(super) fn story(&self, change: &Change, host: &Host) -> Option<Story> {
        let ended = self.part(self.ended).unwrap_or(0) + change.counts.ended;
        let before = self.stayed + change.counts.ended;
        let turnover = ended as f64 / before.max(1) as f64;
        if turnover >= TURNOVER && self.are_young(turnover, host) {
            return self.are_unread().then_some(Story::SlowHandlers);
        }
        let is_used = matches!(change.service(), Some(Service::Used(_)));
        let was_idle = self.median(|one| {
            let sent = one.last(Metric::LastDataSent)?;
            sent.checked_sub(one.last(Metric::LastAckReceived)?)
        });
        match is_used && was_idle >= Some(IDLE) && !self.are_unfinished() {
            true => Some(Story::StalePool),
            false if self.may_go_on(change) => match self.are_unfinished() {
                _ if self.are_streams() => None,
                true => Some(Story::Unfinished),
                false => Some(Story::Unanswered),
            },
            false => Some(Story::Leak),
        }
    }

    /// Whether the program has read the end of most, or may read on, their number does not grow, and fewer than
    /// [`WARNING`] have been silent for longer than peers wait.
    fn may_go_on(&self, change: &Change) -> bool {
        let is_mptcp = change.kind() == Kind::Mptcp;
        let is_forgotten = |one: &&&Watched| {
            let patience = match is_mptcp {
                true => PATIENCE_OF_MPTCP,
                // Where others are used, peers close one direction only.
                false if self.used > 0 || is_stream(one) || self.is_pending(one) => LONGEST_WAIT,
                false => PATIENCE,
            };
            one.last(Metric::LastAckReceived)
                .is_none_or(|age| age >= patience)
        };
        let forgotten = self.idle.iter().filter(is_forgotten).count();
        let are_few = self.part(forgotten).is_some_and(|number| number < WARNING);
        are_few && change.is_whole && self.growth(change).is_none() && !self.are_forgotten()
    }

    /// By how much their number grows, if it does: by as many as the rule asks for, or by fewer if most
    /// have been answered and none is used.
    pub(super) fn growth(&self, change: &Change) -> Option<u64> {
        let are_answered = self.watched > 0
            && self.used == 0
            && !self.are_unfinished()
            && self.pending() * 2 <= self.idle.len()
            && !self.idle.iter().any(|one| is_stream(one));
        let least = if are_answered { SLOW_GROWTH } else { GROWTH };
        change.growth().filter(|growth| *growth >= least)
    }

    /// How many have sent nothing since the last data came, and so have not answered it.
    fn pending(&self) -> usize {
        self.idle.iter().filter(|one| self.is_pending(one)).count()
    }

    fn is_pending(&self, one: &Watched) -> bool {
        let of = |metric| one.last(metric);
        // The FIN that came counts as a byte, and the SYN that was sent, but not the SYN-ACK.
        let syn = u64::from(!self.is_served);
        let asked = of(Metric::BytesReceived) > Some(1);
        let never_sent = of(Metric::BytesAcked).is_some_and(|bytes| bytes <= syn);
        let sent_before = of(Metric::LastDataSent) > of(Metric::LastDataReceived);
        self.is_served && asked && (never_sent || sent_before)
    }

    /// How long ago most of the peers closed, in milliseconds: the FIN was the last that came from them.
    fn age(&self) -> Option<u64> {
        self.median(|one| one.last(Metric::LastAckReceived))
    }

    /// Whether those that are left are as old as slow handlers make them; true if that is unknown.
    fn are_young(&self, turnover: f64, host: &Host) -> bool {
        let takes = host.watch.over.as_millis() as f64 / turnover;
        self.age().is_none_or(|ms| ms as f64 <= takes * AGES)
    }

    fn median(&self, of: impl Fn(&Watched) -> Option<u64>) -> Option<u64> {
        let mut values: Vec<u64> = self.idle.iter().filter_map(|one| of(one)).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied()
    }

    /// What was seen of those that were watched.
    pub(super) fn evidence(&self, host: &Host) -> Vec<String> {
        let mut evidence = Vec::new();
        let over = host.watch.text();
        let [ended, idle] = [self.ended, self.idle.len()].map(thousands);
        let watched = counted(self.watched as u64, "connection", "connections");
        evidence.extend((self.watched > 0).then(|| match host.watch.time().is_zero() {
            true => format!("{watched} measured at the end of the window"),
            false => format!(
                "of {watched} that were watched for {over}, {ended} ended and {idle} stayed unused"
            ),
        }));
        evidence.extend((self.unfinished > 0).then(|| {
            let some = thousands(self.unfinished);
            format!("of {some} of these the program has read a part")
        }));
        let sent = |one: &&Watched| one.last(Metric::LastDataSent);
        let received = |one: &&Watched| one.last(Metric::LastDataReceived);
        let sent = self.idle.iter().copied().filter_map(|one| sent(&one));
        let received = self.idle.iter().copied().filter_map(|one| received(&one));
        let unanswered = self.pending() as u64;
        evidence.extend((unanswered > 0 && !self.are_unread()).then(|| {
            let connections = counted(unanswered, "of these has", "of these have");
            format!("{connections} sent nothing since the last data came from the peer")
        }));
        evidence.extend(sent.chain(received).min().map(|least| {
            let silent = seconds(least);
            format!("each of these has been silent for {silent} s or longer")
        }));
        evidence
    }
}
