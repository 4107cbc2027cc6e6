//! Interfaces by index, netdevice(7). Asked of the kernel (SIOCGIFNAME), because it answers for
//! the network namespace of the caller; /sys/class/net shows the one of whoever mounted it.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use rustix::net::netdevice::{index_to_name, name_to_index};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// The interfaces seen so far.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    names: HashMap<u32, String>,
}

impl Interfaces {
    pub(super) fn name(&mut self, index: u32) -> &str {
        // One socket for each interface: there are few, and it is not held open.
        self.names
            .entry(index)
            .or_insert_with(|| query_name(index).unwrap_or_else(|| format!("if{index}")))
    }
}

/// The index of an interface.
///
/// # Errors
/// Why there is none.
pub(in crate::command) fn interface_index(name: &str) -> Result<u32, String> {
    any_socket()
        .and_then(|any| name_to_index(&any, name))
        .map_err(|error| format!("no such interface: {error}"))
}

/// The name; `None` where there is no such interface, and where its name is no UTF-8.
fn query_name(index: u32) -> Option<String> {
    index_to_name(any_socket().ok()?, index).ok()
}

/// A socket to ask with; of which kind makes no difference.
fn any_socket() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_that_is_gone_is_called_by_its_number() {
        assert_eq!(Interfaces::default().name(2_000_000_000), "if2000000000");
    }
}
