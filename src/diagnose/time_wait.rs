//! TIME_WAIT on its way to its limit: `tcp_max_tw_buckets`, beyond which connections end without it.
//!
//! TIME_WAIT lasts 60 s whatever is set (`TCP_TIMEWAIT_LEN`, include/net/tcp.h), so its number is the
//! rate of connections that this side closes first, times 60 s. FIN_WAIT2 without a process waits in
//! the same place (`tcp_time_wait`, net/ipv4/tcp_minisocks.c) and counts against the same limit
//! (`inet_twsk_alloc`, net/ipv4/inet_timewait_sock.c).

use super::close_wait::subject;
use super::facts::Facts;
use super::most::Most;
use super::rule::Examined;
use crate::model::{Counter, Finding, Service, Setting, Severity, Socket, TimerKind, thousands};

/// The rule's name.
pub(super) const ID: &str = "time-wait";

/// From here on it warns: at a steady rate this is reached some 12 s before the limit is.
const WARNING_SHARE: f64 = 0.8;

/// More services than this are not told apart; 1 MB. The largest are among the first.
const MOST_SERVICES: usize = 20_000;

/// How many services are named.
const NAMED: usize = 3;

const WHY: &str = "TIME_WAIT keeps late segments of an ended connection from a new one of the same addresses and ports (RFC 9293, 3.6.1). Beyond the limit connections end without it.";

/// What takes a place for TIME_WAIT.
#[derive(Debug)]
pub(super) struct TimeWaits {
    /// The connections in TIME_WAIT, by what they served or used.
    services: Most<Service>,
    /// Those that wait in FIN_WAIT2 for the peer's FIN.
    before_fin: u64,
}

impl Default for TimeWaits {
    fn default() -> Self {
        TimeWaits {
            services: Most::with_room(MOST_SERVICES),
            before_fin: 0,
        }
    }
}

impl TimeWaits {
    /// Takes a socket in TIME_WAIT.
    pub(super) fn add(&mut self, service: Service) {
        self.services.add(service);
    }

    /// Takes a socket in FIN_WAIT2, if it waits in a place for TIME_WAIT: then it has its timer.
    pub(super) fn add_before_fin(&mut self, socket: &Socket) {
        let timer = socket.timer.map(|timer| timer.kind);
        self.before_fin += u64::from(timer == Some(TimerKind::TimeWait));
    }
}

/// Compares their number with the limit.
pub(super) fn examine(seen: &TimeWaits, facts: &Facts) -> Examined {
    judge(seen, facts).into()
}

fn judge(seen: &TimeWaits, facts: &Facts) -> Result<Option<Finding>, String> {
    let limit = facts.settings.number(Setting::MaxTwBuckets)?;
    let total = seen.services.total() + seen.before_fin;
    let overflow = facts.grown(Counter::TimeWaitOverflow);
    let dropped = overflow.as_ref().copied().unwrap_or(0);
    let severity = if dropped > 0 || total >= limit {
        Severity::Critical
    } else if total as f64 >= limit as f64 * WARNING_SHARE {
        Severity::Warning
    } else {
        return Ok(None);
    };
    let mut evidence = vec![match overflow {
        Ok(grown) => format!(
            "{} grew by {} in {}",
            Counter::TimeWaitOverflow.name(),
            thousands(grown),
            facts.shown_window()
        ),
        Err(reason) => reason,
    }];
    if seen.before_fin > 0 {
        evidence.push(format!(
            "{} of them are in FIN_WAIT2 without a process, which take the same places",
            thousands(seen.before_fin)
        ));
    }
    let most = seen.services.top(NAMED);
    evidence.extend(most.iter().map(|(service, sockets)| match service {
        Service::Served(port) => format!("{} served port {port} of this host", thousands(*sockets)),
        Service::Used(peer) => format!("{} went out to {peer}", thousands(*sockets)),
    }));
    let most_of_all = most.first().filter(|(_, sockets)| *sockets >= total / 2);
    let most_of_all = most_of_all.map(|(service, _)| *service);
    Ok(Some(Finding {
        id: ID,
        severity,
        title: format!(
            "{} sockets in TIME_WAIT, of {} that {} allows",
            thousands(total),
            thousands(limit),
            Setting::MaxTwBuckets.name()
        ),
        subject: most_of_all.map(subject).unwrap_or_default(),
        value: Some(total as f64),
        limit: Some(limit as f64),
        evidence,
        processes: Vec::new(),
        commands: vec!["tcpstates --state time-wait --by service --top 10".to_owned()],
        why: WHY,
        remedy: remedy(most.first().map(|(service, _)| *service)),
        // Connections that are not kept: the same that use up the ports to that peer.
        causes: match most_of_all {
            Some(Service::Used(_)) => &["ephemeral-ports"],
            Some(Service::Served(_)) | None => &[],
        },
    }))
}

/// What to do about connections that end too often.
fn remedy(most: Option<Service>) -> Vec<String> {
    let keep = match most {
        Some(Service::Used(peer)) => format!(
            "Keep connections to {peer} open and use them again: `keepalive` in an nginx upstream, a connection pool in an application."
        ),
        Some(Service::Served(port)) => format!(
            "Let connections to port {port} live for more than one request (HTTP keep-alive), or let the clients close first: TIME_WAIT is on the side that closes first."
        ),
        None => "Find out what closes so many connections, and let it keep them open.".to_owned(),
    };
    vec![
        keep,
        format!(
            "Raise {}: a socket in TIME_WAIT takes some 250 bytes.",
            Setting::MaxTwBuckets.name()
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::diagnose::testing::{facts, socket};
    use crate::model::{State, Timer};

    fn judged(sockets: u64, facts: &Facts) -> Option<Finding> {
        let mut seen = TimeWaits::default();
        (0..sockets).for_each(|_| seen.add(Service::Used("192.0.2.1:80".parse().unwrap())));
        judge(&seen, facts).unwrap()
    }

    fn severity(sockets: u64, facts: &Facts) -> Option<Severity> {
        judged(sockets, facts).map(|finding| finding.severity)
    }

    #[test]
    fn it_warns_at_four_fifths_of_the_limit_and_is_critical_at_the_limit() {
        let facts = facts().with_setting(Setting::MaxTwBuckets, "100");
        assert_eq!(severity(79, &facts), None);
        assert_eq!(severity(80, &facts), Some(Severity::Warning));
        assert_eq!(severity(99, &facts), Some(Severity::Warning));
        assert_eq!(severity(100, &facts), Some(Severity::Critical));
    }

    #[test]
    fn an_overflow_in_the_window_is_critical_and_one_before_it_is_not() {
        let facts = facts().with_setting(Setting::MaxTwBuckets, "100");
        let overflows = facts.clone().with_growth(Counter::TimeWaitOverflow, 7, 9);
        let finding = judged(50, &overflows).unwrap();
        assert_eq!(finding.severity, Severity::Critical);
        assert_eq!(
            finding.evidence,
            [
                "TcpExtTCPTimeWaitOverflow grew by 2 in 1.0 s",
                "50 went out to 192.0.2.1:80"
            ]
        );
        let past = facts.clone().with_growth(Counter::TimeWaitOverflow, 7, 7);
        assert_eq!(severity(50, &past), None);
        let reset = facts.with_growth(Counter::TimeWaitOverflow, 7, 0);
        assert_eq!(severity(50, &reset), None);
    }

    #[test]
    fn fin_wait2_that_waits_in_the_same_place_counts_too() {
        let facts = facts().with_setting(Setting::MaxTwBuckets, "10");
        let mut seen = TimeWaits::default();
        (0..6).for_each(|_| seen.add(Service::Served(80)));
        let mut waits = socket(State::FinWait2, "192.0.2.9:80", "192.0.2.1:5000");
        (0..3).for_each(|_| seen.add_before_fin(&waits));
        assert_eq!(judge(&seen, &facts).unwrap(), None, "these have no timer");
        waits.timer = Some(Timer {
            kind: TimerKind::TimeWait,
            remaining: Duration::from_secs(9),
        });
        (0..2).for_each(|_| seen.add_before_fin(&waits));
        let finding = judge(&seen, &facts).unwrap().unwrap();
        assert_eq!(
            (finding.severity, finding.value),
            (Severity::Warning, Some(8.0))
        );
        assert!(finding.evidence[1].starts_with("2 of them are in FIN_WAIT2"));
    }

    #[test]
    fn without_its_limit_it_is_not_examined() {
        assert!(judge(&TimeWaits::default(), &facts()).is_err());
    }

    #[test]
    fn no_remedy_shortens_time_wait_or_lowers_its_limit() {
        let facts = facts().with_setting(Setting::MaxTwBuckets, "10");
        let remedy = judged(10, &facts).unwrap().remedy.join(" ");
        assert!(
            remedy.starts_with("Keep connections to 192.0.2.1:80 open"),
            "{remedy}"
        );
        for wrong in ["tcp_fin_timeout", "tcp_tw_recycle", "ower net.ipv4"] {
            assert!(!remedy.contains(wrong), "{remedy}");
        }
    }
}
