//! Every property of a socket, and the one table of its names and uses: as a key of groups, a column
//! of a list, an order, a word of a filter, a key in JSON.
//!
//! Names are those of ss(8) where it has one; every word may be typed with `-` or `_`.

mod kinds;

use super::{KindSet, Metric};

/// A property of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The state.
    State,
    /// IPv4, IPv6, or IPv4 on an IPv6 socket.
    Family,
    /// The local address.
    LocalAddr,
    /// The local port.
    LocalPort,
    /// The remote address.
    RemoteAddr,
    /// The remote port.
    RemotePort,
    /// Whether the peer or this host opened the connection.
    Direction,
    /// The service: the listening port, or the remote address and port.
    Service,
    /// The interface the socket is bound to.
    Interface,
    /// Whether an IPv6 listener takes IPv6 only.
    V6Only,
    /// The numeric owner.
    Uid,
    /// The owner's name.
    User,
    /// The control group.
    Cgroup,
    /// The kind.
    Kind,
    /// The name of a UNIX socket.
    Name,
    /// The type of a UNIX socket.
    SocketType,
    /// What is at the other end of a UNIX socket.
    Peer,
    /// The processes that hold the other end.
    PeerProcess,
    /// The directions of a UNIX socket that were shut down.
    Shutdown,
    /// The protocol of a RAW, PACKET or NETLINK socket.
    Protocol,
    /// The address of a NETLINK socket.
    PortId,
    /// The multicast groups of a NETLINK socket.
    Groups,
    /// The network namespace.
    Netns,
    /// Bytes received and not yet read.
    ReceiveQueue,
    /// Bytes written and not yet acknowledged.
    SendQueue,
    /// The memory that received data may take before more is dropped.
    ReceiveLimit,
    /// Connections of a listener that wait to be accepted.
    AcceptQueue,
    /// How many may wait.
    AcceptLimit,
    /// What the kernel dropped that was meant for the socket: of a listener, connections.
    Drops,
    /// The running timer and its time left.
    Timer,
    /// Retransmissions of what is not acknowledged.
    Retransmits,
    /// The inode.
    Inode,
    /// The kernel's own number for the socket.
    Cookie,
    /// The firewall mark.
    Mark,
    /// A number that TCP keeps for a connection.
    Metric(Metric),
    /// The congestion control algorithm.
    CongestionControl,
    /// The processes that hold the socket.
    Process,
    /// The number of the process that holds it.
    Pid,
    /// The descriptors it is held by.
    Fd,
    /// The arguments of those processes.
    CommandLine,
    /// The systemd units they belong to.
    Unit,
    /// The containers they run in.
    Container,
    /// The pods they run in.
    Pod,
}

/// What a field can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// `--by`
    Group,
    /// `--by` of serve: a key with few values, or one whose number of series a prefix or a share bounds.
    Series,
    /// `--columns`
    Column,
    /// `--sort`
    Sort,
    /// A word of a filter.
    Filter,
    /// `--by` of trace: what a connection that has ended still has.
    TraceGroup,
    /// A word of a filter of trace.
    TraceFilter,
}

/// Who reports a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Every source of sockets.
    Sockets,
    /// Netlink, not the tables of /proc.
    Netlink,
    /// The search for the processes that hold a socket.
    Owners,
}

/// Where a field is in the kernel's record of a socket, and so what a dump needs for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// In the header, or in an attribute that is always read; every list and every buffer has it.
    Row,
    /// In the header; a buffer keeps it on request.
    Header,
    /// In an attribute that the kernel sends unasked.
    Attribute,
    /// In an attribute that the kernel sends on request.
    Extension(Extension),
}

/// An attribute that the kernel sends on request, `idiag_ext` in `linux/inet_diag.h`. Each costs
/// the kernel time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// What TCP measures of a connection. It trebles the bytes that the kernel sends, and takes the
    /// lock of every connection.
    TcpInfo,
    /// The name of the congestion control algorithm.
    CongestionControl,
    /// The memory of the socket, and how much was dropped.
    SocketMemory,
}

/// A field, its name, its synonyms, its uses, who reports it, and where it is in a record. The name is
/// printed, and is the JSON key with `_` for `-` and the unit behind it.
struct Entry(
    Field,
    &'static str,
    &'static [&'static str],
    &'static [Use],
    Origin,
    Part,
);

use Field::Metric as M;
use Origin::{Netlink as NETLINK, Owners as OWNERS, Sockets as SOCKETS};
use Part::{Attribute as ATTRIBUTE, Header as HEADER, Row as ROW};
use Use::{
    Column as C, Filter as F, Group as G, Series as SE, Sort as S, TraceFilter as TF,
    TraceGroup as TG,
};

/// `struct tcp_info`.
const INFO: Part = Part::Extension(Extension::TcpInfo);
/// `struct sock`'s memory.
const MEMORY: Part = Part::Extension(Extension::SocketMemory);
/// The algorithm's name.
const ALGORITHM: Part = Part::Extension(Extension::CongestionControl);

/// Every field.
#[rustfmt::skip]
const FIELDS: [Entry; 63] = [
    Entry(Field::State, "state", &[], &[G, S, F, TF], SOCKETS, ROW),
    Entry(Field::Kind, "kind", &[], &[G, C, F], SOCKETS, ROW),
    Entry(Field::Family, "family", &[], &[G, SE, C, S, F, TG, TF], SOCKETS, ROW),
    Entry(Field::LocalAddr, "local-addr", &["src", "local-address"], &[G, SE, S, F, TG, TF], SOCKETS, ROW),
    Entry(Field::LocalPort, "local-port", &["sport"], &[G, S, F, TG, TF], SOCKETS, ROW),
    Entry(Field::RemoteAddr, "remote-addr", &["dst", "remote-address"], &[G, SE, S, F, TG, TF], SOCKETS, ROW),
    Entry(Field::RemotePort, "remote-port", &["dport"], &[G, S, F, TG, TF], SOCKETS, ROW),
    Entry(Field::Direction, "direction", &[], &[G, SE, TG], SOCKETS, ROW),
    Entry(Field::Service, "service", &[], &[G, SE, TG], SOCKETS, ROW),
    Entry(Field::Interface, "interface", &["dev"], &[G, SE, C, S, F], NETLINK, ROW),
    Entry(Field::V6Only, "v6only", &["ipv6-only"], &[G, C, F], NETLINK, ROW),
    Entry(Field::Protocol, "protocol", &["proto"], &[G, C, S, F], SOCKETS, ROW),
    Entry(Field::PortId, "port-id", &["portid"], &[C, S, F], SOCKETS, ROW),
    Entry(Field::Groups, "groups", &[], &[C], SOCKETS, ROW),
    Entry(Field::Uid, "uid", &[], &[G, SE, C, S, F, TG, TF], SOCKETS, ROW),
    Entry(Field::User, "user", &[], &[G, SE, C, F, TG, TF], SOCKETS, ROW),
    Entry(Field::Cgroup, "cgroup", &[], &[G, SE, C, F], NETLINK, ATTRIBUTE),
    Entry(Field::Netns, "netns", &["namespace"], &[G, SE, C, S, F], SOCKETS, ROW),
    Entry(Field::ReceiveQueue, "receive-queue", &["recv-q", "rqueue"], &[S, F], SOCKETS, ROW),
    Entry(Field::SendQueue, "send-queue", &["send-q", "wqueue"], &[S, F], SOCKETS, ROW),
    Entry(Field::ReceiveLimit, "receive-limit", &["rcvbuf"], &[C, S, F], NETLINK, MEMORY),
    Entry(Field::AcceptQueue, "accept-queue", &[], &[S, F], SOCKETS, ROW),
    Entry(Field::AcceptLimit, "accept-limit", &["backlog"], &[S, F], NETLINK, ROW),
    Entry(Field::Drops, "drops", &[], &[C, S, F], NETLINK, MEMORY),
    Entry(Field::Timer, "timer", &[], &[C, S], SOCKETS, HEADER),
    Entry(Field::Retransmits, "retransmits", &[], &[C, S, F], SOCKETS, HEADER),
    Entry(Field::Inode, "inode", &["ino"], &[C, S, F, TF], SOCKETS, ROW),
    Entry(Field::Cookie, "cookie", &["sk"], &[C, S, F, TF], NETLINK, HEADER),
    Entry(Field::Mark, "mark", &["fwmark"], &[C, S, F], NETLINK, ATTRIBUTE),
    Entry(M(Metric::RoundTripTime), "rtt", &[], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::MinRoundTripTime), "min-rtt", &["minrtt"], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::CongestionWindow), "cwnd", &["congestion-window"], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::Mss), "mss", &["snd-mss"], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::Unacked), "unacked", &[], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::Sacked), "sacked", &[], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::RetransNow), "retrans-now", &[], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::TotalRetrans), "total-retrans", &["retrans-total"], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::Lost), "lost", &[], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::DataSegsOut), "data-segs-out", &[], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::BytesSent), "bytes-sent", &[], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::BytesAcked), "bytes-acked", &[], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::BytesReceived), "bytes-received", &[], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::BytesNotSent), "bytes-not-sent", &["notsent", "not-sent"], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::DeliveryRate), "delivery-rate", &[], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::PacingRate), "pacing-rate", &[], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::BusyTime), "busy-time", &["busy"], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::RwndLimited), "rwnd-limited", &[], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::LastDataSent), "last-data-sent", &["lastsnd"], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::LastDataReceived), "last-data-received", &["lastrcv"], &[C, S, F], NETLINK, INFO),
    Entry(M(Metric::LastAckReceived), "last-ack-received", &["lastack"], &[C, S, F], NETLINK, INFO),
    Entry(Field::CongestionControl, "congestion-control", &["cong"], &[C, S, F], NETLINK, ALGORITHM),
    Entry(Field::Process, "process", &["processes"], &[G, SE, C, F, TG, TF], OWNERS, ROW),
    Entry(Field::Pid, "pid", &[], &[G, F, TG, TF], OWNERS, ROW),
    Entry(Field::Fd, "fd", &[], &[C], OWNERS, ROW),
    Entry(Field::CommandLine, "command-line", &["cmdline"], &[C], OWNERS, ROW),
    Entry(Field::Unit, "unit", &[], &[G, C], OWNERS, ROW),
    Entry(Field::Container, "container", &[], &[G, C], OWNERS, ROW),
    Entry(Field::Pod, "pod", &[], &[G, C], OWNERS, ROW),
    Entry(Field::Name, "name", &[], &[G, C, S, F], SOCKETS, ROW),
    Entry(Field::SocketType, "socket-type", &["type"], &[G, C, F], SOCKETS, ROW),
    Entry(Field::Peer, "peer", &[], &[G, C, F], NETLINK, ROW),
    Entry(Field::PeerProcess, "peer-process", &["peer-processes"], &[G, C, F], OWNERS, ROW),
    Entry(Field::Shutdown, "shutdown", &[], &[G, C, F], NETLINK, ROW),
];

impl Field {
    fn entry(self) -> Option<&'static Entry> {
        FIELDS.iter().find(|Entry(field, ..)| *field == self)
    }

    /// Those of sockets of these kinds that a record has: what a source reports, once. A user has its uid,
    /// and processes are recorded apart.
    pub fn recorded(kinds: KindSet) -> impl Iterator<Item = Field> {
        let entries = FIELDS
            .iter()
            .filter(|Entry(.., origin, _)| *origin != OWNERS);
        let fields = entries.map(|Entry(field, ..)| *field);
        fields.filter(move |field| {
            let is_other = matches!(field, Field::User | Field::Netns);
            !is_other && !field.needs_listeners() && field.is_of_any(kinds)
        })
    }

    /// The name on the command line: `local-port`.
    pub fn name(self) -> &'static str {
        self.entry().map_or("", |Entry(_, name, ..)| name)
    }

    /// The key in JSON, with the unit: `local_port`, `rtt_us`.
    pub fn json_key(self) -> String {
        self.name().replace('-', "_") + self.written_unit().suffixes().0
    }

    /// Whether it is about the processes that hold a socket, which no source of sockets reports.
    pub fn needs_owners(self) -> bool {
        self.entry()
            .is_some_and(|Entry(.., origin, _)| *origin == OWNERS)
    }

    /// Whether where the host listens decides its value.
    pub fn needs_listeners(self) -> bool {
        matches!(self, Field::Direction | Field::Service)
    }

    /// The heading of its column in a table, with the unit: `LOCAL-PORT`, `RTT-US`.
    pub fn heading(self) -> String {
        self.name().to_uppercase() + self.written_unit().suffixes().1
    }

    /// Where it is in the kernel's record of a socket.
    pub fn part(self) -> Part {
        self.entry().map_or(ROW, |Entry(.., part)| *part)
    }

    /// Whether it can be used in this way.
    pub fn has_use(self, used_as: Use) -> bool {
        usable(used_as).any(|Entry(field, ..)| *field == self)
    }

    /// The field that `word` names, if it can be used in this way.
    ///
    /// # Errors
    /// The valid names.
    pub fn parse(word: &str, used_as: Use) -> Result<Field, Vec<&'static str>> {
        let word = word.to_lowercase().replace('_', "-");
        usable(used_as)
            .find(|Entry(_, name, aliases, ..)| *name == word || aliases.contains(&&*word))
            .map(|Entry(field, ..)| *field)
            .ok_or_else(|| Field::names(used_as).collect())
    }

    /// Whether it can be used in this way.
    pub fn can_be(self, used_as: Use) -> bool {
        usable(used_as).any(|Entry(field, ..)| *field == self)
    }

    /// The names of those that can be used in this way.
    pub fn names(used_as: Use) -> impl Iterator<Item = &'static str> {
        usable(used_as).map(|Entry(_, name, ..)| *name)
    }
}

fn usable(used_as: Use) -> impl Iterator<Item = &'static Entry> {
    FIELDS
        .iter()
        .filter(move |Entry(.., uses, _, _)| uses.contains(&used_as))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_and_by_every_alias() {
        for Entry(field, name, aliases, uses, ..) in &FIELDS {
            for word in [&[*name], *aliases].concat() {
                let typed = word.replace('-', "_").to_uppercase();
                for used_as in *uses {
                    assert_eq!(Field::parse(word, *used_as), Ok(*field), "{word}");
                    assert_eq!(Field::parse(&typed, *used_as), Ok(*field), "{typed}");
                }
            }
            assert_eq!(field.name(), *name);
        }
    }

    #[test]
    fn the_error_for_a_field_without_this_use_lists_those_that_have_it() {
        assert!(Field::parse("send-queue", Use::Group).is_err());
        let valid = Field::parse("colour", Use::Column).unwrap_err();
        assert!(valid.contains(&"cgroup") && !valid.contains(&"service"));
    }
}
