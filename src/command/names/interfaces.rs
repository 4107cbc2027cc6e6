//! Interfaces by index, netdevice(7). Queried from the kernel (SIOCGIFNAME), which answers for the
//! network namespace of the caller; /sys/class/net shows the namespace in which it was mounted.

use std::os::fd::OwnedFd;

use rustix::net::netdevice::{index_to_name, name_to_index};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::model::Where;

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

/// The name of an interface of `place`; `None` in another network namespace than this thread's, if
/// there is no such interface, or if its name is not UTF-8.
pub(super) fn query_interface(place: &Where, index: u32) -> Option<String> {
    if *place != Where::Here {
        return None;
    }
    // One socket for each interface: there are few, and it is not held open.
    index_to_name(any_socket().ok()?, index).ok()
}

/// A socket for the query; its kind makes no difference.
fn any_socket() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)
}
