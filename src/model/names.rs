//! What numbers are called on this host: users, interfaces, control groups; and who stands behind
//! an inode.

use super::{Held, Ownership, Socket};

/// Looks names up. What has no name is called by its number, so there is always an answer; names
/// come from strangers and may hold any character.
pub trait Names {
    /// The user of this uid; `1234` where nobody is.
    fn user(&mut self, uid: u32) -> &str;

    /// The interface of this index; `if7` where it is gone.
    fn interface(&mut self, index: u32) -> &str;

    /// The path of the control group (cgroup v2) of this id, from the root of its mount; `id:1234`
    /// where it is gone or out of sight.
    fn cgroup(&mut self, id: u64) -> &str;

    /// Who holds a socket; nobody where nobody was looked for.
    fn held(&self, _socket: &Socket) -> Held<'_> {
        Held::default()
    }

    /// How many of the sample's sockets have a known holder; `None` where nobody was looked for.
    fn ownership(&self) -> Option<Ownership> {
        None
    }
}
