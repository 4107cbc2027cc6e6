//! CLOSE_WAIT that stays: the peer has closed, and a program does not.
//!
//! RFC 9293, 3.3.2: CLOSE_WAIT waits for the local program, and nothing in TCP ends it. Some members of
//! each service are watched, because there are five stories with remedies of their own: connections whose
//! peer closed one direction only and that are still used, or that may still be answered; a program that
//! forgets to close; one whose handlers take longer than their clients wait; and a pool of connections
//! that the server has closed. A connection without an inode was never accepted: the program of its
//! listener is responsible.

mod story;
#[cfg(test)]
mod tests;
mod unfinished;

use std::collections::HashSet;

use crate::diagnose::descriptors;
use crate::diagnose::lingering::{Change, Lingering, Standing};
use crate::diagnose::{Case, Examined, FirstPass, Host, Rule, Sampled, Suspects};
use crate::model::{
    Command, Finding, InetEnds, Kind, KindSet, Listener, Service, Severity, Socket, SourceName,
    State, StateSet, counted, thousands,
};
use story::{Members, Story};

/// From this many on that stay and are not used it warns: a program that reads to the end and closes
/// then leaves CLOSE_WAIT in an instant, and its few slow ones are not the same ones later.
const WARNING: u64 = 10;

/// How many services have findings of their own.
const REPORTED: usize = 5;

/// How many connections of a service are watched.
const WATCHED: usize = 32;

const WHY_WAITING: &str = "The kernel accepted these connections, they waited in the accept queue, and their peers have closed (RFC 9293, 3.3.2). Each keeps its place in the queue until the program accepts it.";

const REMEDY_WAITING: [&str; 1] = [
    "Find out why the program does not call accept(): it is stuck, too busy, or at its limit of open files or connections.",
];

const LEFT_TABLES: &str = "a minute after its peer has closed, an MPTCP connection leaves the tables of the kernel, while the program still holds the descriptor: more may have been forgotten than are counted";

const UNMEASURED: &str = "/proc does not report whether these connections still send data to peers that closed only their own direction";

/// The MPTCP sockets in CLOSE_WAIT, which are read first. The TCP socket of one that fell back to plain
/// TCP is in CLOSE_WAIT too, has the same inode, or as long as that is 0 the same ends, and is the same
/// connection (net/mptcp/protocol.c).
#[derive(Debug, Default)]
struct Carried(HashSet<(u64, Option<InetEnds>)>);

impl Carried {
    /// Whether a connection is in CLOSE_WAIT twice, and was read before.
    fn has(&mut self, socket: &Socket, ends: &InetEnds) -> bool {
        let key = (socket.inode, (socket.inode == 0).then_some(*ends));
        match socket.kind == Kind::Mptcp {
            true => {
                self.0.insert(key);
                false
            }
            false => self.0.contains(&key),
        }
    }
}

/// The connections in CLOSE_WAIT before the window.
#[derive(Debug, Default)]
pub(super) struct Earlier(Standing, Carried);

impl FirstPass for Earlier {
    const STATES: StateSet = StateSet::NONE.with(State::CloseWait);

    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if !self.1.has(socket, ends) {
            self.0.add(socket, ends);
        }
    }
}

/// The connections in CLOSE_WAIT.
#[derive(Debug, Default)]
pub(super) struct CloseWait(Lingering, Carried);

impl Rule for CloseWait {
    const ID: &'static str = "close-wait";

    const IS_STALL: bool = true;

    const KINDS: KindSet = KindSet::TCP.with(Kind::Mptcp);

    const STATES: StateSet = StateSet::NONE.with(State::CloseWait);

    type Before = Earlier;

    const WATCHED: Option<Suspects<Self>> = Some(|rule, host| rule.watched(Kind::Tcp, host));

    const WATCHED_MPTCP: Option<Suspects<Self>> =
        Some(|rule, host| rule.watched(Kind::Mptcp, host));

    fn begin(&mut self, before: Earlier, _: &Host) {
        self.0 = Lingering::after(before.0);
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        if !self.1.has(sampled.socket, sampled.ends) {
            self.0.add(sampled);
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        if let Some(still) = host.still {
            return Examined::lacking(format!("{still} cannot show which connections stay"));
        }
        let stayed = self.stayed(host);
        // That they still send is what sets connections apart that are used in one direction.
        let unmeasured = !stayed.is_empty() && host.source == SourceName::Proc;
        let unmeasured = unmeasured.then(|| UNMEASURED.to_owned());
        let findings = stayed.iter();
        Examined::found(findings.filter_map(|change| self.finding(change, case)))
            .without(unmeasured)
            .without(host.mptcp_unread())
    }
}

impl CloseWait {
    /// What stayed through the window, most first.
    fn stayed(&self, host: &Host) -> Vec<Change> {
        let mut stayed = self.0.changes(&host.listeners, WARNING);
        stayed.truncate(if host.still.is_some() { 0 } else { REPORTED });
        // Of MPTCP, only some of those that are over TCP are listed again.
        let later = host
            .watch
            .close_wait
            .as_ref()
            .filter(|_| self.1.0.is_empty());
        for change in &mut stayed {
            change.later =
                later.and_then(|later| self.0.turnover(&change.groups, later, &host.listeners));
        }
        stayed
    }

    /// Those that are watched as long as enough of them may stay and are not used.
    fn watched(&self, kind: Kind, host: &Host) -> Vec<InetEnds> {
        let mut watched = Vec::new();
        let stayed = self.stayed(host).into_iter();
        for change in stayed.filter(|change| change.kind() == kind) {
            let some = self.0.some(&change.groups, WATCHED);
            if Members::of(&some, &change, host).are_many() {
                let is_idle = |ends: &InetEnds| {
                    let seen = host.watch.of_kind(kind, ends);
                    seen.is_none_or(|seen| !seen.has_ended && !story::is_used(seen))
                };
                watched.extend(some.into_iter().filter(is_idle));
            }
        }
        watched
    }

    fn finding(&self, change: &Change, case: &Case<'_>) -> Option<Finding> {
        let host = case.host;
        let some = self.0.some(&change.groups, WATCHED);
        let members = Members::of(&some, change, host);
        if !members.are_many() {
            return None;
        }
        let mut finding = match change.groups[..] {
            [group] if !group.held => waiting(change, group.service, host),
            _ => self.held(change, &members, case)?,
        };
        finding.evidence.extend(members.evidence(host));
        let unmeasured = host.source == SourceName::Proc;
        finding
            .evidence
            .extend(unmeasured.then(|| UNMEASURED.to_owned()));
        finding.evidence.extend(self.0.limit_note());
        let is_mptcp = change.kind() == Kind::Mptcp;
        finding
            .evidence
            .extend(is_mptcp.then(|| LEFT_TABLES.to_owned()));
        Some(finding)
    }

    /// Connections that a program keeps; `None` where that is as it should be.
    fn held(&self, change: &Change, members: &Members<'_>, case: &Case<'_>) -> Option<Finding> {
        let story = members.story(change, case.host)?;
        let inodes = self.0.inodes(&change.groups);
        let mut processes = case.holders.of(inodes.iter().copied());
        // Where the holders of a part were searched for, each is taken to hold as much of the rest.
        let searched = (inodes.len() as u64).max(1);
        for process in &mut processes {
            let all = change.counts.sockets.max(searched);
            process.sockets = process.sockets.saturating_mul(all) / searched;
        }
        let urgency = descriptors::severity(&processes, case.holders);
        let (story, severity) = match story {
            Story::SlowHandlers => (story, Severity::Warning),
            Story::Unanswered | Story::Unfinished
                if !descriptors::are_large_part(&processes, case.holders)
                    && urgency < Severity::Critical =>
            {
                (story, Severity::Info)
            }
            // Where descriptors run out it is too late to wait.
            Story::Unanswered | Story::Unfinished | Story::Leak => (Story::Leak, urgency),
            Story::StalePool => (story, urgency),
        };
        let mut evidence = vec![change.text(case.host)];
        evidence.extend(change.later_text(case.host));
        evidence.push(unread(change));
        if change.service().is_none() {
            // Not all were kept.
            let least = if change.is_whole { "" } else { "at least " };
            let services = counted(change.groups.len() as u64, "service", "services");
            evidence.push(format!(
                "{least}{services}, each with fewer than {WARNING} that stayed"
            ));
        }
        evidence.extend(descriptors::evidence(&processes, case.holders));
        if let Some(added) = members.growth(change) {
            let time = match change.later {
                Some(_) => case.host.watch.over,
                None => case.host.window,
            };
            evidence.extend(descriptors::reached(&processes, case.holders, added, time));
        }
        let show = Command::list("--process --state close-wait");
        let (title, why) = story.text(change);
        let sockets = change.counts.sockets as f64;
        Some(
            Finding::new(severity, title, sockets, inodes, why)
                .with_subject(change.subject())
                .with_evidence(evidence)
                .with_commands([change.select(show)])
                .with_remedy(story.remedy().iter().copied()),
        )
    }
}

/// A program that does not accept.
fn waiting(change: &Change, service: Service, host: &Host) -> Finding {
    let is_its = |one: &&Listener| service == Service::Served(one.local.port());
    let mut listeners: Vec<&Listener> = host.listeners.iter().filter(is_its).collect();
    // They wait at those with a queue, where several share the port (SO_REUSEPORT).
    if listeners.iter().any(|listener| listener.waiting > 0) {
        listeners.retain(|listener| listener.waiting > 0);
    }
    let inodes = listeners.iter().map(|listener| listener.inode).collect();
    let title = format!(
        "{} were never accepted, and their peers have closed",
        change.connections()
    );
    let sockets = change.counts.sockets as f64;
    Finding::new(Severity::Warning, title, sockets, inodes, WHY_WAITING)
        .with_subject(change.subject())
        .with_evidence([change.text(host), unread(change)])
        .with_commands([
            change.select(Command::list("--process --state close-wait")),
            change.select(Command::list("--process --listening")),
        ])
        .with_remedy(REMEDY_WAITING)
        .with_causes(&["accept-queue"])
}

/// Whether the program has noticed that the peers have closed.
fn unread(change: &Change) -> String {
    let unfinished = thousands(change.counts.unfinished);
    if change.kind() == Kind::Mptcp {
        return format!("{unfinished} have unread data; whether the end is read is not reported");
    }
    let bytes = counted(change.counts.unread_bytes, "unread byte", "unread bytes");
    match (change.counts.unfinished, change.counts.unread_bytes) {
        (0, _) => "the program has read the end of all of them".to_owned(),
        (_, 0) => format!("the end of {unfinished} is unread"),
        (_, _) => format!("the end of {unfinished} is unread, with {bytes} before it"),
    }
}
