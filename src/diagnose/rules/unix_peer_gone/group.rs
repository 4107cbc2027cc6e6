//! The UNIX sockets without a peer of one service or process: whether the program keeps them, and the
//! finding about it.

use super::{Member, WARNING};
use crate::diagnose::Case;
use crate::diagnose::descriptors;
use crate::diagnose::subject::{kind_label, name_test, name_text};
use crate::model::{
    Command, Culprit, Field, Finding, Kind, Label, Severity, UnixName, counted, thousands,
};

/// If this part of them is closed while they are watched, the program closes them, only late.
const TURNOVER: u64 = 5;

/// If as many are added in the window and none is closed, their number grows.
const GROWS: u64 = 3;

/// From this many on, sockets for datagrams are not those of a program that has nothing to send.
const MANY_DATAGRAMS: u64 = 100;

const WHY: &str = "The other end was closed: write() fails with EPIPE, and read() returns the end once what was received is read (unix(7)). Only the program can close its own end, which keeps its descriptor and its memory until then; no timer frees it.";

const REMEDY: [&str; 3] = [
    "Let the program close a connection when read() returns 0 or write() fails with EPIPE, on every path; let it watch the ones that are idle in a pool (poll() reports POLLHUP).",
    "If its handlers take longer than their clients wait, find out what they wait for, and let them stop when the client is gone.",
    "Until that is fixed, restart the program before it runs out of descriptors. No setting of the kernel closes them.",
];

const WHY_DATAGRAMS: &str = "The socket to which these are connected was closed, and nothing reports that: send() of the next datagram fails with ECONNREFUSED (unix(7)), and recv() waits forever. Each keeps its descriptor until the program closes it.";

const REMEDY_DATAGRAMS: [&str; 2] = [
    "If the receiver was restarted, such as a system logger, check that the program connects again when send() fails; until it sends something, its sockets stay like this.",
    "Otherwise let the program close its end too: both ends of a socketpair(), and one socket for all messages instead of one for each.",
];

/// By what sockets are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner<'a> {
    /// The name of the listener that accepted them; any of its processes may hold them.
    Service(&'a UnixName),
    /// Of others, the process; `None` where it is unknown.
    Process(Option<u32>),
}

/// Those of one service or process.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) kind: Kind,
    pub(super) owner: Owner<'a>,
    /// Those that are there now.
    pub(super) members: Vec<&'a Member>,
    /// How many of these stayed through the window and while they were watched.
    pub(super) stayed: u64,
    /// How many stayed through the window and were closed while they were watched.
    pub(super) left: u64,
    /// The processes that hold those that stayed.
    pub(super) processes: Vec<Culprit>,
}

impl Group<'_> {
    /// How many of those that stayed have a known process.
    fn known(&self) -> u64 {
        self.processes.iter().map(|process| process.sockets).sum()
    }

    /// Whether a program keeps enough of them: besides one in each process of several, which handles
    /// one request at a time and may be at work for a client that is gone.
    pub(super) fn is_kept(&self) -> bool {
        let others = (self.processes.len() as u64).saturating_sub(1);
        let is_turnover = self.left * TURNOVER >= self.stayed + self.left;
        self.known().saturating_sub(others) >= WARNING && !is_turnover
    }

    /// How many they are, if there are enough and their processes are unknown.
    pub(super) fn unknown(&self) -> u64 {
        let is_unknown = self.stayed >= WARNING && self.known() < self.stayed;
        u64::from(is_unknown && !self.is_kept()) * self.stayed
    }

    fn added(&self) -> u64 {
        self.members.len() as u64 - self.stayed
    }

    fn is_of_datagrams(&self) -> bool {
        self.kind == Kind::UnixDgram
    }

    fn grows(&self) -> bool {
        self.added() >= GROWS && self.left == 0
    }

    fn severity(&self, case: &Case<'_>) -> Severity {
        let urgency = descriptors::severity(&self.processes, case.holders);
        let is_certain = !self.is_of_datagrams()
            || self.stayed >= MANY_DATAGRAMS
            || self.grows()
            || urgency == Severity::Critical
            || descriptors::are_large_part(&self.processes, case.holders);
        if is_certain { urgency } else { Severity::Info }
    }

    /// Who has them, in the title and in the subject.
    fn owner_text(&self) -> (String, (Field, Label)) {
        match (self.owner, self.processes.first()) {
            (Owner::Service(name), _) => {
                let name = name_text(name);
                (name.clone(), (Field::Name, Label::Text(name)))
            }
            (Owner::Process(_), Some(process)) => {
                let pid = Label::Number(process.pid.into());
                (process.to_string(), (Field::Pid, pid))
            }
            (Owner::Process(_), None) => ("no known process".to_owned(), (Field::Pid, Label::None)),
        }
    }

    /// Lists these sockets and no others.
    fn command(&self, all: &[Group<'_>]) -> Command {
        let command = Command::list("--process").of_kind(self.kind);
        let command = command.of("peer = gone");
        match self.owner {
            Owner::Service(name) => command.of(format!("name = {}", name_test(name))),
            Owner::Process(pid) => {
                let services = all.iter().filter(|one| one.kind == self.kind);
                let services = services.filter_map(|one| match one.owner {
                    Owner::Service(name) => Some(format!("name != {}", name_test(name))),
                    Owner::Process(_) => None,
                });
                let own = format!("pid = {}", pid.unwrap_or_default());
                services.fold(command.of(own), Command::of)
            }
        }
    }

    fn evidence(&self, case: &Case<'_>) -> Vec<String> {
        let (window, watch) = (case.host.window_text(), &case.host.watch);
        let all = self.stayed + self.left;
        let mut evidence = vec![format!(
            "{} stayed through the window of {window}, {} {} added",
            thousands(all),
            thousands(self.added()),
            if self.added() == 1 { "was" } else { "were" },
        )];
        let over = watch.unix_over.as_secs_f64();
        evidence.extend((over > 0.0).then(|| {
            format!(
                "after {over:.1} s, {} of these were closed and {} were left",
                thousands(self.left),
                thousands(self.stayed)
            )
        }));
        let unread = self.members.iter().filter(|one| one.unread > 0).count() as u64;
        evidence.push(match self.is_of_datagrams() {
            true => format!("{} have unread datagrams", thousands(unread)),
            false => format!(
                "{} have unread bytes; whether the end is read is not reported",
                thousands(unread)
            ),
        });
        evidence.extend(descriptors::evidence(&self.processes, case.holders));
        if self.grows() {
            let (added, window) = (self.added(), case.host.window);
            let reached = descriptors::reached(&self.processes, case.holders, added, window);
            evidence.extend(reached);
        }
        evidence
    }

    pub(super) fn finding(&self, all: &[Group<'_>], case: &Case<'_>) -> Finding {
        let title = self.kind.title();
        let (one, many) = (format!("{title} socket"), format!("{title} sockets"));
        let number = self.members.len() as u64;
        let (owner, subject) = self.owner_text();
        let sockets = format!("{} of {owner}", counted(number, &one, &many));
        let (title, why, remedy) = match self.is_of_datagrams() {
            true => (
                format!("{sockets} stay connected to sockets that were closed"),
                WHY_DATAGRAMS,
                REMEDY_DATAGRAMS.as_slice(),
            ),
            false => (
                format!("{sockets} stay open, and their peers have closed"),
                WHY,
                REMEDY.as_slice(),
            ),
        };
        let inodes = self.members.iter().map(|one| one.inode).collect();
        Finding::new(self.severity(case), title, number as f64, inodes, why)
            .with_subject(kind_label(self.kind).into_iter().chain([subject]).collect())
            .with_processes(self.processes.clone())
            .with_evidence(self.evidence(case))
            .with_commands([self.command(all)])
            .with_remedy(remedy.iter().copied())
    }
}
