//! SYN_SENT that gets no answer: destinations that are down, or behind something that drops packets.
//!
//! A SYN is retransmitted after one second (RFC 6298, 2.1), some times more after a second each
//! (`tcp_syn_linear_timeouts`, since Linux 6.5), then after twice as long each time, until it is given
//! up (`tcp_write_timeout`, net/ipv4/tcp_timer.c; `tcp_syn_retries`, ip-sysctl.rst).

use std::net::SocketAddr;

use crate::diagnose::subject::peer_subject;
use crate::diagnose::{Case, Examined, Host, Rule, Sampled, Suspects, Unacknowledged};
use crate::model::Setting::{SynLinearTimeouts, SynRetries};
use crate::model::{Command, Counter, Finding, Severity, State, StateSet, thousands};

/// How often a SYN must have been retransmitted: fewer may be one lost segment.
const RETRANSMITS: u32 = 2;

/// From this many on to one destination it warns: a few failed attempts are normal ...
const WARNING: u64 = 3;

/// ... and this many at once mean that everything that needs it fails now.
const CRITICAL: u64 = 10;

/// From this many on to any destinations it warns.
const TO_ALL: u64 = 10;

/// How many destinations have findings of their own.
const REPORTED: usize = 5;

/// How many destinations are named in one finding.
const NAMED: usize = 3;

/// The longest wait before a retransmission, in seconds (`TCP_RTO_MAX`, include/net/tcp.h).
const LONGEST_TIMEOUT: u64 = 120;

const WHY: &str = "A reachable peer answers a SYN, if only with a reset (RFC 9293, 3.10.7). No answer means a host that is down, a firewall that drops packets, or a full accept queue; the connecting program waits.";

const REMEDY: [&str; 2] = [
    "Check whether the destination is up and listens, and whether a firewall or a route on the path drops packets to it.",
    "Let the program give up sooner, by a connect timeout of its own, and try another destination; remove this one from its configuration until it answers.",
];

/// The attempts without an answer, by destination.
#[derive(Debug, Default)]
pub(super) struct NoAnswer(Unacknowledged<SocketAddr>);

impl Rule for NoAnswer {
    const ID: &'static str = "no-answer";

    const STATES: StateSet = StateSet::NONE.with(State::SynSent);

    type Before = ();

    const SUSPECTS: Option<Suspects<Self>> = None;

    fn begin(&mut self, (): (), _: &Host) {}

    fn add(&mut self, sampled: &Sampled<'_>) {
        let remote = sampled.ends.remote;
        let destination = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        self.0.add(sampled.socket, RETRANSMITS, destination);
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let top = self.0.peers.top(REPORTED).into_iter();
        let many = top.filter(|(_, attempts)| *attempts >= WARNING);
        let mut findings: Vec<Finding> = many
            .map(|(to, attempts)| {
                let finding = self.finding(Some(to), attempts, case.host);
                finding.with_subject(peer_subject(to))
            })
            .collect();
        let total = self.0.peers.total();
        if findings.is_empty() && total >= TO_ALL {
            findings.push(self.finding(None, total, case.host));
        }
        Examined::found(findings)
    }
}

impl NoAnswer {
    /// One destination that does not answer, or many.
    fn finding(&self, to: Option<SocketAddr>, attempts: u64, host: &Host) -> Finding {
        let is_it = |destination: &SocketAddr| to.is_none_or(|to| to == *destination);
        let options = "--process --state syn-sent --columns timer,retransmits";
        let show = Command::list(options).of(format!("retransmits ge {RETRANSMITS}"));
        let (who, show) = match to {
            Some(to) => (format!("{to} does"), show.of(format!("dst {to}"))),
            None => ("many destinations do".to_owned(), show),
        };
        let severity = Severity::critical_if(to.is_some() && attempts >= CRITICAL);
        let tried = thousands(attempts);
        let title = format!("{who} not answer {tried} attempts to connect");
        let inodes = self.0.inodes.of(is_it).collect();
        Finding::new(severity, title, attempts as f64, inodes, WHY)
            .with_evidence(self.evidence(to.is_none(), host))
            .with_commands([show])
            .with_remedy(REMEDY)
            .with_causes(&["conntrack", "accept-queue"])
    }

    fn evidence(&self, names_destinations: bool, host: &Host) -> Vec<String> {
        let mut evidence = vec![format!(
            "each SYN was retransmitted {RETRANSMITS} to {} times",
            self.0.retransmits
        )];
        if names_destinations {
            let top = self.0.peers.top(NAMED).into_iter();
            let named = top.map(|(to, attempts)| format!("{} to {to}", thousands(attempts)));
            let named = named.collect::<Vec<_>>().join(", ");
            evidence.push(format!("{named}, and others"));
        }
        evidence.extend(host.setting(SynRetries).map(|retries| {
            // Older kernels have none.
            let linear = host.setting(SynLinearTimeouts).unwrap_or(0);
            let after = thousands(given_up_after(retries, linear));
            format!(
                "{SynRetries} is {retries}: connect() fails about {after} s after the first SYN"
            )
        }));
        evidence.push(host.growth_text(&[Counter::AttemptFails]));
        evidence.extend(self.0.inodes.limit_note());
        evidence
    }
}

/// After how many seconds an attempt to connect without an answer fails: when the timer expires after
/// the last SYN, or for the first time after what the retries took if all doubled.
fn given_up_after(retries: u64, linear: u64) -> u64 {
    let doubled = |times: u64| 1_u64.checked_shl(u32::try_from(times).unwrap_or(u32::MAX));
    let timeout = |times| doubled(times).map_or(LONGEST_TIMEOUT, |s| s.min(LONGEST_TIMEOUT));
    let limit: u64 = (0..=retries).map(timeout).sum();
    let mut passed = 0;
    for retransmission in 0..=retries + linear {
        passed += timeout(retransmission.saturating_sub(linear));
        if passed >= limit {
            break;
        }
    }
    passed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{host, socket};
    use crate::model::{Socket, Timer, TimerKind};
    use std::time::Duration;

    fn found(attempts: &[(&str, usize)], retransmits: u32) -> Vec<Finding> {
        let sockets = attempts.iter().flat_map(|(to, number)| {
            let one = Socket {
                retransmits: Some(retransmits),
                timer: Some(Timer {
                    kind: TimerKind::Retransmit,
                    remaining: Duration::from_secs(1),
                }),
                ..socket(State::SynSent, "192.0.2.9:40000", to)
            };
            vec![one; *number]
        });
        let sockets: Vec<Socket> = sockets.collect();
        host()
            .examine::<NoAnswer>(&host().read(&[], &sockets))
            .findings
    }

    fn severities(attempts: usize, retransmits: u32) -> Vec<Severity> {
        let found = found(&[("192.0.2.1:80", attempts)], retransmits);
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
        // By ip-sysctl.rst, before linear timeouts and with them; then as measured.
        for (retries, linear, seconds) in [(6, 0, 127), (6, 4, 131), (3, 4, 19), (1, 4, 3)] {
            assert_eq!(given_up_after(retries, linear), seconds, "{retries}");
        }
        assert_eq!(given_up_after(7, 0), 247);
        assert_eq!(given_up_after(127, 0), 127 + 121 * 120);
    }

    #[test]
    fn single_attempts_to_many_destinations_are_reported_together() {
        let names: Vec<String> = (1..=10).map(|n| format!("192.0.2.{n}:80")).collect();
        let one_each: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        assert!(found(&one_each[..9], 2).is_empty());
        let found = found(&one_each, 2);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Warning));
        assert_eq!(
            found[0].evidence[1],
            "1 to 192.0.2.1:80, 1 to 192.0.2.2:80, 1 to 192.0.2.3:80, and others"
        );
    }
}
