//! The result of a search: which processes hold which socket, and why some holders are unknown.

use std::collections::HashMap;
use std::io;

use super::walk::{Link, Search, Walk};
use super::wanted::{Settled, Wanted};
use crate::model::{
    Arrival, GroupHolders, Held, Hold, Listeners, Loss, Note, Ownership, Process, Socket, UnixPeer,
    Where, counted,
};
use crate::proc_root::ProcRoot;

/// The cost of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Processes whose descriptors were read.
    pub processes: u64,
    /// Descriptors whose links were read.
    pub descriptors: u64,
    /// Processes without permission to read them.
    pub refused: u64,
    /// Processes that could not be read for another reason.
    pub failed: u64,
    /// Whether the time limit ended it.
    pub cut: bool,
}

impl Effort {
    /// Adds the cost of another part of the same search.
    pub(super) fn add(&mut self, other: &Effort) {
        self.processes += other.processes;
        self.descriptors += other.descriptors;
        self.refused += other.refused;
        self.failed += other.failed;
        self.cut |= other.cut;
    }
}

/// The holders of the wanted sockets.
#[derive(Debug, Default)]
pub struct Owners {
    /// The inode of each of `holds`, sorted: one that is held several times is there as often.
    inodes: Vec<u64>,
    holds: Vec<Hold>,
    /// In the order of their pids.
    processes: Vec<Process>,
    /// The holders of the listeners whose connections were never accepted.
    waiting: HashMap<Arrival, Vec<Hold>>,
    /// The holders of the clients in the accept queues of UNIX sockets, by the inode of the listener.
    clients: HashMap<u64, Vec<Hold>>,
    /// How many sockets have a known holder.
    pub ownership: Ownership,
    /// What it cost.
    pub effort: Effort,
    /// The processes that could not be read.
    pub unread: Vec<u32>,
    /// What to report about sockets that a process may hold and that have no known holder.
    pub note: Option<Note>,
    /// The mount option that may hide the processes that hold the sockets without a known holder.
    pub hiding: Option<String>,
    /// What to report about holders whose names cannot be read.
    pub unnamed: Option<Note>,
    /// What is missing because the time limit ended the search.
    pub loss: Option<Loss>,
}

impl Owners {
    /// Searches for the holders of the `wanted` sockets; `listeners` may be empty unless
    /// [`Wanted::needs_listeners`].
    pub fn find(search: Search<'_>, wanted: Wanted, listeners: &Listeners) -> Owners {
        let users = wanted.users.clone();
        let mut settled = wanted.settle(listeners);
        let search = Search {
            users: &users,
            ..search
        };
        let (mut owners, missing) = match ProcRoot::of(search.place) {
            _ if search.place.recorded().is_some() => Owners::recorded(search, &mut settled),
            Ok(root) => Owners::walk(&root, search, &mut settled),
            Err(error) => Owners::none(search.place, &settled, &error),
        };
        owners.ownership = ownership(&settled, missing, &owners.effort);
        let budget = search.budget.filter(|_| owners.effort.cut);
        owners.loss = budget.map(|budget| Loss::HoldersUnfinished { budget });
        owners
    }

    /// Searches in `root`; also returns how many sockets have no known owner.
    fn walk(root: &ProcRoot, search: Search<'_>, settled: &mut Settled) -> (Owners, u64) {
        let mut walk = Walk::new(root, search, &settled.inodes);
        if let Err(error) = walk.run() {
            return Owners::none(search.place, settled, &error);
        }
        let missing = walk.without_holder();
        let missing = missing.filter(|inode| settled.beside.binary_search(inode).is_err());
        let missing = u64::try_from(missing.count()).unwrap_or(u64::MAX);
        let error = walk.first_error.take();
        let unnamed = walk.unnamed.take();
        let unread = std::mem::take(&mut walk.unread);
        let links = walk.take_links();
        let processes = walk.processes.into_values().collect();
        let mut owners = Owners::of(settled, links, processes, walk.effort);
        owners.unread = unread;
        owners.unnamed = unnamed.map(|(processes, error)| Note::NamesUnknown {
            processes,
            reason: format!(
                "cannot read {}/PID/comm: {error}",
                search.place.proc_root().display()
            ),
        });
        if missing > 0 && !owners.effort.cut {
            owners.hiding = root.query_hiding();
            owners.note = Some(Note::OwnersUnknown {
                sockets: missing,
                reason: why_unknown(
                    &owners.effort,
                    error,
                    owners.hiding.as_deref(),
                    search.place,
                ),
            });
        }
        (owners, missing)
    }

    /// Searches in a record; also returns how many sockets have no known owner.
    fn recorded(search: Search<'_>, settled: &mut Settled) -> (Owners, u64) {
        let moment = search.place.recorded().and_then(|record| record.moment());
        let Some(host) = moment.map(|moment| &moment.host) else {
            return (Owners::default(), settled.sockets);
        };
        let place = |inode: u64| settled.inodes.binary_search(&inode).ok();
        let links = host.holds.iter().filter_map(|(inode, hold)| {
            let place = u32::try_from(place(*inode)?).ok()?;
            Some((place, *hold))
        });
        let links: Vec<Link> = links.collect();
        let is_held = |place: usize| {
            let link = |link: &Link| usize::try_from(link.0).unwrap_or(usize::MAX);
            links.binary_search_by_key(&place, link).is_ok()
        };
        let (inodes, beside) = (settled.inodes.iter().enumerate(), &settled.beside);
        let missing = inodes
            .filter(|(place, inode)| !is_held(*place) && beside.binary_search(inode).is_err());
        let missing = u64::try_from(missing.count()).unwrap_or(u64::MAX);
        let effort = Effort {
            refused: host.unread.len() as u64,
            ..Effort::default()
        };
        let mut owners = Owners::of(settled, links, host.processes.clone(), effort);
        owners.note = (missing > 0).then(|| Note::OwnersUnknown {
            sockets: missing,
            reason: match host.unread.len() as u64 {
                0 => "no process held them when they were recorded".to_owned(),
                unread => format!(
                    "when they were recorded, {} could not be read",
                    counted(unread, "process", "processes")
                ),
            },
        });
        (owners, missing)
    }

    /// None is found, because the processes cannot be listed.
    fn none(place: &Where, settled: &Settled, error: &io::Error) -> (Owners, u64) {
        let owners = Owners {
            note: (settled.sockets > 0).then(|| {
                let root = place.proc_root().display();
                Note::OwnersUnknown {
                    sockets: settled.sockets,
                    reason: format!("cannot list the processes in {root}: {error}"),
                }
            }),
            ..Owners::default()
        };
        (owners, settled.sockets)
    }

    /// Sorts what a walk found, so that it can be looked up.
    fn of(
        settled: &mut Settled,
        mut links: Vec<Link>,
        processes: Vec<Process>,
        effort: Effort,
    ) -> Owners {
        links.sort_unstable();
        links.dedup();
        let mut inodes = std::mem::take(&mut settled.inodes);
        repeat_as_held(&mut inodes, &links);
        let mut owners = Owners {
            inodes,
            holds: links.into_iter().map(|(_, hold)| hold).collect(),
            processes,
            effort,
            ..Owners::default()
        };
        // They were collected in the memory of the links.
        owners.holds.shrink_to_fit();
        for (endpoint, listeners, _) in &settled.waiting {
            let holds = owners.holds_of_all(listeners);
            owners.waiting.insert(*endpoint, holds);
        }
        for (listener, clients) in &settled.clients {
            let holds = owners.holds_of_all(clients);
            owners.clients.insert(*listener, holds);
        }
        owners
    }

    /// The holders of these inodes, sorted.
    fn holds_of_all(&self, inodes: &[u64]) -> Vec<Hold> {
        let holds = inodes.iter().flat_map(|inode| self.holds_of(*inode));
        let mut holds: Vec<Hold> = holds.copied().collect();
        holds.sort_unstable();
        holds
    }

    fn holds_of(&self, inode: u64) -> &[Hold] {
        let start = self.inodes.partition_point(|other| *other < inode);
        let from = self.inodes.get(start..).unwrap_or_default();
        let same = from.iter().take_while(|other| **other == inode).count();
        self.holds.get(start..start + same).unwrap_or_default()
    }

    /// Every process that holds a wanted socket, in the order of their pids.
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// Every wanted inode with how it is held, by inode.
    pub fn holds(&self) -> impl Iterator<Item = (u64, Hold)> {
        self.inodes.iter().copied().zip(self.holds.iter().copied())
    }

    /// The processes that are known to hold the socket with this inode, lowest pid first.
    pub fn holders(&self, inode: u64) -> impl Iterator<Item = &Process> {
        self.held_by_inode(inode).processes()
    }

    fn held_by_inode(&self, inode: u64) -> Held<'_> {
        Held::by(self.holds_of(inode), &self.processes)
    }

    /// Which processes hold the other end of a UNIX socket, or the clients that wait for a listener.
    pub fn peer_held(&self, socket: &Socket) -> Held<'_> {
        let Some(unix) = socket.unix() else {
            return Held::default();
        };
        match (
            unix.peer.and_then(UnixPeer::inode),
            self.clients.get(&socket.inode),
        ) {
            (Some(inode), _) => self.held_by_inode(inode.into()),
            (None, Some(holds)) => Held::by(holds, &self.processes),
            (None, None) => Held::default(),
        }
    }

    /// The processes by which a socket is grouped.
    pub fn group_holders(&self, socket: &Socket) -> GroupHolders<'_> {
        GroupHolders::of(self.held(socket), self.peer_held(socket))
    }

    /// Which processes hold a wanted socket.
    pub fn held(&self, socket: &Socket) -> Held<'_> {
        if let Some(inode) = socket.held_inode() {
            return self.held_by_inode(inode);
        }
        if socket.was_never_accepted()
            && let Some(holds) = Arrival::of(socket).and_then(|at| self.waiting.get(&at))
        {
            return Held::by(holds, &self.processes).unaccepted();
        }
        Held::default()
    }
}

/// Leaves each of these inodes as often as it has one of the sorted `links`, in place: at this moment most is in
/// memory.
fn repeat_as_held(inodes: &mut Vec<u64>, links: &[Link]) {
    let place = |link: &Link| usize::try_from(link.0).ok();
    let again = links.windows(2).filter_map(|pair| match pair {
        [one, next] if one.0 == next.0 => inodes.get(place(next)?).copied(),
        _ => None,
    });
    let again: Vec<u64> = again.collect();
    let mut held = links.iter().filter_map(place).peekable();
    let mut at = 0;
    inodes.retain(|_| {
        let is_held = held.next_if_eq(&at).is_some();
        while held.next_if_eq(&at).is_some() {}
        at += 1;
        is_held
    });
    inodes.extend(again);
    inodes.sort_unstable();
}

fn ownership(settled: &Settled, missing: u64, effort: &Effort) -> Ownership {
    let unread = effort.refused + effort.failed;
    let missing_if = |so: bool| if so { missing } else { 0 };
    let waiting = settled
        .waiting
        .iter()
        .map(|(_, _, connections)| connections);
    Ownership {
        held: settled.sockets.saturating_sub(missing),
        kernel: settled.kernel,
        never_accepted: waiting.sum(),
        no_permission: missing_if(!effort.cut && unread > 0),
        hidden: missing_if(!effort.cut && unread == 0),
        time_up: missing_if(effort.cut),
    }
}

/// Why owners are unknown, as far as it was observed.
fn why_unknown(
    effort: &Effort,
    error: Option<io::Error>,
    hiding: Option<&str>,
    place: &Where,
) -> String {
    let path = place.proc_root().display();
    let mut why = match effort.processes + effort.refused + effort.failed {
        0 => format!("{path} shows no processes"),
        _ => "closed meanwhile, or not open in any process that was read".to_owned(),
    };
    if effort.refused > 0 {
        let refused = counted(effort.refused, "process", "processes");
        why += &format!(
            "; no permission to read {path}/PID/fd of {refused} (root with CAP_SYS_PTRACE has it)"
        );
    }
    if let Some(error) = error {
        let failed = counted(effort.failed, "process", "processes");
        why += &format!("; cannot read {path}/PID/fd of {failed}: {error}");
    }
    if let Some(option) = hiding {
        why += &format!("; {path} is mounted with {option}, which may hide processes");
    }
    why
}
