//! What the names in a filter mean on this host: the standard resolver for hosts, files and
//! the kernel for everything else. A host is looked up once, however often it is typed.

use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::ops::RangeInclusive;

use super::names;
use crate::filter::Lookup;
use crate::model::Where;
use crate::source::read_local_port_range;

/// The names of one place; hosts and services are those of this host, wherever the sockets are.
#[derive(Debug, Default)]
pub(super) struct HostLookup {
    place: Where,
    hosts: HashMap<String, Result<Vec<IpAddr>, String>>,
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
        let hosts = self.hosts.entry(name.to_owned());
        hosts.or_insert_with(|| resolve(name)).clone()
    }

    fn service(&mut self, name: &str) -> Result<u16, String> {
        names::service_port(name)
    }

    fn interface(&mut self, name: &str) -> Result<u32, String> {
        names::interface_index(&self.place, name)
    }

    fn user(&mut self, name: &str) -> Result<u32, String> {
        names::user_id(&self.place, name)
    }

    fn cgroup(&mut self, path: &str) -> Result<u64, String> {
        names::cgroup_id(&self.place, path)
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
