//! SYN_SENT that gets no answer: destinations that are down, or behind something that drops.
//!
//! A SYN is sent again after one second (RFC 6298, 2.1), some times more after a second each
//! (`tcp_syn_linear_timeouts`, since Linux 6.5), then after twice as long each time, until it is given
//! up (`tcp_write_timeout`, net/ipv4/tcp_timer.c; `tcp_syn_retries`, ip-sysctl.rst).

use std::net::SocketAddr;

use super::facts::Facts;
use super::rule::Examined;
use super::unheard::Unheard;
use crate::model::{Counter, Field, Finding, Holders, Label, Setting, Severity, Socket, thousands};

/// The rule's name.
pub(super) const ID: &str = "no-answer";

/// So often a SYN must have been sent again: one lost segment is no more than that.
const RETRANSMITS: u32 = 2;

/// From so many on to one destination it warns: a few failed attempts are daily life ...
const WARNING: u64 = 3;

/// ... and so many at once mean that whoever needs it fails now.
const CRITICAL: u64 = 10;

/// From so many on to whatever destinations it warns.
const TO_ALL: u64 = 10;

/// How many destinations have findings of their own.
const TOLD: usize = 5;

/// How many destinations are named in one finding.
const NAMED: usize = 3;

/// The longest wait before a segment is sent again, in seconds (`TCP_RTO_MAX`, include/net/tcp.h).
const LONGEST_TIMEOUT: u64 = 120;

const WHY: &str = "A peer that is there answers a SYN, if only with a reset (RFC 9293, 3.10.7). Silence is a host that is down, a firewall that drops, or an accept queue that is full; whoever connects waits for it.";

/// What is kept of the sockets, by destination.
pub(super) type Unanswered = Unheard<SocketAddr>;

/// Takes a socket in SYN_SENT.
pub(super) fn add(seen: &mut Unanswered, socket: &Socket) {
    let Some(ends) = socket.internet() else {
        return;
    };
    let remote = ends.remote;
    let destination = SocketAddr::new(remote.ip().to_canonical(), remote.port());
    seen.add(socket, RETRANSMITS, destination);
}

/// The destinations with findings of their own, most attempts first.
fn guilty(seen: &Unanswered) -> Vec<(SocketAddr, u64)> {
    let mut most = seen.peers.top(TOLD);
    most.retain(|(_, attempts)| *attempts >= WARNING);
    most
}

/// The inodes of sockets whose holders the findings will name.
pub(super) fn wanted(seen: &Unanswered) -> Vec<u64> {
    match seen.peers.top(1).first() {
        Some((_, attempts)) if *attempts >= WARNING || seen.peers.total() >= TO_ALL => {
            seen.inodes.of(|_| true).collect()
        }
        Some(_) | None => Vec::new(),
    }
}

/// Tells of the destinations that do not answer.
pub(super) fn examine(seen: &Unanswered, facts: &Facts, holders: &Holders) -> Examined {
    let guilty = guilty(seen);
    let mut findings: Vec<Finding> = guilty
        .iter()
        .map(|(to, attempts)| finding(seen, Some(*to), *attempts, facts, holders))
        .collect();
    let total = seen.peers.total();
    if findings.is_empty() && total >= TO_ALL {
        findings.push(finding(seen, None, total, facts, holders));
    }
    Examined::found(findings)
}

/// What there is to say of one destination, or of all.
fn finding(
    seen: &Unanswered,
    to: Option<SocketAddr>,
    attempts: u64,
    facts: &Facts,
    holders: &Holders,
) -> Finding {
    let (what, filter) = match to {
        Some(to) => (format!("{to} does"), format!(" and dst {to}")),
        None => ("many destinations do".to_owned(), String::new()),
    };
    let subject = to.map(|to| {
        vec![
            (Field::RemoteAddr, Label::Text(to.ip().to_string())),
            (Field::RemotePort, Label::Number(to.port().into())),
        ]
    });
    Finding {
        id: ID,
        severity: match to.is_some() && attempts >= CRITICAL {
            true => Severity::Critical,
            false => Severity::Warning,
        },
        title: format!("{what} not answer {} attempts to connect", thousands(attempts)),
        subject: subject.unwrap_or_default(),
        value: Some(attempts as f64),
        limit: None,
        evidence: evidence(seen, to, facts),
        processes: holders.of(seen.inodes.of(|key| to.is_none_or(|to| to == *key))),
        commands: vec![format!(
            "tcpstates list --process --state syn-sent --columns timer,retransmits 'retransmits ge {RETRANSMITS}{filter}'"
        )],
        why: WHY,
        remedy: vec![
            "See whether the destination is up and listens, and whether a firewall or a route between drops what is sent there.".to_owned(),
            "Let the program give up sooner, by a timeout of its own for connecting, and try another destination; take this one out of its configuration until it answers.".to_owned(),
        ],
        causes: &["conntrack", "accept-queue"],
    }
}

fn evidence(seen: &Unanswered, to: Option<SocketAddr>, facts: &Facts) -> Vec<String> {
    let mut evidence = vec![format!(
        "each SYN was sent again at least {RETRANSMITS} times, the most often {} times",
        seen.retransmits
    )];
    if to.is_none() {
        let most = seen.peers.top(NAMED);
        let named = most
            .iter()
            .map(|(to, attempts)| format!("{} to {to}", thousands(*attempts)));
        let named = named.collect::<Vec<_>>().join(", ");
        evidence.push(format!("{named}, and others"));
    }
    let retries = facts.settings.number(Setting::SynRetries).ok();
    evidence.extend(retries.map(|retries| {
        // Older kernels have none.
        let linear = facts.settings.number(Setting::SynLinearTimeouts);
        format!(
            "{} is {retries}: connect() fails some {} s after its first SYN",
            Setting::SynRetries.name(),
            thousands(given_up_after(retries, linear.unwrap_or(0)))
        )
    }));
    evidence.push(facts.told(&[Counter::AttemptFails]));
    evidence.extend(seen.inodes.remark());
    evidence
}

/// After how many seconds an attempt to connect fails that nobody answers: when the timer runs out
/// after the last SYN, or for the first time after what the retries took if all doubled.
fn given_up_after(retries: u64, linear: u64) -> u64 {
    let doubled = |times: u64| 1_u64.checked_shl(u32::try_from(times).unwrap_or(u32::MAX));
    let timeout = |times| doubled(times).map_or(LONGEST_TIMEOUT, |s| s.min(LONGEST_TIMEOUT));
    let limit: u64 = (0..=retries).map(timeout).sum();
    let mut passed = 0;
    for sent_again in 0..=retries + linear {
        passed += timeout(sent_again.saturating_sub(linear));
        if passed >= limit {
            break;
        }
    }
    passed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{facts, socket};
    use crate::model::{State, Timer, TimerKind};
    use std::time::Duration;

    fn judged(attempts: &[(&str, u64)], retransmits: u32) -> Vec<Finding> {
        let mut seen = Unanswered::default();
        for (to, number) in attempts {
            let one = Socket {
                retransmits: Some(retransmits),
                timer: Some(Timer {
                    kind: TimerKind::Retransmit,
                    remaining: Duration::from_secs(1),
                }),
                ..socket(State::SynSent, "192.0.2.9:40000", to)
            };
            (0..*number).for_each(|_| add(&mut seen, &one));
        }
        examine(&seen, &facts(), &Holders::default()).findings
    }

    fn severities(attempts: u64, retransmits: u32) -> Vec<Severity> {
        let found = judged(&[("192.0.2.1:80", attempts)], retransmits);
        found.iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn three_to_one_destination_warn_and_ten_are_critical() {
        assert_eq!(severities(2, 2), []);
        assert_eq!(severities(3, 2), [Severity::Warning]);
        assert_eq!(severities(9, 2), [Severity::Warning]);
        assert_eq!(severities(10, 2), [Severity::Critical]);
        assert_eq!(
            severities(50, 1),
            [],
            "a second without an answer is nothing"
        );
    }

    #[test]
    fn connect_fails_when_the_kernel_gives_up() {
        // As ip-sysctl.rst has it, before linear timeouts and with them; then as measured.
        for (retries, linear, seconds) in [(6, 0, 127), (6, 4, 131), (3, 4, 19), (1, 4, 3)] {
            assert_eq!(given_up_after(retries, linear), seconds, "{retries}");
        }
        assert_eq!(given_up_after(7, 0), 247);
        assert_eq!(given_up_after(127, 0), 127 + 121 * 120);
    }

    #[test]
    fn single_attempts_to_many_destinations_are_told_together() {
        let names: Vec<String> = (1..=10).map(|n| format!("192.0.2.{n}:80")).collect();
        let one_each: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        assert!(judged(&one_each[..9], 2).is_empty());
        let found = judged(&one_each, 2);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Warning));
        assert_eq!(
            found[0].evidence[1],
            "1 to 192.0.2.1:80, 1 to 192.0.2.2:80, 1 to 192.0.2.3:80, and others"
        );
    }
}
