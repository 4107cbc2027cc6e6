//! What decoding a socket needs besides its record: memory, and what is known of the dump.

use std::collections::HashSet;

use crate::model::{Socket, TcpInfo};

/// What decoding one socket of a dump needs of those before.
#[derive(Debug, Default)]
pub struct Spare {
    /// Memory that is used again, so that a dump allocates once.
    info: Option<Box<TcpInfo>>,
    /// The cookies of sockets that the kernel may report again.
    pub(super) seen: HashSet<u64>,
    /// The port of the netlink socket that asks.
    pub(super) asker: u32,
}

impl Spare {
    /// For records that this netlink socket receives.
    pub fn of(asker: u32) -> Spare {
        Spare {
            asker,
            ..Spare::default()
        }
    }

    /// Memory for what TCP measures of a connection.
    pub(super) fn take_info(&mut self) -> Box<TcpInfo> {
        self.info.take().unwrap_or_default()
    }

    /// Takes back the memory of a socket that is no longer needed.
    pub(in crate::source) fn recover(&mut self, socket: &mut Socket) {
        if socket.info.is_some() {
            self.info = socket.info.take();
        }
    }
}
