//! The two ends of a socket, and the address family they are in.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{FamilyClass, UnixEnds, UnixName};

/// What a socket is bound to and connected to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ends {
    /// Internet addresses and ports.
    Internet(InetEnds),
    /// The name of a UNIX socket and the socket at its other end.
    Unix(UnixEnds),
    /// The protocol of a packet socket, packet(7).
    Packet(PacketEnds),
    /// The protocol and the addresses of a netlink socket, netlink(7).
    Netlink(NetlinkEnds),
}

/// What a packet socket receives; the interface is [`super::Socket::interface`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PacketEnds {
    /// SOCK_RAW (3) or SOCK_DGRAM (2).
    pub socket_type: u8,
    /// The EtherType, linux/if_ether.h; 3 (ETH_P_ALL) for every one, 0 for none.
    pub protocol: u16,
}

/// Whom a netlink socket speaks with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NetlinkEnds {
    /// The protocol, linux/netlink.h: 0 is NETLINK_ROUTE.
    pub protocol: u8,
    /// Its own address; 0 for one of the kernel's sockets.
    pub port_id: u32,
    /// The address it is connected to, 0 being the kernel's; `None` from /proc.
    pub peer: Option<u32>,
    /// The first 32 multicast groups that it has joined, a bit each; `None` where they were not
    /// requested.
    pub groups: Option<u32>,
}

impl From<InetEnds> for Ends {
    fn from(ends: InetEnds) -> Ends {
        Ends::Internet(ends)
    }
}

impl From<UnixEnds> for Ends {
    fn from(ends: UnixEnds) -> Ends {
        Ends::Unix(ends)
    }
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

/// Whether it is every address of both families, written `*`: `[::]` without IPV6_V6ONLY. Where that
/// is unknown, it is not.
pub fn is_every_address(ip: IpAddr, v6only: Option<bool>) -> bool {
    ip.is_ipv6() && ip.is_unspecified() && v6only == Some(false)
}

/// Where a socket listens, as one row of a list distinguishes it from others on the same port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenAddress {
    /// The address and port.
    pub local: SocketAddr,
    /// The name of the interface it is bound to; `None` for none, and from /proc.
    pub interface: Option<String>,
    /// Whether it takes IPv6 only; `None` for IPv4, and from /proc.
    pub v6only: Option<bool>,
}

/// What distinguishes a listener from others, of any kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListenPlace {
    /// Where one with internet addresses listens.
    Internet(ListenAddress),
    /// The name of one of UNIX sockets.
    Unix(UnixName),
}

impl fmt::Display for ListenAddress {
    /// As in a row of a list: `0.0.0.0%lo:80`, `*:80` for both families, `[::]:80` for IPv6 only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.local.ip() {
            ip if is_every_address(ip, self.v6only) => f.write_str("*")?,
            IpAddr::V4(ip) => write!(f, "{ip}")?,
            IpAddr::V6(ip) => write!(f, "[{ip}]")?,
        }
        if let Some(interface) = &self.interface {
            write!(f, "%{interface}")?;
        }
        write!(f, ":{}", self.local.port())
    }
}
