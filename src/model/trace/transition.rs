//! One change of state, as it is shown.

use std::time::Duration;

use super::Task;
use crate::model::{InetEnds, State};

/// A socket went from one state to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When, in nanoseconds of CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// The kernel's number for the socket, unique since boot.
    pub cookie: u64,
    /// The inode number of its network namespace.
    pub netns: u32,
    /// Both ends; the local port is 0 where the kernel has not chosen one yet.
    pub ends: InetEnds,
    /// The state before. CLOSE is a socket that is new.
    pub from: State,
    /// The state after. Where the kernel keeps no more than a minisocket, what that is in:
    /// TIME_WAIT, or FIN_WAIT2 after FIN_WAIT2.
    pub to: State,
    /// How long the state before lasted; `None` where its beginning was not seen, or where the
    /// kernel does not report it (LISTEN of a connection that is accepted, and its SYN_RECV).
    pub after: Option<Duration>,
    /// The process that did it; `None` where it was done by the network.
    pub by: Option<Task>,
    /// The socket's error, an errno; `None` for none.
    pub error: Option<u32>,
    /// The inode of the socket; 0 where no process holds it.
    pub inode: u64,
    /// The user who created the socket.
    pub uid: u32,
}
