//! Everything that can be said of a socket, and the one table of how it is spelt and where it
//! serves: as a key of groups, a column of a list, an order, a word of a filter, a key in JSON.
//!
//! Names are those of ss(8) where it has one; every word is understood with `-` or `_`.

use super::Metric;

/// Something a socket has.
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
    /// Whether the peer or this host made the connection.
    Direction,
    /// What is served or used: the listening port, or the remote address and port.
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

struct Entry {
    field: Field,
    /// Printed, and the JSON key with `_` for `-` and the unit behind it.
    name: &'static str,
    /// Also understood.
    aliases: &'static [&'static str],
    uses: &'static [Use],
    /// Whether the tables of /proc tell it.
    in_proc: bool,
}

const fn entry(
    field: Field,
    name: &'static str,
    aliases: &'static [&'static str],
    uses: &'static [Use],
    in_proc: bool,
) -> Entry {
    Entry {
        field,
        name,
        aliases,
        uses,
        in_proc,
    }
}

/// A number of TCP's own, which only netlink tells, and which is shown, sorted by and compared.
const fn metric(metric: Metric, name: &'static str, aliases: &'static [&'static str]) -> Entry {
    entry(
        Field::Metric(metric),
        name,
        aliases,
        &[C, S, F],
        NETLINK_ONLY,
    )
}

use Use::{Column as C, Filter as F, Group as G, Sort as S};

/// Whether the tables of /proc tell a field.
const PROC: bool = true;
const NETLINK_ONLY: bool = false;

/// Every field.
#[rustfmt::skip]
const FIELDS: [Entry; 46] = [
    entry(Field::State, "state", &[], &[G, S, F], PROC),
    entry(Field::Family, "family", &[], &[G, C, S, F], PROC),
    entry(Field::LocalAddr, "local-addr", &["src", "local-address"], &[G, S, F], PROC),
    entry(Field::LocalPort, "local-port", &["sport"], &[G, S, F], PROC),
    entry(Field::RemoteAddr, "remote-addr", &["dst", "remote-address"], &[G, S, F], PROC),
    entry(Field::RemotePort, "remote-port", &["dport"], &[G, S, F], PROC),
    entry(Field::Direction, "direction", &[], &[G], PROC),
    entry(Field::Service, "service", &[], &[G], PROC),
    entry(Field::Interface, "interface", &["dev"], &[G, C, S, F], NETLINK_ONLY),
    entry(Field::V6Only, "v6only", &["ipv6-only"], &[G, C, F], NETLINK_ONLY),
    entry(Field::Uid, "uid", &[], &[G, C, S, F], PROC),
    entry(Field::User, "user", &[], &[G, C, F], PROC),
    entry(Field::Cgroup, "cgroup", &[], &[G, C, F], NETLINK_ONLY),
    entry(Field::ReceiveQueue, "receive-queue", &["recv-q", "rqueue"], &[S, F], PROC),
    entry(Field::SendQueue, "send-queue", &["send-q", "wqueue"], &[S, F], PROC),
    entry(Field::AcceptQueue, "accept-queue", &[], &[S, F], PROC),
    entry(Field::AcceptLimit, "accept-limit", &["backlog"], &[S, F], NETLINK_ONLY),
    entry(Field::Drops, "drops", &[], &[C, S, F], NETLINK_ONLY),
    entry(Field::Timer, "timer", &[], &[C, S], PROC),
    entry(Field::Retransmits, "retransmits", &[], &[C, S, F], PROC),
    entry(Field::Inode, "inode", &["ino"], &[C, S, F], PROC),
    entry(Field::Cookie, "cookie", &["sk"], &[C, S, F], NETLINK_ONLY),
    entry(Field::Mark, "mark", &["fwmark"], &[C, S, F], NETLINK_ONLY),
    metric(Metric::RoundTripTime, "rtt", &[]),
    metric(Metric::MinRoundTripTime, "min-rtt", &["minrtt"]),
    metric(Metric::CongestionWindow, "cwnd", &["congestion-window"]),
    metric(Metric::Mss, "mss", &["snd-mss"]),
    metric(Metric::Unacked, "unacked", &[]),
    metric(Metric::RetransNow, "retrans-now", &[]),
    metric(Metric::TotalRetrans, "total-retrans", &["retrans-total"]),
    metric(Metric::Lost, "lost", &[]),
    metric(Metric::BytesSent, "bytes-sent", &[]),
    metric(Metric::BytesReceived, "bytes-received", &[]),
    metric(Metric::BytesNotSent, "bytes-not-sent", &["notsent", "not-sent"]),
    metric(Metric::DeliveryRate, "delivery-rate", &[]),
    metric(Metric::PacingRate, "pacing-rate", &[]),
    metric(Metric::BusyTime, "busy-time", &["busy"]),
    metric(Metric::LastDataSent, "last-data-sent", &["lastsnd"]),
    metric(Metric::LastDataReceived, "last-data-received", &["lastrcv"]),
    entry(Field::CongestionControl, "congestion-control", &["cong"], &[C, S, F], NETLINK_ONLY),
    entry(Field::Process, "process", &["processes"], &[G, C, F], PROC),
    entry(Field::Pid, "pid", &[], &[G, F], PROC),
    entry(Field::Fd, "fd", &[], &[C], PROC),
    entry(Field::CommandLine, "command-line", &["cmdline"], &[C], PROC),
    entry(Field::Unit, "unit", &[], &[C], PROC),
    entry(Field::Container, "container", &[], &[C], PROC),
];

impl Field {
    fn entry(self) -> Option<&'static Entry> {
        FIELDS.iter().find(|entry| entry.field == self)
    }

    /// The name on the command line: `local-port`.
    pub fn name(self) -> &'static str {
        self.entry().map_or("", |entry| entry.name)
    }

    /// The key in JSON, with the unit: `local_port`, `rtt_us`.
    pub fn json_key(self) -> String {
        self.name().replace('-', "_") + self.written_unit().key_suffix()
    }

    /// Whether it is about the processes that hold a socket, which no source of sockets tells.
    pub fn needs_owners(self) -> bool {
        matches!(
            self,
            Field::Process
                | Field::Pid
                | Field::Fd
                | Field::CommandLine
                | Field::Unit
                | Field::Container
        )
    }

    /// The heading of its column in a table, with the unit: `LOCAL-PORT`, `RTT-US`.
    pub fn heading(self) -> String {
        self.name().to_uppercase() + self.written_unit().heading_suffix()
    }

    /// Whether the tables of /proc tell it.
    pub fn is_in_proc(self) -> bool {
        self.entry().is_some_and(|entry| entry.in_proc)
    }

    /// The field that `word` names and that can be used so; or every word that could have stood
    /// there.
    ///
    /// # Errors
    /// The valid names, where the word is none.
    pub fn parse(word: &str, used_as: Use) -> Result<Field, Vec<&'static str>> {
        let word = word.to_lowercase().replace('_', "-");
        usable(used_as)
            .find(|entry| entry.name == word || entry.aliases.contains(&&*word))
            .map(|entry| entry.field)
            .ok_or_else(|| Field::names(used_as).collect())
    }

    /// The names of those that can be used so.
    pub fn names(used_as: Use) -> impl Iterator<Item = &'static str> {
        usable(used_as).map(|entry| entry.name)
    }
}

fn usable(used_as: Use) -> impl Iterator<Item = &'static Entry> {
    FIELDS
        .iter()
        .filter(move |entry| entry.uses.contains(&used_as))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_and_by_every_alias() {
        for entry in &FIELDS {
            for word in [&[entry.name], entry.aliases].concat() {
                let typed = word.replace('-', "_").to_uppercase();
                for used_as in entry.uses {
                    assert_eq!(Field::parse(word, *used_as), Ok(entry.field), "{word}");
                    assert_eq!(Field::parse(&typed, *used_as), Ok(entry.field), "{typed}");
                }
            }
            assert_eq!(entry.field.name(), entry.name);
        }
    }

    #[test]
    fn a_word_that_cannot_serve_so_is_answered_with_those_that_can() {
        assert!(Field::parse("send-queue", Use::Group).is_err());
        let valid = Field::parse("colour", Use::Column).unwrap_err();
        assert!(valid.contains(&"cgroup") && !valid.contains(&"service"));
    }
}
