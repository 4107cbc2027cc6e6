//! CLOSE_WAIT that stays: the peer has closed, and a program does not.
//!
//! RFC 9293, 3.3.2: CLOSE_WAIT waits for the local program, and nothing in TCP ends it. What has no
//! inode was never accepted, so its listener's program is to blame.

#[cfg(test)]
mod tests;

use super::facts::Facts;
use super::lingering::{After, Before, Group, Movement, filter, movements, shown};
use super::rule::Examined;
use crate::model::{
    Culprit, Field, Finding, Holders, InetEnds, Label, Metric, Service, Severity, Socket, counted,
    thousands,
};

/// The rule's name.
pub(super) const ID: &str = "close-wait";

/// From so many on that stay through the window it warns: a program that reads to the end and closes
/// then leaves CLOSE_WAIT in an instant, and its few slow ones are not the same ones later.
const WARNING: u64 = 10;

/// From so many on in one process it is critical: unless it has raised it, a process may have 1,024
/// open files (`INR_OPEN_CUR`, linux/fs.h), and without one more it can neither accept nor connect.
const CRITICAL: u64 = 1000;

/// How many services have findings of their own.
const TOLD: usize = 5;

/// Of how many connections of a service it is asked when they last sent or received data.
const ASKED: usize = 16;

const WHY: &str = "The peer has closed, and only the program here can end the connection (RFC 9293, 3.3.2): until then it keeps its descriptor and its memory, and no timer frees them.";

const WHY_WAITING: &str = "The peer was accepted by the kernel, waited in the accept queue, and has gone (RFC 9293, 3.3.2). It keeps its place in the queue until the program accepts it.";

/// What is kept of the sockets after the window.
#[derive(Debug, Default)]
pub(super) struct CloseWaits {
    after: After,
}

impl CloseWaits {
    /// Takes a socket in CLOSE_WAIT.
    pub(super) fn add(&mut self, socket: &Socket, service: Service) {
        self.after.add(socket, service);
    }

    /// The inodes of sockets whose holders the findings will name.
    pub(super) fn wanted(&self, before: &Before, facts: &Facts) -> Vec<u64> {
        let guilty = self.guilty(before, facts);
        let inodes = guilty.iter().flat_map(|moved| self.inodes(moved, facts));
        inodes.collect()
    }

    /// Connections of which it is to be asked whether they still send.
    pub(super) fn suspects(&self, before: &Before, facts: &Facts) -> Vec<InetEnds> {
        let moved = movements(before, &self.after, &facts.listeners, WARNING);
        let moved = moved.iter().take(TOLD);
        moved
            .flat_map(|moved| self.after.some(&moved.groups, ASKED))
            .collect()
    }

    /// What stayed, without what is being answered: a peer that has closed its direction may still
    /// be sent what it asked for.
    fn guilty(&self, before: &Before, facts: &Facts) -> Vec<Movement> {
        let mut guilty = movements(before, &self.after, &facts.listeners, WARNING);
        guilty.truncate(TOLD);
        guilty.retain(|moved| {
            let silent = self.silent_ms(moved, Metric::LastDataSent, facts);
            // Half of it, because what was made just before it has hardly been silent for longer.
            let half = facts.window.as_millis() / 2;
            let send = silent.iter().filter(|ms| u128::from(**ms) < half).count();
            send * 2 <= silent.len()
        });
        guilty
    }

    /// For how long those that were asked have not sent, or not received, in milliseconds.
    fn silent_ms(&self, moved: &Movement, metric: Metric, facts: &Facts) -> Vec<u64> {
        let asked = self.after.some(&moved.groups, ASKED);
        asked
            .filter_map(|ends| facts.measures.get(ends, metric))
            .collect()
    }

    /// For how long nothing has been said on them, as evidence, where that is known.
    fn silence(&self, moved: &Movement, facts: &Facts) -> Option<String> {
        let sent = self.silent_ms(moved, Metric::LastDataSent, facts);
        let received = self.silent_ms(moved, Metric::LastDataReceived, facts);
        let least = sent.iter().chain(&received).min()?;
        Some(format!(
            "of {} that were asked about, each has been silent for {}.{} s or longer",
            sent.len(),
            thousands(least / 1_000),
            least % 1_000 / 100
        ))
    }

    /// The inodes of those that were accepted, and of the listeners of the others.
    fn inodes(&self, moved: &Movement, facts: &Facts) -> Vec<u64> {
        let accepted = self.after.inodes(|group| moved.groups.contains(group));
        let is_waited_for = |port| {
            let service = Service::Served(port);
            moved.groups.contains(&Group {
                service,
                held: false,
            })
        };
        let listeners = facts
            .listeners
            .iter()
            .filter(|listener| listener.inode != 0);
        let waited_for = listeners.filter(|listener| is_waited_for(listener.local.port()));
        let waited_for = waited_for.map(|listener| listener.inode);
        accepted.chain(waited_for).collect()
    }
}

/// Tells of those that stay.
pub(super) fn examine(
    before: &Before,
    seen: &CloseWaits,
    facts: &Facts,
    holders: &Holders,
) -> Examined {
    if facts.copied {
        return Examined::lacking("in a copied tree it is not to be seen which connections stay");
    }
    let guilty = seen.guilty(before, facts);
    Examined::found(guilty.iter().map(|moved| {
        let inodes = seen.inodes(moved, facts);
        let looked_for = inodes.len() as u64;
        let processes = holders.of(inodes);
        let mut finding = match moved.groups[..] {
            [
                Group {
                    service,
                    held: false,
                },
            ] => waiting(moved, service, facts, processes),
            [
                Group {
                    service,
                    held: true,
                },
            ] => leak(moved, Some(service), looked_for, facts, processes),
            _ => leak(moved, None, looked_for, facts, processes),
        };
        finding.evidence.extend(seen.silence(moved, facts));
        finding.evidence.extend(seen.after.remark());
        finding
    }))
}

/// A program that does not close.
fn leak(
    moved: &Movement,
    service: Option<Service>,
    looked_for: u64,
    facts: &Facts,
    processes: Vec<Culprit>,
) -> Finding {
    // Where the holders of a part were looked for, one is taken to hold as much of the rest.
    let share = |most: &Culprit| most.sockets as f64 / looked_for.max(1) as f64;
    let share = processes.first().map_or(1.0, share);
    let most = moved.sockets as f64 * share;
    let what = service.map_or_else(|| "to several services".to_owned(), shown);
    let filtered = service.map(|service| format!(" '{}'", filter(service)));
    let mut evidence = vec![moved.shown(facts), unread(moved)];
    evidence.extend((service.is_none()).then(|| {
        format!(
            "{}{} services, each with fewer than {WARNING} that stayed",
            // Not all were told apart.
            if moved.ended.is_none() {
                "at least "
            } else {
                ""
            },
            thousands(moved.groups.len() as u64)
        )
    }));
    Finding {
        id: ID,
        severity: match most >= CRITICAL as f64 {
            true => Severity::Critical,
            false => Severity::Warning,
        },
        title: format!("{} connections {what} stay in CLOSE_WAIT", thousands(moved.sockets)),
        subject: service.map(subject).unwrap_or_default(),
        value: Some(moved.sockets as f64),
        limit: None,
        evidence,
        processes,
        commands: vec![format!(
            "tcpstates list --process --state close-wait{}",
            filtered.unwrap_or_default()
        )],
        why: WHY,
        remedy: vec![
            "Let the program close a connection when it reads its end (read() gives 0) or an error, on every path; look for responses and pooled connections that are dropped without being closed.".to_owned(),
            "Until that is mended, restart the program before it has no descriptor left. No setting of the kernel ends CLOSE_WAIT.".to_owned(),
        ],
        causes: &[],
    }
}

/// A program that does not accept.
fn waiting(moved: &Movement, service: Service, facts: &Facts, processes: Vec<Culprit>) -> Finding {
    Finding {
        id: ID,
        severity: Severity::Warning,
        title: format!(
            "{} connections {} were never accepted, and their peers have gone",
            thousands(moved.sockets),
            shown(service)
        ),
        subject: subject(service),
        value: Some(moved.sockets as f64),
        limit: None,
        evidence: vec![moved.shown(facts), unread(moved)],
        processes,
        commands: vec![
            format!("tcpstates list --process --state close-wait '{}'", filter(service)),
            format!("tcpstates list --process --listening '{}'", filter(service)),
        ],
        why: WHY_WAITING,
        remedy: vec![
            "Find out why the program does not call accept(): it is stuck, too busy, or at its limit of open files or connections.".to_owned(),
        ],
        causes: &["accept-queue"],
    }
}

/// Whether the program has seen that the peers have closed.
fn unread(moved: &Movement) -> String {
    match moved.unfinished {
        0 => "of all of them the program has read the end".to_owned(),
        unfinished if moved.unread_bytes == 0 => {
            format!("of {} the end was not read", thousands(unfinished))
        }
        unfinished => format!(
            "of {} the end was not read, and {} before it lie unread",
            thousands(unfinished),
            counted(moved.unread_bytes, "byte", "bytes"),
        ),
    }
}

/// What a finding about a service is about.
pub(super) fn subject(service: Service) -> Vec<(Field, Label)> {
    match service {
        Service::Served(port) => vec![(Field::LocalPort, Label::Number(port.into()))],
        Service::Used(peer) => vec![
            (Field::RemoteAddr, Label::Text(peer.ip().to_string())),
            (Field::RemotePort, Label::Number(peer.port().into())),
        ],
    }
}
