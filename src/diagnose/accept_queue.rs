//! Accept queues at their limits, and connections dropped at their listeners.
//!
//! A queue is full when it holds more than its limit (`sk_acceptq_is_full`, include/net/sock.h), so
//! a limit of 0 is legal and holds one. A SYN that finds it full is dropped and the handshake of
//! one that is under way does not end (`tcp_conn_request`, `tcp_v4_syn_recv_sock`); the listener
//! counts each.

use std::net::SocketAddr;

use super::facts::Facts;
use super::rule::Examined;
use crate::model::{
    Counter, Culprit, Field, Finding, Holders, InetEnds, Label, Listener, Metric, Netns, Setting,
    Severity, Socket, counted, thousands,
};

/// The rule's name.
pub(super) const ID: &str = "accept-queue";

/// How many listeners are told of, the worst first; who has more has one cause for all of them.
const TOLD: usize = 5;

/// How many connections that wait are kept; only some of each listener's are asked about.
const KEPT: usize = 2_000;

/// Of how many that wait at one listener it is asked how long they have.
const LOOKED_AT: usize = 16;

const WHY: &str = "Whoever connects to a full accept queue gets no answer and tries again a second later, then less and less often: the kernel begins and ends no handshake for which there is no room (listen(2)).";

/// Connections that wait to be accepted, as far as they are kept.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    connections: Vec<(Netns, InetEnds)>,
}

impl Waiting {
    /// Takes a connection if nobody has accepted it.
    pub(super) fn add(&mut self, socket: &Socket) {
        let Some(ends) = socket.internet() else {
            return;
        };
        if socket.was_never_accepted() && self.connections.len() < KEPT {
            self.connections.push((socket.netns, *ends));
        }
    }

    /// Those that may wait at this listener.
    fn at(&self, listener: &Listener, facts: &Facts) -> Vec<InetEnds> {
        let takes = |(netns, ends): &&(Netns, InetEnds)| {
            facts.listeners.takers(*netns, ends).contains(&listener)
        };
        let waiting = self.connections.iter().filter(takes);
        waiting.map(|(_, ends)| *ends).take(LOOKED_AT).collect()
    }
}

/// A listener about which there is something to say.
#[derive(Debug)]
struct Case<'a> {
    listener: &'a Listener,
    limit: u64,
    severity: Severity,
    /// What was dropped there in the window.
    dropped: Option<u64>,
}

/// Those listeners, worst first.
fn cases(facts: &Facts) -> Vec<Case<'_>> {
    let overflows = facts.grown(Counter::ListenOverflows);
    let elsewhere = facts.grown(Counter::ReqQFullDrop).unwrap_or(0) > 0;
    let listeners = facts.listeners.iter();
    let mut cases: Vec<Case<'_>> = listeners
        .filter_map(|listener| {
            let limit = u64::from(listener.limit?);
            let waiting = u64::from(listener.waiting);
            let dropped = listener.drops.map(u64::from);
            // A listener drops for other reasons too: no room for another half-open request, which is
            // another rule's, or a client that an ICMP message calls unreachable (`tcp_req_err`).
            let for_want_of_room = match overflows {
                Ok(overflows) => overflows > 0,
                Err(_) => !elsewhere,
            };
            let severity = if waiting > limit || dropped > Some(0) && for_want_of_room {
                Severity::Critical
            } else if waiting == limit && waiting > 0 {
                Severity::Warning
            } else {
                return None;
            };
            Some(Case {
                listener,
                limit,
                severity,
                dropped,
            })
        })
        .collect();
    let dropped = |case: &Case<'_>| case.dropped.unwrap_or(0);
    cases.sort_by_key(|case| {
        std::cmp::Reverse((case.severity, dropped(case), case.listener.waiting))
    });
    cases
}

/// The listeners whose holders are to be named.
pub(super) fn wanted(facts: &Facts) -> Vec<u64> {
    let cases = cases(facts).into_iter().take(TOLD);
    cases.map(|case| case.listener.inode).collect()
}

/// Connections of which it is to be asked how long they have waited.
pub(super) fn suspects(waiting: &Waiting, facts: &Facts) -> Vec<InetEnds> {
    let cases = cases(facts).into_iter().take(TOLD);
    cases
        .flat_map(|case| waiting.at(case.listener, facts))
        .collect()
}

/// Compares every accept queue with its limit.
pub(super) fn examine(waiting: &Waiting, facts: &Facts, holders: &Holders) -> Examined {
    let cases = cases(facts);
    let listeners = &facts.listeners;
    let told = cases.iter().take(TOLD);
    let mut findings: Vec<Finding> = told
        .map(|case| finding(case, waiting, facts, holders))
        .collect();
    if cases.iter().all(|case| case.severity < Severity::Critical) {
        findings.extend(somewhere(facts));
    }
    let lacking = if listeners.iter().any(|listener| listener.limit.is_none()) {
        Some(
            "/proc does not tell the limits of accept queues, nor what was dropped at each"
                .to_owned(),
        )
    } else if cases.len() > TOLD {
        Some(format!(
            "the worst {TOLD} of {} accept queues at their limits are told",
            thousands(cases.len() as u64)
        ))
    } else if listeners.beyond() > 0 {
        Some(format!(
            "{} more listeners were not looked at",
            thousands(listeners.beyond())
        ))
    } else {
        facts.drops_unknown.clone()
    };
    Examined { findings, lacking }
}

fn finding(case: &Case<'_>, waiting: &Waiting, facts: &Facts, holders: &Holders) -> Finding {
    let Listener { local, inode, .. } = *case.listener;
    let length = u64::from(case.listener.waiting);
    let [shown_length, shown_limit] = [length, case.limit].map(thousands);
    let window = facts.shown_window();
    let title = match case.dropped {
        _ if length > case.limit => format!(
            "accept queue of {local} is full: {shown_length} wait, and its limit is {shown_limit}"
        ),
        Some(dropped) if dropped > 0 => format!(
            "{} dropped at {local} in {window}; {shown_length} of {shown_limit} wait to be accepted",
            thousands(dropped)
        ),
        Some(_) | None => format!(
            "accept queue of {local} has reached its limit: {shown_length} of {shown_limit} wait"
        ),
    };
    let processes = holders.of([inode]);
    Finding {
        id: ID,
        severity: case.severity,
        title,
        subject: vec![
            (Field::LocalAddr, Label::Text(local.ip().to_string())),
            (Field::LocalPort, Label::Number(local.port().into())),
        ],
        value: Some(length as f64),
        limit: Some(case.limit as f64),
        evidence: evidence(case, waiting, facts),
        remedy: remedy(case, facts, processes.first()),
        processes,
        commands: vec![
            format!(
                "tcpstates list -l --columns process,drops 'sport = :{}'",
                local.port()
            ),
            format!(
                "tcpstates list --state established,close-wait -p --sort last-data-sent:desc --limit 20 'sport = :{}'",
                local.port()
            ),
        ],
        why: WHY,
        causes: &[],
    }
}

fn evidence(case: &Case<'_>, waiting: &Waiting, facts: &Facts) -> Vec<String> {
    let mut evidence = Vec::new();
    match (case.dropped, &facts.drops_unknown) {
        (Some(dropped), _) => evidence.push(format!(
            "the listener dropped {} in {}",
            thousands(dropped),
            facts.shown_window()
        )),
        (None, Some(reason)) => evidence.push(reason.clone()),
        (None, None) => evidence.push("what the listener dropped is not known".to_owned()),
    }
    evidence.push(format!(
        "of all listeners here, {}",
        facts.told(&[Counter::ListenOverflows, Counter::ListenDrops])
    ));
    let waits = waiting.at(case.listener, facts).into_iter();
    // The kernel counts from the handshake where nothing was sent yet.
    let waits = waits.filter_map(|ends| facts.measures.get(ends, Metric::LastDataSent));
    let waits: Vec<u64> = waits.collect();
    if let Some(longest) = waits.iter().max() {
        evidence.push(format!(
            "of {} that wait and were asked about, one has for {}.{} s",
            waits.len(),
            longest / 1_000,
            longest % 1_000 / 100
        ));
    }
    if facts.settings.number(Setting::Somaxconn) == Ok(case.limit) {
        evidence.push(format!(
            "the limit is that of {}",
            Setting::Somaxconn.name()
        ));
    }
    evidence
}

fn remedy(case: &Case<'_>, facts: &Facts, process: Option<&Culprit>) -> Vec<String> {
    let who = process.map_or_else(
        || "the process that listens there".to_owned(),
        |process| format!("{} (pid {})", process.name, process.pid),
    );
    let somaxconn = Setting::Somaxconn.name();
    let larger = match facts.settings.number(Setting::Somaxconn) {
        Ok(most) if case.limit >= most => format!(
            "For bursts, raise {somaxconn}, then give listen() a larger backlog (`listen ... backlog=` of nginx): both take a new listen(), which is a restart of most servers."
        ),
        Ok(most) => format!(
            "For bursts, give listen() a larger backlog (`listen ... backlog=` of nginx), up to {somaxconn}, which is {}; it takes a new listen(), which is a restart of most servers.",
            thousands(most)
        ),
        Err(_) => format!(
            "For bursts, give listen() a larger backlog, up to {somaxconn}; it takes a new listen(), which is a restart of most servers."
        ),
    };
    vec![
        format!(
            "Find out why {who} does not accept: blocked, out of workers or threads, or out of descriptors (EMFILE)."
        ),
        larger,
    ]
}

/// Connections were dropped for want of room, but no listener shows it.
fn somewhere(facts: &Facts) -> Option<Finding> {
    let overflows = facts.grown(Counter::ListenOverflows).ok()?;
    if overflows == 0 {
        return None;
    }
    let listeners = facts.listeners.iter();
    let mut longest: Vec<(u32, SocketAddr)> = listeners
        .map(|listener| (listener.waiting, listener.local))
        .collect();
    longest.sort_by_key(|(waiting, _)| std::cmp::Reverse(*waiting));
    let mut evidence = vec![facts.told(&[Counter::ListenOverflows, Counter::ListenDrops])];
    let longest = longest.iter().filter(|(waiting, _)| *waiting > 0);
    evidence.extend(
        longest.take(3).map(|(waiting, local)| {
            format!("{} wait to be accepted at {local}", thousands(*waiting))
        }),
    );
    Some(Finding {
        id: ID,
        severity: Severity::Critical,
        title: format!(
            "an accept queue was full {} in {}",
            counted(overflows, "time", "times"),
            facts.shown_window()
        ),
        subject: Vec::new(),
        value: Some(overflows as f64),
        limit: None,
        evidence,
        processes: Vec::new(),
        commands: vec!["tcpstates list -l --sort accept-queue:desc".to_owned()],
        why: WHY,
        remedy: vec![
            "Find out which process does not accept in time, and why: blocked, out of workers or threads, or out of descriptors (EMFILE).".to_owned(),
            format!(
                "For bursts, give listen() a larger backlog, up to {}; it takes a new listen().",
                Setting::Somaxconn.name()
            ),
        ],
        causes: &[],
    })
}

#[cfg(test)]
mod tests;
