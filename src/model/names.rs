//! Names of users, interfaces and control groups on this host, and the owners of sockets.

use super::{Held, Netns, Ownership, Socket};

/// Looks names up. The name of what has none is its number, so there is always a result; names are
/// untrusted and may contain any character.
pub trait Names {
    /// The user of this uid; `1234` if there is none.
    fn user(&mut self, uid: u32) -> &str;

    /// The interface of this index; `if7` where it is gone.
    fn interface(&mut self, index: u32) -> &str;

    /// The path of the control group (cgroup v2) of this id, from the root of its mount; `id:1234`
    /// if it is gone or not visible.
    fn cgroup(&mut self, id: u64) -> &str;

    /// A word of `--netns` that selects this network namespace.
    fn netns(&mut self, netns: Netns) -> &str;

    /// The owners of a socket; none if owners were not searched for.
    fn held(&self, _socket: &Socket) -> Held<'_> {
        Held::default()
    }

    /// The owners of the other end of a UNIX socket, or of the clients that wait for a listener; none if
    /// they were not searched for.
    fn peer_held(&self, _socket: &Socket) -> Held<'_> {
        Held::default()
    }

    /// How many of the sample's sockets have a known holder; `None` if owners were not
    /// searched for.
    fn ownership(&self) -> Option<Ownership> {
        None
    }
}
