//! Every property of a socket, and the one table of its names and uses: as a key of groups, a column
//! of a list, an order, a word of a filter, a key in JSON.
//!
//! Names are those of ss(8) where it has one; every word may be typed with `-` or `_`.

use super::Metric;

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
    /// Bytes received and not yet read.
    ReceiveQueue,
    /// Bytes written and not yet acknowledged.
    SendQueue,
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
}

/// What a field can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// `--by`
    Group,
    /// `--columns`
    Column,
    /// `--sort`
    Sort,
    /// A word of a filter.
    Filter,
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

/// A field, its name, its synonyms, its uses, and who reports it. The name is printed, and is the JSON
/// key with `_` for `-` and the unit behind it.
struct Entry(
    Field,
    &'static str,
    &'static [&'static str],
    &'static [Use],
    Origin,
);

use Field::Metric as M;
use Origin::{Netlink as NETLINK, Owners as OWNERS, Sockets as SOCKETS};
use Use::{Column as C, Filter as F, Group as G, Sort as S};

/// Every field.
#[rustfmt::skip]
const FIELDS: [Entry; 46] = [
    Entry(Field::State, "state", &[], &[G, S, F], SOCKETS),
    Entry(Field::Family, "family", &[], &[G, C, S, F], SOCKETS),
    Entry(Field::LocalAddr, "local-addr", &["src", "local-address"], &[G, S, F], SOCKETS),
    Entry(Field::LocalPort, "local-port", &["sport"], &[G, S, F], SOCKETS),
    Entry(Field::RemoteAddr, "remote-addr", &["dst", "remote-address"], &[G, S, F], SOCKETS),
    Entry(Field::RemotePort, "remote-port", &["dport"], &[G, S, F], SOCKETS),
    Entry(Field::Direction, "direction", &[], &[G], SOCKETS),
    Entry(Field::Service, "service", &[], &[G], SOCKETS),
    Entry(Field::Interface, "interface", &["dev"], &[G, C, S, F], NETLINK),
    Entry(Field::V6Only, "v6only", &["ipv6-only"], &[G, C, F], NETLINK),
    Entry(Field::Uid, "uid", &[], &[G, C, S, F], SOCKETS),
    Entry(Field::User, "user", &[], &[G, C, F], SOCKETS),
    Entry(Field::Cgroup, "cgroup", &[], &[G, C, F], NETLINK),
    Entry(Field::ReceiveQueue, "receive-queue", &["recv-q", "rqueue"], &[S, F], SOCKETS),
    Entry(Field::SendQueue, "send-queue", &["send-q", "wqueue"], &[S, F], SOCKETS),
    Entry(Field::AcceptQueue, "accept-queue", &[], &[S, F], SOCKETS),
    Entry(Field::AcceptLimit, "accept-limit", &["backlog"], &[S, F], NETLINK),
    Entry(Field::Drops, "drops", &[], &[C, S, F], NETLINK),
    Entry(Field::Timer, "timer", &[], &[C, S], SOCKETS),
    Entry(Field::Retransmits, "retransmits", &[], &[C, S, F], SOCKETS),
    Entry(Field::Inode, "inode", &["ino"], &[C, S, F], SOCKETS),
    Entry(Field::Cookie, "cookie", &["sk"], &[C, S, F], NETLINK),
    Entry(Field::Mark, "mark", &["fwmark"], &[C, S, F], NETLINK),
    Entry(M(Metric::RoundTripTime), "rtt", &[], &[C, S, F], NETLINK),
    Entry(M(Metric::MinRoundTripTime), "min-rtt", &["minrtt"], &[C, S, F], NETLINK),
    Entry(M(Metric::CongestionWindow), "cwnd", &["congestion-window"], &[C, S, F], NETLINK),
    Entry(M(Metric::Mss), "mss", &["snd-mss"], &[C, S, F], NETLINK),
    Entry(M(Metric::Unacked), "unacked", &[], &[C, S, F], NETLINK),
    Entry(M(Metric::RetransNow), "retrans-now", &[], &[C, S, F], NETLINK),
    Entry(M(Metric::TotalRetrans), "total-retrans", &["retrans-total"], &[C, S, F], NETLINK),
    Entry(M(Metric::Lost), "lost", &[], &[C, S, F], NETLINK),
    Entry(M(Metric::BytesSent), "bytes-sent", &[], &[C, S, F], NETLINK),
    Entry(M(Metric::BytesReceived), "bytes-received", &[], &[C, S, F], NETLINK),
    Entry(M(Metric::BytesNotSent), "bytes-not-sent", &["notsent", "not-sent"], &[C, S, F], NETLINK),
    Entry(M(Metric::DeliveryRate), "delivery-rate", &[], &[C, S, F], NETLINK),
    Entry(M(Metric::PacingRate), "pacing-rate", &[], &[C, S, F], NETLINK),
    Entry(M(Metric::BusyTime), "busy-time", &["busy"], &[C, S, F], NETLINK),
    Entry(M(Metric::LastDataSent), "last-data-sent", &["lastsnd"], &[C, S, F], NETLINK),
    Entry(M(Metric::LastDataReceived), "last-data-received", &["lastrcv"], &[C, S, F], NETLINK),
    Entry(Field::CongestionControl, "congestion-control", &["cong"], &[C, S, F], NETLINK),
    Entry(Field::Process, "process", &["processes"], &[G, C, F], OWNERS),
    Entry(Field::Pid, "pid", &[], &[G, F], OWNERS),
    Entry(Field::Fd, "fd", &[], &[C], OWNERS),
    Entry(Field::CommandLine, "command-line", &["cmdline"], &[C], OWNERS),
    Entry(Field::Unit, "unit", &[], &[C], OWNERS),
    Entry(Field::Container, "container", &[], &[C], OWNERS),
];

impl Field {
    fn entry(self) -> Option<&'static Entry> {
        FIELDS.iter().find(|Entry(field, ..)| *field == self)
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
            .is_some_and(|Entry(.., origin)| *origin == OWNERS)
    }

    /// The heading of its column in a table, with the unit: `LOCAL-PORT`, `RTT-US`.
    pub fn heading(self) -> String {
        self.name().to_uppercase() + self.written_unit().suffixes().1
    }

    /// Whether the files of /proc have it.
    pub fn is_in_proc(self) -> bool {
        self.entry()
            .is_some_and(|Entry(.., origin)| *origin != NETLINK)
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

    /// The names of those that can be used in this way.
    pub fn names(used_as: Use) -> impl Iterator<Item = &'static str> {
        usable(used_as).map(|Entry(_, name, ..)| *name)
    }
}

fn usable(used_as: Use) -> impl Iterator<Item = &'static Entry> {
    FIELDS
        .iter()
        .filter(move |Entry(.., uses, _)| uses.contains(&used_as))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_and_by_every_alias() {
        for Entry(field, name, aliases, uses, _) in &FIELDS {
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
