//! The names of users, interfaces, control groups and services, in both directions, and the
//! processes that hold sockets.
//!
//! Names of one kind are read when the first is needed, and kept. Bytes that are not UTF-8 become
//! U+FFFD; the output escapes other characters.

mod cgroups;
mod interfaces;
mod services;
mod users;

pub(super) use cgroups::cgroup_id;
pub(super) use interfaces::interface_index;
pub(super) use services::service_port;
pub(super) use users::user_id;

use crate::model::{Held, Names, Ownership, Socket, Where};
use crate::owner::Owners;
use cgroups::Cgroups;
use interfaces::Interfaces;
use users::Users;

/// The names that belong to the sockets of one place.
#[derive(Debug)]
pub(super) struct HostNames {
    place: Where,
    users: Users,
    interfaces: Interfaces,
    cgroups: Cgroups,
    owners: Option<Owners>,
}

impl HostNames {
    /// Those of the sockets of `place`.
    pub(super) fn of(place: Where) -> HostNames {
        HostNames {
            users: Users::of(place.clone()),
            interfaces: Interfaces::of(&place),
            cgroups: Cgroups::of(&place),
            place,
            owners: None,
        }
    }

    /// Drops what may change from one sample to the next: everything except users.
    pub(super) fn refresh(&mut self) {
        self.interfaces = Interfaces::of(&self.place);
        self.cgroups = Cgroups::of(&self.place);
        self.owners = None;
    }

    /// Sets the holders of the sockets of this sample.
    pub(super) fn set_owners(&mut self, owners: Owners) {
        self.owners = Some(owners);
    }

    /// The holders of the sockets of this sample, if they were searched for.
    pub(super) fn owners(&self) -> Option<&Owners> {
        self.owners.as_ref()
    }
}

impl Names for HostNames {
    fn user(&mut self, uid: u32) -> &str {
        self.users.name(uid)
    }

    fn interface(&mut self, index: u32) -> &str {
        self.interfaces.name(index)
    }

    fn cgroup(&mut self, id: u64) -> &str {
        self.cgroups.path(id)
    }

    fn held(&self, socket: &Socket) -> Held<'_> {
        let owners = self.owners.as_ref();
        owners.map_or(Held::default(), |owners| owners.held(socket))
    }

    fn ownership(&self) -> Option<Ownership> {
        self.owners.as_ref().map(|owners| owners.ownership)
    }
}
