//! Interfaces by index, netdevice(7). Queried from the kernel (SIOCGIFNAME), which answers for the
//! network namespace of the caller; /sys/class/net shows the namespace in which it was mounted.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use rustix::net::netdevice::{index_to_name, name_to_index};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::model::Where;

/// The interfaces seen so far.
#[derive(Debug)]
pub(super) struct Interfaces {
    /// Whether they are those of this thread's network namespace; an index of another one is not
    /// named here.
    are_here: bool,
    names: HashMap<u32, String>,
}

impl Interfaces {
    /// Those to which sockets of `place` may be bound.
    pub(super) fn of(place: &Where) -> Interfaces {
        Interfaces {
            are_here: *place == Where::Here,
            names: HashMap::new(),
        }
    }

    pub(super) fn name(&mut self, index: u32) -> &str {
        let known = self.are_here;
        // One socket for each interface: there are few, and it is not held open.
        let name = || known.then(|| query_name(index)).flatten();
        self.names
            .entry(index)
            .or_insert_with(|| name().unwrap_or_else(|| format!("if{index}")))
    }
}

/// The index of an interface of `place`.
///
/// # Errors
/// Why there is none.
pub(in crate::command) fn interface_index(place: &Where, name: &str) -> Result<u32, String> {
    if *place != Where::Here {
        return Err("interfaces of another host or namespace have no names here".to_owned());
    }
    any_socket()
        .and_then(|any| name_to_index(&any, name))
        .map_err(|error| format!("no such interface: {error}"))
}

/// The name; `None` if there is no such interface, or its name is not UTF-8.
fn query_name(index: u32) -> Option<String> {
    index_to_name(any_socket().ok()?, index).ok()
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
        let here = &mut Interfaces::of(&Where::Here);
        assert_eq!(here.name(2_000_000_000), "if2000000000");
        assert_eq!(
            here.name(interface_index(&Where::Here, "lo").unwrap()),
            "lo"
        );
        let place = Where::ProcRoot("/host/proc".into());
        assert_eq!(Interfaces::of(&place).name(1), "if1");
        assert!(interface_index(&place, "lo").is_err());
    }
}
