//! What the names in a filter stand for on this host: the standard resolver for hosts, files and
//! the kernel for everything else.

use std::net::{IpAddr, ToSocketAddrs};
use std::ops::RangeInclusive;

use super::names;
use crate::filter::Lookup;
use crate::source::read_local_port_range;

/// This host.
#[derive(Debug)]
pub(super) struct HostLookup;

impl Lookup for HostLookup {
    fn host(&mut self, name: &str) -> Result<Vec<IpAddr>, String> {
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

    fn service(&mut self, name: &str) -> Result<u16, String> {
        names::service_port(name)
    }

    fn interface(&mut self, name: &str) -> Result<u32, String> {
        names::interface_index(name)
    }

    fn user(&mut self, name: &str) -> Result<u32, String> {
        names::user_id(name)
    }

    fn cgroup(&mut self, path: &str) -> Result<u64, String> {
        names::cgroup_id(path)
    }

    fn local_port_range(&mut self) -> Result<RangeInclusive<u16>, String> {
        read_local_port_range()
    }
}
