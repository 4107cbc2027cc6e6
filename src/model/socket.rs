//! One socket, as far as both of its sources can describe it.

use std::net::SocketAddr;

use super::{Family, State};

/// What netlink's `struct inet_diag_msg` and a row of `/proc/net/tcp` both say about a socket.
/// It is made for one call of [`super::Sink::socket`] and kept by nobody who counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The state told.
    pub state: State,
    /// The family the socket was made with.
    pub family: Family,
    /// The local address and port; the unspecified address for a wildcard listener.
    pub local: SocketAddr,
    /// The remote address and port; unspecified and 0 where there is no peer.
    pub remote: SocketAddr,
    /// Bytes received and not yet read; for a LISTEN socket, connections waiting to be accepted.
    pub receive_queue: u32,
    /// Bytes written and not yet acknowledged; for a LISTEN socket, the limit of its accept
    /// queue, which `/proc/net/tcp` does not know and shows as 0.
    pub send_queue: u32,
    /// The numeric user id of the owner. Meaningless where `inode` is 0: the kernel says 0 for
    /// TIME_WAIT and SYN_RECV, whoever the owner was.
    pub uid: u32,
    /// Whether the kernel keeps a full socket for it (`struct sock`), as opposed to a timewait
    /// minisocket or a request socket; `None` where the source does not tell.
    pub full: Option<bool>,
    /// The inode that links the socket to file descriptors; 0 where no process holds it (yet).
    pub inode: u64,
}
