//! CLOSE_WAIT that stays: the peer has closed, and a program does not.
//!
//! RFC 9293, 3.3.2: CLOSE_WAIT waits for the local program, and nothing in TCP ends it. A connection
//! without an inode was never accepted, so the program of its listener is responsible.

#[cfg(test)]
mod tests;

use crate::diagnose::lingering::{Change, Lingering, Previous};
use crate::diagnose::{Case, Examined, FirstPass, Host, Rule, Sampled, Suspects};
use crate::model::{
    Command, Finding, InetEnds, Listener, Metric, Service, Severity, Socket, SourceName, State,
    StateSet, counted, thousands,
};

/// From this many on that stay through the window it warns: a program that reads to the end and closes
/// then leaves CLOSE_WAIT in an instant, and its few slow ones are not the same ones later.
const WARNING: u64 = 10;

/// From this many on in one process it is critical: unless it has raised it, a process may have 1,024
/// open files (`INR_OPEN_CUR`, linux/fs.h), and without one more it can neither accept nor connect.
const CRITICAL: u64 = 1000;

/// How many services have findings of their own.
const REPORTED: usize = 5;

/// How many connections of a service are measured: when they last sent or received data.
const MEASURED: usize = 16;

const WHY: &str = "The peer has closed, and only the local program can end the connection (RFC 9293, 3.3.2): until then it keeps its descriptor and its memory, and no timer frees them.";

const REMEDY: [&str; 2] = [
    "Let the program close a connection when it reads the end (read() returns 0) or an error, on every path; look for responses and pooled connections that are dropped without being closed.",
    "Until that is fixed, restart the program before it runs out of descriptors. No kernel setting ends CLOSE_WAIT.",
];

const WHY_WAITING: &str = "The kernel accepted these connections, they waited in the accept queue, and their peers have closed (RFC 9293, 3.3.2). Each keeps its place in the queue until the program accepts it.";

const REMEDY_WAITING: [&str; 1] = [
    "Find out why the program does not call accept(): it is stuck, too busy, or at its limit of open files or connections.",
];

const UNMEASURED: &str = "/proc does not report whether these connections still send data to peers that closed only their own direction";

/// The connections in CLOSE_WAIT before the window.
#[derive(Debug, Default)]
pub(super) struct Earlier(Previous);

impl FirstPass for Earlier {
    const STATES: StateSet = StateSet::NONE.with(State::CloseWait);

    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        self.0.add(socket, ends);
    }
}

/// The connections in CLOSE_WAIT.
#[derive(Debug, Default)]
pub(super) struct CloseWait(Lingering);

impl Rule for CloseWait {
    const ID: &'static str = "close-wait";

    const STATES: StateSet = StateSet::NONE.with(State::CloseWait);

    type Before = Earlier;

    const SUSPECTS: Option<Suspects<Self>> = Some(CloseWait::suspects);

    fn begin(&mut self, before: Earlier, _: &Host) {
        self.0 = Lingering::after(before.0);
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        self.0.add(sampled);
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        if host.copied {
            return Examined::lacking("a copied tree cannot show which connections stay");
        }
        let stayed = self.stayed(host);
        // That they still send is what sets connections apart that are used in one direction.
        let unmeasured = !stayed.is_empty() && host.source == SourceName::Proc;
        let unmeasured = unmeasured.then(|| UNMEASURED.to_owned());
        let idle = stayed
            .iter()
            .filter(|change| !self.still_sends(change, host));
        Examined::found(idle.map(|change| self.finding(change, case)))
            .without(unmeasured)
            .without(host.mptcp())
    }
}

impl CloseWait {
    fn suspects(&self, host: &Host) -> Vec<InetEnds> {
        let stayed = self.stayed(host);
        let some = stayed.iter().map(|change| self.some(change));
        some.flatten().collect()
    }

    /// What stayed through the window, most first.
    fn stayed(&self, host: &Host) -> Vec<Change> {
        let mut stayed = self.0.changes(&host.listeners, WARNING);
        stayed.truncate(if host.copied { 0 } else { REPORTED });
        stayed
    }

    fn some(&self, change: &Change) -> Vec<InetEnds> {
        self.0.some(&change.groups, MEASURED)
    }

    /// For how long those that were measured have not sent, or not received, in milliseconds.
    fn silent_ms(&self, change: &Change, metric: Metric, host: &Host) -> Vec<u64> {
        let some = self.some(change).into_iter();
        some.filter_map(|ends| host.measures.get(ends, metric))
            .collect()
    }

    /// Whether most of them still send: their peers have closed one direction and get an answer.
    fn still_sends(&self, change: &Change, host: &Host) -> bool {
        let silent = self.silent_ms(change, Metric::LastDataSent, host);
        // Half of it, because what was sent just before it is hardly older.
        let half = host.window.as_millis() / 2;
        let send = silent.iter().filter(|ms| u128::from(**ms) < half).count();
        send * 2 > silent.len()
    }

    /// For how long no data was sent or received, as evidence, where that is known.
    fn silence(&self, change: &Change, host: &Host) -> Option<String> {
        let sent = self.silent_ms(change, Metric::LastDataSent, host);
        let received = self.silent_ms(change, Metric::LastDataReceived, host);
        let least = sent.iter().chain(&received).min()?;
        let (measured, seconds, tenth) =
            (sent.len(), thousands(least / 1_000), least % 1_000 / 100);
        Some(format!(
            "of {measured} measured, each has been silent for {seconds}.{tenth} s or longer"
        ))
    }

    fn finding(&self, change: &Change, case: &Case<'_>) -> Finding {
        let mut finding = match change.groups[..] {
            [group] if !group.held => waiting(change, group.service, case.host),
            _ => self.leak(change, case),
        };
        finding.evidence.extend(self.silence(change, case.host));
        let unmeasured = case.host.source == SourceName::Proc;
        finding
            .evidence
            .extend(unmeasured.then(|| UNMEASURED.to_owned()));
        finding.evidence.extend(self.0.limit_note());
        finding
    }

    /// A program that does not close.
    fn leak(&self, change: &Change, case: &Case<'_>) -> Finding {
        let inodes = self.0.inodes(&change.groups);
        // Where the holders of a part were searched for, each is taken to hold as much of the rest.
        let processes = case.holders.of(inodes.iter().copied());
        let share = processes
            .first()
            .map_or(1.0, |most| most.sockets as f64 / inodes.len().max(1) as f64);
        let are_critical = change.counts.sockets as f64 * share >= CRITICAL as f64;
        let severity = Severity::critical_if(are_critical);
        let mut evidence = vec![change.text(case.host), unread(change)];
        if change.service().is_none() {
            // Not all were kept.
            let least = if change.is_whole { "" } else { "at least " };
            let services = thousands(change.groups.len());
            evidence.push(format!(
                "{least}{services} services, each with fewer than {WARNING} that stayed"
            ));
        }
        let show = Command::list("--process --state close-wait");
        let title = format!("{} stay in CLOSE_WAIT", change.connections());
        Finding::new(severity, title, change.counts.sockets as f64, inodes, WHY)
            .with_subject(change.subject())
            .with_evidence(evidence)
            .with_commands([change.select(show)])
            .with_remedy(REMEDY)
    }
}

/// A program that does not accept.
fn waiting(change: &Change, service: Service, host: &Host) -> Finding {
    let is_its = |one: &&Listener| service == Service::Served(one.local.port());
    let listeners = host.listeners.iter().filter(is_its);
    let inodes = listeners.map(|listener| listener.inode).collect();
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
    let bytes = counted(change.counts.unread_bytes, "unread byte", "unread bytes");
    match (change.counts.unfinished, change.counts.unread_bytes) {
        (0, _) => "the program has read the end of all of them".to_owned(),
        (_, 0) => format!("the end of {unfinished} is unread"),
        (_, _) => format!("the end of {unfinished} is unread, with {bytes} before it"),
    }
}
