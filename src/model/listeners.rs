//! Where a host listens, which listener takes a connection, and what each listener's queue holds.
//!
//! Follows the kernel's lookup (`inet_lookup_listener`, net/ipv4/inet_hashtables.c, and
//! `inet6_lookup_listener`, net/ipv6/inet6_hashtables.c): the same network namespace and port, then a
//! listener on the address before those on all addresses. A connection has the family of its listener.
//! Of kinds without connections, a socket that waits for any peer is a listener; each kind has ports of
//! its own, but for MPTCP, which shares those of TCP.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;

use foldhash::HashMap;

use super::{
    Direction, Family, FamilyClass, InetEnds, Kind, Netns, Service, Sink, Socket, UnixName,
    UnixPeer,
};

/// Where a connection arrived: its local end, without the remote one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arrival {
    kind: Kind,
    netns: Netns,
    ends: InetEnds,
    /// The interface that its listener is bound to, 0 for none; `None` from /proc.
    interface: Option<u32>,
}

impl Arrival {
    /// Where this socket arrived; `None` for one without internet addresses.
    pub fn of(socket: &Socket) -> Option<Arrival> {
        let ends = socket.internet()?;
        Some(Arrival {
            kind: socket.kind,
            netns: socket.netns,
            ends: InetEnds::listening(ends.family, ends.local),
            interface: socket.interface,
        })
    }
}

/// One listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its kind.
    pub kind: Kind,
    /// Its network namespace.
    pub netns: Netns,
    /// The family it was created with.
    pub family: Family,
    /// The address and port; the unspecified address for all addresses.
    pub local: SocketAddr,
    /// Whether it takes IPv6 only; `None` for IPv4, and from /proc.
    pub v6only: Option<bool>,
    /// The index of the interface it is bound to, 0 for none; `None` from /proc.
    pub interface: Option<u32>,
    /// The inode; 0 where no process holds it.
    pub inode: u64,
    /// The kernel's own number for it. Netlink only.
    pub cookie: Option<u64>,
    /// How many connections wait to be accepted.
    pub waiting: u32,
    /// How many may wait; the queue is full when it holds more. `None` from /proc.
    pub limit: Option<u32>,
    /// What it dropped since it was created, or since an earlier look; `None` where that is unknown.
    pub drops: Option<u32>,
    /// Where the one before it at the same place is.
    before: Option<u32>,
}

impl Listener {
    fn of(socket: &Socket, ends: &InetEnds) -> Listener {
        Listener {
            kind: socket.kind,
            netns: socket.netns,
            family: ends.family,
            local: ends.local,
            v6only: socket.v6only,
            interface: socket.interface,
            inode: socket.inode,
            cookie: socket.cookie,
            waiting: socket.receive_queue,
            limit: socket.accept_limit(),
            drops: socket.drops,
            before: None,
        }
    }

    /// The index of the interface it is bound to; `None` for none, and from /proc.
    pub fn bound_to(&self) -> Option<u32> {
        self.interface.filter(|index| *index != 0)
    }

    /// Whether it takes no more: it then holds more than its limit (`sk_acceptq_is_full`,
    /// include/net/sock.h).
    pub fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.waiting > limit)
    }

    /// Whether at least as many connections wait as its limit allows.
    pub fn is_at_limit(&self) -> bool {
        self.waiting > 0 && self.limit.is_some_and(|limit| self.waiting >= limit)
    }

    /// The bits of the classes of connections it takes. An IPv6 socket takes IPv4 too unless
    /// IPV6_V6ONLY is set, which /proc does not report: then the kernel's default, both.
    fn classes(&self) -> u8 {
        let class = InetEnds::listening(self.family, self.local).class();
        let takes_v4 = self.local.ip().is_unspecified() && self.v6only != Some(true);
        match class {
            FamilyClass::V6 if takes_v4 => bit(class) | bit(FamilyClass::V4Mapped),
            FamilyClass::V4 | FamilyClass::V4Mapped | FamilyClass::V6 => bit(class),
        }
    }
}

/// The bit of a class in a set of classes.
fn bit(class: FamilyClass) -> u8 {
    1 << class as u8
}

/// Where listeners are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    /// The bits of an IPv6 address, v4-mapped for IPv4; 0 for all addresses of both.
    address: u128,
    port: u16,
    /// The kind whose ports these are.
    kind: Kind,
    netns: Netns,
}

impl Place {
    fn of(kind: Kind, netns: Netns, local: SocketAddr) -> Place {
        let address = match local.ip().to_canonical() {
            ip if ip.is_unspecified() => 0,
            IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
            IpAddr::V6(ip) => ip.to_bits(),
        };
        Place {
            address,
            port: local.port(),
            kind: match kind {
                Kind::Mptcp => Kind::Tcp,
                Kind::Tcp
                | Kind::Udp
                | Kind::UdpLite
                | Kind::Raw
                | Kind::Ping
                | Kind::Packet
                | Kind::Netlink
                | Kind::UnixStream
                | Kind::UnixDgram
                | Kind::UnixSeqpacket => kind,
            },
            netns,
        }
    }
}

/// Which word of a set of ports has this one, and its bit there.
fn port_bit(port: u16) -> (usize, u64) {
    (usize::from(port >> 6), 1 << (port & 63))
}

/// What listens at one place.
#[derive(Clone, Copy, Debug, Default)]
struct Listening {
    /// The bits of the classes of connections that some listener takes.
    classes: u8,
    last: Option<u32>,
}

/// The listeners of a host. Filled as a sink of a dump of LISTEN. Of every listener the place is known,
/// further facts of as many as there is room for.
#[derive(Clone, Debug, Default)]
pub struct Listeners {
    places: HashMap<Place, Listening>,
    /// A bit for each port that any of them has, in words; empty without listeners. Most connections are from
    /// a port without one, and need no other look.
    ports: Vec<u64>,
    listeners: Vec<Listener>,
    /// The names of UNIX sockets that have one, by inode.
    names: HashMap<(Netns, u64), UnixName>,
    /// How many may be in `listeners`; `None` for any number.
    room: Option<usize>,
    beyond: u64,
}

impl Sink for Listeners {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if let Some(unix) = socket.unix().filter(|unix| unix.name.bytes().is_some()) {
            let place = (socket.netns, socket.inode);
            self.names.insert(place, unix.name.clone());
        }
        let waits = socket.state == socket.kind.waiting();
        if let Some(ends) = socket.internet().filter(|_| waits) {
            self.add(Listener::of(socket, ends));
        }
        ControlFlow::Continue(())
    }
}

impl Listeners {
    /// Keeps the further facts of at most `room` listeners, some 100 bytes each.
    pub fn at_most(room: usize) -> Listeners {
        Listeners {
            room: Some(room),
            ..Listeners::default()
        }
    }

    fn add(&mut self, listener: Listener) {
        let place = Place::of(listener.kind, listener.netns, listener.local);
        let at = self.places.entry(place).or_default();
        at.classes |= listener.classes();
        self.ports.resize(1 << 10, 0);
        let (word, bit) = port_bit(place.port);
        if let Some(word) = self.ports.get_mut(word) {
            *word |= bit;
        }
        let known = self.listeners.len();
        match u32::try_from(known) {
            Ok(number) if self.room.is_none_or(|room| known < room) => {
                let before = at.last.replace(number);
                self.listeners.push(Listener { before, ..listener });
            }
            Ok(_) | Err(_) => self.beyond += 1,
        }
    }

    /// Those that are kept, in the order in which they were reported.
    pub fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.iter()
    }

    /// How many are not kept.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// The places whose listeners take a connection with these ends, the one with its address first.
    fn lookup(
        &self,
        kind: Kind,
        netns: Netns,
        ends: &InetEnds,
    ) -> impl Iterator<Item = &Listening> {
        let exact = Place::of(kind, netns, ends.local);
        let any = Place {
            address: 0,
            ..exact
        };
        let class = ends.class();
        let (word, bit_of_port) = port_bit(exact.port);
        let has_port = self
            .ports
            .get(word)
            .is_some_and(|word| word & bit_of_port != 0);
        let found = [exact, any].into_iter().filter(move |_| has_port);
        let found = found.filter_map(|place| self.places.get(&place));
        found.filter(move |at| at.classes & bit(class) != 0)
    }

    /// The listeners that may have taken a connection that arrived there: those on its address, else
    /// those on all addresses; a connection is bound to the interface of its listener. Several where
    /// they share a port (SO_REUSEPORT): each has a queue of its own, and the kernel does not report
    /// which one a connection is in.
    pub fn takers(&self, arrival: &Arrival) -> Vec<&Listener> {
        let class = bit(arrival.ends.class());
        let get = |number: Option<u32>| self.listeners.get(usize::try_from(number?).ok()?);
        let is_taker = |listener: &&Listener| {
            let interfaces = listener.interface.zip(arrival.interface);
            listener.classes() & class != 0 && interfaces.is_none_or(|(its, own)| its == own)
        };
        for at in self.lookup(arrival.kind, arrival.netns, &arrival.ends) {
            let chain = std::iter::successors(get(at.last), |listener| get(listener.before));
            let mut takers: Vec<&Listener> = chain.filter(is_taker).collect();
            if !takers.is_empty() {
                takers.reverse();
                return takers;
            }
        }
        Vec::new()
    }

    /// In if a listener could have taken the connection, else out. In for listeners themselves.
    pub fn direction(&self, kind: Kind, netns: Netns, ends: &InetEnds) -> Direction {
        match self.lookup(kind, netns, ends).next() {
            Some(_) => Direction::In,
            None => Direction::Out,
        }
    }

    /// What the connection serves or uses.
    pub fn service(&self, kind: Kind, netns: Netns, ends: &InetEnds) -> Service {
        match self.direction(kind, netns, ends) {
            Direction::In => Service::Served(ends.local.port()),
            // A v4-mapped address as IPv4: the same peer, whatever the socket.
            Direction::Out => Service::Used(SocketAddr::new(
                ends.remote.ip().to_canonical(),
                ends.remote.port(),
            )),
        }
    }

    /// The name of the service that a UNIX socket is part of: its own, or that of its peer. Its peer must
    /// have been passed here too.
    pub fn unix_service(&self, socket: &Socket) -> UnixName {
        let Some(unix) = socket.unix() else {
            return UnixName::Unnamed;
        };
        let peer = || {
            let inode = unix.peer.and_then(UnixPeer::inode)?;
            self.names.get(&(socket.netns, inode.into())).cloned()
        };
        match unix.name.bytes() {
            None => peer().unwrap_or_default(),
            Some(_) => unix.name.clone(),
        }
    }

    /// The ports that have listeners, whatever the address; some more than once.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.places.keys().map(|place| place.port)
    }

    /// The same with what each dropped since `before`; all of it where it was not there then.
    #[must_use]
    pub fn since(mut self, before: &Listeners) -> Listeners {
        let before: HashMap<u64, u32> = before
            .iter()
            .filter_map(|listener| Some((listener.cookie?, listener.drops?)))
            .collect();
        for listener in &mut self.listeners {
            let earlier = listener.cookie.and_then(|cookie| before.get(&cookie));
            // A cookie is never used again, so the count has not been reset; it may wrap around.
            let grown = |drops: u32| drops.wrapping_sub(earlier.copied().unwrap_or(0));
            listener.drops = listener.drops.map(grown);
        }
        self
    }
}
