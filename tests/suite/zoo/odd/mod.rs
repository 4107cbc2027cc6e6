//! Sockets that a naive count gets wrong, each kind usable alone or on top of a zoo.
//!
//! Every function here makes some and says what they add to the counts; none may disturb those
//! that exist already.

pub(crate) mod bound;
pub(crate) mod callers;
pub(crate) mod fast_open;
pub(crate) mod labelled;
pub(crate) mod listeners;
pub(crate) mod mapped;
pub(crate) mod mptcp;
pub(crate) mod no_ipv6;
pub(crate) mod orphans;
pub(crate) mod unheard;

use super::inhabitants::Inhabitants;
use super::proc_table;
use std::os::fd::OwnedFd;

/// Sockets that came on top, held until the drop.
#[derive(Debug)]
pub(crate) struct Guests {
    added: Inhabitants,
    sockets: Vec<OwnedFd>,
}

impl Guests {
    /// Waits until `added` has come on top of `before`.
    #[track_caller]
    fn settle(before: Inhabitants, added: Inhabitants, sockets: Vec<OwnedFd>) -> Self {
        proc_table::wait_for(&(before + &added));
        Self { added, sockets }
    }

    /// What they add to the counts of the kernel's tables.
    pub(crate) fn added(&self) -> &Inhabitants {
        &self.added
    }

    /// Those that this process still holds; a listener comes first.
    pub(crate) fn sockets(&self) -> &[OwnedFd] {
        &self.sockets
    }
}
