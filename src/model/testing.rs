//! Values that the tests of several rooms make.

use std::net::SocketAddr;

use super::{Family, InetEnds};

/// The ends of a socket at two addresses, of the family of the local one.
pub(crate) fn ends(local: &str, remote: &str) -> InetEnds {
    let local: SocketAddr = local.parse().unwrap();
    InetEnds {
        family: match local {
            SocketAddr::V4(_) => Family::V4,
            SocketAddr::V6(_) => Family::V6,
        },
        local,
        remote: remote.parse().unwrap(),
    }
}
