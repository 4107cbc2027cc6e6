//! Kinds of sockets, and the one table of what is true of each: its names, states and tables.
//!
//! Knows neither the numbers of the kernel's protocols (`source::wire`) nor how a kind is counted.

use super::{Family, KindSet, State, StateSet};

/// What is true of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The word for it, and the name of its kernel module: `tcp`.
    name: &'static str,
    /// Its name in messages: `TCP`.
    title: &'static str,
    states: StateSet,
    /// The state of sockets that wait for peers.
    waiting: State,
    /// Its tables in `net` of proc(5): of IPv4 and IPv6, or one, or none.
    tables: &'static [&'static str],
    /// Its protocols in `net/protocols` of proc(5), IPv4 first; none where that does not count all of its
    /// sockets.
    protocols: &'static [&'static str],
}

/// The states of a kind without connections of its own.
const CONNECTED_OR_NOT: StateSet = StateSet::NONE
    .with(State::Established)
    .with(State::Unconnected);

table! {
    /// A kind of socket. Every match on it is exhaustive, so that a new kind cannot be answered with
    /// the sockets of another.
    Kind
    /// What is true of it.
    definition: Definition
    {
        /// TCP over IPv4 and IPv6.
        Tcp = Definition {
            name: "tcp",
            title: "TCP",
            states: StateSet::ALL,
            waiting: State::Listen,
            tables: &["tcp", "tcp6"],
            protocols: &["TCP", "TCPv6"],
        },
        /// Multipath TCP (RFC 8684), as the program holds it; its subflows are TCP sockets.
        Mptcp = Definition {
            name: "mptcp",
            title: "MPTCP",
            states: StateSet::ALL,
            waiting: State::Listen,
            tables: &[],
            protocols: &["MPTCP", "MPTCPv6"],
        },
        /// UDP over IPv4 and IPv6.
        Udp = Definition {
            name: "udp",
            title: "UDP",
            states: CONNECTED_OR_NOT,
            waiting: State::Unconnected,
            tables: &["udp", "udp6"],
            protocols: &["UDP", "UDPv6"],
        },
        /// UDP-Lite (RFC 3828) over IPv4 and IPv6.
        UdpLite = Definition {
            name: "udplite",
            title: "UDP-Lite",
            states: CONNECTED_OR_NOT,
            waiting: State::Unconnected,
            tables: &["udplite", "udplite6"],
            protocols: &["UDP-Lite", "UDPLITEv6"],
        },
        /// Sockets of any internet protocol, raw(7).
        Raw = Definition {
            name: "raw",
            title: "RAW",
            states: CONNECTED_OR_NOT,
            waiting: State::Unconnected,
            tables: &["raw", "raw6"],
            protocols: &["RAW", "RAWv6"],
        },
        /// Sockets that send echo requests without privilege, icmp(7).
        Ping = Definition {
            name: "ping",
            title: "PING",
            states: CONNECTED_OR_NOT,
            waiting: State::Unconnected,
            tables: &["icmp", "icmp6"],
            protocols: &["PING", "PINGv6"],
        },
        /// Sockets that receive frames of interfaces, packet(7).
        Packet = Definition {
            name: "packet",
            title: "PACKET",
            states: StateSet::NONE.with(State::Unconnected),
            waiting: State::Unconnected,
            tables: &["packet"],
            protocols: &["PACKET"],
        },
        /// Sockets that speak with the kernel, netlink(7).
        Netlink = Definition {
            name: "netlink",
            title: "NETLINK",
            states: CONNECTED_OR_NOT,
            waiting: State::Unconnected,
            tables: &["netlink"],
            protocols: &[],
        },
        /// UNIX sockets with connections and a stream of bytes, unix(7).
        UnixStream = Definition {
            name: "unix-stream",
            title: "UNIX-stream",
            states: CONNECTED_OR_NOT.with(State::Listen),
            waiting: State::Listen,
            tables: &["unix"],
            protocols: &["UNIX", "UNIX-STREAM"],
        },
        /// UNIX sockets that send datagrams.
        UnixDgram = Definition {
            name: "unix-dgram",
            title: "UNIX-dgram",
            states: CONNECTED_OR_NOT,
            waiting: State::Unconnected,
            tables: &["unix"],
            protocols: &["UNIX", "UNIX-STREAM"],
        },
        /// UNIX sockets with connections and messages.
        UnixSeqpacket = Definition {
            name: "unix-seqpacket",
            title: "UNIX-seqpacket",
            states: CONNECTED_OR_NOT.with(State::Listen),
            waiting: State::Listen,
            tables: &["unix"],
            protocols: &["UNIX", "UNIX-STREAM"],
        },
    }
}

impl Kind {
    /// The word for it: `tcp`. It is the name in services(5) too, and in the names of kernel modules.
    pub const fn name(self) -> &'static str {
        self.definition().name
    }

    /// Its name in messages: `TCP`.
    pub const fn title(self) -> &'static str {
        self.definition().title
    }

    /// The name of what one request lists.
    pub const fn request_title(self) -> &'static str {
        if self.is_unix() { "UNIX" } else { self.title() }
    }

    /// The states that its sockets can have, in an answer that names none.
    pub const fn states(self) -> StateSet {
        self.definition().states
    }

    /// The states that these words mean for this kind: of one whose idle sockets are unconnected,
    /// CLOSE is UNCONNECTED, as in ss(8). May be empty.
    pub fn meant(self, states: StateSet) -> StateSet {
        let own = self.states();
        if states.contains(State::Close) && own.contains(State::Unconnected) {
            return states.intersection(own).with(State::Unconnected);
        }
        match self == Kind::Tcp {
            // BOUND is requested by name alone.
            true => states.without(State::Unconnected),
            false => states.intersection(own),
        }
    }

    /// Whether it is one of UNIX sockets.
    pub const fn is_unix(self) -> bool {
        KindSet::UNIX.contains(self)
    }

    /// The word for the type of a UNIX socket, socket(2); `None` for another kind.
    pub const fn socket_type(self) -> Option<&'static str> {
        match self {
            Kind::UnixStream => Some("stream"),
            Kind::UnixDgram => Some("dgram"),
            Kind::UnixSeqpacket => Some("seqpacket"),
            Kind::Tcp
            | Kind::Mptcp
            | Kind::Udp
            | Kind::UdpLite
            | Kind::Raw
            | Kind::Ping
            | Kind::Packet
            | Kind::Netlink => None,
        }
    }

    /// The state of sockets that wait for peers: those that `-l` selects, as in ss(8).
    pub const fn waiting(self) -> State {
        self.definition().waiting
    }

    /// What the kernel's CLOSE is for this kind.
    pub fn named(self, state: State) -> State {
        let is_idle = state == State::Close && self.states().contains(State::Unconnected);
        if is_idle { State::Unconnected } else { state }
    }

    /// Its protocols in `net/protocols` of proc(5), IPv4 first; none where that does not count all of its
    /// sockets.
    pub const fn protocols(self) -> &'static [&'static str] {
        self.definition().protocols
    }

    /// The name of its table in `net` of proc(5): `tcp` or `tcp6`; `None` for a kind that only netlink
    /// reports.
    pub fn table(self, family: Family) -> Option<&'static str> {
        let [v4, v6] = match *self.definition().tables {
            [] => [None; 2],
            [both] => [Some(both), None],
            [v4, v6, ..] => [Some(v4), Some(v6)],
        };
        match family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }

    /// Whether its sockets have internet addresses, and so a family.
    pub const fn is_internet(self) -> bool {
        !matches!(self, Kind::Packet | Kind::Netlink) && !self.is_unix()
    }

    /// Whether the kernel's counters in `net/sockstat` and `net/snmp` of proc(5) determine how many
    /// of its sockets are in ESTABLISHED and TIME_WAIT.
    pub const fn has_counters(self) -> bool {
        matches!(self, Kind::Tcp)
    }
}

#[cfg(test)]
mod tests;
