//! What users, interfaces and control groups of this host are called, and whom a name means.
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

use crate::model::Names;
use cgroups::Cgroups;
use interfaces::Interfaces;
use users::Users;

/// The names of this host.
#[derive(Debug, Default)]
pub(super) struct HostNames {
    users: Users,
    interfaces: Interfaces,
    cgroups: Cgroups,
}

impl HostNames {
    /// Forgets what may change from one sample to the next: all but users.
    pub(super) fn refresh(&mut self) {
        self.interfaces = Interfaces::default();
        self.cgroups = Cgroups::default();
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
}
