//! What is searched for: the inodes of sockets; and which sockets have none, and why.

use std::collections::HashMap;

use crate::model::{Arrival, Listeners, Socket};

/// More users than this do not help to choose which processes come first.
const MOST_USERS: usize = 16;

/// The sockets whose holders are wanted, as far as the search needs them.
#[derive(Debug, Default)]
pub struct Wanted {
    /// The inodes of held sockets; sorted and each once after [`Wanted::settle`].
    pub(super) inodes: Vec<u64>,
    /// The number of sockets with an inode.
    pub(super) sockets: u64,
    /// Sockets that no process can hold.
    pub(super) kernel: u64,
    /// The number of connections that wait to be accepted, by where they arrived.
    pub(super) waiting: HashMap<Arrival, u64>,
    /// The users that own the sockets, whose processes are likely holders.
    pub(super) users: Vec<u32>,
}

/// The wanted inodes in their order, including those of listeners with waiting connections.
pub(super) struct Settled {
    pub(super) inodes: Vec<u64>,
    /// For each place with waiting connections, its listeners and the number of connections.
    pub(super) waiting: Vec<(Arrival, Vec<u64>, u64)>,
    /// Listeners that are not wanted themselves.
    pub(super) beside: Vec<u64>,
    pub(super) kernel: u64,
    pub(super) sockets: u64,
}

impl Wanted {
    /// Adds a socket.
    pub fn add(&mut self, socket: &Socket) {
        if let Some(inode) = socket.held_inode() {
            self.inodes.push(inode);
            self.sockets += 1;
            let is_new = !self.users.contains(&socket.uid);
            if is_new && self.users.len() < MOST_USERS {
                self.users.push(socket.uid);
            }
        } else if let Some(arrival) = Arrival::of(socket).filter(|_| socket.was_never_accepted()) {
            *self.waiting.entry(arrival).or_default() += 1;
        } else {
            self.kernel += 1;
        }
    }

    /// Adds a socket that a process may hold, by its inode.
    pub fn add_inode(&mut self, inode: u64) {
        self.inodes.push(inode);
        self.sockets += 1;
    }

    /// Whether listeners are needed, because some connections were never accepted.
    pub fn needs_listeners(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Finds the listeners of waiting connections, and sorts the inodes. A connection whose listener is
    /// gone belongs to the kernel.
    pub(super) fn settle(mut self, listeners: &Listeners) -> Settled {
        self.inodes.sort_unstable();
        self.inodes.dedup();
        let mut waiting = Vec::new();
        let mut beside = Vec::new();
        for (arrival, connections) in self.waiting {
            let takers = listeners.takers(&arrival);
            let takers = takers.iter().map(|listener| listener.inode);
            let takers: Vec<u64> = takers.filter(|inode| *inode != 0).collect();
            if takers.is_empty() {
                self.kernel += connections;
                continue;
            }
            let unknown = |inode: &&u64| self.inodes.binary_search(inode).is_err();
            beside.extend(takers.iter().filter(unknown).copied());
            waiting.push((arrival, takers, connections));
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
            sockets: self.sockets,
        }
    }
}
