//! CLOSE_WAIT that stays: the peer has closed, and a program does not.
//!
//! RFC 9293, 3.3.2: CLOSE_WAIT waits for the local program, and nothing in TCP ends it. What has no
//! inode was never accepted, so its listener's program is to blame.

use super::facts::Facts;
use super::kept_inodes::KeptInodes;
use super::lingering::{After, Before, Group, Movement, filter, movements, shown};
use super::plural::plural;
use super::rule::Examined;
use crate::model::{
    Culprit, Field, Finding, Holders, Label, Listeners, Service, Severity, Socket, thousands,
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

const WHY: &str = "The peer has closed, and only the program here can end the connection (RFC 9293, 3.3.2): until then it keeps its descriptor and its memory, and no timer frees them.";

const WHY_WAITING: &str = "The peer was accepted by the kernel, waited in the accept queue, and has gone (RFC 9293, 3.3.2). It keeps its place in the queue until the program accepts it.";

/// What is kept of the sockets after the window.
#[derive(Debug, Default)]
pub(super) struct CloseWaits {
    after: After,
    /// Listeners, by their ports.
    listeners: KeptInodes<u16>,
}

impl CloseWaits {
    /// Takes a socket in CLOSE_WAIT.
    pub(super) fn add(&mut self, socket: &Socket, service: Service) {
        self.after.add(socket, service);
    }

    /// Takes a listener.
    pub(super) fn add_listener(&mut self, socket: &Socket) {
        self.listeners.add(socket.local.port(), socket.inode);
    }

    /// The inodes of sockets whose holders the findings will name.
    pub(super) fn wanted(&self, before: &Before, listeners: &Listeners) -> Vec<u64> {
        let guilty = movements(before, &self.after, listeners, WARNING);
        guilty
            .iter()
            .take(TOLD)
            .flat_map(|moved| self.inodes(moved))
            .collect()
    }

    /// The inodes of those that were accepted, and of the listeners of the others.
    fn inodes(&self, moved: &Movement) -> Vec<u64> {
        let accepted = self.after.inodes(|group| moved.groups.contains(group));
        let waiting = moved.groups.iter().filter(|group| !group.held);
        let waited_for = waiting.flat_map(|group| {
            let listeners = self
                .listeners
                .of(|port| group.service == Service::Served(*port));
            listeners.collect::<Vec<_>>()
        });
        accepted.chain(waited_for).collect()
    }
}

/// Tells of those that stay.
pub(super) fn examine(
    before: &Before,
    seen: &CloseWaits,
    listeners: &Listeners,
    facts: &Facts,
    holders: &Holders,
) -> Examined {
    if facts.copied {
        return Examined::lacking("in a copied tree it is not to be seen which connections stay");
    }
    let guilty = movements(before, &seen.after, listeners, WARNING);
    Examined::found(guilty.iter().take(TOLD).map(|moved| {
        let inodes = seen.inodes(moved);
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
            plural(moved.unread_bytes, "byte", "bytes"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{facts, listening_at, socket};
    use crate::model::{ProcessName, State};

    /// As many that stay, held or not, on a host that listens at port 80.
    fn judged(stay: u64, came: u64, held: bool) -> Vec<Finding> {
        let listeners = listening_at(&["0.0.0.0:80"]);
        let (mut before, mut seen) = (Before::default(), CloseWaits::default());
        let mut listener = socket(State::Listen, "0.0.0.0:80", "0.0.0.0:0");
        listener.inode = 99;
        seen.add_listener(&listener);
        let mut holders = Holders::default();
        holders.set(99, ProcessName::new(b"listener"), 9);
        for number in 1..=stay + came {
            let mut one = socket(State::CloseWait, "192.0.2.9:80", "192.0.2.1:5000");
            one.cookie = Some(number);
            if held {
                one.inode = 1000 + number;
                holders.set(one.inode, ProcessName::new(b"leaky"), 7);
            }
            if number <= stay {
                before.add(&one);
            }
            seen.add(&one, listeners.service(&one));
        }
        examine(&before, &seen, &listeners, &facts(), &holders).findings
    }

    #[test]
    fn it_warns_from_10_that_stay_and_a_thousand_of_one_process_are_critical() {
        assert!(judged(9, 500, true).is_empty());
        for (stay, severity) in [
            (10, Severity::Warning),
            (999, Severity::Warning),
            (1000, Severity::Critical),
        ] {
            let found = judged(stay, 0, true);
            assert_eq!((found.len(), found[0].severity), (1, severity), "{stay}");
        }
        let grows = &judged(10, 2, true)[0];
        assert!(grows.evidence[0].ends_with("2 came and none ended: it only grows"));
        assert_eq!(grows.subject, [(Field::LocalPort, Label::Number(80))]);
        assert_eq!(
            (grows.processes[0].pid, grows.processes[0].sockets),
            (7, 12)
        );
    }

    #[test]
    fn a_process_is_taken_to_hold_as_much_of_those_that_were_not_looked_for() {
        let listeners = listening_at(&["0.0.0.0:80", "0.0.0.0:81"]);
        let (mut before, mut seen) = (Before::default(), CloseWaits::default());
        let mut holders = Holders::default();
        // More than are kept, of which 600 are of port 80.
        for number in 1..=11_000 {
            let local = match number {
                9_401.. => "192.0.2.9:80",
                _ => "192.0.2.9:81",
            };
            let mut one = socket(State::CloseWait, local, "192.0.2.1:5000");
            (one.cookie, one.inode) = (Some(number), number);
            holders.set(
                number,
                ProcessName::new(b"leaky"),
                u32::from(number > 9_400),
            );
            before.add(&one);
            seen.add(&one, listeners.service(&one));
        }
        let found = examine(&before, &seen, &listeners, &facts(), &holders).findings;
        let found = found
            .iter()
            .find(|found| found.value == Some(1_600.0))
            .unwrap();
        assert_eq!(found.severity, Severity::Critical);
        assert_eq!(found.processes[0].sockets, 600);
        assert_eq!(
            found.evidence[2],
            "of 11,000 in this state, the holders of 10,000 were looked for"
        );
    }

    #[test]
    fn what_was_never_accepted_is_blamed_on_its_listener() {
        let found = &judged(10, 0, false)[0];
        assert!(found.title.contains("never accepted"), "{}", found.title);
        assert_eq!(found.processes[0].name, "listener");
        assert!(judged(9, 0, false).is_empty());
    }

    #[test]
    fn in_a_copied_tree_it_is_not_examined() {
        let copied = Facts {
            copied: true,
            ..facts()
        };
        let examined = examine(
            &Before::default(),
            &CloseWaits::default(),
            &Listeners::default(),
            &copied,
            &Holders::default(),
        );
        assert!(examined.findings.is_empty() && examined.lacking.is_some());
    }
}
