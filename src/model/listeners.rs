//! Where a host listens, which listener takes a connection, and what each listener's queue holds.
//!
//! Follows the kernel's lookup (`inet_lookup_listener`, net/ipv4/inet_hashtables.c, and
//! `inet6_lookup_listener`, net/ipv6/inet6_hashtables.c): the same network namespace and port, then a
//! listener on the address before those on all addresses. A connection has the family of its listener.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;

use super::{Direction, Family, FamilyClass, InetEnds, Netns, Service, Sink, Socket, State};

/// One listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its network namespace.
    pub netns: Netns,
    /// The family it was created with.
    pub family: Family,
    /// The address and port; the unspecified address for all addresses.
    pub local: SocketAddr,
    /// Whether it takes IPv6 only; `None` for IPv4, and from /proc.
    pub v6only: Option<bool>,
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
            netns: socket.netns,
            family: ends.family,
            local: ends.local,
            v6only: socket.v6only,
            inode: socket.inode,
            cookie: socket.cookie,
            waiting: socket.receive_queue,
            limit: socket.accept_limit(),
            drops: socket.drops,
            before: None,
        }
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
    netns: Netns,
}

impl Place {
    fn of(netns: Netns, local: SocketAddr) -> Place {
        let address = match local.ip().to_canonical() {
            ip if ip.is_unspecified() => 0,
            IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
            IpAddr::V6(ip) => ip.to_bits(),
        };
        Place {
            address,
            port: local.port(),
            netns,
        }
    }
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
    listeners: Vec<Listener>,
    /// How many may be in `listeners`; `None` for any number.
    room: Option<usize>,
    beyond: u64,
}

impl Sink for Listeners {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if let (State::Listen, Some(ends)) = (socket.state, socket.internet()) {
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
        let place = Place::of(listener.netns, listener.local);
        let at = self.places.entry(place).or_default();
        at.classes |= listener.classes();
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
    fn lookup(&self, netns: Netns, ends: &InetEnds) -> impl Iterator<Item = &Listening> {
        let exact = Place::of(netns, ends.local);
        let any = Place {
            address: 0,
            ..exact
        };
        let class = ends.class();
        let found = [exact, any].into_iter();
        let found = found.filter_map(|place| self.places.get(&place));
        found.filter(move |at| at.classes & bit(class) != 0)
    }

    /// The listeners that may have taken a connection with these ends: those on its address, else
    /// those on all addresses. Several where they share a port (SO_REUSEPORT): each has a queue of its
    /// own, and the kernel does not report which one a connection is in.
    pub fn takers(&self, netns: Netns, ends: &InetEnds) -> Vec<&Listener> {
        let last = self.lookup(netns, ends).next().and_then(|at| at.last);
        let get = |number: Option<u32>| self.listeners.get(usize::try_from(number?).ok()?);
        let chain = std::iter::successors(get(last), |listener| get(listener.before));
        let mut takers: Vec<&Listener> = chain
            .filter(|listener| listener.classes() & bit(ends.class()) != 0)
            .collect();
        takers.reverse();
        takers
    }

    /// In if a listener could have taken the connection, else out. In for listeners themselves.
    pub fn direction(&self, netns: Netns, ends: &InetEnds) -> Direction {
        match self.lookup(netns, ends).next() {
            Some(_) => Direction::In,
            None => Direction::Out,
        }
    }

    /// What the connection serves or uses.
    pub fn service(&self, netns: Netns, ends: &InetEnds) -> Service {
        match self.direction(netns, ends) {
            Direction::In => Service::Served(ends.local.port()),
            // A v4-mapped address as IPv4: the same peer, whatever the socket.
            Direction::Out => Service::Used(SocketAddr::new(
                ends.remote.ip().to_canonical(),
                ends.remote.port(),
            )),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(local: &str, v6only: Option<bool>, number: u64) -> Socket {
        let local: SocketAddr = local.parse().unwrap();
        let family = if local.is_ipv4() {
            Family::V4
        } else {
            Family::V6
        };
        Socket {
            full: Some(true),
            v6only,
            inode: number,
            cookie: Some(number),
            ..Socket::bare(State::Listen, InetEnds::listening(family, local))
        }
    }

    fn listeners(all: &[(&str, Option<bool>)]) -> Listeners {
        let mut listeners = Listeners::default();
        for ((local, v6only), number) in all.iter().zip(1..) {
            assert!(
                listeners
                    .socket(&socket(local, *v6only, number))
                    .is_continue()
            );
        }
        listeners
    }

    fn inodes(listeners: &Listeners, netns: Netns, local: &str) -> Vec<u64> {
        let ends = *socket(local, None, 0).internet().unwrap();
        let takers = listeners.takers(netns, &ends);
        let is_in = listeners.direction(netns, &ends) == Direction::In;
        assert_eq!(is_in, !takers.is_empty(), "{local}");
        takers.iter().map(|listener| listener.inode).collect()
    }

    #[test]
    fn a_connection_is_taken_on_its_address_before_all_addresses_and_by_its_family() {
        let listeners = listeners(&[
            ("0.0.0.0:80", None),
            ("10.0.0.1:80", None),
            ("[::]:80", Some(true)),
            ("[::]:81", Some(false)),
            ("[::]:81", Some(false)),
            ("[::]:82", None),
            ("[2001:db8::1]:22", None),
            ("[::ffff:10.0.0.1]:22", None),
            ("[::ffff:0.0.0.0]:23", None),
        ]);
        for (local, takers) in [
            ("10.0.0.1:80", &[2][..]),
            ("10.0.0.2:80", &[1]),
            ("[2001:db8::1]:80", &[3]),
            ("[::ffff:10.0.0.2]:80", &[]),
            ("[::ffff:10.0.0.1]:80", &[]),
            ("[::ffff:10.0.0.2]:81", &[4, 5]),
            ("10.0.0.2:81", &[]),
            ("[::ffff:10.0.0.2]:82", &[6]),
            ("[2001:db8::9]:82", &[6]),
            ("[2001:db8::1]:22", &[7]),
            ("[2001:db8::9]:22", &[]),
            ("[::ffff:10.0.0.1]:22", &[8]),
            ("10.0.0.1:22", &[]),
            ("[::ffff:10.0.0.9]:23", &[9]),
            ("[2001:db8::9]:23", &[]),
            // Listeners themselves.
            ("0.0.0.0:80", &[1]),
            ("[::]:80", &[3]),
        ] {
            assert_eq!(inodes(&listeners, Netns::CALLER, local), takers, "{local}");
        }
    }

    #[test]
    fn listeners_of_two_network_namespaces_do_not_mix() {
        let mut listeners = listeners(&[("0.0.0.0:80", None)]);
        let other = Netns(4_026_532_272);
        let mut there = socket("10.0.0.1:80", None, 2);
        there.netns = other;
        assert!(listeners.socket(&there).is_continue());
        assert_eq!(inodes(&listeners, Netns::CALLER, "10.0.0.1:80"), [1]);
        assert_eq!(inodes(&listeners, other, "10.0.0.1:80"), [2]);
        assert!(inodes(&listeners, other, "10.0.0.2:80").is_empty());
    }

    #[test]
    fn beyond_the_room_only_the_place_is_known() {
        let mut listeners = Listeners::at_most(1);
        for port in 80..83 {
            let one = socket(&format!("0.0.0.0:{port}"), None, port);
            assert!(listeners.socket(&one).is_continue());
        }
        assert_eq!((listeners.iter().count(), listeners.beyond()), (1, 2));
        let ends = *socket("10.0.0.1:82", None, 0).internet().unwrap();
        assert_eq!(listeners.direction(Netns::CALLER, &ends), Direction::In);
        assert!(listeners.takers(Netns::CALLER, &ends).is_empty());
        assert_eq!(listeners.ports().count(), 3);
    }

    #[test]
    fn a_queue_is_full_beyond_its_limit_and_connections_have_none() {
        let mut one = socket("0.0.0.0:80", None, 1);
        let mut listeners = Listeners::default();
        for (state, waiting, limit) in [
            (State::Listen, 2, 2),
            (State::Listen, 3, 2),
            (State::Listen, 1, 0),
            (State::Established, 9, 0),
        ] {
            (one.state, one.receive_queue, one.send_queue) = (state, waiting, limit);
            assert!(listeners.socket(&one).is_continue());
        }
        let full: Vec<bool> = listeners.iter().map(Listener::is_full).collect();
        assert_eq!(full, [false, true, true]);
        assert!(listeners.iter().all(Listener::is_at_limit));
    }

    #[test]
    fn drops_grow_from_what_they_were_or_from_nothing_and_may_wrap_around() {
        let with = |drops: &[(u64, u32)]| {
            let mut listeners = Listeners::default();
            for (number, drops) in drops {
                let mut one = socket("0.0.0.0:80", None, *number);
                one.drops = Some(*drops);
                assert!(listeners.socket(&one).is_continue());
            }
            listeners
        };
        let before = with(&[(1, 5), (2, u32::MAX)]);
        let grown = with(&[(1, 8), (2, 1), (3, 4)]).since(&before);
        let drops: Vec<_> = grown.iter().map(|listener| listener.drops).collect();
        assert_eq!(drops, [Some(3), Some(2), Some(4)]);
    }
}
