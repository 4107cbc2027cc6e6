//! Accept queues at their limits or that connections do not leave, and connections dropped at listeners.
//!
//! A queue is full when it holds more than its limit (`sk_acceptq_is_full`, include/net/sock.h), so
//! a limit of 0 is legal and holds one. A SYN that finds it full is dropped, and a handshake under way
//! does not complete (`tcp_conn_request`, `tcp_v4_syn_recv_sock`); the listener counts each.

mod crew;
mod progress;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use crate::diagnose::subject::listener_subject;
use crate::diagnose::{Case, Examined, Host, Inodes, Rule, Sampled, Suspects};
use crate::model::Setting::Somaxconn;
use crate::model::{
    Command, Counter, Finding, InetEnds, Listener, Scope, Service, Severity, State, StateSet,
    counted, thousands,
};
use crew::Crew;
use progress::{Earlier, Pace, Progress};

/// How many listeners have findings of their own, the worst first; more have one cause for all.
const REPORTED: usize = 5;

/// Of how many listeners, those with the longest queues, the connections before and after the window are
/// compared.
const COMPARED: usize = 64;

const WHY: &str = "A client that connects to a full accept queue gets no answer and tries again a second later, then less and less often: without room the kernel neither begins nor completes a handshake (listen(2)).";

const WHY_WAITING: &str = "The kernel completed these handshakes: to the clients the connections are open, and they wait for an answer until the program calls accept(), or until they give up (accept(2)).";

/// Connections that wait to be accepted, as far as they are kept, and those that were.
#[derive(Debug, Default)]
pub(super) struct AcceptQueue {
    progress: Progress,
    /// The ports of the listeners that may be reported.
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

    type Before = Earlier;

    const SUSPECTS: Option<Suspects<Self>> = Some(AcceptQueue::suspects);

    fn begin(&mut self, before: Earlier, host: &Host) {
        self.progress = Progress::after(before);
        let worst = self.reported(host).into_iter().take(REPORTED);
        self.ports = worst.map(|queue| queue.listener.local.port()).collect();
        let longest = longest(host).into_iter().take(REPORTED);
        let ports = longest.map(|listener| listener.local.port());
        self.ports.extend(ports);
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        let socket = sampled.socket;
        self.progress.add(socket, sampled.ends);
        if let (Service::Served(port), false) = (sampled.service, self.ports.is_empty())
            && self.ports.contains(&port)
        {
            self.accepted.add(port, socket.inode);
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        let mut reported = self.reported(host);
        let standing = self.standing(host, &reported);
        let searched = standing.iter().map(|queue| queue.listener.inode).collect();
        let is_exhausted = |queue: &Queue| Crew::of(queue.listener, &[], case).is_exhausted();
        reported.extend(standing.into_iter().filter(is_exhausted));
        reported.sort_by_key(|queue| std::cmp::Reverse(queue.severity));
        let worst = reported.iter().take(REPORTED);
        let mut findings: Vec<Finding> = worst.map(|queue| self.finding(queue, case)).collect();
        if findings.iter().all(|one| one.severity < Severity::Critical) {
            findings.extend(overflowed(case));
        }
        Examined::found(findings)
            .with_searched(searched)
            .without(lacking(host, reported.len()))
            .without(host.growth(Counter::ListenOverflows).err())
    }
}

fn lacking(host: &Host, queues: usize) -> Option<String> {
    let listeners = &host.listeners;
    let beyond = listeners.beyond();
    if listeners.iter().any(|one| one.limit.is_none()) {
        let what = "/proc reports neither the limits of accept queues nor the drops of listeners";
        Some(what.to_owned())
    } else if queues > REPORTED {
        let all = thousands(queues);
        Some(format!(
            "only the worst {REPORTED} of {all} accept queues are reported"
        ))
    } else if beyond > 0 {
        let beyond = counted(beyond, "listener was", "listeners were");
        Some(format!("{beyond} not examined"))
    } else {
        host.drops_unknown.clone()
    }
}

/// An accept queue at its limit, one that dropped connections, or one that they do not leave in time.
#[derive(Debug)]
struct Queue<'a> {
    listener: &'a Listener,
    limit: u64,
    severity: Severity,
    /// What was dropped there in the window.
    dropped: Option<u64>,
    /// Whether connections leave it in time.
    pace: Option<Pace>,
}

/// The longest queues, longest first.
fn longest(host: &Host) -> Vec<&Listener> {
    let listeners = host.listeners.iter();
    let mut longest: Vec<&Listener> = listeners
        .filter(|one| one.waiting > 0 && host.selects(one))
        .collect();
    longest.sort_by_key(|listener| std::cmp::Reverse(listener.waiting));
    longest.truncate(COMPARED);
    longest
}

/// How urgent the length and the drops of a queue are.
fn severity(listener: &Listener, host: &Host) -> Option<Severity> {
    let overflows = host.growth(Counter::ListenOverflows);
    let elsewhere = host.growth(Counter::ReqQFullDrop).unwrap_or(0) > 0;
    // A listener drops for other reasons too: no room for another half-open request, which is another
    // rule's, or a client that an ICMP message calls unreachable (`tcp_req_err`).
    let for_lack_of_room = overflows.map_or(!elsewhere, |overflows| overflows > 0);
    if listener.is_full() || listener.drops > Some(0) && for_lack_of_room {
        Some(Severity::Critical)
    } else if listener.is_at_limit() {
        Some(Severity::Warning)
    } else {
        None
    }
}

impl AcceptQueue {
    /// The queues that are reported, worst first.
    fn reported<'a>(&self, host: &'a Host) -> Vec<Queue<'a>> {
        let longest = longest(host);
        let listeners = host.listeners.iter().filter(|one| host.selects(one));
        let queues = listeners.filter_map(|listener| {
            let is_long = longest.contains(&listener);
            let queued = is_long.then(|| self.progress.of(listener, host));
            let pace = queued.and_then(|queued| queued.pace(host));
            let urgencies = [severity(listener, host), pace.map(|pace| pace.severity)];
            Some(Queue {
                listener,
                limit: listener.limit?.into(),
                severity: urgencies.into_iter().flatten().max()?,
                dropped: listener.drops.map(u64::from),
                pace,
            })
        });
        let mut queues: Vec<Queue<'_>> = queues.collect();
        let dropped = |queue: &Queue<'_>| queue.dropped.unwrap_or(0);
        queues.sort_by_key(|queue| {
            std::cmp::Reverse((queue.severity, dropped(queue), queue.listener.waiting))
        });
        queues
    }

    /// The others with connections that waited throughout the window, when none left: critical
    /// if accept() fails for lack of descriptors, however few and however short they have waited.
    fn standing<'a>(&self, host: &'a Host, reported: &[Queue<'a>]) -> Vec<Queue<'a>> {
        let is_reported = |one: &&Listener| reported.iter().any(|queue| queue.listener == *one);
        let mut others = longest(host);
        others.retain(|one| !is_reported(one));
        let standing = others.into_iter().filter_map(|listener| {
            let pace = self.progress.of(listener, host).standing()?;
            Some(Queue {
                listener,
                limit: listener.limit?.into(),
                severity: Severity::Critical,
                dropped: listener.drops.map(u64::from),
                pace: Some(pace),
            })
        });
        standing.take(REPORTED).collect()
    }

    /// Some of those that wait at listeners which are reported, or may be.
    fn suspects(&self, host: &Host) -> Vec<InetEnds> {
        let reported = self.reported(host).into_iter().take(REPORTED);
        let mut suspects: Vec<&Listener> = reported.map(|queue| queue.listener).collect();
        let mut others = longest(host);
        others.retain(|one| self.progress.of(one, host).are_several());
        suspects.extend(others.into_iter().take(REPORTED));
        let queued = suspects.iter().map(|one| self.progress.of(one, host));
        queued
            .flat_map(|queued| queued.sample().collect::<Vec<_>>())
            .collect()
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
            Some(0) | None if length < queue.limit => {
                let slow = match queue.pace.is_some_and(Pace::is_still) {
                    true => format!(": none left the queue in {window}"),
                    false => ", some for a second or longer".to_owned(),
                };
                format!("{connections} to be accepted at {address}{slow}")
            }
            Some(0) | None => format!(
                "the accept queue of {address} has reached its limit: {waiting} of {limit} wait"
            ),
        };
        let accepted: Vec<u64> = self
            .accepted
            .of(|port| *port == address.local.port())
            .collect();
        let has_gone = queue.pace.is_none() && length < queue.limit;
        let crew = Crew::of(queue.listener, &accepted, case);
        // With no descriptor left accept() fails, however long they have waited so far.
        let fails = queue.pace.is_some_and(Pace::is_still) && crew.is_exhausted();
        let severity = queue.severity.max(Severity::critical_if(fails));
        let has_room = length < queue.limit && queue.dropped.unwrap_or(0) == 0;
        let why = if has_room { WHY_WAITING } else { WHY };
        let test = format!("sport = {}", address.local.port());
        let waiting = "-p --state established,close-wait --sort last-data-sent:desc --limit 20";
        let mut commands = vec![Command::list("-l --columns process,drops").of(test.clone())];
        // After a burst there are none to show.
        if !has_gone {
            commands.push(Command::list(waiting).of(test));
        }
        Finding::new(severity, title, length as f64, vec![inode], why)
            .with_subject(listener_subject(&address))
            .with_limit(queue.limit as f64)
            .with_evidence(crew.evidence())
            .with_evidence(self.evidence(queue, case.host))
            .with_processes(crew.processes())
            .with_searched(accepted)
            .with_commands(commands)
            .with_remedy(crew.remedy(queue.limit, queue.pace, case.host))
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
        evidence.extend(queue.pace.map(|pace| pace.text(host)));
        evidence.extend(self.progress.of(queue.listener, host).text(host));
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
