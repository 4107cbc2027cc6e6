//! SYNs that are lost while others are answered: connecting takes one second, or three, and works.
//!
//! TcpExtTCPSynRetrans counts SYNs and SYN-ACKs (`tcp_retransmit_timer`, net/ipv4/tcp_timer.c;
//! `tcp_rtx_synack`, net/ipv4/tcp_output.c). It is divided between them as the handshakes divide that
//! have waited for half of the first timeout of one second (RFC 6298, 2.1) or longer; where programs
//! connect in step and none has at either time, as all handshakes divide. SYNs that were due for a
//! retransmission after the window are counted until attempts were last looked at.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use super::no_answer::{NoAnswer, of_one};
use crate::diagnose::attempts::{Attempts, Earlier, Silence, Tries, destination};
use crate::diagnose::subject::peer_subject;
use crate::diagnose::{Case, Examined, FirstPass, Growth, Host, Inodes, Rule, Sampled, TopCounts};
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

    /// The handshakes by which retransmissions are divided into SYNs and SYN-ACKs, and a description of them.
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
        Examined::found(lossy.next().map(|sent| match self.unconnected(host) {
            Some((to, tries)) => Finding {
                id: NoAnswer::ID,
                ..of_one(&self.attempts, to, tries, Silence::Repeated, host)
            },
            None => self.finding(sent),
        }))
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
        let are_often = || lost > 0.0 && self.attempts.are_often_answered(host);
        (is_lossy || are_often())
            && self.attempts.is_answered(host)
            && (lost <= opened * ANSWERED_SHARE
                || destinations.any(|(to, _)| self.attempts.is_connected(to, host)))
    }

    /// The one destination of nearly all SYNs of these handshakes.
    fn only_destination(&self) -> Option<SocketAddr> {
        let syns = &self.waiting.divides().0.syns;
        let (to, number) = *syns.top(1).first()?;
        (number as f64 >= syns.total() as f64 * ONE_DESTINATION).then_some(to)
    }

    /// The only destination, if nothing shows that it answers any.
    fn unconnected(&self, host: &Host) -> Option<(SocketAddr, &Tries)> {
        let to = self.only_destination()?;
        let tries = self.attempts.unconnected(to, host)?;
        let is_silent = self.attempts.is_more_than_loss(tries, host);
        is_silent.then_some((to, tries))
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
        let only = self.only_destination();
        let subject = only.map(peer_subject);
        let services = Command::count("--by service --top 10");
        let show = Command::list("--process --state syn-sent --columns timer,retransmits");
        let commands = match (only, self.late_now) {
            (_, 0) => vec![services],
            (Some(to), _) => vec![
                services.of(format!("dst {to}")),
                show.of(format!("dst {to}")),
            ],
            (None, _) => vec![services, show],
        };
        Finding::new(Severity::Warning, title, percent, self.inodes.all(), WHY)
            .with_limit(WARNING_SHARE * 100.0)
            .with_subject(subject.unwrap_or_default())
            .with_evidence(self.evidence(growth))
            .with_commands(commands)
            .with_remedy(REMEDY)
            .with_causes(&["conntrack", "accept-queue", "half-open"])
    }

    fn evidence(&self, growth: Growth<'_>) -> Vec<String> {
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
        let named = handshakes.syns.top(NAMED).into_iter();
        let named = named.map(|(to, late)| format!("{} to {to}", thousands(late)));
        let named: Vec<String> = named.collect();
        evidence.push(format!("such SYNs: {}", named.join(", ")));
        evidence.extend(self.inodes.limit_note());
        evidence
    }
}
