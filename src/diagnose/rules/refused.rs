//! Attempts to connect that fail: refused by a reset, or unreachable.
//!
//! A refused socket is closed within a round trip and is in no table, so that only counters show it.
//! TcpAttemptFails also counts half-open requests that the client reset, as after a port scan
//! (`tcp_check_req`, net/ipv4/tcp_minisocks.c); TcpExtEmbryonicRsts counts these alone. It does not
//! count attempts that the program gave up.

use super::resets;
use crate::diagnose::attempts::{Attempts, Earlier};
use crate::diagnose::{Case, Examined, Host, Rule, Sampled};
use crate::model::{Counter, Finding, Scope, Severity, StateSet, counted, thousands};

/// Fewer failures than this in the window are left to chance: single ones are normal.
const LEAST: u64 = 10;

/// The least part of the attempts that is reported, and that is a warning if other hosts refused it.
const SHARE: f64 = 0.1;

/// From this part on those that this host itself refused warn too. Half of them fail on a healthy host
/// whose programs try both addresses of a name: `localhost` as ::1, then as 127.0.0.1.
const LOCAL_SHARE: f64 = 0.6;

/// How many destinations are named.
const NAMED: usize = 3;

const WHY: &str = "A refused attempt was answered with a reset: the host is up, and nothing listens on the port there, or a firewall rejects it. An unreachable destination sent nothing: its next hop does not answer, or a router or firewall reported it by ICMP. The kernel keeps no record of the destination, and the socket is gone.";

const READ_LOG: &str = "Read the log of the programs that connect: the error is ECONNREFUSED, or EHOSTUNREACH where the next hop does not answer.";

const WAIT_LONGER: &str =
    "Let the program wait longer after each failure, and try another destination.";

/// The attempts; those that nothing answers may fail too, when the kernel gives up.
#[derive(Debug, Default)]
pub(super) struct Refused(Attempts);

impl Rule for Refused {
    const ID: &'static str = "refused";

    const SCOPE: Scope = Scope::Namespace;

    const STATES: StateSet = Attempts::STATES;

    type Before = Earlier;

    fn begin(&mut self, before: Earlier, _: &Host) {
        self.0 = Attempts::after(before);
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        self.0.add(sampled);
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        match self.failed(case.host) {
            Ok(failed) => Examined::found(self.finding(failed, case.host)),
            Err(reason) => Examined::lacking(reason),
        }
    }
}

/// The attempts of a window.
#[derive(Clone, Copy, Debug)]
struct Failed {
    /// Those that failed and were answered.
    all: u64,
    /// Those of them that another host refused, at least: this one sent no reset for them.
    elsewhere: u64,
    begun: u64,
}

impl Failed {
    fn severity(&self) -> Option<Severity> {
        let are_many =
            |number, share| number >= LEAST && number as f64 >= self.begun as f64 * share;
        let warns = are_many(self.all, LOCAL_SHARE) || are_many(self.elsewhere, SHARE);
        match warns {
            true => Some(Severity::Warning),
            false => are_many(self.all, SHARE).then_some(Severity::Info),
        }
    }
}

impl Refused {
    /// How many attempts failed that were answered, and how many there were.
    fn failed(&self, host: &Host) -> Result<Failed, String> {
        let scanned = host.growth(Counter::EmbryonicRsts)?;
        let all = host.growth(Counter::AttemptFails)?.saturating_sub(scanned);
        // Each of those that wait fails once a second at most.
        let unanswered = self.0.unanswered(host).into_iter();
        let waiting: u64 = unanswered
            .map(|(_, tries, _)| tries.earlier.max(tries.now))
            .sum();
        let window = u64::try_from(host.window.as_millis()).unwrap_or(u64::MAX);
        let all = all.saturating_sub(waiting.saturating_mul(window) / 1_000);
        let here = resets::to_unknown(host).unwrap_or(u64::MAX);
        Ok(Failed {
            all,
            elsewhere: all.saturating_sub(here),
            // One that failed in the window may have begun before it.
            begun: host.growth(Counter::ActiveOpens)?.max(all),
        })
    }

    fn finding(&self, failed: Failed, host: &Host) -> Option<Finding> {
        let severity = failed.severity()?;
        let Failed {
            all,
            elsewhere,
            begun,
        } = failed;
        let window = host.window_text();
        let [all_text, begun_text] = [all, begun].map(thousands);
        let title = format!("{all_text} of {begun_text} attempts to connect failed in {window}");
        let counters = [
            Counter::AttemptFails,
            Counter::ActiveOpens,
            Counter::EmbryonicRsts,
            Counter::OutRsts,
        ];
        let others = match begun - all {
            0 => None,
            1 => Some("the other attempt succeeded, or was not answered yet".to_owned()),
            others => Some(format!(
                "the other {} attempts succeeded, or were not answered yet",
                thousands(others)
            )),
        };
        let (under_way, inodes) = self.under_way();
        let find = format!(
            "Find the destinations: {}. There, check that the service runs and listens on that address.",
            resets::see_closes(host)
        );
        Some(
            Finding::new(severity, title, all as f64, inodes, WHY)
                .with_limit(begun as f64)
                .with_evidence([host.growth_text(&counters)])
                .with_evidence(elsewhere_texts(elsewhere, host))
                .with_evidence(others)
                .with_evidence(under_way)
                .with_commands([resets::closes(host)])
                .with_remedy([READ_LOG.to_owned(), find, WAIT_LONGER.to_owned()]),
        )
    }

    /// The destinations of attempts that were under way after the window, which are some of those that
    /// are refused, and the sockets.
    fn under_way(&self) -> (Option<String>, Vec<u64>) {
        let destinations = self.0.under_way();
        let named = destinations.iter().take(NAMED);
        let named = named.map(|(to, attempts)| format!("{} to {to}", thousands(*attempts)));
        let named: Vec<String> = named.collect();
        let text = format!("attempts under way at the end: {}", named.join(", "));
        ((!named.is_empty()).then_some(text), self.0.inodes.all())
    }
}

/// How many attempts that did not fail on this host were refused, and how many were unreachable: a reset
/// is a segment.
fn elsewhere_texts(elsewhere: u64, host: &Host) -> Vec<String> {
    let received = host.growth(Counter::InSegs).unwrap_or(0);
    let grown = format!("TcpInSegs grew by {}", thousands(received));
    let refused = elsewhere.min(received);
    let unreachable = elsewhere - refused;
    let refused_text = counted(refused, "was refused", "were refused");
    let mut texts = Vec::new();
    if refused > 0 {
        texts.push(match unreachable {
            0 => format!(
                "{refused_text} by other hosts, or unreachable: this host sent no reset for them"
            ),
            _ => format!("at most {refused_text} by other hosts: {grown}"),
        });
    }
    if unreachable > 0 {
        let were = counted(unreachable, "was", "were");
        texts.push(format!(
            "{were} unreachable: {grown}, and a reset is a segment"
        ));
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{host, socket};
    use crate::model::{Socket, State};

    /// A host that refused all of its own attempts.
    fn client(failed: u64, begun: u64, scanned: u64) -> Host {
        refusing(failed, begun, scanned, failed)
    }

    /// A host that sent this number of resets.
    fn refusing(failed: u64, begun: u64, scanned: u64, resets: u64) -> Host {
        [
            Counter::EstabResets,
            Counter::AbortOnClose,
            Counter::AbortOnData,
            Counter::AbortOnTimeout,
            Counter::PassiveOpens,
            Counter::InSegs,
        ]
        .into_iter()
        .fold(host(), |host, counter| host.with_growth(counter, 0, 0))
        .with_growth(Counter::OutRsts, 5, 5 + resets)
        .with_growth(Counter::AttemptFails, 5, 5 + failed)
        .with_growth(Counter::ActiveOpens, 5, 5 + begun)
        .with_growth(Counter::EmbryonicRsts, 5, 5 + scanned)
    }

    fn severity(host: &Host) -> Option<Severity> {
        let found = host.examine(&Refused::default()).findings;
        found.first().map(|finding| finding.severity)
    }

    #[test]
    fn most_attempts_that_fail_warn_and_a_tenth_is_information() {
        for (failed, begun, expected) in [
            (9, 9, None),
            (10, 10, Some(Severity::Warning)),
            (12, 20, Some(Severity::Warning)),
            (50, 100, Some(Severity::Info)),
            (10, 100, Some(Severity::Info)),
            (10, 101, None),
            (10, 0, Some(Severity::Warning)),
        ] {
            assert_eq!(
                severity(&client(failed, begun, 0)),
                expected,
                "{failed} of {begun}"
            );
        }
    }

    #[test]
    fn a_tenth_refused_by_other_hosts_warns() {
        for (failed, resets, expected) in [
            (33, 0, Some(Severity::Warning)),
            (10, 0, Some(Severity::Warning)),
            (9, 0, None),
            (33, 23, Some(Severity::Warning)),
            (33, 24, Some(Severity::Info)),
        ] {
            let host = refusing(failed, 100, 0, resets);
            assert_eq!(severity(&host), expected, "{failed} {resets}");
        }
        let none_of = refusing(10, 101, 0, 0);
        assert_eq!(severity(&none_of), None);
    }

    #[test]
    fn the_destinations_of_attempts_that_are_under_way_are_named() {
        let host = refusing(33, 100, 0, 0);
        let attempt = Socket {
            inode: 7,
            ..socket(State::SynSent, "192.0.2.9:5000", "192.0.2.1:80")
        };
        let rule: Refused = host.read(&[], &[attempt]);
        let found = host.examine(&rule).findings.remove(0);
        assert_eq!(found.inodes, [7]);
        let last = found.evidence.last().unwrap();
        assert_eq!(last, "attempts under way at the end: 1 to 192.0.2.1:80");
    }

    #[test]
    fn requests_that_a_port_scan_resets_are_not_counted() {
        assert_eq!(severity(&client(500, 0, 500)), None);
        assert_eq!(severity(&client(510, 10, 500)), Some(Severity::Warning));
    }

    #[test]
    fn no_more_were_refused_by_other_hosts_than_segments_arrived() {
        let texts = |received| {
            let host = refusing(20, 20, 0, 0).with_growth(Counter::InSegs, 0, received);
            let found = host.examine(&Refused::default()).findings.remove(0);
            assert_eq!(found.severity, Severity::Warning);
            found.evidence[1..].join("; ")
        };
        let none = "20 were unreachable: TcpInSegs grew by 0, and a reset is a segment";
        assert_eq!(texts(0), none);
        assert!(texts(19).starts_with("at most 19 were refused by other hosts: "));
        assert!(texts(19).contains("; 1 was unreachable: "));
        assert!(texts(20).starts_with("20 were refused by other hosts, or unreachable: "));
        assert!(!texts(20).contains("TcpInSegs"));
    }

    #[test]
    fn attempts_that_nothing_answers_explain_failures() {
        let waiting = Socket {
            retransmits: Some(2),
            ..socket(State::SynSent, "192.0.2.9:5000", "192.0.2.1:80")
        };
        let host = client(19, 19, 0);
        let rule: Refused = host.read(&[], &vec![waiting; 10]);
        assert!(host.examine(&rule).findings.is_empty());
        assert!(severity(&host).is_some());
    }
}
