//! The address family a socket was made with.

/// The family of a socket, not of the traffic on it: an IPv4 connection accepted by a dual-stack
/// listener is on an [`Family::V6`] socket, as ss(8) shows it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// AF_INET.
    V4,
    /// AF_INET6, v4-mapped addresses included.
    V6,
}
