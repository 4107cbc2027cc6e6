//! What users, interfaces and control groups of this host are called, whom a name means, and who
//! holds its sockets.
//!
//! Looked up when the first of a kind is asked for, and then remembered. Bytes that are no UTF-8
//! become U+FFFD; what else is in a name is for whoever shows it to make harmless.

mod cgroups;
mod interfaces;
mod services;
mod users;

pub(super) use cgroups::cgroup_id;
pub(super) use interfaces::interface_index;
pub(super) use services::service_port;
pub(super) use users::user_id;

use crate::model::{Held, Names, Ownership, Socket};
use crate::owner::Owners;
use cgroups::Cgroups;
use interfaces::Interfaces;
use users::Users;

/// The names of this host.
#[derive(Debug, Default)]
pub(super) struct HostNames {
    users: Users,
    interfaces: Interfaces,
    cgroups: Cgroups,
    owners: Option<Owners>,
}

impl HostNames {
    /// Forgets what may change from one sample to the next: all but users.
    pub(super) fn refresh(&mut self) {
        self.interfaces = Interfaces::default();
        self.cgroups = Cgroups::default();
        self.owners = None;
    }

    /// Remembers who holds the sockets of this sample.
    pub(super) fn set_owners(&mut self, owners: Owners) {
        self.owners = Some(owners);
    }

    /// Who holds the sockets of this sample, where anybody asked.
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
