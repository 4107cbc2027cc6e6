//! Everything that can be said of a socket, and the one table of how it is spelt and where it
//! serves: as a key of groups, a column of a list, an order, a key in JSON.
//!
//! Names are those of ss(8) where it has one; every word is understood with `-` or `_`.

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
}

struct Entry {
    field: Field,
    /// Printed, and the JSON key with `_` for `-`.
    name: &'static str,
    /// Also understood.
    aliases: &'static [&'static str],
    group: bool,
    column: bool,
    sort: bool,
    /// Whether the tables of /proc tell it.
    in_proc: bool,
}

const fn entry(
    field: Field,
    name: &'static str,
    aliases: &'static [&'static str],
    [group, column, sort, in_proc]: [bool; 4],
) -> Entry {
    Entry {
        field,
        name,
        aliases,
        group,
        column,
        sort,
        in_proc,
    }
}

const Y: bool = true;
const N: bool = false;

/// Every field: group, column, sort, in /proc.
const FIELDS: [Entry; 21] = [
    entry(Field::State, "state", &[], [Y, N, Y, Y]),
    entry(Field::Family, "family", &[], [Y, Y, Y, Y]),
    entry(
        Field::LocalAddr,
        "local-addr",
        &["src", "local-address"],
        [Y, N, Y, Y],
    ),
    entry(Field::LocalPort, "local-port", &["sport"], [Y, N, Y, Y]),
    entry(
        Field::RemoteAddr,
        "remote-addr",
        &["dst", "remote-address"],
        [Y, N, Y, Y],
    ),
    entry(Field::RemotePort, "remote-port", &["dport"], [Y, N, Y, Y]),
    entry(Field::Direction, "direction", &[], [Y, N, N, Y]),
    entry(Field::Service, "service", &[], [Y, N, N, Y]),
    entry(Field::Interface, "interface", &["dev"], [Y, Y, Y, N]),
    entry(Field::Uid, "uid", &[], [Y, Y, Y, Y]),
    entry(Field::User, "user", &[], [Y, Y, N, Y]),
    entry(Field::Cgroup, "cgroup", &[], [Y, Y, N, N]),
    entry(
        Field::ReceiveQueue,
        "receive-queue",
        &["recv-q", "rqueue"],
        [N, N, Y, Y],
    ),
    entry(
        Field::SendQueue,
        "send-queue",
        &["send-q", "wqueue"],
        [N, N, Y, Y],
    ),
    entry(Field::AcceptQueue, "accept-queue", &[], [N, N, Y, Y]),
    entry(
        Field::AcceptLimit,
        "accept-limit",
        &["backlog"],
        [N, N, Y, N],
    ),
    entry(Field::Timer, "timer", &[], [N, Y, Y, Y]),
    entry(
        Field::Retransmits,
        "retransmits",
        &["retrans"],
        [N, Y, Y, Y],
    ),
    entry(Field::Inode, "inode", &["ino"], [N, Y, Y, Y]),
    entry(Field::Cookie, "cookie", &["sk"], [N, Y, Y, N]),
    entry(Field::Mark, "mark", &["fwmark"], [N, Y, Y, N]),
];

impl Field {
    fn entry(self) -> Option<&'static Entry> {
        FIELDS.iter().find(|entry| entry.field == self)
    }

    /// The name on the command line: `local-port`.
    pub fn name(self) -> &'static str {
        self.entry().map_or("", |entry| entry.name)
    }

    /// The key in JSON: `local_port`.
    pub fn json_key(self) -> String {
        self.name().replace('-', "_")
    }

    /// The heading of its column in a table: `LOCAL-PORT`.
    pub fn heading(self) -> String {
        self.name().to_uppercase()
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
        let usable = || {
            FIELDS.iter().filter(|entry| match used_as {
                Use::Group => entry.group,
                Use::Column => entry.column,
                Use::Sort => entry.sort,
            })
        };
        usable()
            .find(|entry| entry.name == word || entry.aliases.contains(&&*word))
            .map(|entry| entry.field)
            .ok_or_else(|| usable().map(|entry| entry.name).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_and_by_every_alias() {
        for entry in &FIELDS {
            let used_as = match entry {
                Entry { group: true, .. } => Use::Group,
                Entry { column: true, .. } => Use::Column,
                _ => Use::Sort,
            };
            for word in [&[entry.name], entry.aliases].concat() {
                assert_eq!(Field::parse(word, used_as), Ok(entry.field), "{word}");
                let typed = word.replace('-', "_").to_uppercase();
                assert_eq!(Field::parse(&typed, used_as), Ok(entry.field), "{typed}");
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
