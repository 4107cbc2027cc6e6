//! Peers whose window is closed, and which take nothing of what is sent to them.
//!
//! Whether they read slowly, pause or have stopped cannot be seen from here, so time decides.

use std::time::Duration;

use super::NAMED;
use crate::diagnose::Host;
use crate::diagnose::stalled::{Scattered, StalledService, Suspect};
use crate::diagnose::subject::{counted_connections, seconds, service_subject, service_test};
use crate::diagnose::watch::{PAUSE, Watched};
use crate::model::{Command, Finding, Metric, Service, Severity, SourceName, counted, thousands};

const WHY_PEERS: &str = "A send queue that does not move keeps the process that wrote it waiting, and its memory in use, until the peer reads or is given up (RFC 9293, 3.8.6.1).";

const REMEDY_PEERS: [&str; 2] = [
    "Find out why the peers do not read: a process that hangs, a client that went to sleep, a disk or a consumer that is slower than the sender.",
    "Let the sending process give up such peers: a write timeout (`send_timeout` of nginx), or TCP_USER_TIMEOUT.",
];

/// A peer that reads 400 bytes a second opens its window within this time: after a sixteenth of a first
/// buffer of 128 KiB (`__tcp_select_window`, net/ipv4/tcp_output.c). One that never opened it does not read.
const FIRST_OPENING: Duration = Duration::from_secs(20);

/// A destination that reads 1.6 KB a second does. Clients read as slowly as that; a service that has read
/// nothing on any connection since it was connected to does not work.
const FIRST_OPENING_OF_ALL: Duration = Duration::from_secs(5);

/// Peers whose window is closed.
pub(super) fn at_peers(found: &StalledService, host: &Host) -> Finding {
    let stuck = thousands(found.stalled.len());
    let connections = counted_connections(found.all, found.service);
    let bytes = counted(found.bytes(), "byte waits", "bytes wait");
    let watched = host.watch.text();
    let mut evidence = vec!["their window is closed (persist timer)".to_owned()];
    evidence.extend(closed_for(&found.stalled, host));
    if matches!(found.service, Service::Served(_)) {
        let peers = found.peers(NAMED).into_iter();
        evidence.extend(peers.map(|(peer, sockets)| format!("{} with {peer}", thousands(sockets))));
    }
    let (value, inodes) = (found.stalled.len() as f64, found.inodes());
    let silent_for = |opening| StalledService {
        stalled: silent(&found.stalled, opening, host),
        ..*found
    };
    let silent = silent_for(FIRST_OPENING);
    // A single peer may pause, as a video player does; two of two connections are a whole destination.
    let is_gone =
        matches!(found.service, Service::Used(_)) && silent_for(FIRST_OPENING_OF_ALL).is_dead();
    let severity = match is_gone || silent.are_several() {
        true => Severity::Warning,
        false => Severity::Info,
    };
    let what = what(severity);
    let title = format!("{what} in {watched} on {stuck} of {connections}: {bytes}");
    Finding::new(severity, title, value, inodes, WHY_PEERS)
        .with_subject(service_subject(found.service))
        .with_evidence(evidence)
        .with_commands([show(found, host)])
        .with_remedy(REMEDY_PEERS)
}

/// What happened: of those that may read slowly, only what is seen from here.
fn what(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "no window opened",
        Severity::Warning | Severity::Critical => "peers took nothing",
    }
}

/// Those whose peers have taken nothing for longer than a pause lasts, or nothing that had to be read for
/// as long as a first `opening` takes: what was not watched is like the others.
fn silent(stalled: &[Suspect], opening: Duration, host: &Host) -> Vec<Suspect> {
    let is_silent = |suspect: &Suspect| {
        let watched = host.watch.of(&suspect.ends)?;
        let closed = host.watch.still_for(watched, Metric::LastDataSent);
        Some(closed >= PAUSE || watched.was_never_taken() && closed >= opening)
    };
    let all_silent = stalled.iter().filter_map(is_silent).min() == Some(true);
    let silent = stalled.iter();
    let silent = silent.filter(|suspect| is_silent(suspect).unwrap_or(all_silent));
    silent.copied().collect()
}

/// For how long at least their windows have been closed, and how many never took more than a first
/// buffer, as evidence.
fn closed_for(stalled: &[Suspect], host: &Host) -> Option<String> {
    let watched = stalled.iter().filter_map(|one| host.watch.of(&one.ends));
    let watched: Vec<&Watched> = watched.collect();
    let since = watched
        .iter()
        .filter_map(|one| one.last(Metric::LastDataSent));
    let since = seconds(since.min()?);
    let measured = counted(watched.len() as u64, "connection", "connections");
    let never = watched.iter().filter(|one| one.was_never_taken()).count();
    let never = match never {
        0 => String::new(),
        _ => format!(
            ", and {} took no more than 128 KiB in all, which needs no reading",
            thousands(never)
        ),
    };
    Some(format!(
        "of {measured} measured, none could send data for {since} s or longer{never}"
    ))
}

/// Peers of many destinations whose window is closed.
pub(super) fn at_many(found: &Scattered, host: &Host) -> Finding {
    let watched = host.watch.text();
    let bytes: u64 = found.stalled.iter().map(|suspect| suspect.bytes).sum();
    let evidence = format!(
        "their window is closed (persist timer), and nothing of {} was acknowledged on those that were watched",
        counted(bytes, "byte", "bytes")
    );
    let (value, inodes) = (found.all as f64, found.inodes.clone());
    let silent = silent(&found.stalled, FIRST_OPENING, host).len();
    let severity = match silent * 2 >= found.stalled.len() {
        true => Severity::Warning,
        false => Severity::Info,
    };
    let connections = found.connections();
    let title = format!("{} in {watched} on {connections}", what(severity));
    Finding::new(severity, title, value, inodes, WHY_PEERS)
        .with_evidence([evidence])
        .with_evidence(closed_for(&found.stalled, host))
        .with_commands([stuck("--limit 20", host)])
        .with_remedy(REMEDY_PEERS)
}

fn show(found: &StalledService, host: &Host) -> Command {
    stuck("", host).of(service_test(found.service))
}

/// Those with something to send, stuck connections first: they have sent no data for the longest time,
/// which /proc does not report.
fn stuck(limit: &str, host: &Host) -> Command {
    let first = match host.source {
        SourceName::Proc => "send-queue",
        SourceName::Netlink
        | SourceName::Bpf
        | SourceName::NetlinkAndCounters
        | SourceName::Record => "last-data-sent",
    };
    let list = format!("-p --state established --columns timer --sort {first}:desc {limit}");
    Command::list(&list).of("send-queue > 0")
}
