//! Connections that stay in a state which a program should leave soon: how many there are of each
//! service, and which stayed through the window, came or ended in it.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::facts::Facts;
use crate::model::{Culprit, Holders, InetEnds, Listeners, Netns, Service, Socket, thousands};

/// More sockets than this are not told apart, in either look; 2 MB.
const ROOM: usize = 10_000;

/// More groups than this are not told apart.
const MOST_GROUPS: usize = 10_000;

/// What lingers together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Group {
    /// What the connections serve or use.
    pub(super) service: Service,
    /// Whether a process holds them.
    pub(super) held: bool,
}

/// The connections before the window.
#[derive(Debug, Default)]
pub(super) struct Before {
    places: HashMap<u64, Place>,
    beyond: u64,
}

/// Where a connection was.
#[derive(Clone, Copy, Debug)]
struct Place {
    netns: Netns,
    ends: InetEnds,
    held: bool,
}

impl Before {
    /// Takes one.
    pub(super) fn add(&mut self, socket: &Socket) {
        let Some(ends) = socket.internet() else {
            return;
        };
        if self.places.len() >= ROOM {
            self.beyond += 1;
            return;
        }
        let place = Place {
            netns: socket.netns,
            ends: *ends,
            held: socket.inode != 0,
        };
        self.places.insert(identity(socket), place);
    }
}

/// The connections after the window.
#[derive(Debug, Default)]
pub(super) struct After {
    groups: HashMap<Group, Sum>,
    /// Those of groups for which there was no more room, that a process holds.
    others: Sum,
    kept: Vec<Kept>,
    beyond: u64,
}

/// How many of a group there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    sockets: u64,
    unread_bytes: u64,
    unfinished: u64,
}

impl Sum {
    fn add(&mut self, socket: &Socket) {
        self.sockets += 1;
        // The peer's FIN counts as a byte until its end is read (`tcp_diag_get_info`).
        self.unread_bytes += u64::from(socket.receive_queue.saturating_sub(1));
        self.unfinished += u64::from(socket.receive_queue > 0);
    }
}

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Kept {
    group: Group,
    identity: u64,
    inode: u64,
    ends: InetEnds,
}

impl After {
    /// Takes one.
    pub(super) fn add(&mut self, socket: &Socket, service: Service) {
        let Some(ends) = socket.internet() else {
            return;
        };
        let group = Group {
            service,
            held: socket.inode != 0,
        };
        if self.groups.len() < MOST_GROUPS || self.groups.contains_key(&group) {
            self.groups.entry(group).or_default().add(socket);
        } else if group.held {
            self.others.add(socket);
        }
        if self.kept.len() < ROOM {
            self.kept.push(Kept {
                group,
                identity: identity(socket),
                inode: socket.inode,
                ends: *ends,
            });
        } else {
            self.beyond += 1;
        }
    }

    /// The inodes of the members of those groups that `guilty` picks.
    pub(super) fn inodes(&self, guilty: impl Fn(&Group) -> bool) -> impl Iterator<Item = u64> {
        let kept = self
            .kept
            .iter()
            .filter(move |kept| kept.inode != 0 && guilty(&kept.group));
        kept.map(|kept| kept.inode)
    }

    /// Some members of those groups, no more than `most`.
    pub(super) fn some(&self, groups: &[Group], most: usize) -> impl Iterator<Item = InetEnds> {
        let members = self.kept.iter();
        let members = members.filter(move |kept| groups.contains(&kept.group));
        members.map(|kept| kept.ends).take(most)
    }

    /// A sentence for the evidence where processes were looked for behind a part only.
    pub(super) fn remark(&self) -> Option<String> {
        (self.beyond > 0).then(|| {
            format!(
                "of {} in this state, the holders of {} were looked for",
                thousands(self.kept.len() as u64 + self.beyond),
                thousands(self.kept.len() as u64)
            )
        })
    }

    /// Who holds the members of those groups.
    pub(super) fn held_by(&self, groups: &[Group], holders: &Holders) -> Vec<Culprit> {
        holders.of(self.inodes(|group| groups.contains(group)))
    }
}

/// The kernel's own number for a socket, or what stands for it where that is not told.
fn identity(socket: &Socket) -> u64 {
    socket.cookie.unwrap_or_else(|| {
        let mut hasher = DefaultHasher::new();
        (socket.internet(), socket.inode).hash(&mut hasher);
        hasher.finish()
    })
}

/// What became of a group, or of several, in the window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Movement {
    /// Which.
    pub(super) groups: Vec<Group>,
    /// How many there are now.
    pub(super) sockets: u64,
    /// The bytes that they have received and nobody has read.
    pub(super) unread_bytes: u64,
    /// Of how many of them nobody has read the end, where the peer has sent it.
    pub(super) unfinished: u64,
    /// How many were there before the window too; at least, where not all were told apart.
    pub(super) stayed: u64,
    /// How many ended; `None` where not all were told apart.
    pub(super) ended: Option<u64>,
}

impl Movement {
    fn add(&mut self, other: &Movement) {
        self.groups.extend(&other.groups);
        self.sockets += other.sockets;
        self.unread_bytes += other.unread_bytes;
        self.unfinished += other.unfinished;
        self.stayed += other.stayed;
        self.ended = self.ended.zip(other.ended).map(|(a, b)| a + b);
    }

    /// What moved, as evidence.
    pub(super) fn shown(&self, facts: &Facts) -> String {
        let stayed = thousands(self.stayed);
        let window = facts.shown_window();
        let came = self.sockets.saturating_sub(self.stayed);
        match self.ended {
            None => format!("at least {stayed} stayed through the window of {window}"),
            Some(0) if came > 0 => format!(
                "{stayed} stayed through the window of {window}, {} came and none ended: it only grows",
                thousands(came)
            ),
            Some(ended) => format!(
                "{stayed} stayed through the window of {window}, {} came and {} ended",
                thousands(came),
                thousands(ended)
            ),
        }
    }
}

/// What became of those groups of which `least` or more stayed, most first; and of the others that
/// are held, together, where they are as many in all.
pub(super) fn movements(
    before: &Before,
    after: &After,
    listeners: &Listeners,
    least: u64,
) -> Vec<Movement> {
    let is_whole = before.beyond == 0 && after.beyond == 0;
    let mut groups: HashMap<Group, Movement> = after
        .groups
        .iter()
        .map(|(group, sum)| {
            let movement = Movement {
                groups: vec![*group],
                sockets: sum.sockets,
                unread_bytes: sum.unread_bytes,
                unfinished: sum.unfinished,
                stayed: 0,
                ended: is_whole.then_some(0),
            };
            (*group, movement)
        })
        .collect();
    let mut left = before.places.clone();
    for kept in &after.kept {
        let was_there = left.remove(&kept.identity).is_some();
        if let (true, Some(movement)) = (was_there, groups.get_mut(&kept.group)) {
            movement.stayed += 1;
        }
    }
    for place in left.values() {
        let service = listeners.service(place.netns, &place.ends);
        let held = place.held;
        if let Some(movement) = groups.get_mut(&Group { service, held }) {
            movement.ended = movement.ended.map(|ended| ended + 1);
        }
    }
    let (mut large, small): (Vec<_>, Vec<_>) = groups
        .into_values()
        .partition(|movement| movement.stayed >= least);
    large.sort_unstable_by(|a, b| {
        b.stayed
            .cmp(&a.stayed)
            .then_with(|| a.groups.cmp(&b.groups))
    });
    let held = small
        .iter()
        .filter(|movement| movement.groups.iter().all(|group| group.held));
    let rest = held.cloned().reduce(|mut sum, movement| {
        sum.add(&movement);
        sum
    });
    let rest = rest.map(|mut rest| {
        rest.sockets += after.others.sockets;
        rest.unread_bytes += after.others.unread_bytes;
        rest.unfinished += after.others.unfinished;
        rest
    });
    large.extend(rest.filter(|rest| rest.stayed >= least));
    large
}

/// What connections of a service do, for a title: `served by port 80`.
pub(super) fn shown(service: Service) -> String {
    match service {
        Service::Served(port) => format!("that served port {port}"),
        Service::Used(peer) => format!("that went out to {peer}"),
    }
}

/// The filter that picks the connections of a service.
pub(super) fn filter(service: Service) -> String {
    match service {
        Service::Served(port) => format!("sport = {port}"),
        Service::Used(peer) => format!("dst {peer}"),
    }
}
