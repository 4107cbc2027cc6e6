//! The two ends of a socket, and the address family they are in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::FamilyClass;

/// What a socket is bound to and connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Internet addresses and ports.
    Internet(InetEnds),
    /// The name of a UNIX socket, unix(7).
    Unix(UnixName),
    /// The kind has no addresses.
    None,
}

impl From<InetEnds> for Ends {
    fn from(ends: InetEnds) -> Ends {
        Ends::Internet(ends)
    }
}

/// The name a UNIX socket is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnixName {
    /// Not bound.
    Unnamed,
    /// A path in the file system, up to its NUL; any bytes.
    Path(Box<[u8]>),
    /// A name in the abstract namespace, without the leading NUL; any bytes, NUL included.
    Abstract(Box<[u8]>),
}

/// The family of a socket, not of the traffic on it: an IPv4 connection accepted by a dual-stack
/// listener is on an [`Family::V6`] socket, as ss(8) shows it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// AF_INET.
    V4,
    /// AF_INET6, v4-mapped addresses included.
    V6,
}

/// The two ends of an internet socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InetEnds {
    /// The family the socket was created with.
    pub family: Family,
    /// The local address and port; the unspecified address for a wildcard listener.
    pub local: SocketAddr,
    /// The remote address and port; unspecified and 0 where there is no peer.
    pub remote: SocketAddr,
}

impl InetEnds {
    /// The ends of a socket that has no peer.
    pub fn listening(family: Family, local: SocketAddr) -> InetEnds {
        let any: IpAddr = match family {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        InetEnds {
            family,
            local,
            remote: SocketAddr::new(any, 0),
        }
    }

    /// The peer; `None` for a socket without one, such as a listener.
    pub fn peer(&self) -> Option<SocketAddr> {
        let none = self.remote.ip().is_unspecified() && self.remote.port() == 0;
        (!none).then_some(self.remote)
    }

    /// The family, with IPv4 on IPv6 sockets as a class of its own.
    pub fn class(&self) -> FamilyClass {
        match (self.family, self.local.ip()) {
            (Family::V4, _) => FamilyClass::V4,
            (Family::V6, IpAddr::V6(ip)) if ip.to_ipv4_mapped().is_some() => FamilyClass::V4Mapped,
            (Family::V6, _) => FamilyClass::V6,
        }
    }
}
