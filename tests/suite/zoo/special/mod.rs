//! Sockets that a simple count gets wrong, each kind usable alone or in addition to a zoo.
//!
//! Every function here opens some and returns what they add to the counts; none may change the
//! sockets that exist already.

pub(crate) mod attributes;
pub(crate) mod fast_open;
pub(crate) mod incoming;
pub(crate) mod listeners;
pub(crate) mod mapped;
pub(crate) mod mptcp;
pub(crate) mod orphans;

use super::counts::SocketCounts;
use super::proc_table;
use std::os::fd::OwnedFd;

/// Additional sockets, held until the drop.
#[derive(Debug)]
pub(crate) struct ExtraSockets {
    added: SocketCounts,
    sockets: Vec<OwnedFd>,
}

impl ExtraSockets {
    /// Waits until the kernel shows `before` plus `added`.
    #[track_caller]
    fn wait(before: SocketCounts, added: SocketCounts, sockets: Vec<OwnedFd>) -> Self {
        proc_table::wait_for(&(before + &added));
        Self { added, sockets }
    }

    /// What they add to the counts of the kernel's tables.
    pub(crate) fn added(&self) -> &SocketCounts {
        &self.added
    }

    /// Those that this process still holds; a listener comes first.
    pub(crate) fn sockets(&self) -> &[OwnedFd] {
        &self.sockets
    }
}
