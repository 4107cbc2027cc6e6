//! SYN_SENT that gets no answer: destinations that are down, or behind something that drops packets.
//!
//! A SYN is retransmitted after one second (RFC 6298, 2.1), some times more after a second each
//! (`tcp_syn_linear_timeouts`, since Linux 6.5), then after twice as long each time, until it is given
//! up (`tcp_write_timeout`, net/ipv4/tcp_timer.c; `tcp_syn_retries`, ip-sysctl.rst).

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::net::SocketAddr;

use crate::diagnose::attempts::{Attempts, Earlier, Ends, MANY, RETRANSMITS, Silence, Tries};
use crate::diagnose::subject::peer_subject;
use crate::diagnose::{Case, Examined, Host, Rule, Sampled, Suspects};
use crate::model::Setting::{SynLinearTimeouts, SynRetries};
use crate::model::{Command, Counter, Finding, Severity, StateSet, counted, thousands, times};

/// How many destinations have findings of their own.
const REPORTED: usize = 5;

/// How many destinations are named in one finding.
const NAMED: usize = 3;

/// From this many retransmissions of a SYN on, the kernel decides when connect() fails: if the next hop
/// does not answer, it fails with EHOSTUNREACH after 3 s (`mcast_solicit` and `retrans_time_ms` of
/// arp(7)), within three retransmissions.
const WAITED: u32 = 4;

/// The longest wait before a retransmission, in seconds (`TCP_RTO_MAX`, include/net/tcp.h).
const LONGEST_TIMEOUT: u64 = 120;

const WHY: &str = "A reachable peer answers a SYN, if only with a reset (RFC 9293, 3.10.7). No answer means a host that is down, a firewall that drops packets, or a full accept queue; the connecting program waits.";

const REMEDY: [&str; 2] = [
    "Check whether the destination is up and listens, and whether a firewall or a route on the path drops packets to it.",
    "Let the program give up sooner, by a connect timeout of its own, and try another destination; remove this one from its configuration until it answers.",
];

/// The attempts without an answer, by destination.
#[derive(Debug, Default)]
pub(super) struct NoAnswer(Attempts);

impl Rule for NoAnswer {
    const ID: &'static str = "no-answer";

    const STATES: StateSet = Attempts::STATES;

    type Before = Earlier;

    const SUSPECTS: Option<Suspects<Self>> = Some(|rule, _| rule.0.linked());

    const WATCHED: Option<Suspects<Self>> = Some(|rule, host| rule.0.watched(host));

    fn begin(&mut self, before: Earlier, _: &Host) {
        self.0 = Attempts::after(before);
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        self.0.add(sampled);
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let unanswered = self.0.unanswered(case.host).into_iter().take(REPORTED);
        let mut findings: Vec<Finding> = unanswered
            .map(|(to, tries, silence)| of_one(&self.0, to, &tries, silence, case.host))
            .collect();
        if findings.is_empty() {
            findings.extend(self.of_many(case.host));
        }
        Examined::found(findings)
    }
}

impl NoAnswer {
    /// The destinations to which it matters which attempts there are after the window.
    pub(super) fn open(&self, host: &Host) -> HashSet<SocketAddr> {
        self.0.open(host)
    }

    /// Several destinations that do not answer single attempts.
    fn of_many(&self, host: &Host) -> Option<Finding> {
        let often = self.0.often();
        let attempts: u64 = often.iter().map(|(_, attempts)| attempts).sum();
        let named = often.iter().take(NAMED);
        let named = named.map(|(to, attempts)| format!("{} to {to}", thousands(*attempts)));
        let named = named.collect::<Vec<_>>().join(", ");
        let title = format!(
            "many destinations do not answer {} attempts to connect",
            thousands(attempts)
        );
        let is_one = |its: &SocketAddr| often.iter().any(|(to, _)| to == its);
        let inodes = self.0.inodes.of(is_one).collect();
        let show = Command::list("--process --state syn-sent --columns timer,retransmits");
        (attempts >= MANY).then(|| {
            Finding::new(Severity::Warning, title, attempts as f64, inodes, WHY)
                .with_evidence([
                    format!(
                        "each SYN was retransmitted {} or more",
                        times(RETRANSMITS.into())
                    ),
                    format!("{named}, and others"),
                ])
                .with_evidence([host.growth_text(&[Counter::ActiveOpens, Counter::AttemptFails])])
                .with_evidence(self.0.inodes.limit_note())
                .with_commands([show.of(format!("retransmits ge {RETRANSMITS}"))])
                .with_remedy(REMEDY)
                .with_causes(&["conntrack", "accept-queue"])
        })
    }
}

/// One destination that does not answer.
pub(super) fn of_one(
    all: &Attempts,
    to: SocketAddr,
    tries: &Tries,
    silence: Silence,
    host: &Host,
) -> Finding {
    let show = Command::list("--process --state syn-sent --columns timer,retransmits");
    let attempts = match silence {
        Silence::Retransmitted | Silence::Repeated => tries.tried(),
        // Those that are there at one time are few of them.
        Silence::GivenUp | Silence::Ended(_) => tries.tried().max(tries.seen),
    };
    let (growth, succeeded) = match host.while_watched() {
        Some(growth) => (growth, all.succeeded_later_at_most(host)),
        None => (host.in_window(), all.succeeded_at_most(tries, host)),
    };
    let severity = match silence {
        // Programs try both families of a name, and use the one that answers first (RFC 8305).
        Silence::GivenUp | Silence::Ended(_) if all.has_other_family(to) => Severity::Info,
        Silence::GivenUp | Silence::Ended(_) => Severity::Warning,
        // A program that tries again and again has about as many attempts at any time. Where that
        // many fail, so does everything that needs the destination.
        Silence::Retransmitted | Silence::Repeated => Severity::critical_if(
            attempts.max(tries.earlier) >= MANY && all.is_dead(to, tries, host),
        ),
    };
    let tried = counted(attempts, "attempt", "attempts");
    let title = format!("{to} does not answer {tried} to connect");
    let inodes = all.inodes.of(|its| *its == to).collect();
    Finding::new(severity, title, attempts as f64, inodes, WHY)
        .with_subject(peer_subject(to))
        .with_evidence(evidence(tries, silence, host))
        .with_evidence([growth.text(&[
            Counter::InSegs,
            Counter::ActiveOpens,
            Counter::AttemptFails,
        ])])
        .with_evidence([match succeeded {
            Some(0) => "no attempt can have succeeded in that time".to_owned(),
            Some(some) => format!(
                "up to {} that ended in that time may have succeeded",
                counted(some, "attempt", "attempts")
            ),
            None => "how many attempts succeeded is unknown".to_owned(),
        }])
        .with_evidence(all.inodes.limit_note())
        .with_commands([show.of(format!("dst {to}"))])
        .with_remedy(REMEDY)
        .with_causes(&["conntrack", "accept-queue"])
}

/// What became of the attempts that were followed.
fn of_followed(ends: Ends) -> String {
    let followed = counted(ends.nothing, "attempt was", "attempts were");
    let age = ends.youngest.unwrap_or_default().as_secs_f64();
    format!(
        "{followed} looked up several times a second: each ended after {age:.1} s or more, and none became a connection"
    )
}

fn evidence(tries: &Tries, silence: Silence, host: &Host) -> Vec<String> {
    let mut evidence = match silence {
        Silence::Ended(ends) => vec![of_followed(ends)],
        Silence::Retransmitted | Silence::Repeated | Silence::GivenUp => Vec::new(),
    };
    if silence == Silence::Retransmitted && tries.often > 0 {
        let often = counted(tries.often, "SYN was", "SYNs were");
        evidence.push(match tries.most {
            RETRANSMITS => format!("{often} retransmitted {}", times(RETRANSMITS.into())),
            most => format!("{often} retransmitted {RETRANSMITS} to {most} times"),
        });
    } else {
        let window = host.window_text();
        let ended = match tries.ended() {
            0 if tries.earlier == 0 => "those after it were watched".to_owned(),
            0 => "none of the earlier attempts has ended".to_owned(),
            ended => format!(
                "{}, and none is a connection now",
                counted(
                    ended,
                    "of the earlier attempts has ended",
                    "of the earlier attempts have ended"
                )
            ),
        };
        evidence.push(format!(
            "{} before the window of {window} and {} after it; {ended}",
            counted(tries.earlier, "attempt", "attempts"),
            thousands(tries.now)
        ));
        let later = host.while_watched();
        let later = later.filter(|_| tries.seen > tries.different());
        evidence.extend(later.map(|growth| {
            let all = counted(tries.seen, "different attempt", "different attempts");
            format!("{all} were seen in {}", growth.time_text())
        }));
        let failed = host.growth(Counter::AttemptFails);
        let fails = failed.is_ok_and(|failed| failed >= tries.ended());
        evidence.extend(match tries.most.max(tries.most_earlier) {
            0 if tries.ended() == 0 => None,
            0 if fails => {
                Some("no SYN was retransmitted: connect() fails within the first second".to_owned())
            }
            0 => Some(
                "no SYN was retransmitted: the program gives up within the first second".to_owned(),
            ),
            most => Some(format!(
                "SYNs were retransmitted at most {}",
                times(most.into())
            )),
        });
    }
    let retries = host.setting(SynRetries).filter(|_| tries.most >= WAITED);
    evidence.extend(retries.map(|retries| {
        // Older kernels have none.
        let linear = host.setting(SynLinearTimeouts).unwrap_or(0);
        let after = thousands(given_up_after(retries, linear));
        format!("{SynRetries} is {retries}: connect() fails about {after} s after the first SYN")
    }));
    evidence
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
