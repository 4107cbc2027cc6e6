//! Hundreds of connections of one service on which nothing has happened for long, and on which nothing
//! would show that the peers are gone: they have no keepalive, and nothing is in flight.
//!
//! A connection whose timer does not run has neither: with SO_KEEPALIVE the timer runs all the time
//! (`sk_timer`, reported by `inet_sk_diag_fill`, net/ipv4/inet_diag.c). How long it has been silent is
//! in `tcp_info` alone, which is requested for a few of them; the rule says nothing of the others.

use crate::diagnose::subject::{counted_connections, service_subject, service_test};
use crate::diagnose::{Case, Examined, Host, Rule, Sampled, Suspects, TopCounts};
use crate::model::{
    Command, Finding, InetEnds, Metric, Service, Severity, SourceName, State, StateSet,
    duration_words, thousands,
};

/// Fewer connections of one service than this are left alone: pools keep dozens of spare connections.
const LEAST: u64 = 200;

/// How many of a service are measured: if all of these are silent, so are, with a probability of
/// 95 %, four fifths of the others (0.83 to the power of 16 is 0.05). The kernel lists connections in
/// the order of a hash, so they are a random choice.
const MEASURED: u64 = 16;

/// Fewer, if some have ended meanwhile, say too little.
const LEAST_MEASURED: usize = 8;

/// From this time on a connection is silent, in milliseconds: NATs, firewalls and load balancers forget
/// idle connections after minutes, and by default TCP would send its first probe after two hours
/// (tcp(7), `tcp_keepalive_time`).
const SILENT_MS: u64 = 3_600_000;

/// How many services have findings.
const REPORTED: usize = 3;

/// More connections than those of a hundred services are not kept; 200 kB.
const ROOM: usize = 1_600;

const WHY: &str = "A peer that disappears without a FIN or a reset (power loss, NAT, firewall) leaves the connection in ESTABLISHED until something is sent on it (RFC 9293, 3.8.4). Without data and probes it stays until its program ends, with its memory and descriptor. The connections may also be healthy: keepalive probes that their peers send are not counted as data.";

const REMEDY: [&str; 2] = [
    "Enable SO_KEEPALIVE, with TCP_KEEPIDLE below the idle timeout of NATs, firewalls and load balancers on the path: the kernel then ends connections whose peers are gone.",
    "Let the program close connections that are idle for longer than it needs: an idle timeout in a server, a maximum idle time in a pool.",
];

/// A connection that may be measured.
#[derive(Clone, Copy, Debug)]
struct Sample {
    service: Service,
    ends: InetEnds,
    inode: u64,
}

/// The connections without a timer, by service, and a few of each large one.
#[derive(Debug, Default)]
pub(super) struct Silent {
    services: TopCounts<Service, 10_000>,
    samples: Vec<Sample>,
}

impl Rule for Silent {
    const ID: &'static str = "silent";

    const STATES: StateSet = StateSet::NONE.with(State::Established);

    type Before = ();

    const SUSPECTS: Option<Suspects<Self>> = Some(Silent::suspects);

    fn add(&mut self, sampled: &Sampled<'_>) {
        let Sampled {
            socket,
            ends,
            service,
        } = *sampled;
        let is_idle = socket.timer.is_none() && socket.send_queue == 0 && socket.receive_queue == 0;
        // What waits to be accepted has no inode. The end of a local peer is always noticed.
        let is_idle = is_idle && socket.inode != 0;
        if !is_idle || ends.remote.ip().to_canonical().is_loopback() {
            return;
        }
        let number = self.services.add(service);
        // The last ones before the service is large enough: small ones need no room.
        let is_sample = number > LEAST - MEASURED && number <= LEAST;
        if is_sample && self.samples.len() < ROOM {
            let inode = socket.inode;
            self.samples.push(Sample {
                service,
                ends: *ends,
                inode,
            });
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let large = self.large();
        if !large.is_empty() && case.host.source == SourceName::Proc {
            return Examined::lacking("/proc does not report how long connections were silent");
        }
        let large = large.into_iter();
        let findings = large.filter_map(|(service, all)| self.finding(service, all, case.host));
        Examined::found(findings)
    }
}

impl Silent {
    /// The services with the most connections without a timer, and how many.
    fn large(&self) -> Vec<(Service, u64)> {
        let mut large = self.services.top(REPORTED);
        large.retain(|(_, all)| *all >= LEAST);
        large
    }

    fn samples(&self, service: Service) -> impl Iterator<Item = &Sample> {
        let samples = self.samples.iter();
        samples.filter(move |sample| sample.service == service)
    }

    fn suspects(&self, _: &Host) -> Vec<InetEnds> {
        let large = self.large().into_iter();
        let samples = large.flat_map(|(service, _)| self.samples(service));
        samples.map(|sample| sample.ends).collect()
    }

    /// A finding, if all that were measured have been silent for long.
    fn finding(&self, service: Service, all: u64, host: &Host) -> Option<Finding> {
        let samples = self.samples(service);
        let silent = samples.filter_map(|sample| Some((sample.inode, silence(sample.ends, host)?)));
        let (inodes, silent): (Vec<u64>, Vec<u64>) = silent.unzip();
        let (least, most) = (*silent.iter().min()?, *silent.iter().max()?);
        if silent.len() < LEAST_MEASURED || least < SILENT_MS {
            return None;
        }
        let connections = counted_connections(all, service);
        let [least, most] = [least, most].map(|ms| duration_words(ms / 1_000));
        let measured = thousands(silent.len());
        let title = format!(
            "{connections} without keepalive: no data for {least} or longer on each of {measured} measured"
        );
        let evidence = [
            format!(
                "on the {measured} measured, no data was sent, received or acknowledged for {least} to {most}; the others were not measured"
            ),
            "all of them are established with empty queues, and their timers do not run".to_owned(),
        ];
        let list = "--process --state established --columns timer,last-data-received,last-data-sent,last-ack-received --sort last-data-received:desc --limit 20";
        let show = Command::list(list).of(service_test(service));
        Some(
            Finding::new(Severity::Info, title, all as f64, inodes, WHY)
                .with_subject(service_subject(service))
                .with_evidence(evidence)
                .with_commands([show])
                .with_remedy(REMEDY),
        )
    }
}

/// For how long nothing was sent, received or acknowledged, in milliseconds; `None` where that is
/// unknown. The time since data was received says nothing alone: the kernel counts it from its start
/// where none ever was.
fn silence(ends: InetEnds, host: &Host) -> Option<u64> {
    let of = |metric| host.measures.get(ends, metric);
    let sent = of(Metric::LastDataSent)?;
    let received = of(Metric::LastDataReceived)?;
    Some(sent.min(received).min(of(Metric::LastAckReceived)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Measures;
    use crate::diagnose::testing::{host, socket};
    use crate::model::{Socket, Timer, TimerKind};
    use std::time::Duration;

    const HOUR: u64 = SILENT_MS;

    fn idle(number: u64) -> Socket {
        let remote = format!("192.0.2.1:{}", 1_000 + number);
        Socket {
            inode: 1 + number,
            ..socket(State::Established, "192.0.2.9:80", &remote)
        }
    }

    /// What is examined of these connections, measured by `silences`: sent, received, acknowledged.
    fn examined(
        sockets: &[Socket],
        silences: impl Fn(usize) -> [u64; 3],
        source: SourceName,
    ) -> Examined {
        let mut host = host().listening_at(&["0.0.0.0:80"]);
        host.source = source;
        let rule: Silent = host.read(&[], sockets);
        let suspects = rule.suspects(&host);
        assert!(suspects.len() as u64 <= REPORTED as u64 * MEASURED);
        for (number, ends) in suspects.into_iter().enumerate() {
            let metrics = [
                Metric::LastDataSent,
                Metric::LastDataReceived,
                Metric::LastAckReceived,
            ];
            for (metric, value) in metrics.into_iter().zip(silences(number)) {
                host.measures = std::mem::take(&mut host.measures).with(ends, metric, value);
            }
        }
        host.examine(&rule)
    }

    fn found(sockets: &[Socket], silences: impl Fn(usize) -> [u64; 3]) -> Vec<Finding> {
        examined(sockets, silences, SourceName::Netlink).findings
    }

    #[test]
    fn two_hundred_of_a_service_of_which_all_measured_are_silent_are_information() {
        for (number, expected) in [(199, 0), (200, 1), (5_000, 1)] {
            let sockets: Vec<Socket> = (0..number).map(idle).collect();
            let found = found(&sockets, |_| [3 * HOUR, 4 * HOUR, 5 * HOUR]);
            assert_eq!(found.len(), expected, "{number}");
        }
        let sockets: Vec<Socket> = (0..312).map(idle).collect();
        let found = found(&sockets, |number| [(3 + number as u64) * HOUR; 3]);
        assert_eq!(found[0].severity, Severity::Info);
        assert_eq!(
            found[0].title,
            "312 inbound connections to port 80 without keepalive: no data for 3 hours or longer on each of 16 measured"
        );
        assert_eq!(
            found[0].evidence[0],
            "on the 16 measured, no data was sent, received or acknowledged for 3 hours to 18 hours; the others were not measured"
        );
        assert_eq!(found[0].inodes, (185..=200).collect::<Vec<u64>>());
    }

    #[test]
    fn one_that_was_used_within_the_hour_in_any_way_is_enough_for_silence() {
        let sockets: Vec<Socket> = (0..300).map(idle).collect();
        for one in [
            [HOUR - 1, HOUR, HOUR],
            [HOUR, HOUR - 1, HOUR],
            [HOUR, HOUR, HOUR - 1],
        ] {
            let silences = |number| if number == 7 { one } else { [HOUR; 3] };
            assert!(found(&sockets, silences).is_empty(), "{one:?}");
        }
        assert_eq!(found(&sockets, |_| [HOUR; 3]).len(), 1);
    }

    #[test]
    fn connections_with_keepalive_or_data_or_a_local_peer_and_those_not_accepted_are_not_counted() {
        let timer = Some(Timer {
            kind: TimerKind::KeepAlive,
            remaining: Duration::from_secs(1),
        });
        let changes: [fn(Socket, Option<Timer>) -> Socket; 4] = [
            |one, timer| Socket { timer, ..one },
            |one, _| Socket {
                send_queue: 1,
                ..one
            },
            |one, _| Socket {
                receive_queue: 1,
                ..one
            },
            |one, _| Socket { inode: 0, ..one },
        ];
        for change in changes {
            let others = (199..900).map(|number| change(idle(number), timer));
            let sockets: Vec<Socket> = (0..199).map(idle).chain(others).collect();
            assert!(found(&sockets, |_| [HOUR; 3]).is_empty());
        }
        let local = (0..900).map(|number| Socket {
            inode: 5,
            ..socket(
                State::Established,
                "127.0.0.1:80",
                &format!("127.0.0.1:{}", 1_000 + number),
            )
        });
        assert!(found(&local.collect::<Vec<_>>(), |_| [HOUR; 3]).is_empty());
    }

    #[test]
    fn without_measures_nothing_is_found_and_of_proc_the_reason_is_given() {
        let sockets: Vec<Socket> = (0..300).map(idle).collect();
        let host = host().listening_at(&["0.0.0.0:80"]);
        let rule: Silent = host.read(&[], &sockets);
        assert!(host.examine(&rule).findings.is_empty());
        let few = examined(&sockets, |_| [HOUR; 3], SourceName::Proc);
        assert!(few.findings.is_empty());
        assert_eq!(
            few.lacking,
            ["/proc does not report how long connections were silent"]
        );
        let few = examined(&sockets[..199], |_| [HOUR; 3], SourceName::Proc);
        assert!(few.lacking.is_empty());
    }

    #[test]
    fn fewer_than_eight_that_are_left_say_too_little() {
        let sockets: Vec<Socket> = (0..300).map(idle).collect();
        for (left, expected) in [(7, 0), (8, 1)] {
            let mut host = host().listening_at(&["0.0.0.0:80"]);
            let rule: Silent = host.read(&[], &sockets);
            let mut measures = Measures::default();
            for ends in rule.suspects(&host).into_iter().take(left) {
                for metric in [
                    Metric::LastDataSent,
                    Metric::LastDataReceived,
                    Metric::LastAckReceived,
                ] {
                    measures = measures.with(ends, metric, HOUR);
                }
            }
            host.measures = measures;
            assert_eq!(host.examine(&rule).findings.len(), expected, "{left}");
        }
    }
}
