//! Names of users, interfaces and control groups on this host, and the owners of sockets.

use super::{Held, Ownership, Socket};

/// Looks names up. What has no name is called by its number, so there is always an answer; names
/// come from others and may hold any character.
pub trait Names {
    /// The user of this uid; `1234` if there is none.
    fn user(&mut self, uid: u32) -> &str;

    /// The interface of this index; `if7` where it is gone.
    fn interface(&mut self, index: u32) -> &str;

    /// The path of the control group (cgroup v2) of this id, from the root of its mount; `id:1234`
    /// where it is gone or out of sight.
    fn cgroup(&mut self, id: u64) -> &str;

    /// The owners of a socket; none if owners were not searched for.
    fn held(&self, _socket: &Socket) -> Held<'_> {
        Held::default()
    }

    /// How many of the sample's sockets have a known holder; `None` if owners were not
    /// searched for.
    fn ownership(&self) -> Option<Ownership> {
        None
    }
}
