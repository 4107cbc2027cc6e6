//! Connections on which nothing moves: peers whose window is closed and that read nothing of what is
//! sent to them, and processes that read nothing of what was received.
//!
//! That a queue is not empty, or as long as before, proves nothing: a client may read slowly, and a
//! consumer in batches. A finding needs bytes that did not move while they were watched. A peer that
//! does not acknowledge is another rule's.

mod closed;
#[cfg(test)]
mod tests;
mod unread;

use std::collections::{HashMap, HashSet};

use crate::diagnose::stalled::{Stalled, Waited, is_probing};
use crate::diagnose::watch::{PAUSE, reversed};
use crate::diagnose::{Case, Examined, FirstPass, Host, Rule, Sampled, Suspects};
use crate::model::{
    Command, Finding, InetEnds, Severity, Socket, SourceName, State, StateSet, counted, thousands,
};
use closed::{at_many, at_peers};
use unread::{Cause, Earlier, LONG_QUEUE, Reader, Unread, one_end_of_each, silence, waits};

/// How many services have findings of their own.
const REPORTED: usize = 5;

/// How many peers are named.
const NAMED: usize = 3;

const WHY_PROCESSES: &str = "Unread data closes the window: the peer can send no more (RFC 9293, 3.8.6), and its requests wait.";

const REMEDY_PROCESSES: [&str; 2] = [
    "Find out what the processes that hold them do instead of reading: blocked, out of workers, or overloaded.",
    "If they have forgotten the connections, let them close those they no longer read.",
];

const WHY_PAUSE: &str = "Unread data closes the window: the peer can send no more until the program reads (RFC 9293, 3.8.6). A download that its user throttles, or a consumer that works in batches, looks the same for two minutes.";

const REMEDY_PAUSE: [&str; 2] = [
    "Nothing to repair if the programs read again: look again in two minutes.",
    "If they do not, find out what they do instead: blocked, out of workers, or overloaded.",
];

const WHY_SLOW: &str = "A process that cannot pass data on stops reading it, which slows the sender down to the pace of the slowest reader. That is how TCP limits a fast sender.";

const REMEDY_SLOW: [&str; 1] = [
    "Nothing to repair here: if it takes too long, look at the peers that read slowly, or let the process buffer more.",
];

const WHY_DEADLOCK: &str = "Both programs write and neither reads: each waits until the other has made room (RFC 9293, 3.8.6), and no timer of TCP ends that.";

const REMEDY_DEADLOCK: [&str; 2] = [
    "Let at least one of the programs read while it writes: in a thread of its own, or without blocking.",
    "Until then, restart one of them, or limit how much it writes before it reads an answer.",
];

const UNTIMED: &str = "/proc does not report for how long nothing has moved on a connection";

/// The connections that may be stuck, before the window.
#[derive(Debug, Default)]
pub(super) struct Before {
    probing: Waited,
    unread: Earlier,
}

impl FirstPass for Before {
    const STATES: StateSet = StuckPeers::STATES;

    const WATCHED: Option<fn(&Self) -> Vec<InetEnds>> = Some(|before| {
        let probing = before.probing.some().into_iter();
        let both = probing.flat_map(|ends| [ends, reversed(&ends)]);
        both.chain(before.unread.some()).collect()
    });

    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if is_probing(socket) {
            self.probing.add(socket, ends);
        }
        self.unread.add(socket, ends);
    }
}

/// The established connections that may be stuck, after it.
#[derive(Debug, Default)]
pub(super) struct StuckPeers {
    probing: Stalled,
    unread: Unread,
}

impl Rule for StuckPeers {
    const ID: &'static str = "stuck-peers";

    const IS_STALL: bool = true;

    const STATES: StateSet = StateSet::NONE.with(State::Established);

    type Before = Before;

    const WATCHED: Option<Suspects<Self>> = Some(StuckPeers::watched);

    fn begin(&mut self, before: Before, host: &Host) {
        self.probing = Stalled::after(before.probing, &host.listeners);
        self.unread = Unread::after(before.unread);
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        self.probing.add(sampled, is_probing(sampled.socket));
        self.unread.add(sampled);
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        if let Some(still) = host.still {
            return Examined::lacking(format!("{still} cannot show which queues do not move"));
        }
        // What this host does not read itself is reported as that.
        let unread = self.unread.writers(host);
        let excludes = |ends: &InetEnds| unread.contains(ends);
        let (services, scattered) = self.probing.found(host, REPORTED, excludes);
        let peers = services.iter().take(REPORTED);
        let peers = peers.map(|found| at_peers(found, host));
        let many = scattered.as_ref().map(|found| at_many(found, host));
        let findings = self.processes(case).into_iter().chain(peers).chain(many);
        let findings = one_information(findings.collect());
        let unwatched = self.unread.unwatched(host) as u64;
        let connections = counted(unwatched, "connection", "connections");
        let unwatched = (unwatched > 0)
            .then(|| format!("whether the data of {connections} is read was not measured"));
        let lacking = self.probing.lacking(host);
        let is_unknown = host.source == SourceName::Proc && host.watch.time() < PAUSE;
        let untimed = (is_unknown && !findings.is_empty()).then(|| UNTIMED.to_owned());
        Examined::found(findings)
            .without(untimed)
            .without(lacking.filter(|_| scattered.is_none()))
            .without(unwatched)
            .without(host.mptcp())
    }
}

impl StuckPeers {
    /// With the other ends, if they are on this host: whether something is read is known there.
    fn watched(&self, host: &Host) -> Vec<InetEnds> {
        let is_here = |ends: &InetEnds| {
            let (local, remote) = (ends.local.ip(), ends.remote.ip());
            local == remote || remote.to_canonical().is_loopback()
        };
        let probing = self.probing.watched(host);
        let here = probing.iter().filter(|ends| is_here(ends)).map(reversed);
        let here: Vec<InetEnds> = here.collect();
        let mut watched = [probing, here, self.unread.watched(host)].concat();
        watched.sort_unstable();
        watched.dedup();
        watched
    }

    /// A finding for each cause for which processes do not read.
    fn processes(&self, case: &Case<'_>) -> Vec<Finding> {
        let mut causes: HashMap<Cause, Vec<Reader>> = HashMap::new();
        let still = self.unread.still(case.host);
        let by_ends = still.iter().map(|reader| (reader.ends, *reader)).collect();
        for reader in still {
            let cause = self
                .unread
                .cause(&reader, &by_ends, case.holders, case.host);
            causes.entry(cause).or_default().push(reader);
        }
        let mut causes: Vec<(Cause, Vec<Reader>)> = causes.into_iter().collect();
        causes.sort_by_key(|(_, readers)| {
            (
                std::cmp::Reverse(readers.len()),
                readers.first().map(|one| one.ends),
            )
        });
        let findings = causes.iter();
        findings
            .map(|(cause, readers)| match cause {
                Cause::Process => self.idle(readers, case),
                Cause::Pause | Cause::SlowPeers(_) | Cause::Deadlock => {
                    self.process(cause, readers, case)
                }
            })
            .collect()
    }

    /// Processes that read nothing for no reason that shows: for longer than a pause, if any do.
    fn idle(&self, readers: &[Reader], case: &Case<'_>) -> Finding {
        let silent = self.unread.silent(readers, case.host);
        if silent.is_empty() {
            return self.process(&Cause::Pause, readers, case);
        }
        let more = counted(
            (readers.len() - silent.len()) as u64,
            "more connection",
            "more connections",
        );
        let finding = self.process(&Cause::Process, &silent, case);
        let pause = format!("{more} from which nothing was read in that time may be read later");
        finding.with_evidence((silent.len() < readers.len()).then_some(pause))
    }

    fn process(&self, cause: &Cause, readers: &[Reader], case: &Case<'_>) -> Finding {
        let bytes: u64 = readers.iter().map(|reader| u64::from(reader.bytes)).sum();
        let number = one_end_of_each(readers).count() as u64;
        let connections = counted(number, "connection has", "connections have");
        let unread = counted(bytes, "unread byte", "unread bytes");
        let watched = case.host.watch.text();
        let each = format!("each has 16 KiB or more to read, and nothing was read in {watched}");
        let (severity, title, why, remedy, evidence): (_, _, _, &[&str], _) = match cause {
            Cause::Process => (
                Severity::Warning,
                format!("{connections} {unread}"),
                WHY_PROCESSES,
                &REMEDY_PROCESSES,
                None,
            ),
            Cause::Pause => (
                Severity::Info,
                format!("{connections} {unread}, of which nothing was read in {watched}"),
                WHY_PAUSE,
                &REMEDY_PAUSE,
                None,
            ),
            Cause::Deadlock => (
                Severity::Warning,
                format!("{connections} stopped in both directions, with {unread}"),
                WHY_DEADLOCK,
                &REMEDY_DEADLOCK,
                Some("their peers took nothing of what was sent in that time either".to_owned()),
            ),
            Cause::SlowPeers(process) => (
                Severity::Info,
                format!("{connections} {unread}, because their process waits for slower peers"),
                WHY_SLOW,
                &REMEDY_SLOW,
                Some(waits(process.as_ref())),
            ),
        };
        let inodes = readers.iter().map(|reader| reader.inode).collect();
        let show = Command::list("-p --state established --sort receive-queue:desc");
        Finding::new(severity, title, bytes as f64, inodes, why)
            .with_evidence([each])
            .with_evidence(silence(readers, case.host))
            .with_evidence(evidence)
            .with_evidence(peers(readers))
            .with_searched(self.unread.senders())
            .with_commands([show.of(format!("receive-queue >= {LONG_QUEUE}"))])
            .with_remedy(remedy.iter().copied())
    }
}

/// With one finding for all information, which has one reason: somewhere a program reads slowly.
fn one_information(findings: Vec<Finding>) -> Vec<Finding> {
    let is_wrong = |one: &Finding| one.severity > Severity::Info;
    let (mut findings, information): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(is_wrong);
    let one = information.into_iter().reduce(|mut one, other| {
        one.evidence.push(other.title);
        one.inodes.extend(other.inodes);
        one.commands.extend(other.commands);
        one.commands.dedup();
        one
    });
    findings.extend(one);
    findings
}

/// The peers of most of these connections: `3 with 192.0.2.7: 120,000 bytes`.
fn peers(readers: &[Reader]) -> Vec<String> {
    let mut peers = HashMap::new();
    let ends: HashSet<InetEnds> = one_end_of_each(readers).map(|one| one.ends).collect();
    for reader in readers {
        let peer = reader.ends.remote.ip().to_canonical();
        let (sockets, bytes) = peers.entry(peer).or_insert((0_u64, 0_u64));
        *sockets += u64::from(ends.contains(&reader.ends));
        *bytes += u64::from(reader.bytes);
    }
    let mut peers: Vec<_> = peers.into_iter().collect();
    peers.sort_unstable_by_key(|(peer, sums)| (std::cmp::Reverse(*sums), *peer));
    let named = peers.into_iter().take(NAMED);
    named
        .map(|(peer, (sockets, bytes))| {
            let (sockets, bytes) = (thousands(sockets), counted(bytes, "byte", "bytes"));
            format!("{sockets} with {peer}: {bytes}")
        })
        .collect()
}
