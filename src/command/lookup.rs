//! What the names in a filter mean on this host: the standard resolver for hosts, files and
//! the kernel for everything else. A host is looked up once, however often it is typed.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::names;
use super::sources::select_recorded;
use crate::filter::Lookup;
use crate::model::{Netns, Where};
use crate::netns::{identify, within};
use crate::proc_root::ProcRoot;
use crate::source::read_local_port_range;

/// TCP services by name, services(5). Read directly: a name service would wait for the network.
const SERVICES: &str = "/etc/services";

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
        service_port(name)
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

    fn netns(&mut self, word: &str) -> Result<Netns, String> {
        if let Some(record) = self.place.recorded() {
            return match record.namespaces() {
                None => Err("a record is of one network namespace".to_owned()),
                Some(_) => select_recorded(record, word).map(|one| one.netns),
            };
        }
        if self.place.process().is_some() {
            return Err("--proc-root shows the network namespace of one process".to_owned());
        }
        let proc_root = self.place.proc_root();
        let proc_root = Some(proc_root).filter(|_| !self.place.is_own_host());
        identify(word, proc_root).map_err(|error| error.to_string())
    }

    fn local_port_range(&mut self) -> Result<RangeInclusive<u16>, String> {
        if let Where::Several(_) = self.place {
            return Err("each network namespace has its own range of ports: select one".to_owned());
        }
        if let Where::NetnsTables { .. } = self.place {
            return Err("the range of ports in another namespace is unknown".to_owned());
        }
        if let Some(record) = self.place.recorded() {
            let root = ProcRoot::recorded(Arc::clone(record));
            return read_local_port_range(&root);
        }
        let range = within(&self.place, || read_local_port_range(&ProcRoot::own()));
        range.map_err(|error| error.to_string())?
    }
}

/// The addresses of a host, each once.
fn resolve(name: &str) -> Result<Vec<IpAddr>, String> {
    let addresses = (name, 0).to_socket_addrs();
    let addresses = addresses.map_err(|error| format!("cannot resolve the host: {error}"))?;
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

/// The port of a service.
///
/// # Errors
/// The reason why it is unknown.
fn service_port(name: &str) -> Result<u16, String> {
    let bytes = fs::read(SERVICES).map_err(|error| format!("cannot read {SERVICES}: {error}"))?;
    find(&bytes, name)
        .ok_or_else(|| format!("not a port number, and not a TCP service in {SERVICES}"))
}

/// The first TCP service with this name or alias.
fn find(bytes: &[u8], name: &str) -> Option<u16> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().find_map(|line| {
        let line = line.split('#').next()?;
        let mut words = line.split_whitespace();
        let (first, port) = (words.next()?, words.next()?);
        let port = port.strip_suffix("/tcp")?;
        let matches = first == name || words.any(|alias| alias == name);
        matches.then(|| port.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tcp_services_are_found_by_name_or_alias() {
        let bytes = b"# services\nhttp\t80/tcp www # WorldWideWeb\nhttps 443/tcp\nhttps 443/udp\n\
            domain 53/udp\nbroken\nbig 70000/tcp\n\xff 1/tcp\n";
        assert_eq!(find(bytes, "www"), Some(80));
        assert_eq!(find(bytes, "http"), Some(80));
        assert_eq!(find(bytes, "https"), Some(443));
        for absent in ["domain", "broken", "big", "WorldWideWeb", "#", ""] {
            assert_eq!(find(bytes, absent), None, "{absent}");
        }
    }
}
