//! What the names in a filter stand for on this host: the standard resolver for hosts, files and
//! the kernel for everything else. Each name is looked up once, however often it is typed.

use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::ops::RangeInclusive;

use super::names;
use crate::filter::Lookup;
use crate::model::Where;
use crate::source::read_local_port_range;

/// Names of one kind, and what was found of them.
type Found<T> = HashMap<String, Result<T, String>>;

/// The names of one place; hosts and services are those of this host, wherever the sockets are.
#[derive(Debug, Default)]
pub(super) struct HostLookup {
    place: Where,
    hosts: Found<Vec<IpAddr>>,
    services: Found<u16>,
    interfaces: Found<u32>,
    users: Found<u32>,
    cgroups: Found<u64>,
}

/// What was found of a name, or what `find` finds now.
fn once<T: Clone>(
    found: &mut Found<T>,
    name: &str,
    find: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, String> {
    if let Some(known) = found.get(name) {
        return known.clone();
    }
    let answer = find(name);
    found.insert(name.to_owned(), answer.clone());
    answer
}

impl HostLookup {
    /// The names that belong to the sockets of `place`.
    pub(super) fn of(place: Where) -> HostLookup {
        HostLookup {
            place,
            ..HostLookup::default()
        }
    }
}

impl Lookup for HostLookup {
    fn host(&mut self, name: &str) -> Result<Vec<IpAddr>, String> {
        once(&mut self.hosts, name, resolve)
    }

    fn service(&mut self, name: &str) -> Result<u16, String> {
        once(&mut self.services, name, names::service_port)
    }

    fn interface(&mut self, name: &str) -> Result<u32, String> {
        once(&mut self.interfaces, name, |name| {
            names::interface_index(&self.place, name)
        })
    }

    fn user(&mut self, name: &str) -> Result<u32, String> {
        once(&mut self.users, name, |name| {
            names::user_id(&self.place, name)
        })
    }

    fn cgroup(&mut self, path: &str) -> Result<u64, String> {
        once(&mut self.cgroups, path, |path| {
            names::cgroup_id(&self.place, path)
        })
    }

    fn local_port_range(&mut self) -> Result<RangeInclusive<u16>, String> {
        read_local_port_range()
    }
}

/// The addresses of a host, each once.
fn resolve(name: &str) -> Result<Vec<IpAddr>, String> {
    let addresses = (name, 0).to_socket_addrs();
    let addresses = addresses.map_err(|error| format!("the host is not found: {error}"))?;
    let mut found = Vec::new();
    for address in addresses.map(|address| address.ip()) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    if found.is_empty() {
        return Err("the host has no address".to_owned());
    }
    Ok(found)
}
