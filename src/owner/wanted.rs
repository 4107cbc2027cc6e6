//! What is looked for: the inodes of sockets, and why some sockets have none.

use std::collections::HashMap;

use crate::model::{InetEnds, Listeners, Netns, Socket};

/// More users than this are no help in choosing where to look first.
const MOST_USERS: usize = 16;

/// Where connections arrive: in this network namespace, at the local end; there is no remote one.
pub(super) type Endpoint = (Netns, InetEnds);

/// Where a connection arrived.
pub(super) fn endpoint(socket: &Socket) -> Option<Endpoint> {
    let ends = socket.internet()?;
    let arrived = InetEnds::listening(ends.family, ends.local);
    Some((socket.netns, arrived))
}

/// The sockets whose holders are wanted, reduced to what the search needs.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Inodes of held sockets; sorted and without repetitions once settled.
    pub(super) inodes: Vec<u64>,
    /// How many sockets those were.
    pub(super) asked: u64,
    /// Sockets that no process can hold.
    pub(super) kernel: u64,
    /// Connections that wait to be accepted, by where they arrived.
    pub(super) waiting: HashMap<Endpoint, u64>,
    /// Who owns the sockets: the likely holders.
    pub(super) users: Vec<u32>,
}

/// Wanted inodes in their order, and those of listeners that others wait for.
pub(super) struct Settled {
    pub(super) inodes: Vec<u64>,
    /// For each place with waiting connections its listeners, and how many connections.
    pub(super) waiting: Vec<(Endpoint, Vec<u64>, u64)>,
    /// Listeners that were not asked about themselves.
    pub(super) beside: Vec<u64>,
    pub(super) kernel: u64,
    pub(super) asked: u64,
}

impl Wanted {
    /// Asks about one more socket.
    pub fn add(&mut self, socket: &Socket) {
        if let Some(inode) = socket.held_inode() {
            self.inodes.push(inode);
            self.asked += 1;
            let is_new = !self.users.contains(&socket.uid);
            if is_new && self.users.len() < MOST_USERS {
                self.users.push(socket.uid);
            }
        } else if let Some(endpoint) = endpoint(socket).filter(|_| socket.was_never_accepted()) {
            *self.waiting.entry(endpoint).or_default() += 1;
        } else {
            self.kernel += 1;
        }
    }

    /// Asks about one more socket that a process may hold, of which only its inode is known.
    pub fn add_inode(&mut self, inode: u64) {
        self.inodes.push(inode);
        self.asked += 1;
    }

    /// Whether it takes the host's listeners to tell whom some connections wait for.
    pub fn needs_listeners(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Names the listeners that connections wait for, and puts the inodes in their order. A
    /// connection whose listener is gone is the kernel's.
    pub(super) fn settle(mut self, listeners: &Listeners) -> Settled {
        self.inodes.sort_unstable();
        self.inodes.dedup();
        let mut waiting = Vec::new();
        let mut beside = Vec::new();
        for (endpoint, connections) in self.waiting {
            let takers = listeners.takers(endpoint.0, &endpoint.1);
            let takers = takers.iter().map(|listener| listener.inode);
            let takers: Vec<u64> = takers.filter(|inode| *inode != 0).collect();
            if takers.is_empty() {
                self.kernel += connections;
                continue;
            }
            let unknown = |inode: &&u64| self.inodes.binary_search(inode).is_err();
            beside.extend(takers.iter().filter(unknown).copied());
            waiting.push((endpoint, takers, connections));
        }
        beside.sort_unstable();
        beside.dedup();
        self.inodes.extend(&beside);
        self.inodes.sort_unstable();
        self.inodes.shrink_to_fit();
        Settled {
            inodes: self.inodes,
            waiting,
            beside,
            kernel: self.kernel,
            asked: self.asked,
        }
    }
}
