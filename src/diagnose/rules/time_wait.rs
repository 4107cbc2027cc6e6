//! TIME_WAIT near its limit: `tcp_max_tw_buckets`, beyond which connections end without it.
//!
//! TIME_WAIT lasts 60 s whatever is set (`TCP_TIMEWAIT_LEN`, include/net/tcp.h), so its number is the
//! rate of connections that this side closes first, times 60 s. FIN_WAIT2 without a process is kept in
//! the same table (`tcp_time_wait`, net/ipv4/tcp_minisocks.c) and counts against the same limit
//! (`inet_twsk_alloc`, net/ipv4/inet_timewait_sock.c).

use crate::diagnose::subject::{counted_connections, service_subject};
use crate::diagnose::{Case, Examined, Host, Rule, Sampled, TopCounts};
use crate::model::Setting::MaxTwBuckets;
use crate::model::{
    Command, Counter, Finding, Scope, Service, Severity, State, StateSet, TimerKind, counted,
    thousands,
};

/// From this share of the limit on it warns: at a steady rate it is reached some 12 s before the limit.
const WARNING_SHARE: f64 = 0.8;

/// How many services are named.
const NAMED: usize = 3;

const WHY: &str = "TIME_WAIT keeps late segments of an ended connection from a new one with the same addresses and ports (RFC 9293, 3.6.1). Beyond the limit connections end without it.";

/// What takes an entry of the table of TIME_WAIT.
#[derive(Debug, Default)]
pub(super) struct TimeWait {
    /// The connections in TIME_WAIT, by what they served or used; 1 MB.
    services: TopCounts<Service, 20_000>,
    /// Those in FIN_WAIT2 that no process holds.
    fin_wait2: u64,
}

impl Rule for TimeWait {
    const ID: &'static str = "time-wait";

    const SCOPE: Scope = Scope::Namespace;

    const STATES: StateSet = StateSet::NONE.with(State::TimeWait).with(State::FinWait2);

    type Before = ();

    fn add(&mut self, sampled: &Sampled<'_>) {
        let socket = sampled.socket;
        // FIN_WAIT2 has this timer where it is kept as TIME_WAIT is.
        let kind = socket.timer.map(|timer| timer.kind);
        if socket.state == State::TimeWait {
            self.services.add(sampled.service);
        } else if kind == Some(TimerKind::TimeWait) {
            self.fin_wait2 += 1;
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        match case.host.settings.number(MaxTwBuckets) {
            Ok(limit) => Examined::found(self.compare(limit, case.host))
                .without(case.host.growth(Counter::TimeWaitOverflow).err()),
            Err(reason) => Examined::lacking(reason),
        }
    }
}

impl TimeWait {
    fn compare(&self, limit: u64, host: &Host) -> Option<Finding> {
        let total = self.services.total() + self.fin_wait2;
        let overflows = host.growth(Counter::TimeWaitOverflow).unwrap_or(0);
        let severity = match overflows {
            0 => Severity::of_share(total, limit, WARNING_SHARE, 1.0)?,
            _ => Severity::Critical,
        };
        let largest = self.services.top(NAMED);
        let half = largest.first().filter(|(_, sockets)| *sockets >= total / 2);
        let half = half.map(|(service, _)| *service);
        let (sockets, most) = (counted(total, "socket", "sockets"), thousands(limit));
        let title = format!("{sockets} in TIME_WAIT, of {most} that {MaxTwBuckets} allows");
        Some(
            Finding::new(severity, title, total as f64, Vec::new(), WHY)
                .with_subject(half.map(service_subject).unwrap_or_default())
                .with_limit(limit as f64)
                .with_evidence(self.evidence(&largest, host))
                .with_commands([Command::count(match self.fin_wait2 {
                    0 => "--state time-wait --by service --top 10",
                    _ => "--state time-wait,fin-wait-2 --by service --top 10",
                })])
                .with_remedy(remedy(largest.first().map(|(service, _)| *service)))
                // Connections that are not reused also use up the ports to that peer.
                .with_causes(match half {
                    Some(Service::Used(_)) => &["ephemeral-ports"],
                    Some(Service::Served(_)) | None => &[],
                }),
        )
    }

    fn evidence(&self, largest: &[(Service, u64)], host: &Host) -> Vec<String> {
        let mut evidence = vec![host.growth_text(&[Counter::TimeWaitOverflow])];
        if self.fin_wait2 > 0 {
            let some = counted(self.fin_wait2, "of them is", "of them are");
            evidence.push(format!(
                "{some} in FIN_WAIT2 without a process, which uses the same table"
            ));
        }
        let largest = largest.iter();
        evidence.extend(largest.map(|(service, sockets)| counted_connections(*sockets, *service)));
        evidence
    }
}

/// What to do about connections that end too often.
fn remedy(largest: Option<Service>) -> Vec<String> {
    let keep = match largest {
        Some(Service::Used(peer)) => format!(
            "Keep connections to {peer} open and reuse them: `keepalive` in an nginx upstream, a connection pool in an application."
        ),
        Some(Service::Served(port)) => format!(
            "Let connections to port {port} last for more than one request (HTTP keep-alive), or let the clients close first: TIME_WAIT is on the side that closes first."
        ),
        None => "Find out what closes so many connections, and let it keep them open.".to_owned(),
    };
    vec![
        keep,
        format!("Raise {MaxTwBuckets}: a socket in TIME_WAIT takes some 250 bytes."),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::diagnose::testing::{host, socket};
    use crate::model::{Setting, Socket, Timer};

    fn with_limit(limit: &str) -> Host {
        host()
            .with_setting(Setting::MaxTwBuckets, limit)
            .with_growth(Counter::TimeWaitOverflow, 7, 7)
    }

    fn found(sockets: usize, host: &Host) -> Option<Finding> {
        let one = socket(State::TimeWait, "192.0.2.9:40000", "192.0.2.1:80");
        let rule: TimeWait = host.read(&[], &vec![one; sockets]);
        host.examine(&rule).findings.pop()
    }

    fn severity(sockets: usize, host: &Host) -> Option<Severity> {
        found(sockets, host).map(|finding| finding.severity)
    }

    #[test]
    fn it_warns_at_four_fifths_of_the_limit_and_is_critical_at_the_limit() {
        let host = with_limit("100");
        assert_eq!(severity(79, &host), None);
        assert_eq!(severity(80, &host), Some(Severity::Warning));
        assert_eq!(severity(99, &host), Some(Severity::Warning));
        assert_eq!(severity(100, &host), Some(Severity::Critical));
    }

    #[test]
    fn an_overflow_in_the_window_is_critical_and_one_before_it_is_not() {
        let host = with_limit("100");
        let overflows = host.clone().with_growth(Counter::TimeWaitOverflow, 7, 9);
        let finding = found(50, &overflows).unwrap();
        assert_eq!(finding.severity, Severity::Critical);
        assert_eq!(
            finding.evidence,
            [
                "TcpExtTCPTimeWaitOverflow grew by 2 in 1.0 s",
                "50 outbound connections to 192.0.2.1:80"
            ]
        );
        assert_eq!(severity(50, &host), None);
        let reset = host.with_growth(Counter::TimeWaitOverflow, 7, 0);
        assert_eq!(severity(50, &reset), None);
        let lacking = reset.examine::<TimeWait>(&reset.read(&[], &[])).lacking;
        assert_eq!(lacking, ["TcpExtTCPTimeWaitOverflow went back from 7 to 0"]);
    }

    #[test]
    fn fin_wait2_that_uses_the_same_table_counts_too() {
        let host = with_limit("10").listening_at(&["0.0.0.0:80"]);
        let time_wait = socket(State::TimeWait, "192.0.2.9:80", "192.0.2.1:5000");
        let fin_wait2 = socket(State::FinWait2, "192.0.2.9:80", "192.0.2.1:5000");
        let mut rule: TimeWait = host.read(&[], &vec![time_wait; 6]);
        (0..3).for_each(|_| host.add(&mut rule, &fin_wait2));
        assert!(
            host.examine(&rule).findings.is_empty(),
            "these have no timer"
        );
        let fin_wait2 = Socket {
            timer: Some(Timer {
                kind: TimerKind::TimeWait,
                remaining: Duration::from_secs(9),
            }),
            ..fin_wait2
        };
        (0..2).for_each(|_| host.add(&mut rule, &fin_wait2));
        let finding = host.examine(&rule).findings.remove(0);
        assert_eq!((finding.severity, finding.value), (Severity::Warning, 8.0));
        assert!(finding.evidence[1].starts_with("2 of them are in FIN_WAIT2"));
    }

    #[test]
    fn without_its_limit_it_is_not_examined() {
        let examined = host().examine::<TimeWait>(&host().read(&[], &[]));
        assert!(examined.lacking[0].contains("tcp_max_tw_buckets"));
    }

    #[test]
    fn no_remedy_shortens_time_wait_or_lowers_its_limit() {
        let remedy = found(10, &with_limit("10")).unwrap().remedy.join(" ");
        assert!(
            remedy.starts_with("Keep connections to 192.0.2.1:80 open"),
            "{remedy}"
        );
        for wrong in ["tcp_fin_timeout", "tcp_tw_recycle", "ower net.ipv4"] {
            assert!(!remedy.contains(wrong), "{remedy}");
        }
    }
}
