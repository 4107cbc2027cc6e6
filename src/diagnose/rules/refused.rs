//! Attempts to connect that fail: refused by a reset, or unreachable.
//!
//! A refused socket is closed within a round trip and is in no table, so that only counters show it.
//! TcpAttemptFails also counts half-open requests that the client reset, as after a port scan
//! (`tcp_check_req`, net/ipv4/tcp_minisocks.c); TcpExtEmbryonicRsts counts these alone. It does not
//! count attempts that the program gave up.

use crate::diagnose::attempts::{Attempts, Earlier};
use crate::diagnose::{Case, Examined, Host, Rule, Sampled, Suspects};
use crate::model::{Command, Counter, Finding, Scope, Severity, StateSet, thousands};

/// Fewer failures than this in the window are left to chance: single ones are normal.
const LEAST: u64 = 10;

/// From this part of the attempts on they are worth knowing.
const INFO_SHARE: f64 = 0.1;

/// From this part on it warns. Half of them fail on a healthy host whose programs try both addresses of
/// a name: `localhost` as ::1, then as 127.0.0.1.
const WARNING_SHARE: f64 = 0.6;

const WHY: &str = "A refused attempt was answered with a reset: the host is up, and nothing listens on the port there, or a firewall rejects it. The kernel keeps no record of where to, and the socket is gone.";

const REMEDY: [&str; 3] = [
    "Read the log of the programs that connect: the error is ECONNREFUSED, or EHOSTUNREACH where the next hop does not answer.",
    "See which destinations send resets: `tcpdump -nn 'tcp[tcpflags] & (tcp-rst|tcp-ack) == (tcp-rst|tcp-ack)'`; there, check that the service runs and listens on that address.",
    "Let the program wait longer after each failure, and try another destination.",
];

/// The attempts, of which those that nothing answers may fail too, when the kernel gives them up.
#[derive(Debug, Default)]
pub(super) struct Refused(Attempts);

impl Rule for Refused {
    const ID: &'static str = "refused";

    const SCOPE: Scope = Scope::Namespace;

    const STATES: StateSet = Attempts::STATES;

    type Before = Earlier;

    const SUSPECTS: Option<Suspects<Self>> = None;

    fn begin(&mut self, before: Earlier, _: &Host) {
        self.0 = Attempts::after(before);
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        self.0.add(sampled);
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        match self.failed(case.host) {
            Ok((failed, begun)) => Examined::found(finding(failed, begun, case.host)),
            Err(reason) => Examined::lacking(reason),
        }
    }
}

impl Refused {
    /// How many attempts failed that were answered, and how many there were.
    fn failed(&self, host: &Host) -> Result<(u64, u64), String> {
        let scanned = host.growth(Counter::EmbryonicRsts)?;
        let failed = host.growth(Counter::AttemptFails)?.saturating_sub(scanned);
        // Each of those that wait fails once a second at most.
        let unanswered = self.0.unanswered(host).into_iter();
        let waiting: u64 = unanswered
            .map(|(_, tries, _)| tries.earlier.max(tries.now))
            .sum();
        let window = u64::try_from(host.window.as_millis()).unwrap_or(u64::MAX);
        let failed = failed.saturating_sub(waiting.saturating_mul(window) / 1_000);
        // One that failed in the window may have begun before it.
        let begun = host.growth(Counter::ActiveOpens)?.max(failed);
        Ok((failed, begun))
    }
}

fn finding(failed: u64, begun: u64, host: &Host) -> Option<Finding> {
    let is = |share: f64| failed as f64 >= begun as f64 * share;
    if failed < LEAST || !is(INFO_SHARE) {
        return None;
    }
    let severity = match is(WARNING_SHARE) {
        true => Severity::Warning,
        false => Severity::Info,
    };
    let [failed_text, begun_text] = [failed, begun].map(thousands);
    let window = host.window_text();
    let title = format!("{failed_text} of {begun_text} attempts to connect failed in {window}");
    let counters = [
        Counter::AttemptFails,
        Counter::ActiveOpens,
        Counter::EmbryonicRsts,
    ];
    let others = match begun - failed {
        0 => None,
        1 => Some("the other attempt succeeded, or was not answered yet".to_owned()),
        others => Some(format!(
            "the other {} attempts succeeded, or were not answered yet",
            thousands(others)
        )),
    };
    Some(
        Finding::new(severity, title, failed as f64, Vec::new(), WHY)
            .with_limit(begun as f64)
            .with_evidence([host.growth_text(&counters)])
            .with_evidence(others)
            .with_commands([Command::doctor("--window 5")])
            .with_remedy(REMEDY),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{host, socket};
    use crate::model::{Socket, State};

    fn client(failed: u64, begun: u64, scanned: u64) -> Host {
        host()
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
    fn requests_that_a_port_scan_resets_are_not_counted() {
        assert_eq!(severity(&client(500, 0, 500)), None);
        assert_eq!(severity(&client(510, 10, 500)), Some(Severity::Warning));
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
