//! What is kept of outgoing connections: how many ports each destination takes of each source address,
//! and which ports serve one connection only.

use std::net::{IpAddr, SocketAddr};

use foldhash::HashMap;

use super::pool::{Pool, Reuse};
use super::port_set::PortSet;
use crate::diagnose::Inodes;
use crate::model::{InetEnds, Listeners, Settings, Socket, State};

/// More destinations than this have no count of their own; some 2 MB. One that is short of ports has so
/// many connections that it is among the first.
const MOST_DESTINATIONS: usize = 20_000;

/// More source addresses than this have no ports of their own; 1 MB.
const MOST_SOURCES: usize = 64;

/// Where connections go from one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Destination {
    /// The local address.
    pub(super) source: IpAddr,
    /// The remote address and port; v4-mapped addresses are IPv4 addresses.
    pub(super) peer: SocketAddr,
}

impl Destination {
    /// Where a connection with these ends goes.
    pub(super) fn of(ends: &InetEnds) -> Destination {
        Destination {
            source: ends.local.ip().to_canonical(),
            peer: SocketAddr::new(ends.remote.ip().to_canonical(), ends.remote.port()),
        }
    }
}

/// How the ports to one destination are used. Each connection has a port of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// By connections that are not in TIME_WAIT.
    pub(super) open: u64,
    /// In TIME_WAIT, and closed to a new connection.
    pub(super) waiting: u64,
    /// In TIME_WAIT, and free for a new connection.
    pub(super) reusable: u64,
}

impl Uses {
    /// Ports that a new connection cannot have.
    pub(super) fn taken(self) -> u64 {
        self.open + self.waiting
    }
}

/// The ports in use at one source address.
#[derive(Debug, Default)]
pub(super) struct AtSource {
    /// By at least one connection.
    once: PortSet,
    /// By more than one.
    again: PortSet,
}

impl AtSource {
    /// Those that serve one connection.
    pub(super) fn single(&self) -> PortSet {
        self.once.without(&self.again)
    }
}

/// The outgoing connections from ports of the pool.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) pool: Pool,
    /// When TIME_WAIT may be cut short, or why that is unknown: then it is taken for never.
    pub(super) reuse: Result<Reuse, String>,
    uses: HashMap<Destination, Uses>,
    /// Whether the ports of each source address and the inodes are kept: findings need them, numbers do not.
    has_evidence: bool,
    sources: HashMap<IpAddr, AtSource>,
    /// Connections to destinations for which there was no room.
    beyond_destinations: u64,
    /// Connections from addresses for which there was no room.
    beyond_sources: u64,
    /// By their destinations; some 2 MB.
    pub(super) inodes: Inodes<Destination, 40_000>,
}

impl Outgoing {
    /// None yet.
    ///
    /// # Errors
    /// Why the ports are unknown.
    pub(super) fn new(settings: &Settings, listeners: &Listeners) -> Result<Outgoing, String> {
        Ok(Outgoing {
            pool: Pool::of(settings, listeners)?,
            reuse: Reuse::of(settings),
            uses: HashMap::default(),
            has_evidence: true,
            sources: HashMap::default(),
            beyond_destinations: 0,
            beyond_sources: 0,
            inodes: Inodes::default(),
        })
    }

    /// The same, for the numbers of ports alone.
    ///
    /// # Errors
    /// As for [`Outgoing::new`].
    pub(super) fn of_numbers(
        settings: &Settings,
        listeners: &Listeners,
    ) -> Result<Outgoing, String> {
        let outgoing = Outgoing::new(settings, listeners)?;
        Ok(Outgoing {
            has_evidence: false,
            ..outgoing
        })
    }

    /// Takes an outgoing connection.
    pub(super) fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        let port = ends.local.port();
        if !self.pool.contains(port) {
            return;
        }
        let destination = Destination::of(ends);
        if self.uses.len() < MOST_DESTINATIONS || self.uses.contains_key(&destination) {
            let uses = self.uses.entry(destination).or_default();
            let reuse = self.reuse.as_ref();
            let frees = reuse.is_ok_and(|reuse| reuse.frees(socket, ends));
            match (socket.state == State::TimeWait, frees) {
                (false, _) => uses.open += 1,
                (true, false) => uses.waiting += 1,
                (true, true) => uses.reusable += 1,
            }
            if self.has_evidence {
                self.inodes.add(destination, socket.inode);
            }
        } else {
            self.beyond_destinations += 1;
        }
        if !self.has_evidence {
            return;
        }
        if self.sources.len() < MOST_SOURCES || self.sources.contains_key(&destination.source) {
            let at_source = self.sources.entry(destination.source).or_default();
            if !at_source.once.insert(port) {
                at_source.again.insert(port);
            }
        } else {
            self.beyond_sources += 1;
        }
    }

    /// Every destination, with its uses.
    pub(super) fn destinations(&self) -> impl Iterator<Item = (Destination, Uses)> {
        self.uses.iter().map(|(to, uses)| (*to, *uses))
    }

    /// How the ports to this destination are used, if it is one of those counted.
    pub(super) fn uses_of(&self, to: Destination) -> Option<Uses> {
        self.uses.get(&to).copied()
    }

    /// How many connections are not in the whole of this.
    pub(super) fn beyond(&self) -> u64 {
        self.beyond_destinations.max(self.beyond_sources)
    }

    /// Every source address.
    pub(super) fn sources(&self) -> impl Iterator<Item = (IpAddr, &AtSource)> {
        self.sources.iter().map(|(source, ports)| (*source, ports))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{host, socket};
    use crate::model::Setting;

    fn outgoing() -> Outgoing {
        let host = host()
            .listening_at(&["0.0.0.0:40050"])
            .with_setting(Setting::LocalPortRange, "40000 40099")
            .with_setting(Setting::LocalReservedPorts, "");
        Outgoing::new(&host.settings, &host.listeners).unwrap()
    }

    #[test]
    fn mapped_connections_count_with_plain_ones_and_each_destination_for_itself() {
        let mut seen = outgoing();
        let mut add = |local: &str, remote: &str| {
            let one = socket(State::Established, local, remote);
            seen.add(&one, one.internet().unwrap());
        };
        add("192.0.2.9:40000", "192.0.2.1:80");
        add("[::ffff:192.0.2.9]:40001", "[::ffff:192.0.2.1]:80");
        add("192.0.2.9:40000", "192.0.2.1:81");
        // Outside the range, and a listener's.
        add("192.0.2.9:50000", "192.0.2.1:80");
        add("192.0.2.9:40050", "192.0.2.1:80");
        let mut open: Vec<_> = seen
            .destinations()
            .map(|(destination, uses)| (destination.peer.port(), uses.taken()))
            .collect();
        open.sort_unstable();
        assert_eq!(open, [(80, 2), (81, 1)]);
        let single: Vec<_> = seen.sources().map(|(_, at)| at.single().len()).collect();
        assert_eq!(single, [1], "40001 serves one, 40000 two");
    }

    #[test]
    fn beyond_the_room_connections_are_counted_and_known_destinations_go_on() {
        let mut seen = outgoing();
        for number in 0..u32::try_from(MOST_DESTINATIONS).unwrap() + 10 {
            let one = socket(State::Established, "192.0.2.9:40001", "192.0.2.1:80");
            let ends = *one.internet().unwrap();
            let ip = std::net::Ipv4Addr::from(number).into();
            let remote = std::net::SocketAddr::new(ip, 80);
            seen.add(&one, &InetEnds { remote, ..ends });
        }
        assert_eq!(seen.beyond(), 10);
        let one = socket(State::Established, "192.0.2.9:40002", "0.0.0.3:80");
        seen.add(&one, one.internet().unwrap());
        let most = seen.destinations().map(|(_, uses)| uses.open).max();
        assert_eq!((most, seen.beyond()), (Some(2), 10));
    }
}
