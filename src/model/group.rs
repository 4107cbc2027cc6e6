//! What sockets are grouped by, the keys of groups, and an answer by groups.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;

use super::Protocol;
use super::{
    Counts, Field, Held, InetEnds, Kind, Listeners, Netns, Note, Observation, Ownership, Placement,
    Process, ProcessName, Socket, State, StateSet, UnixName, UnixPeer, UnixShutdown,
};

/// One field to group by; addresses may be folded into prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupKey {
    /// The field.
    pub field: Field,
    /// How many bits of an address count; absent for whole addresses and for other fields.
    pub prefix: Option<PrefixLengths>,
}

impl GroupKey {
    /// Its value for a socket, of a host that listens there, held by these processes; `None` for a
    /// field that nothing is grouped by.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the command line takes no other field for a key"
    )]
    pub fn part(
        self,
        socket: &Socket,
        listeners: &Listeners,
        held: GroupHolders<'_>,
    ) -> Option<KeyPart> {
        let ends = socket.internet();
        let peer = || ends.and_then(InetEnds::peer);
        Some(match self.field {
            Field::State => KeyPart::State(socket.state),
            Field::Kind => KeyPart::Kind(socket.kind),
            Field::SocketType => KeyPart::SocketType(socket.socket_type()),
            Field::Name => KeyPart::UnixName(
                socket
                    .unix()
                    .map(|unix| unix.name.clone())
                    .unwrap_or_default(),
            ),
            Field::Peer => KeyPart::Peer(socket.unix().and_then(|unix| unix.peer)),
            Field::Shutdown => KeyPart::Shutdown(socket.unix().and_then(|unix| unix.shutdown)),
            Field::Family => KeyPart::Family(ends.map(InetEnds::class)),
            Field::LocalAddr => {
                KeyPart::Addr(ends.and_then(|ends| fold(ends.local.ip(), self.prefix)))
            }
            Field::LocalPort => KeyPart::Port(socket.ported().map(|ends| ends.local.port())),
            Field::RemoteAddr => {
                KeyPart::Addr(peer().and_then(|peer| fold(peer.ip(), self.prefix)))
            }
            Field::RemotePort => KeyPart::Port(peer().map(|peer| peer.port())),
            Field::Direction => KeyPart::Direction(
                ends.map(|ends| listeners.direction(socket.kind, socket.netns, ends)),
            ),
            Field::Service if socket.kind.is_unix() => {
                KeyPart::UnixName(listeners.unix_service(socket))
            }
            Field::Service => KeyPart::Service(
                ends.map(|ends| listeners.service(socket.kind, socket.netns, ends)),
            ),
            Field::Protocol => KeyPart::Protocol(socket.protocol()),
            Field::Interface => KeyPart::Interface(socket.interface.filter(|index| *index != 0)),
            Field::V6Only => KeyPart::V6Only(socket.v6only),
            Field::Uid | Field::User => KeyPart::Owner(socket.owner()),
            Field::Cgroup => KeyPart::Cgroup(socket.cgroup),
            Field::Netns => KeyPart::Netns(socket.netns),
            Field::Process => KeyPart::Process(held.own.and_then(|holder| holder.0)),
            Field::PeerProcess => KeyPart::Process(held.peer.and_then(|holder| holder.0)),
            Field::Pid => KeyPart::Pid(held.own.map(|holder| holder.1)),
            Field::Unit => KeyPart::Unit(held.placement.and_then(|placed| placed.unit.clone())),
            Field::Container => {
                KeyPart::Container(held.placement.and_then(|placed| placed.container.clone()))
            }
            Field::Pod => KeyPart::Pod(held.placement.and_then(|placed| placed.pod.clone())),
            _ => return None,
        })
    }
}

/// The processes by which a socket is grouped.
#[derive(Clone, Copy, Debug, Default)]
pub struct GroupHolders<'a> {
    /// The name, if it can be read, and the number of the process that holds it; `None` if none is
    /// known.
    pub own: Option<(Option<ProcessName>, u32)>,
    /// The same of the other end of a UNIX socket.
    pub peer: Option<(Option<ProcessName>, u32)>,
    /// What the control groups of the process that holds it belong to.
    pub placement: Option<&'a Placement>,
}

impl<'a> GroupHolders<'a> {
    /// The first process of each.
    pub fn of(own: Held<'a>, peer: Held<'a>) -> GroupHolders<'a> {
        let known = |process: &Process| (process.name, process.pid);
        GroupHolders {
            own: own.first().map(known),
            peer: peer.first().map(known),
            placement: own.first().map(|process| &process.placement),
        }
    }
}

/// As it is typed, with both prefixes: `remote-addr/24,/64`.
impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field.name())?;
        match self.prefix {
            Some(PrefixLengths { v4, v6 }) => write!(f, "/{v4},/{v6}"),
            None => Ok(()),
        }
    }
}

/// The prefix an address belongs to. An IPv4 address on an IPv6 socket is the IPv4 address.
fn fold(address: IpAddr, lengths: Option<PrefixLengths>) -> Option<IpNet> {
    let address = address.to_canonical();
    let Some(lengths) = lengths else {
        return Some(IpNet::from(address));
    };
    let length = match address {
        IpAddr::V4(_) => lengths.v4,
        IpAddr::V6(_) => lengths.v6,
    };
    IpNet::new(address, length).ok().map(|net| net.trunc())
}

/// The lengths of prefixes, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixLengths {
    /// Of IPv4 addresses, 0 to 32.
    pub v4: u8,
    /// Of IPv6 addresses, 0 to 128.
    pub v6: u8,
}

/// The value of one field of a group. `None` where a socket has none: no owner, no interface, no
/// control group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyPart {
    /// The state.
    State(State),
    /// The kind.
    Kind(Kind),
    /// The type of a UNIX or PACKET socket; none for another kind.
    SocketType(Option<&'static str>),
    /// The protocol of a RAW, PACKET or NETLINK socket; none for another kind.
    Protocol(Option<Protocol>),
    /// The name of a UNIX socket.
    UnixName(UnixName),
    /// What is at the other end of a UNIX socket; none for another kind, and from /proc.
    Peer(Option<UnixPeer>),
    /// What a UNIX socket has shut down; none for another kind, and from /proc.
    Shutdown(Option<UnixShutdown>),
    /// The class of family; none for a socket without internet addresses, as of the next two.
    Family(Option<FamilyClass>),
    /// An address, or a prefix; none for the peer of a socket without one.
    Addr(Option<IpNet>),
    /// A port; none for the peer of a socket without one.
    Port(Option<u16>),
    /// In or out.
    Direction(Option<Direction>),
    /// What is served or used.
    Service(Option<Service>),
    /// An interface by its index.
    Interface(Option<u32>),
    /// Whether an IPv6 listener takes IPv6 only; none for what is no IPv6 listener.
    V6Only(Option<bool>),
    /// An owner by its uid.
    Owner(Option<u32>),
    /// A control group by its id.
    Cgroup(Option<u64>),
    /// A network namespace.
    Netns(Netns),
    /// The holder by its name.
    Process(Option<ProcessName>),
    /// The holder by its number.
    Pid(Option<u32>),
    /// The systemd unit of the holder.
    Unit(Option<Arc<str>>),
    /// The container of the holder by its id.
    Container(Option<Arc<str>>),
    /// The pod of the holder by its uid or id.
    Pod(Option<Arc<str>>),
}

/// Families, with IPv4 on IPv6 sockets as a class of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FamilyClass {
    /// AF_INET.
    V4,
    /// AF_INET6 with a v4-mapped address: an IPv4 connection.
    V4Mapped,
    /// AF_INET6.
    V6,
}

impl FamilyClass {
    /// Every one.
    pub const ALL: [FamilyClass; 3] = [FamilyClass::V4, FamilyClass::V4Mapped, FamilyClass::V6];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            FamilyClass::V4 => "ipv4",
            FamilyClass::V4Mapped => "v4-mapped",
            FamilyClass::V6 => "ipv6",
        }
    }
}

/// Who made a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The peer did: there is a listener on the local address and port. Listeners themselves too.
    In,
    /// This host did.
    Out,
}

impl Direction {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Direction::In => "in",
            Direction::Out => "out",
        }
    }
}

/// What a connection serves or uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// A service of this host, by its port.
    Served(u16),
    /// A service elsewhere, by its address and port.
    Used(SocketAddr),
}

/// The value of one field of a group's key, as it is displayed.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(untagged)]
pub enum Label {
    /// A socket of this group has none.
    None,
    /// A number: a port, a uid.
    Number(u64),
    /// An answer of yes or no: whether an IPv6 listener takes IPv6 only.
    Flag(bool),
    /// Anything else; may hold any character.
    Text(String),
}

/// Sockets that have the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The values of the fields grouped by, in their order, by which sockets are compared.
    pub id: Box<[KeyPart]>,
    /// A label for each field grouped by, in their order.
    pub key: Vec<Label>,
    /// The group's sockets by state.
    pub counts: Counts,
    /// The change of their number since the sample before; `None` in the first sample.
    pub change: Option<i128>,
}

/// The groups that are not shown individually.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Other {
    /// How many groups; of sockets beyond the limit of groups, none are known.
    pub groups: u64,
    /// Their sockets by state.
    pub counts: Counts,
}

/// How many sockets were in each state, by group, at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouped {
    /// When, by which source and how completely.
    pub observation: Observation,
    /// The states that were requested.
    pub asked: StateSet,
    /// The fields grouped by.
    pub fields: Vec<Field>,
    /// The groups to show, largest first; after them those that vanished since the sample before.
    pub groups: Vec<Group>,
    /// The rest, if there is one.
    pub other: Option<Other>,
    /// The sockets of all groups.
    pub counts: Counts,
    /// The change of their number since the sample before; `None` in the first sample.
    pub change: Option<i128>,
    /// How many sockets have a known holder, where they are grouped by it.
    pub ownership: Option<Ownership>,
    /// Notes for the user; none of them is a loss.
    pub notes: Vec<Note>,
}

impl Grouped {
    /// The states of the answer: every requested one, then those without a name that were seen.
    pub fn states(&self) -> impl Iterator<Item = State> {
        self.asked.iter().chain(self.counts.unknown())
    }
}
