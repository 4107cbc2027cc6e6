//! Connections that stay in a state which a program should leave soon: how many there are of each
//! service, how many stayed through the window, were added or ended in it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;

use super::host::Host;
use super::rule::Sampled;
use super::subject::{counted_connections, kind_label, service_subject, service_test};
use crate::model::{
    Command, Field, InetEnds, Kind, Label, Listeners, Netns, Service, Sink, Socket, counted,
    thousands,
};

/// More sockets than this are only counted, in either sample; 2 MB.
const ROOM: usize = 10_000;

/// More groups than this are counted together.
const MOST_GROUPS: usize = 10_000;

/// If this many are added and none ends, a number grows; fewer may be chance.
pub(super) const GROWTH: u64 = 10;

/// The key by which connections are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ServiceGroup {
    pub(super) kind: Kind,
    /// What the connections serve or use.
    pub(super) service: Service,
    /// Whether a process holds them.
    pub(super) held: bool,
}

/// The connections at one time: before the window, or when suspects were last seen.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    by_identity: HashMap<u64, Origin>,
    beyond: u64,
}

/// The facts that decide the group of a connection, once the listeners are known.
#[derive(Clone, Copy, Debug)]
struct Origin {
    kind: Kind,
    netns: Netns,
    ends: InetEnds,
    held: bool,
}

impl Standing {
    /// Whether all were kept.
    pub fn is_whole(&self) -> bool {
        self.beyond == 0
    }

    /// Takes one.
    pub(super) fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if self.by_identity.len() >= ROOM {
            self.beyond += 1;
            return;
        }
        let origin = Origin {
            kind: socket.kind,
            netns: socket.netns,
            ends: *ends,
            held: socket.inode != 0,
        };
        self.by_identity.insert(identity(socket, ends), origin);
    }
}

impl Sink for Standing {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if let Some(ends) = socket.internet() {
            self.add(socket, ends);
        }
        ControlFlow::Continue(())
    }
}

impl Origin {
    fn group(&self, listeners: &Listeners) -> ServiceGroup {
        ServiceGroup {
            kind: self.kind,
            service: listeners.service(self.kind, self.netns, &self.ends),
            held: self.held,
        }
    }
}

/// The connections after the window, and those before it.
#[derive(Debug, Default)]
pub(super) struct Lingering {
    previous: Standing,
    groups: HashMap<ServiceGroup, GroupCounts>,
    /// Those of each kind that a process holds, of groups for which there was no room.
    others: BTreeMap<Kind, GroupCounts>,
    kept: Vec<Member>,
    beyond: u64,
}

/// The size of a group, and how it changed in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct GroupCounts {
    pub(super) sockets: u64,
    pub(super) unread_bytes: u64,
    /// How many of them have an end, or bytes before it, that the program has not read.
    pub(super) unfinished: u64,
    /// How many were there before the window too, as far as they were kept.
    pub(super) stayed: u64,
    /// How many ended in it, as far as they were kept.
    pub(super) ended: u64,
}

impl GroupCounts {
    fn add(&mut self, other: GroupCounts) {
        self.sockets += other.sockets;
        self.unread_bytes += other.unread_bytes;
        self.unfinished += other.unfinished;
        self.stayed += other.stayed;
        self.ended += other.ended;
    }

    fn add_socket(&mut self, socket: &Socket) {
        self.sockets += 1;
        // The peer's FIN counts as a byte until the end is read (`tcp_diag_get_info`).
        self.unread_bytes += u64::from(socket.receive_queue.saturating_sub(1));
        self.unfinished += u64::from(socket.receive_queue > 0);
    }
}

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Member {
    group: ServiceGroup,
    identity: u64,
    inode: u64,
    ends: InetEnds,
}

impl Lingering {
    /// None yet after the window.
    pub(super) fn after(previous: Standing) -> Lingering {
        Lingering {
            previous,
            ..Lingering::default()
        }
    }

    /// Takes one after the window.
    pub(super) fn add(&mut self, sampled: &Sampled<'_>) {
        let (socket, service) = (sampled.socket, sampled.service);
        let (kind, held) = (socket.kind, socket.inode != 0);
        let group = ServiceGroup {
            kind,
            service,
            held,
        };
        if self.groups.len() < MOST_GROUPS || self.groups.contains_key(&group) {
            self.groups.entry(group).or_default().add_socket(socket);
        } else if held {
            self.others.entry(kind).or_default().add_socket(socket);
        }
        if self.kept.len() < ROOM {
            self.kept.push(Member {
                group,
                identity: identity(socket, sampled.ends),
                inode: socket.inode,
                ends: *sampled.ends,
            });
        } else {
            self.beyond += 1;
        }
    }

    fn members(&self, groups: &[ServiceGroup]) -> impl Iterator<Item = &Member> {
        let groups: HashSet<ServiceGroup> = groups.iter().copied().collect();
        let members = self.kept.iter();
        members.filter(move |kept| groups.contains(&kept.group))
    }

    /// The inodes of the members of these groups.
    pub(super) fn inodes(&self, groups: &[ServiceGroup]) -> Vec<u64> {
        let members = self.members(groups).filter(|kept| kept.inode != 0);
        members.map(|kept| kept.inode).collect()
    }

    /// Some members of these groups that were there before the window too, no more than `most`.
    pub(super) fn some(&self, groups: &[ServiceGroup], most: usize) -> Vec<InetEnds> {
        let before = &self.previous.by_identity;
        let members = self.members(groups);
        let stayed = members.filter(|kept| before.contains_key(&kept.identity));
        stayed.take(most).map(|kept| kept.ends).collect()
    }

    /// As evidence, that processes were searched only for a part, where that is so.
    pub(super) fn limit_note(&self) -> Option<String> {
        let kept = self.kept.len() as u64;
        let [searched, all] = [kept, kept + self.beyond].map(thousands);
        let note = format!("processes were searched for {searched} of {all} in this state");
        (self.beyond > 0).then_some(note)
    }

    /// The changes of the groups in which `least` or more stayed, most first; and of the others that
    /// are held, those of each kind together, where they are as many in all.
    pub(super) fn changes(&self, listeners: &Listeners, least: u64) -> Vec<Change> {
        let is_whole = self.previous.is_whole() && self.beyond == 0;
        let mut large = Vec::new();
        let others = self.others.iter();
        let mut small: BTreeMap<Kind, (Vec<ServiceGroup>, GroupCounts)> = others
            .map(|(kind, counts)| (*kind, (Vec::new(), *counts)))
            .collect();
        for (group, counts) in self.compared(listeners) {
            if counts.stayed >= least {
                large.push(Change {
                    groups: vec![group],
                    counts,
                    is_whole,
                    later: None,
                });
            } else if group.held {
                let (groups, rest) = small.entry(group.kind).or_default();
                groups.push(group);
                rest.add(counts);
            }
        }
        large.sort_unstable_by(|a, b| {
            let most_first = b.counts.stayed.cmp(&a.counts.stayed);
            most_first.then_with(|| a.groups.cmp(&b.groups))
        });
        let small = small.into_values();
        let many = small.filter(|(_, rest)| rest.stayed >= least);
        large.extend(many.map(|(groups, counts)| Change {
            groups,
            counts,
            is_whole,
            later: None,
        }));
        large
    }

    fn compared(&self, listeners: &Listeners) -> HashMap<ServiceGroup, GroupCounts> {
        let mut groups = self.groups.clone();
        let mut left = self.previous.by_identity.clone();
        for kept in &self.kept {
            let was_there = left.remove(&kept.identity).is_some();
            if let Some(counts) = groups.get_mut(&kept.group) {
                counts.stayed += u64::from(was_there);
            }
        }
        for origin in left.into_values() {
            if let Some(counts) = groups.get_mut(&origin.group(listeners)) {
                counts.ended += 1;
            }
        }
        groups
    }

    /// What was added to these groups and ended in them between the end of the window and this later
    /// time; `None` if not all were kept.
    pub(super) fn turnover(
        &self,
        groups: &[ServiceGroup],
        later: &Standing,
        listeners: &Listeners,
    ) -> Option<Turnover> {
        let is_whole = self.beyond == 0 && later.is_whole();
        let known: HashSet<u64> = self.kept.iter().map(|kept| kept.identity).collect();
        let is_new = |(identity, origin): &(&u64, &Origin)| {
            !known.contains(identity) && groups.contains(&origin.group(listeners))
        };
        let stays = |kept: &&Member| later.by_identity.contains_key(&kept.identity);
        is_whole.then(|| Turnover {
            added: later.by_identity.iter().filter(is_new).count() as u64,
            ended: self.members(groups).filter(|kept| !stays(kept)).count() as u64,
        })
    }
}

/// How many were added and how many ended, in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turnover {
    pub(super) added: u64,
    pub(super) ended: u64,
}

/// The kernel's own number for a socket, or a hash of its ends and inode where it is not reported.
fn identity(socket: &Socket, ends: &InetEnds) -> u64 {
    socket.cookie.unwrap_or_else(|| {
        let mut hasher = DefaultHasher::new();
        (socket.netns, ends, socket.inode).hash(&mut hasher);
        hasher.finish()
    })
}

/// The change of a group, or of several, in the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Which.
    pub(super) groups: Vec<ServiceGroup>,
    pub(super) counts: GroupCounts,
    /// Whether all connections were kept; if not, more may have stayed, and it is unknown how many ended.
    pub(super) is_whole: bool,
    /// What changed after the window, while suspects were watched; `None` where that is unknown.
    pub(super) later: Option<Turnover>,
}

impl Change {
    /// The kind of the connections.
    pub(super) fn kind(&self) -> Kind {
        self.groups.first().map_or(Kind::Tcp, |group| group.kind)
    }

    /// The service, where it is one.
    pub(super) fn service(&self) -> Option<Service> {
        match self.groups[..] {
            [ServiceGroup { service, .. }] => Some(service),
            _ => None,
        }
    }

    /// The number of connections and their service, for a title.
    pub(super) fn connections(&self) -> String {
        let sockets = self.counts.sockets;
        let connections = match self.service() {
            Some(service) => counted_connections(sockets, service),
            None => format!(
                "{} of several services",
                counted(sockets, "connection", "connections")
            ),
        };
        match self.kind() == Kind::Tcp {
            true => connections,
            false => format!("{connections} over {}", self.kind().title()),
        }
    }

    /// What a finding about them is about.
    pub(super) fn subject(&self) -> Vec<(Field, Label)> {
        let service = self.service().map(service_subject).unwrap_or_default();
        service.into_iter().chain(kind_label(self.kind())).collect()
    }

    /// A command for these connections alone.
    pub(super) fn select(&self, command: Command) -> Command {
        let command = command.of_kind(self.kind());
        match self.service() {
            Some(service) => command.of(service_test(service)),
            None => command,
        }
    }

    /// By how much the number has grown since the begin of the window, if none ended in that time.
    pub(super) fn growth(&self) -> Option<u64> {
        let later = self.later.unwrap_or_default();
        let none_ended = self.is_whole && self.counts.ended + later.ended == 0;
        none_ended.then(|| self.added() + later.added)
    }

    /// How many were added in the window.
    pub(super) fn added(&self) -> u64 {
        self.counts.sockets.saturating_sub(self.counts.stayed)
    }

    /// What changed, as evidence.
    pub(super) fn text(&self, host: &Host) -> String {
        let added = self.added();
        let [stayed, ended] = [self.counts.stayed, self.counts.ended].map(thousands);
        let shown = counted(added, "was added", "were added");
        let window = host.window_text();
        let stayed = format!("{stayed} stayed through the window of {window}");
        match self.counts.ended {
            _ if !self.is_whole => format!("at least {stayed}"),
            0 if added > 0 => {
                format!("{stayed}, {shown} and none ended: the number only grows")
            }
            _ => format!("{stayed}, {shown} and {ended} ended"),
        }
    }

    /// What changed after the window, as evidence, where anything did.
    pub(super) fn later_text(&self, host: &Host) -> Option<String> {
        let Turnover { added, ended } = self.later?;
        let added = counted(added, "more was added", "more were added");
        let over = host.watch.over.saturating_sub(host.window).as_secs_f64();
        let text = format!(
            "in the {over:.1} s after it, {added} and {} ended",
            thousands(ended)
        );
        (self.later != Some(Turnover::default())).then_some(text)
    }
}
