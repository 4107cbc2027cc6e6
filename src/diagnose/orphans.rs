//! Connections that are closed here and not over: FIN_WAIT2 that a process still holds, and orphans,
//! which no process holds, against `tcp_max_orphans`.
//!
//! FIN_WAIT2 without a process ends after `tcp_fin_timeout`; one that a process holds has no timer
//! (`__tcp_close`, net/ipv4/tcp.c, starts it). tcp(7): tcp_max_orphans, tcp_fin_timeout. It is no
//! orphan by the kernel's count, but waits in a place for TIME_WAIT, unless that timeout is longer
//! than TIME_WAIT is (`tcp_rcv_state_process`, net/ipv4/tcp_input.c).

#[cfg(test)]
mod tests;

use super::close_wait::subject;
use super::facts::Facts;
use super::lingering::{After, Before, Group, Movement, filter, movements, shown};
use super::rule::Examined;
use crate::model::{
    Counter, Culprit, Finding, Holders, Service, Setting, Severity, Socket, counted, thousands,
};

/// The rule's name.
pub(super) const ID: &str = "orphans";

/// From so many on that stay through the window it warns: to close one direction and wait for the rest
/// of an answer is what shutdown(2) is for, but not a hundred times at once without an end.
const WARNING: u64 = 100;

/// From this share of the limit on it warns: an orphan whose peer is silent and unreachable counts
/// four times, and is reset from here on (`tcp_out_of_resources`, net/ipv4/tcp_timer.c).
const WARNING_SHARE: f64 = 0.25;

/// How long TIME_WAIT lasts, in seconds (`TCP_TIMEWAIT_LEN`, include/net/tcp.h).
const TIME_WAIT_SECONDS: u64 = 60;

/// What the kernel takes 0 of `tcp_orphan_retries` for (`tcp_orphan_retries`, net/ipv4/tcp_timer.c).
const ORPHAN_RETRIES: u64 = 8;

/// How many services have findings of their own.
const TOLD: usize = 5;

const WHY_HELD: &str = "This side has closed its direction, and the peer has acknowledged that and not closed (RFC 9293, 3.6). While a process holds such a connection the kernel runs no timer, so it stays until one of the two closes it.";

const WHY_ORPHANS: &str = "An orphan keeps buffers that no process is charged for. Beyond the limit the kernel resets connections instead of ending them in order, and data on its way is lost.";

/// What is kept of the sockets after the window.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    held: After,
    /// FIN_WAIT2 that no process holds.
    orphaned: u64,
    /// FIN_WAIT1, CLOSING and LAST_ACK that no process holds.
    closing: u64,
}

impl Orphans {
    /// Takes a socket in FIN_WAIT2.
    pub(super) fn add(&mut self, socket: &Socket, service: Service) {
        if socket.inode == 0 {
            self.orphaned += 1;
        } else {
            self.held.add(socket, service);
        }
    }

    /// Takes a socket in FIN_WAIT1, CLOSING or LAST_ACK.
    pub(super) fn add_closing(&mut self, socket: &Socket) {
        self.closing += u64::from(socket.inode == 0);
    }

    /// The inodes of sockets whose holders the findings will name.
    pub(super) fn wanted(&self, before: &Before, facts: &Facts) -> Vec<u64> {
        let guilty = movements(before, &self.held, &facts.listeners, WARNING);
        let guilty = guilty.iter().take(TOLD);
        guilty
            .flat_map(|moved| self.held.inodes(|group| moved.groups.contains(group)))
            .collect()
    }
}

/// Tells of those that are held and stay, and of too many orphans.
pub(super) fn examine(
    before: &Before,
    seen: &Orphans,
    facts: &Facts,
    holders: &Holders,
) -> Examined {
    let mut lacking = Vec::new();
    let mut findings = Vec::new();
    if facts.copied {
        lacking.push("in a copied tree it is not to be seen which connections stay".to_owned());
    } else {
        let guilty = movements(before, &seen.held, &facts.listeners, WARNING);
        findings.extend(guilty.iter().take(TOLD).map(|moved| {
            let processes = seen.held.held_by(&moved.groups, holders);
            let mut finding = held(moved, seen, facts, processes);
            finding.evidence.extend(seen.held.remark());
            finding
        }));
    }
    let (finding, reason) = too_many(seen, facts);
    findings.extend(finding);
    lacking.extend(reason);
    Examined {
        findings,
        lacking: (!lacking.is_empty()).then(|| lacking.join("; ")),
    }
}

/// A program that closes one direction and leaves it at that.
fn held(moved: &Movement, seen: &Orphans, facts: &Facts, processes: Vec<Culprit>) -> Finding {
    let service = match moved.groups[..] {
        [Group { service, .. }] => Some(service),
        _ => None,
    };
    let what = service.map_or_else(|| "to several services".to_owned(), shown);
    let timeout = facts.settings.number(Setting::FinTimeout).ok();
    let ends = timeout.map_or_else(String::new, |seconds| format!(" of {seconds} s"));
    let filtered = service.map(|service| format!(" and {}", filter(service)));
    Finding {
        id: ID,
        severity: Severity::Warning,
        title: format!(
            "{} connections {what} are held in FIN_WAIT2 by their processes",
            thousands(moved.sockets)
        ),
        subject: service.map(subject).unwrap_or_default(),
        value: Some(moved.sockets as f64),
        limit: None,
        evidence: vec![
            moved.shown(facts),
            format!(
                "{} more in FIN_WAIT2 belong to no process and end by {}{ends}; these do not",
                thousands(seen.orphaned),
                Setting::FinTimeout.name()
            ),
        ],
        processes,
        commands: vec![format!(
            "tcpstates list --process --state fin-wait-2 'inode gt 0{}'",
            filtered.unwrap_or_default()
        )],
        why: WHY_HELD,
        remedy: vec![
            "Let the program close() after shutdown(SHUT_WR), once the peer has answered or a timeout of its own is over.".to_owned(),
            "Set SO_KEEPALIVE on these sockets, so that at least those whose peers have gone end.".to_owned(),
        ],
        causes: &[],
    }
}

/// Orphans against their limit; the limit is the host's and is not told in a child namespace, but
/// what was reset in this namespace is.
fn too_many(seen: &Orphans, facts: &Facts) -> (Option<Finding>, Option<String>) {
    let (resets, unknown) = match facts.grown(Counter::AbortOnMemory) {
        Ok(resets) => (resets, None),
        Err(reason) => (0, Some(reason)),
    };
    let limit = facts.settings.number(Setting::MaxOrphans);
    let orphans = facts.after.get(Counter::Orphans);
    let reason = [
        limit.as_ref().err(),
        orphans.as_ref().err(),
        unknown.as_ref(),
    ];
    let reason: Vec<String> = reason.into_iter().flatten().cloned().collect();
    let reason = (!reason.is_empty()).then(|| reason.join("; "));
    let (orphans, limit) = (orphans.ok(), limit.ok());
    let share = orphans
        .zip(limit)
        .map(|(orphans, limit)| orphans as f64 / limit.max(1) as f64);
    let severity = match share {
        _ if resets > 0 => Severity::Critical,
        Some(share) if share >= 1.0 => Severity::Critical,
        Some(share) if share >= WARNING_SHARE => Severity::Warning,
        Some(_) | None => return (None, reason),
    };
    let finding = of_orphans(severity, resets, orphans, limit, seen, facts);
    (Some(finding), reason)
}

/// So many orphans, or resets because of them.
fn of_orphans(
    severity: Severity,
    resets: u64,
    orphans: Option<u64>,
    limit: Option<u64>,
    seen: &Orphans,
    facts: &Facts,
) -> Finding {
    let told = |number: Option<u64>| number.map_or_else(|| "unknown".to_owned(), thousands);
    let title = match resets {
        0 => format!(
            "{} orphans, of {} that {} allows",
            told(orphans),
            told(limit),
            Setting::MaxOrphans.name()
        ),
        resets => format!(
            "{} reset for want of memory, or because of too many orphans",
            counted(resets, "connection was", "connections were")
        ),
    };
    let evidence = vec![
        facts.told(&[Counter::AbortOnMemory]),
        format!(
            "orphans of the whole host: {}, their limit: {}",
            told(orphans),
            told(limit)
        ),
        format!(
            "in this network namespace {} in FIN_WAIT1, CLOSING and LAST_ACK belong to no process",
            thousands(seen.closing)
        ),
    ];
    Finding {
        id: ID,
        severity,
        title,
        subject: Vec::new(),
        value: orphans.map(|orphans| orphans as f64),
        limit: limit.map(|limit| limit as f64),
        evidence,
        processes: Vec::new(),
        commands: vec![
            "tcpstates --state fin-wait-1,closing,last-ack --by remote-addr --top 10 'not inode gt 0'".to_owned(),
        ],
        why: WHY_ORPHANS,
        remedy: remedy(facts),
        // Too many orphans are no matter of memory, but a reset may be.
        causes: match resets {
            0 => &["vanished-peers"],
            _ => &["memory", "vanished-peers"],
        },
    }
}

/// What to do about too many orphans.
fn remedy(facts: &Facts) -> Vec<String> {
    let mut remedy = vec![
        "Let the program wait until its peer has all the data before it closes, and find out why peers vanish: each that does leaves an orphan.".to_owned(),
        format!(
            "Let the kernel give up orphans sooner: set {} to less than {}.",
            Setting::OrphanRetries.name(),
            match facts.settings.number(Setting::OrphanRetries) {
                Ok(retries) if retries > 0 => retries.to_string(),
                Ok(_) | Err(_) => format!("{ORPHAN_RETRIES}, but not to 0, which stands for that"),
            }
        ),
    ];
    let timeout = facts.settings.number(Setting::FinTimeout);
    if timeout.is_ok_and(|seconds| seconds > TIME_WAIT_SECONDS) {
        remedy.push(format!(
            "Set {} to {TIME_WAIT_SECONDS} or less: FIN_WAIT2 without a process is no orphan then.",
            Setting::FinTimeout.name()
        ));
    }
    remedy.push(format!(
        "Raise {} where there is memory: an orphan can take 64 KiB.",
        Setting::MaxOrphans.name()
    ));
    remedy
}
