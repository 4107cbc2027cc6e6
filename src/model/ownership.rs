//! How many sockets have a known holder, and why the others have none.

use std::fmt;

/// Numbers of sockets; together they are all that were asked about. The names are keys in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Ownership {
    /// At least one holder was found.
    pub held: u64,
    /// No process holds them any more, or yet: TIME_WAIT, SYN_RECV, orphans on their way out.
    pub kernel: u64,
    /// Connections that wait to be accepted; their listener is known.
    pub never_accepted: u64,
    /// No holder was found, and there were processes that may not be looked into.
    pub no_permission: u64,
    /// No holder was found, and every process that could be seen was looked into: it is hidden, in
    /// another pid namespace, or ended meanwhile.
    pub hidden: u64,
    /// No holder was found before the time was up.
    pub time_up: u64,
}

impl fmt::Display for Ownership {
    /// All of them in one line.
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
            "{held} held, {kernel} the kernel's, {never_accepted} never accepted, {no_permission} without permission, {hidden} hidden, {time_up} not found in time"
        )
    }
}
