//! How many sockets have a known holder, and why the others have none.

use std::fmt;

/// Numbers of sockets, which together are all wanted ones. The names are keys in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Ownership {
    /// At least one holder was found.
    pub held: u64,
    /// No process can hold them: TIME_WAIT, SYN_RECV, orphans.
    pub kernel: u64,
    /// Connections that wait to be accepted at a known listener.
    pub never_accepted: u64,
    /// The holder is unknown, and some processes could not be read.
    pub no_permission: u64,
    /// The holder is unknown although all visible processes were read.
    pub hidden: u64,
    /// The holder was not found within the time limit.
    pub time_up: u64,
}

impl fmt::Display for Ownership {
    /// All numbers in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ownership {
            held,
            kernel,
            never_accepted,
            no_permission,
            hidden,
            time_up,
        } = self;
        write!(
            f,
            "{held} held, {kernel} the kernel's, {never_accepted} never accepted, {} unknown, {time_up} not found in time",
            no_permission + hidden
        )
    }
}
