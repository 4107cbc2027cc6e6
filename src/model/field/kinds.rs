//! Which kinds of sockets have a field, and in which tables of /proc.

use super::{Entry, Field, NETLINK};
use crate::model::{Kind, KindSet};

impl Field {
    /// Whether the tables of /proc have it, of sockets of this kind.
    pub fn is_in_proc(self, kind: Kind) -> bool {
        let has_drops = !matches!(kind, Kind::Tcp | Kind::Mptcp | Kind::Packet);
        let is_of_tables = (self == Field::Drops && has_drops)
            || (self == Field::Interface && kind == Kind::Packet);
        // `/proc/net/unix` has names, states and inodes.
        let is_missing = kind.is_unix()
            && matches!(
                self,
                Field::ReceiveQueue
                    | Field::SendQueue
                    | Field::AcceptQueue
                    | Field::Uid
                    | Field::User
                    | Field::PeerProcess
                    // By the name of the peer.
                    | Field::Service
            );
        is_of_tables
            || self
                .entry()
                .is_some_and(|Entry(.., origin, _)| *origin != NETLINK && !is_missing)
    }

    /// Whether sockets of one of these kinds have it.
    pub fn is_of_any(self, kinds: KindSet) -> bool {
        !self.kinds().intersection(kinds).is_empty()
    }

    /// Whether sockets of this kind have it.
    pub fn is_of(self, kind: Kind) -> bool {
        self.is_of_any(KindSet::NONE.with(kind))
    }

    /// Whether sockets of these kinds can be grouped by it together. What depends on listeners depends on
    /// those of each kind: of internet sockets, or the names of UNIX sockets, not of both at once.
    pub fn groups(self, kinds: KindSet) -> bool {
        if !self.needs_listeners() || kinds.only().is_some() {
            return self.is_of_any(kinds);
        }
        let is_of_one_family = kinds.is_unix() || !kinds.has_unix();
        is_of_one_family && kinds.iter().all(|kind| self.is_of(kind))
    }

    /// The kinds whose sockets have it.
    fn kinds(self) -> KindSet {
        const OF_PROTOCOLS: KindSet = KindSet::NONE
            .with(Kind::Raw)
            .with(Kind::Packet)
            .with(Kind::Netlink);
        match self {
            Field::State
            | Field::Kind
            | Field::Netns
            | Field::ReceiveQueue
            | Field::SendQueue
            | Field::Inode
            | Field::Cookie
            | Field::Process
            | Field::Pid
            | Field::Fd
            | Field::CommandLine
            | Field::Unit
            | Field::Container
            | Field::Pod => KindSet::ALL,
            Field::Uid | Field::User => KindSet::ALL.without(Kind::Netlink),
            Field::Family
            | Field::LocalAddr
            | Field::RemoteAddr
            | Field::Direction
            | Field::Cgroup
            | Field::Mark => KindSet::INTERNET,
            Field::Interface => KindSet::INTERNET.with(Kind::Packet),
            // The protocol of a RAW socket is in the place of its port.
            Field::LocalPort | Field::RemotePort => KindSet::INTERNET.without(Kind::Raw),
            Field::Service => KindSet::INTERNET.union(KindSet::UNIX).without(Kind::Raw),
            Field::Name | Field::Peer | Field::PeerProcess | Field::Shutdown => KindSet::UNIX,
            Field::SocketType => KindSet::UNIX.with(Kind::Packet),
            Field::Protocol => OF_PROTOCOLS,
            Field::PortId | Field::Groups => KindSet::NONE.with(Kind::Netlink),
            Field::Drops => KindSet::ALL.difference(KindSet::UNIX),
            // The receive queue of the others is in bytes, and so is no part of it.
            Field::ReceiveLimit => OF_PROTOCOLS.with(Kind::Udp).with(Kind::UdpLite),
            Field::AcceptQueue | Field::AcceptLimit => KindSet::WITH_LISTENERS,
            // Of sockets that wait for peers.
            Field::V6Only => KindSet::INTERNET.without(Kind::Ping),
            Field::Metric(metric) if metric.is_of_mptcp() => KindSet::TCP.with(Kind::Mptcp),
            Field::Timer | Field::Retransmits | Field::CongestionControl | Field::Metric(_) => {
                KindSet::TCP
            }
        }
    }
}
