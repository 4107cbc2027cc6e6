//! SYNs that are lost while others are answered: connecting takes one second, or three, and works.
//!
//! TcpExtTCPSynRetrans counts SYNs and SYN-ACKs (`tcp_retransmit_timer`, net/ipv4/tcp_timer.c;
//! `tcp_rtx_synack`, net/ipv4/tcp_output.c). It is divided between them as the handshakes divide that
//! have waited for half of the first timeout of one second (RFC 6298, 2.1) or longer; where programs
//! connect in step and none has at either time, as all handshakes divide. SYNs that were due for a
//! retransmission after the window are counted until attempts were last looked at.

use std::net::SocketAddr;
use std::time::Duration;

use crate::diagnose::attempts::{Attempts, Earlier, destination};
use crate::diagnose::subject::peer_subject;
use crate::diagnose::{
    Case, Examined, FirstPass, Growth, Host, Inodes, Rule, Sampled, Suspects, TopCounts,
};
use crate::model::{
    Command, Counter, Finding, InetEnds, Scope, Severity, Socket, State, StateSet, thousands,
};

/// The part of the SYNs sent from which it warns, that of other segments too: single losses are normal.
const WARNING_SHARE: f64 = 0.01;

/// Fewer lost SYNs than this are left to chance.
const LEAST: f64 = 5.0;

/// Up to this many retransmissions of each SYN (a quarter of all SYNs are lost) some must have been
/// answered; more may be a few attempts that nothing answers, each sent once more.
const ANSWERED_SHARE: f64 = 1.0 / 3.0;

/// A handshake is late when its first retransmission is due within this time.
const LATE: Duration = Duration::from_millis(500);

/// How many destinations are named.
const NAMED: usize = 3;

/// If one destination has this part of the late attempts, the finding is about it.
const ONE_DESTINATION: f64 = 0.9;

const WHY: &str = "A lost SYN is sent again after 1 s, and then after 2 s more or 1 s more (RFC 6298, 2.1): connecting takes as long, and works. Everything else may be in order.";

const REMEDY: [&str; 3] = [
    "At the destination, look for SYNs that are dropped: a full accept queue or request queue (`tcpstates doctor` there), a rate limit in a firewall.",
    "On the way, look for connection tracking that drops them: insertions that fail because source NAT gives two connections one port (`conntrack -S`), a full table.",
    "Keep connections open and reuse them, so that fewer SYNs are needed.",
];

/// Handshakes under way.
#[derive(Debug, Default)]
struct Handshakes {
    /// SYNs, by destination.
    syns: TopCounts<SocketAddr, 10_000>,
    syn_acks: u64,
}

impl Handshakes {
    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if socket.state == State::SynSent {
            self.syns.add(destination(ends));
        } else {
            self.syn_acks += 1;
        }
    }

    fn are_none(&self) -> bool {
        self.syns.total() + self.syn_acks == 0
    }

    /// The part of them that this host began.
    fn own_part(&self) -> f64 {
        let syns = self.syns.total();
        syns as f64 / (syns + self.syn_acks).max(1) as f64
    }
}

/// All handshakes, and those that wait long for an answer.
#[derive(Debug, Default)]
struct Waiting {
    all: Handshakes,
    late: Handshakes,
}

impl Waiting {
    /// Takes one; returns whether it is late.
    fn add(&mut self, socket: &Socket, ends: &InetEnds) -> bool {
        let is_late = socket.retransmits.is_some_and(|times| times > 0)
            || socket.timer.is_some_and(|timer| timer.remaining <= LATE);
        self.all.add(socket, ends);
        if is_late {
            self.late.add(socket, ends);
        }
        is_late
    }

    /// Those by which what was retransmitted is divided, and how they are called.
    fn divides(&self) -> (&Handshakes, &'static str) {
        match self.late.are_none() {
            true => (&self.all, "were under way"),
            false => (&self.late, "had waited for half a second or longer"),
        }
    }
}

/// The attempts before the window, and the late handshakes.
#[derive(Debug, Default)]
pub(super) struct Before {
    earlier: Earlier,
    waiting: Waiting,
}

impl FirstPass for Before {
    const STATES: StateSet = StateSet::NONE.with(State::SynSent).with(State::SynRecv);

    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if socket.state == State::SynSent {
            self.earlier.add(socket, ends);
        }
        self.waiting.add(socket, ends);
    }
}

/// The attempts after the window, and handshakes at both times.
#[derive(Debug, Default)]
pub(super) struct SynLoss {
    attempts: Attempts,
    waiting: Waiting,
    /// How many late SYNs there are after the window, and their sockets.
    late_now: u64,
    inodes: Inodes<()>,
}

impl Rule for SynLoss {
    const ID: &'static str = "syn-loss";

    const SCOPE: Scope = Scope::Namespace;

    const STATES: StateSet = Attempts::STATES.with(State::SynRecv);

    type Before = Before;

    const SUSPECTS: Option<Suspects<Self>> = None;

    fn begin(&mut self, before: Before, _: &Host) {
        self.attempts = Attempts::after(before.earlier);
        self.waiting = before.waiting;
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        let Sampled { socket, ends, .. } = *sampled;
        let is_handshake = matches!(socket.state, State::SynSent | State::SynRecv);
        let is_late = is_handshake && self.waiting.add(socket, ends);
        if is_late && socket.state == State::SynSent {
            self.late_now += 1;
            self.inodes.add((), socket.inode);
        }
        if socket.state != State::SynRecv {
            self.attempts.add(sampled);
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        let times = [Some(host.in_window()), host.while_watched()];
        let sent: Result<Vec<Sent>, String> = times
            .into_iter()
            .flatten()
            .map(|growth| self.sent(growth))
            .collect();
        let sent = match sent {
            Ok(sent) => sent,
            Err(reason) => return Examined::lacking(reason),
        };
        let mut lossy = sent.iter().filter(|sent| self.are_lost(sent, host));
        Examined::found(lossy.next().map(|sent| self.finding(sent)))
    }
}

/// The SYNs that this host sent in a time.
struct Sent<'a> {
    growth: Growth<'a>,
    /// How many were retransmissions, as the handshakes divide.
    lost: f64,
    opened: f64,
}

impl SynLoss {
    fn sent<'a>(&self, growth: Growth<'a>) -> Result<Sent<'a>, String> {
        let again = growth.of(Counter::SynRetrans)?;
        let (handshakes, _) = self.waiting.divides();
        Ok(Sent {
            growth,
            lost: again as f64 * handshakes.own_part(),
            opened: growth.of(Counter::ActiveOpens)? as f64,
        })
    }

    /// Whether too many were lost, while some were answered. Attempts that nothing answers are no-answer's,
    /// with all their retransmissions; and no rule's, if they are few.
    fn are_lost(&self, sent: &Sent<'_>, host: &Host) -> bool {
        let Sent { lost, opened, .. } = *sent;
        let is_lossy = lost >= LEAST && lost >= (opened + lost) * WARNING_SHARE;
        let (handshakes, _) = self.waiting.divides();
        let mut destinations = handshakes.syns.top(NAMED).into_iter();
        is_lossy
            && self.attempts.is_answered(host)
            && (lost <= opened * ANSWERED_SHARE
                || destinations.any(|(to, _)| self.attempts.is_connected(to, host)))
    }

    fn finding(&self, sent: &Sent<'_>) -> Finding {
        let Sent {
            growth,
            lost,
            opened,
        } = *sent;
        let percent = lost / (opened + lost) * 100.0;
        let window = growth.time_text();
        let [again, all] = [lost, opened + lost].map(|number| format!("{number:.0}"));
        let title = format!(
            "{percent:.1} % of the SYNs sent in {window} were retransmissions: {} of {}",
            thousands(again),
            thousands(all)
        );
        let (handshakes, _) = self.waiting.divides();
        let top = handshakes.syns.top(NAMED);
        let total = handshakes.syns.total() as f64;
        let only = top.first();
        let only = only.filter(|(_, late)| *late as f64 >= total * ONE_DESTINATION);
        let subject = only.map(|(to, _)| peer_subject(*to));
        let services = Command::count("--by service --top 10");
        let show = Command::list("--process --state syn-sent --columns timer,retransmits");
        let commands = match (only, self.late_now) {
            (_, 0) => vec![services],
            (Some((to, _)), _) => vec![
                services.of(format!("dst {to}")),
                show.of(format!("dst {to}")),
            ],
            (None, _) => vec![services, show],
        };
        Finding::new(Severity::Warning, title, percent, self.inodes.all(), WHY)
            .with_limit(WARNING_SHARE * 100.0)
            .with_subject(subject.unwrap_or_default())
            .with_evidence(self.evidence(&top, growth))
            .with_commands(commands)
            .with_remedy(REMEDY)
            .with_causes(&["conntrack", "accept-queue", "half-open"])
    }

    fn evidence(&self, top: &[(SocketAddr, u64)], growth: Growth<'_>) -> Vec<String> {
        let (handshakes, which) = self.waiting.divides();
        let [syns, syn_acks] = [handshakes.syns.total(), handshakes.syn_acks].map(thousands);
        let mut evidence = vec![growth.text(&[
            Counter::SynRetrans,
            Counter::ActiveOpens,
            Counter::AttemptFails,
        ])];
        evidence.push(format!(
            "of the handshakes that {which}, before the window and after it, {syns} were this host's SYNs and {syn_acks} its SYN-ACKs"
        ));
        let named = top.iter();
        let named = named.map(|(to, late)| format!("{} to {to}", thousands(*late)));
        let named: Vec<String> = named.collect();
        evidence.push(format!("such SYNs: {}", named.join(", ")));
        evidence.extend(self.inodes.limit_note());
        evidence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::rules::no_answer::NoAnswer;
    use crate::diagnose::testing::{host, socket};
    use crate::model::{Timer, TimerKind};

    fn waiting(state: State, port: u16, remaining_ms: u64, retransmits: u32) -> Socket {
        Socket {
            retransmits: Some(retransmits),
            timer: Some(Timer {
                kind: TimerKind::Retransmit,
                remaining: Duration::from_millis(remaining_ms),
            }),
            ..socket(state, &format!("192.0.2.9:{port}"), "192.0.2.1:80")
        }
    }

    fn client(again: u64, opened: u64) -> Host {
        host()
            .with_growth(Counter::SynRetrans, 1, 1 + again)
            .with_growth(Counter::ActiveOpens, 1, 1 + opened)
            .with_growth(Counter::AttemptFails, 1, 1)
    }

    fn found(host: &Host, sockets: &[Socket]) -> Option<Finding> {
        host.examine::<SynLoss>(&host.read(sockets, sockets))
            .findings
            .pop()
    }

    #[test]
    fn five_lost_syns_that_are_a_hundredth_of_all_warn() {
        let late = [
            waiting(State::SynSent, 1, 500, 0),
            waiting(State::SynSent, 2, 400, 0),
        ];
        assert!(found(&client(4, 20), &late).is_none());
        let five = found(&client(5, 95), &late).unwrap();
        let title = "5.0 % of the SYNs sent in 1.0 s were retransmissions: 5 of 100";
        assert_eq!((five.severity, &*five.title), (Severity::Warning, title));
        assert_eq!(five.evidence[2], "such SYNs: 4 to 192.0.2.1:80");
        assert!(found(&client(10, 990), &late).is_some());
        assert!(found(&client(10, 991), &late).is_none());
        assert!(found(&client(10, 30), &late).is_some());
        assert!(found(&client(10, 29), &late).is_none());
        let mut connected = late.to_vec();
        connected.push(waiting(State::TimeWait, 9, 900, 0));
        assert!(found(&client(10, 29), &connected).is_some());
    }

    #[test]
    fn retransmitted_syn_acks_are_subtracted_by_their_part_of_the_late_handshakes() {
        let mut late = vec![waiting(State::SynSent, 1, 100, 0)];
        late.extend(vec![waiting(State::SynRecv, 80, 900, 1); 4]);
        assert!(found(&client(24, 100), &late).is_none());
        assert!(found(&client(25, 100), &late).is_some());
        assert!(found(&client(99, 100), &late[1..]).is_none());
        let new = [waiting(State::SynSent, 1, 501, 0)];
        assert!(found(&client(99, 100), &new).is_none(), "nothing is late");
    }

    #[test]
    fn in_step_none_is_late_at_either_time_and_all_handshakes_divide() {
        let young: Vec<Socket> = (1..11)
            .map(|port| waiting(State::SynSent, port, 900, 0))
            .collect();
        let made = |state: State| (1..11).map(move |port| waiting(state, port, 900, 0));
        let connected: Vec<Socket> = made(State::Established).collect();
        let found = |host: &Host, before: &[Socket], after: &[Socket]| {
            let rule: SynLoss = host.read(before, after);
            host.examine(&rule).findings.pop()
        };
        assert!(found(&client(4, 0), &young, &connected).is_none());
        let five = found(&client(5, 0), &young, &connected).unwrap();
        assert!(five.evidence[1].starts_with("of the handshakes that were under way, "));
        let mut served = young.clone();
        served.extend((1..11).map(|port| waiting(State::SynRecv, 100 + port, 900, 0)));
        assert!(found(&client(9, 0), &served, &connected).is_none(), "half");
        assert!(found(&client(10, 0), &served, &connected).is_some());
    }

    #[test]
    fn syns_that_are_retransmitted_while_attempts_are_watched_count() {
        let late: Vec<Socket> = (1..11)
            .map(|port| waiting(State::SynSent, port, 400, 0))
            .collect();
        for (again, is_found) in [(4, false), (5, true)] {
            let mut host = client(0, 10);
            let rule: SynLoss = host.read(&[], &late);
            assert!(host.examine(&rule).findings.is_empty());
            let attempts: NoAnswer = host.read(&[], &late);
            host.see(&attempts, &late);
            let connected = waiting(State::Established, 1, 0, 0);
            host.see(&attempts, &[connected]);
            let later = client(again, 10);
            host.later = Some((later.after, Duration::from_secs(2)));
            let found = host.examine(&rule).findings.pop();
            assert_eq!(found.is_some(), is_found);
            let title = "33.3 % of the SYNs sent in 2.0 s were retransmissions: 5 of 15";
            assert!(found.is_none_or(|one| one.title == title));
        }
    }

    #[test]
    fn attempts_without_any_answer_are_not_lost_syns() {
        let dead: Vec<Socket> = (1..4)
            .map(|port| waiting(State::SynSent, port, 900, 1))
            .collect();
        assert!(found(&client(50, 100), &dead).is_none());
    }
}
