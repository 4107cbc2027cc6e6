//! Names of interfaces, by the ioctl SIOCGIFNAME, netdevice(7): of this process's own network
//! namespace, unlike /sys, which shows that of whoever mounted it.

use std::os::fd::OwnedFd;

use rustix::net::netdevice::index_to_name;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// The interfaces of this network namespace.
#[derive(Debug)]
pub(in crate::command) struct Interfaces {
    /// Any socket will do; without one, interfaces have numbers only.
    socket: Option<OwnedFd>,
}

impl Interfaces {
    pub(in crate::command) fn open() -> Interfaces {
        let (family, flags) = (AddressFamily::INET, SocketFlags::CLOEXEC);
        Interfaces {
            socket: socket_with(family, SocketType::DGRAM, flags, None).ok(),
        }
    }

    /// The name of an interface; `if7` for one that is gone.
    pub(in crate::command) fn name(&self, index: u32) -> String {
        self.socket
            .as_ref()
            .and_then(|socket| index_to_name(socket, index).ok())
            .unwrap_or_else(|| format!("if{index}"))
    }
}
