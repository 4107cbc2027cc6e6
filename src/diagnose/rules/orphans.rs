//! Connections that are closed here and have not ended: FIN_WAIT2 that a process still holds, and
//! orphans, which no process holds, against `tcp_max_orphans`.
//!
//! FIN_WAIT2 without a process ends after `tcp_fin_timeout`; one that a process holds has no timer
//! (`__tcp_close`, net/ipv4/tcp.c, starts it). tcp(7): tcp_max_orphans, tcp_fin_timeout. The kernel
//! does not count it as an orphan but as TIME_WAIT, unless that timeout is longer than TIME_WAIT
//! (`tcp_rcv_state_process`, net/ipv4/tcp_input.c).

#[cfg(test)]
mod tests;

use crate::diagnose::lingering::{Change, Lingering, Previous};
use crate::diagnose::{Case, Examined, FirstPass, Host, Rule, Sampled, Suspects};
use crate::model::Setting::{FinTimeout, MaxOrphans, OrphanRetries};
use crate::model::{
    Command, Counter, Finding, InetEnds, Scope, Severity, Socket, State, StateSet, TimerKind,
    counted, thousands,
};

/// From this many on that stay through the window held ones are reported, as information unless their
/// number grows: to close one direction and wait for an answer is what shutdown(2) is for.
const REPORTED_FROM: u64 = 100;

/// From this share of the limit on it warns: an orphan whose peer is silent and unreachable counts
/// four times, and is reset from here on (`tcp_out_of_resources`, net/ipv4/tcp_timer.c).
const WARNING_SHARE: f64 = 0.25;

/// How long TIME_WAIT lasts, in seconds (`TCP_TIMEWAIT_LEN`, include/net/tcp.h).
const TIME_WAIT_SECONDS: u64 = 60;

/// The retransmissions of an orphan if the setting is 0 (`tcp_orphan_retries`, net/ipv4/tcp_timer.c).
const ORPHAN_RETRIES: u64 = 8;

/// So many orphans, or a tenth of them, come and go between the counter's reading and the sample's.
const DRIFT: u64 = 10;

/// How many services have findings of their own.
const REPORTED: usize = 5;

const WHY_HELD: &str = "This side has closed its direction; the peer has acknowledged that and not closed (RFC 9293, 3.6). While a process holds such a connection, it may wait for an answer, and is no orphan: the kernel runs no timer, so it stays until one side closes it.";

const REMEDY_HELD: [&str; 2] = [
    "Let the program close() after shutdown(SHUT_WR), once the peer has answered or a timeout of its own has expired.",
    "Set SO_KEEPALIVE on these sockets, so that at least those whose peers have vanished end.",
];

const WHY_ORPHANS: &str = "An orphan keeps buffers that no process is charged for. Beyond the limit the kernel resets connections instead of ending them in order, and data in flight is lost.";

/// FIN_WAIT2 that a process holds, before the window.
#[derive(Debug, Default)]
pub(super) struct Earlier(Previous);

impl FirstPass for Earlier {
    const STATES: StateSet = StateSet::NONE.with(State::FinWait2);

    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if socket.inode != 0 {
            self.0.add(socket, ends);
        }
    }
}

/// The connections that are closed here.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    held: Lingering,
    /// FIN_WAIT2 that no process holds.
    fin_wait2: u64,
    /// What the kernel counts as orphans: other states that no process holds, and FIN_WAIT2 that is not
    /// on its way to TIME_WAIT.
    counted: u64,
}

impl Rule for Orphans {
    const ID: &'static str = "orphans";

    const STATES: StateSet = StateSet::NONE
        .with(State::FinWait1)
        .with(State::FinWait2)
        .with(State::Closing)
        .with(State::LastAck);

    type Before = Earlier;

    const SUSPECTS: Option<Suspects<Self>> = None;

    fn begin(&mut self, before: Earlier, _: &Host) {
        self.held = Lingering::after(before.0);
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        let socket = sampled.socket;
        let is_fin_wait2 = socket.state == State::FinWait2;
        let kind = socket.timer.map(|timer| timer.kind);
        match (socket.inode, is_fin_wait2) {
            (0, _) => {
                self.fin_wait2 += u64::from(is_fin_wait2);
                self.counted += u64::from(kind != Some(TimerKind::TimeWait));
            }
            (_, true) => self.held.add(sampled),
            (_, false) => {}
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        let (mut findings, mut lacking) = (Vec::new(), Vec::new());
        if host.copied {
            lacking.push("a copied tree cannot show which connections stay".to_owned());
        } else {
            let stayed = self.held.changes(&host.listeners, REPORTED_FROM);
            let stayed = stayed.iter().take(REPORTED);
            findings.extend(stayed.map(|change| self.held_finding(change, host)));
            lacking.extend(host.mptcp());
        }
        let resets = host.growth(Counter::AbortOnMemory);
        let limit = host.settings.number(MaxOrphans);
        let orphans = host.after.get(Counter::Orphans);
        let unknown = [&limit, &orphans, &resets].map(|known| known.as_ref().err().cloned());
        lacking.extend(unknown.into_iter().flatten());
        let orphans = orphans.ok();
        lacking.extend(orphans.and_then(|orphans| self.elsewhere(orphans)));
        findings.extend(self.too_many(resets.unwrap_or(0), orphans, limit.ok(), host));
        Examined::found(findings).without(lacking)
    }
}

impl Orphans {
    /// A program that closes one direction and no more.
    fn held_finding(&self, change: &Change, host: &Host) -> Finding {
        let timeout = host.setting(FinTimeout);
        let timeout = timeout.map_or_else(String::new, |seconds| format!(" ({seconds} s)"));
        let others = counted(
            self.fin_wait2,
            "more in FIN_WAIT2 belongs to no process and ends",
            "more in FIN_WAIT2 belong to no process and end",
        );
        let mut evidence = vec![
            change.text(host),
            format!("{others} after {FinTimeout}{timeout}; these do not end"),
        ];
        evidence.extend(self.held.limit_note());
        let show = Command::list("--process --state fin-wait-2").of("inode gt 0");
        let title = format!(
            "{} are held in FIN_WAIT2 by their processes",
            change.connections()
        );
        let inodes = self.held.inodes(&change.groups);
        let sockets = change.counts.sockets as f64;
        let severity = match change.grows() {
            true => Severity::Warning,
            false => Severity::Info,
        };
        Finding::new(severity, title, sockets, inodes, WHY_HELD)
            .with_subject(change.subject())
            .with_evidence(evidence)
            .with_commands([change.select(show)])
            .with_remedy(REMEDY_HELD)
    }

    /// How many orphans of the host are not in this network namespace, where that is known for certain.
    fn elsewhere(&self, orphans: u64) -> Option<String> {
        let elsewhere = orphans.saturating_sub(self.counted);
        let orphans = counted(orphans, "orphan is", "orphans are");
        let is_certain = elsewhere > DRIFT.max(self.counted / 10);
        let elsewhere = thousands(elsewhere);
        is_certain.then(|| {
            format!("{elsewhere} of the host's {orphans} not in the network namespace examined")
        })
    }

    /// Orphans against their limit. The limit is the host's and not visible in a child namespace; the
    /// resets are those of this namespace.
    fn too_many(
        &self,
        resets: u64,
        orphans: Option<u64>,
        limit: Option<u64>,
        host: &Host,
    ) -> Option<Finding> {
        let severity = match resets {
            0 => Severity::of_share(orphans?, limit?.max(1), WARNING_SHARE, 1.0)?,
            _ => Severity::Critical,
        };
        let text = |number: Option<u64>| number.map_or_else(|| "unknown".to_owned(), thousands);
        let (all, most, here) = (text(orphans), text(limit), thousands(self.counted));
        let reset = counted(resets, "connection was", "connections were");
        let title = match resets {
            0 => format!("{all} orphans, of {most} that {MaxOrphans} allows"),
            _ => format!("{reset} reset for lack of memory, or because of too many orphans"),
        };
        let host_wide = format!("orphans of the whole host: {all}, their limit: {most}");
        let here = format!("orphans in the network namespace examined: {here}");
        let show = Command::count("--state fin-wait-1,closing,last-ack --by remote-addr --top 10");
        let value = orphans.unwrap_or(resets) as f64;
        Some(
            Finding::new(severity, title, value, Vec::new(), WHY_ORPHANS)
                .with_limit(limit.map(|limit| limit as f64))
                .with_evidence([host.growth_text(&[Counter::AbortOnMemory]), host_wide, here])
                .with_commands([show.of("not inode gt 0")])
                .with_scope(Scope::Host)
                .with_remedy(remedy(host))
                // Too many orphans do not follow from memory, but a reset may.
                .with_causes(match resets {
                    0 => &["vanished-peers"],
                    _ => &["memory", "vanished-peers"],
                }),
        )
    }
}

/// What to do about too many orphans.
fn remedy(host: &Host) -> Vec<String> {
    let fewer = match host.setting(OrphanRetries) {
        Some(retries @ 1..) => retries.to_string(),
        Some(0) | None => format!("{ORPHAN_RETRIES}, but not to 0, which means {ORPHAN_RETRIES}"),
    };
    let mut remedy = vec![
        "Let the program wait until its peer has all the data before it closes, and find out why peers vanish: each vanished peer leaves an orphan.".to_owned(),
        format!("Let the kernel give up orphans sooner: set {OrphanRetries} to less than {fewer}."),
    ];
    let timeout = host.setting(FinTimeout);
    if timeout.is_some_and(|seconds| seconds > TIME_WAIT_SECONDS) {
        remedy.push(format!(
            "Set {FinTimeout} to {TIME_WAIT_SECONDS} or less: then FIN_WAIT2 without a process is not an orphan."
        ));
    }
    remedy.push(format!(
        "Raise {MaxOrphans} if there is memory: an orphan can take 64 KiB."
    ));
    remedy
}
