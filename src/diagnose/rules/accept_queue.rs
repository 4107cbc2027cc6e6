//! Accept queues at their limits, and connections dropped at their listeners.
//!
//! A queue is full when it holds more than its limit (`sk_acceptq_is_full`, include/net/sock.h), so
//! a limit of 0 is legal and holds one. A SYN that finds it full is dropped, and a handshake under way
//! does not complete (`tcp_conn_request`, `tcp_v4_syn_recv_sock`); the listener counts each.

mod crew;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use crate::diagnose::subject::listener_subject;
use crate::diagnose::{Case, Examined, Host, Inodes, Rule, Sampled, Suspects};
use crate::model::Setting::Somaxconn;
use crate::model::{
    Arrival, Command, Counter, Finding, InetEnds, Listener, Metric, Scope, Service, Severity,
    State, StateSet, counted, thousands,
};
use crew::Crew;

/// How many listeners have findings of their own, the worst first; more have one cause for all.
const REPORTED: usize = 5;

/// How many connections that wait are kept; only some of each listener's are measured.
const KEPT: usize = 2_000;

/// How many waiting connections of one listener are measured: how long they have waited.
const MEASURED: usize = 16;

const WHY: &str = "A client that connects to a full accept queue gets no answer and tries again a second later, then less and less often: without room the kernel neither begins nor completes a handshake (listen(2)).";

/// Connections that wait to be accepted, as far as they are kept, and those that were.
#[derive(Debug, Default)]
pub(super) struct AcceptQueue {
    waiting: Vec<(Arrival, InetEnds)>,
    /// The ports of the listeners that are reported.
    ports: HashSet<u16>,
    /// The connections that were accepted there; half a megabyte.
    accepted: Inodes<u16>,
}

impl Rule for AcceptQueue {
    const ID: &'static str = "accept-queue";

    // Without them, a finding says less.
    const IS_LIVE: bool = true;

    const STATES: StateSet = StateSet::NONE
        .with(State::Established)
        .with(State::CloseWait);

    type Before = ();

    const SUSPECTS: Option<Suspects<Self>> = Some(AcceptQueue::suspects);

    fn begin(&mut self, (): (), host: &Host) {
        let worst = overloaded(host).into_iter().take(REPORTED);
        self.ports = worst.map(|queue| queue.listener.local.port()).collect();
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        let socket = sampled.socket;
        if socket.was_never_accepted()
            && self.waiting.len() < KEPT
            && let Some(arrival) = Arrival::of(socket)
        {
            self.waiting.push((arrival, *sampled.ends));
        }
        if let (Service::Served(port), false) = (sampled.service, self.ports.is_empty())
            && self.ports.contains(&port)
        {
            self.accepted.add(port, socket.inode);
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        let overloaded = overloaded(host);
        let worst = overloaded.iter().take(REPORTED);
        let mut findings: Vec<Finding> = worst.map(|queue| self.finding(queue, case)).collect();
        if findings.iter().all(|one| one.severity < Severity::Critical) {
            findings.extend(overflowed(case));
        }
        Examined::found(findings)
            .without(lacking(host, overloaded.len()))
            .without(host.growth(Counter::ListenOverflows).err())
    }
}

fn lacking(host: &Host, overloaded: usize) -> Option<String> {
    let listeners = &host.listeners;
    let beyond = listeners.beyond();
    if listeners.iter().any(|one| one.limit.is_none()) {
        let what = "/proc reports neither the limits of accept queues nor the drops of listeners";
        Some(what.to_owned())
    } else if overloaded > REPORTED {
        let all = thousands(overloaded);
        Some(format!(
            "only the worst {REPORTED} of {all} accept queues at their limits are reported"
        ))
    } else if beyond > 0 {
        let beyond = counted(beyond, "listener was", "listeners were");
        Some(format!("{beyond} not examined"))
    } else {
        host.drops_unknown.clone()
    }
}

/// An accept queue at its limit, or one that dropped connections.
#[derive(Debug)]
struct Queue<'a> {
    listener: &'a Listener,
    limit: u64,
    severity: Severity,
    /// What was dropped there in the window.
    dropped: Option<u64>,
}

/// Those queues, worst first.
fn overloaded(host: &Host) -> Vec<Queue<'_>> {
    let overflows = host.growth(Counter::ListenOverflows);
    let elsewhere = host.growth(Counter::ReqQFullDrop).unwrap_or(0) > 0;
    // A listener drops for other reasons too: no room for another half-open request, which is another
    // rule's, or a client that an ICMP message calls unreachable (`tcp_req_err`).
    let for_lack_of_room = overflows.map_or(!elsewhere, |overflows| overflows > 0);
    let listeners = host.listeners.iter().filter(|one| host.selects(one));
    let queues = listeners.filter_map(|listener| {
        let limit = listener.limit?.into();
        let dropped = listener.drops.map(u64::from);
        let severity = if listener.is_full() || dropped > Some(0) && for_lack_of_room {
            Severity::Critical
        } else if listener.is_at_limit() {
            Severity::Warning
        } else {
            return None;
        };
        Some(Queue {
            listener,
            limit,
            severity,
            dropped,
        })
    });
    let mut queues: Vec<Queue<'_>> = queues.collect();
    let dropped = |queue: &Queue<'_>| queue.dropped.unwrap_or(0);
    queues.sort_by_key(|queue| {
        std::cmp::Reverse((queue.severity, dropped(queue), queue.listener.waiting))
    });
    queues
}

impl AcceptQueue {
    fn suspects(&self, host: &Host) -> Vec<InetEnds> {
        let worst = overloaded(host).into_iter().take(REPORTED);
        worst
            .flat_map(|queue| self.at(queue.listener, host))
            .collect()
    }

    /// Some of those that may wait at this listener.
    fn at(&self, listener: &Listener, host: &Host) -> Vec<InetEnds> {
        let waiting = self.waiting.iter();
        let waiting =
            waiting.filter(|(arrival, _)| host.listeners.takers(arrival).contains(&listener));
        waiting.map(|(_, ends)| *ends).take(MEASURED).collect()
    }

    fn finding(&self, queue: &Queue<'_>, case: &Case<'_>) -> Finding {
        let inode = queue.listener.inode;
        let address = case.host.listen_address(queue.listener, &[]);
        let length = u64::from(queue.listener.waiting);
        let [waiting, limit] = [length, queue.limit].map(thousands);
        let connections = counted(length, "connection waits", "connections wait");
        let window = case.host.window_text();
        let drops = counted(queue.dropped.unwrap_or(0), "drop", "drops");
        let title = match queue.dropped {
            _ if length > queue.limit => format!(
                "the accept queue of {address} is full: {connections}, and its limit is {limit}"
            ),
            Some(1..) => {
                format!(
                    "{drops} at {address} in {window}; {waiting} of {limit} wait to be accepted"
                )
            }
            Some(0) | None => format!(
                "the accept queue of {address} has reached its limit: {waiting} of {limit} wait"
            ),
        };
        let accepted: Vec<u64> = self
            .accepted
            .of(|port| *port == address.local.port())
            .collect();
        let crew = Crew::of(queue.listener, &accepted, case);
        let test = format!("sport = {}", address.local.port());
        let waiting = "-p --state established,close-wait --sort last-data-sent:desc --limit 20";
        Finding::new(queue.severity, title, length as f64, vec![inode], WHY)
            .with_subject(listener_subject(&address))
            .with_limit(queue.limit as f64)
            .with_evidence(crew.evidence())
            .with_evidence(self.evidence(queue, case.host))
            .with_processes(crew.processes())
            .with_searched(accepted)
            .with_commands([
                Command::list("-l --columns process,drops").of(test.clone()),
                Command::list(waiting).of(test),
            ])
            .with_remedy(crew.remedy(queue.limit, case.host))
    }

    fn evidence(&self, queue: &Queue<'_>, host: &Host) -> Vec<String> {
        let dropped = match (queue.dropped, &host.drops_unknown) {
            (Some(dropped), _) => {
                let (dropped, window) = (thousands(dropped), host.window_text());
                format!("the listener dropped {dropped} in {window}")
            }
            (None, Some(reason)) => reason.clone(),
            (None, None) => "the drops of the listener are unknown".to_owned(),
        };
        let counters = [Counter::ListenOverflows, Counter::ListenDrops];
        let mut evidence = vec![
            dropped,
            format!("for all listeners, {}", host.growth_text(&counters)),
        ];
        // The kernel counts from the handshake where nothing was sent yet.
        let waits = self.at(queue.listener, host).into_iter();
        let waits = waits.filter_map(|ends| host.measures.get(ends, Metric::LastDataSent));
        let waits: Vec<u64> = waits.collect();
        evidence.extend(waits.iter().max().map(|longest| {
            format!(
                "of {} waiting connections that were measured, one has waited for {}.{} s",
                waits.len(),
                longest / 1_000,
                longest % 1_000 / 100
            )
        }));
        if host.setting(Somaxconn) == Some(queue.limit) {
            evidence.push(format!("the limit is that of {Somaxconn}"));
        }
        evidence
    }
}

/// Connections were dropped for lack of room, but no listener shows it.
fn overflowed(case: &Case<'_>) -> Option<Finding> {
    let overflows = case.host.growth(Counter::ListenOverflows).ok()?;
    if overflows == 0 {
        return None;
    }
    let listeners = case.host.listeners.iter();
    let mut longest: Vec<&Listener> = listeners.filter(|one| one.waiting > 0).collect();
    longest.sort_by_key(|listener| std::cmp::Reverse(listener.waiting));
    let counters = [Counter::ListenOverflows, Counter::ListenDrops];
    let mut evidence = vec![case.host.growth_text(&counters)];
    evidence.extend(longest.iter().take(3).map(|listener| {
        let address = case.host.listen_address(listener, &[]);
        let waiting = thousands(listener.waiting);
        format!("{waiting} wait to be accepted at {address}")
    }));
    let (times, window) = (counted(overflows, "time", "times"), case.host.window_text());
    let title = format!("an accept queue was full {times} in {window}");
    let remedy = vec![
        "Find out which process does not accept in time, and why: blocked, out of workers or threads, or out of descriptors (EMFILE).".to_owned(),
        format!(
            "For bursts, give listen() a larger backlog, up to {Somaxconn}; this needs a new listen()."
        ),
    ];
    Some(
        Finding::new(Severity::Critical, title, overflows as f64, Vec::new(), WHY)
            .with_evidence(evidence)
            .with_commands([Command::list("-l --sort accept-queue:desc")])
            .with_remedy(remedy)
            .with_scope(Scope::Namespace),
    )
}
