//! The names of users, interfaces and control groups, in both directions, and the processes that
//! hold sockets.
//!
//! Names of one kind are read when the first is needed, and kept. Bytes that are not UTF-8 become
//! U+FFFD; the output escapes other characters. Interfaces, netdevice(7), are queried from the
//! kernel (SIOCGIFNAME), which answers for the network namespace of the caller; /sys/class/net
//! shows the namespace in which it was mounted.

mod cgroups;
mod users;

pub(super) use cgroups::cgroup_id;
pub(super) use users::user_id;

use std::os::fd::OwnedFd;
use std::sync::Arc;

use foldhash::HashMap;

use rustix::net::netdevice::{index_to_name, name_to_index};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::model::{Held, ListenAddress, Listener, Names, Netns, Ownership, Socket, Where};
use crate::netns::{Engines, own_name, short_id, within};
use crate::owner::Owners;
use cgroups::read_cgroups;
use users::read_users;

/// The names that belong to the sockets of one place. What has no name is added by number.
#[derive(Debug, Default)]
pub(super) struct HostNames {
    place: Where,
    users: Option<HashMap<u32, String>>,
    interfaces: HashMap<u32, String>,
    cgroups: Option<HashMap<u64, String>>,
    namespaces: HashMap<Netns, Arc<str>>,
    engines: Engines,
    /// The holders of the sockets of this sample, if they were searched for.
    pub(super) owners: Option<Owners>,
}

impl HostNames {
    /// Those of the sockets of `place`.
    pub(super) fn of(place: Where) -> HostNames {
        HostNames {
            place,
            ..HostNames::default()
        }
    }

    /// Where a listener listens.
    pub(super) fn listen_address(&mut self, listener: &Listener) -> ListenAddress {
        ListenAddress {
            local: listener.local,
            interface: listener
                .bound_to()
                .map(|index| self.interface(index).to_owned()),
            v6only: listener.v6only,
        }
    }

    /// Drops what may change from one sample to the next: everything except users.
    pub(super) fn refresh(&mut self) {
        *self = HostNames {
            users: self.users.take(),
            ..HostNames::of(self.place.clone())
        };
    }
}

impl HostNames {
    /// Goes on with the sockets of another network namespace of the same host, which has its own
    /// interfaces.
    pub(super) fn move_to(&mut self, place: Where) {
        self.place = place;
        self.interfaces.clear();
        self.namespaces.clear();
    }

    /// The name of the container with this id, or the first digits of that.
    pub(super) fn container(&mut self, id: &str) -> String {
        let named = self.find_container(id);
        named.unwrap_or_else(|| short_id(id).to_owned())
    }

    /// The same; `None` where no name is known.
    pub(super) fn find_container(&mut self, id: &str) -> Option<String> {
        match self.place.recorded() {
            Some(record) => record.moment()?.host.containers.get(id).cloned(),
            None => self.engines.container(id),
        }
    }

    /// The name of the pod with this uid or id, or the first digits of that.
    pub(super) fn pod(&mut self, uid: &str) -> String {
        let named = self.find_pod(uid);
        named.unwrap_or_else(|| short_id(uid).to_owned())
    }

    /// The same; `None` where no name is known.
    pub(super) fn find_pod(&mut self, uid: &str) -> Option<String> {
        match self.place.recorded() {
            Some(record) => record.moment()?.host.pods.get(uid).cloned(),
            None => self.engines.pod(uid),
        }
    }

    /// Sets what a network namespace is called.
    pub(super) fn set_netns(&mut self, netns: Netns, name: &str) {
        self.namespaces.insert(netns, name.into());
    }
}

impl Names for HostNames {
    fn user(&mut self, uid: u32) -> &str {
        let users = self.users.get_or_insert_with(|| read_users(&self.place));
        users.entry(uid).or_insert_with(|| uid.to_string())
    }

    fn interface(&mut self, index: u32) -> &str {
        let query = || query_interface(&self.place, index);
        let name = self.interfaces.entry(index);
        name.or_insert_with(|| query().unwrap_or_else(|| format!("if{index}")))
    }

    fn cgroup(&mut self, id: u64) -> &str {
        let cgroups = self
            .cgroups
            .get_or_insert_with(|| read_cgroups(&self.place));
        cgroups.entry(id).or_insert_with(|| format!("id:{id}"))
    }

    fn netns(&mut self, netns: Netns) -> &str {
        let query = || query_netns(&self.place, netns);
        self.namespaces.entry(netns).or_insert_with(query)
    }

    fn held(&self, socket: &Socket) -> Held<'_> {
        let owners = self.owners.as_ref();
        owners.map_or(Held::default(), |owners| owners.held(socket))
    }

    fn peer_held(&self, socket: &Socket) -> Held<'_> {
        let owners = self.owners.as_ref();
        owners.map_or(Held::default(), |owners| owners.peer_held(socket))
    }

    fn ownership(&self) -> Option<Ownership> {
        self.owners.as_ref().map(|owners| owners.ownership)
    }
}

/// The index of an interface of `place`.
///
/// # Errors
/// The reason why it is unknown.
pub(super) fn interface_index(place: &Where, name: &str) -> Result<u32, String> {
    match place {
        Where::Here | Where::Netns(_) => {}
        Where::Several(_) => {
            return Err("each network namespace has its own interfaces: select one".to_owned());
        }
        Where::Recorded(record) => {
            let names = record.moment().map(|moment| &moment.interfaces);
            let number = names.and_then(|names| number_of(names, name));
            return number.ok_or_else(|| "no such interface in the record".to_owned());
        }
        Where::ProcRoot(_) | Where::Process { .. } | Where::NetnsTables { .. } => {
            return Err("names of interfaces in another namespace are unknown".to_owned());
        }
    }
    let query = || Ok(name_to_index(any_socket()?, name)?);
    let index = within(place, query).and_then(std::convert::identity);
    index.map_err(|error| format!("no such interface: {error}"))
}

/// The name of an interface of `place`; `None` where that cannot be entered or is several network
/// namespaces, if there is no such interface, or if its name is not UTF-8.
fn query_interface(place: &Where, index: u32) -> Option<String> {
    if let Some(record) = place.recorded() {
        return record.moment()?.interfaces.get(&index).cloned();
    }
    if !matches!(place, Where::Here | Where::Netns(_)) {
        return None;
    }
    // One socket for each interface: there are few, and it is not held open.
    let query = || index_to_name(any_socket()?, index);
    within(place, query).ok()?.ok()
}

/// The name of a network namespace of `place`.
fn query_netns(place: &Where, netns: Netns) -> Arc<str> {
    match place {
        Where::Several(list) => list.name(netns),
        Where::Here => own_name(),
        // A record of one network namespace does not have its name.
        Where::Recorded(_) => place.netns().unwrap_or_default().into(),
        Where::Netns(_)
        | Where::NetnsTables { .. }
        | Where::ProcRoot(_)
        | Where::Process { .. } => place.options().pop().unwrap_or_default().into(),
    }
}

/// The number with this name.
fn number_of<N: Copy>(names: &HashMap<N, String>, name: &str) -> Option<N> {
    let mut names = names.iter().filter(|(_, known)| *known == name);
    names.next().map(|(number, _)| *number)
}

/// A socket for the query; its kind makes no difference.
fn any_socket() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_that_is_gone_or_elsewhere_is_shown_by_its_number() {
        let mut here = HostNames::of(Where::Here);
        assert_eq!(here.interface(2_000_000_000), "if2000000000");
        let loopback = interface_index(&Where::Here, "lo").unwrap();
        assert_eq!(here.interface(loopback), "lo");
        let place = Where::ProcRoot("/host/proc".into());
        assert_eq!(HostNames::of(place.clone()).interface(1), "if1");
        assert!(interface_index(&place, "lo").is_err());
    }

    #[test]
    fn an_unknown_user_is_shown_by_its_number() {
        let mut names = HostNames::of(Where::ProcRoot("/nowhere".into()));
        assert_eq!(names.user(0), "0");
        let error = user_id(&names.place, "root").unwrap_err();
        assert!(
            error.starts_with("cannot read /nowhere/1/root/etc/passwd: "),
            "{error}"
        );
    }
}
