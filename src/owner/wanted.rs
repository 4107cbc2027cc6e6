//! What is searched for: the inodes of sockets; and which sockets have none, and why.

use std::collections::HashMap;

use crate::model::{Arrival, Listeners, Socket, UnixPeer};

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
    /// Whether the holders of the other ends of UNIX sockets are wanted too.
    peers: bool,
    /// The inodes of those ends.
    beside: Vec<u64>,
    /// Of each listener, the inodes of the clients in its accept queue.
    clients: Vec<(u64, Vec<u64>)>,
    /// The users that own the sockets, whose processes are likely holders.
    pub(super) users: Vec<u32>,
}

/// The wanted inodes in their order, including those of listeners with waiting connections.
pub(super) struct Settled {
    pub(super) inodes: Vec<u64>,
    /// For each place with waiting connections, its listeners and the number of connections.
    pub(super) waiting: Vec<(Arrival, Vec<u64>, u64)>,
    /// Listeners, and other ends of UNIX sockets, that are not wanted themselves.
    pub(super) beside: Vec<u64>,
    /// Of each listener of UNIX sockets, the inodes of the clients in its accept queue.
    pub(super) clients: Vec<(u64, Vec<u64>)>,
    pub(super) kernel: u64,
    pub(super) sockets: u64,
}

impl Wanted {
    /// Nothing so far; `peers` says whether the other ends of UNIX sockets are wanted too.
    pub fn new(peers: bool) -> Wanted {
        Wanted {
            peers,
            ..Wanted::default()
        }
    }

    /// Adds a socket.
    pub fn add(&mut self, socket: &Socket) {
        if let Some(inode) = socket.held_inode() {
            self.inodes.push(inode);
            self.sockets += 1;
            let is_new = |uid: &u32| !self.users.contains(uid) && self.users.len() < MOST_USERS;
            self.users.extend(socket.owner().filter(is_new));
            if self.peers {
                self.add_peers(inode, socket);
            }
        } else if let Some(arrival) = Arrival::of(socket).filter(|_| socket.was_never_accepted()) {
            *self.waiting.entry(arrival).or_default() += 1;
        } else {
            self.kernel += 1;
        }
    }

    /// Adds the other end of a UNIX socket, or those that wait for a listener.
    fn add_peers(&mut self, inode: u64, socket: &Socket) {
        let Some(unix) = socket.unix() else {
            return;
        };
        let peer = unix.peer.and_then(UnixPeer::inode);
        self.beside.extend(peer.map(u64::from));
        let clients = unix.clients.iter().filter(|client| **client != 0);
        let clients: Vec<u64> = clients.copied().map(u64::from).collect();
        if !clients.is_empty() {
            self.beside.extend(&clients);
            self.clients.push((inode, clients));
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
        let unknown = |inode: &u64| self.inodes.binary_search(inode).is_err();
        let mut beside: Vec<u64> = self.beside.into_iter().filter(unknown).collect();
        for (arrival, connections) in self.waiting {
            let takers = listeners.takers(&arrival);
            let takers = takers.iter().map(|listener| listener.inode);
            let takers: Vec<u64> = takers.filter(|inode| *inode != 0).collect();
            if takers.is_empty() {
                self.kernel += connections;
                continue;
            }
            beside.extend(takers.iter().copied().filter(unknown));
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
            clients: self.clients,
            kernel: self.kernel,
            sockets: self.sockets,
        }
    }
}
