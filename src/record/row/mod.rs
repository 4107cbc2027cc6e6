//! A socket from its line: the keys of `list --json`, as the table of fields names them, and three that
//! only records have.

mod draft;
mod values;

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};

use crate::model::{
    CongestionControl, FamilyClass, Field, Kind, KindSet, Moment, Socket, State, TcpInfo,
    TimerKind, UnixPeer, UnixShutdown,
};
use draft::Draft;
use values::{Known, address, named, number, small, text, with_text, word};

/// The key of the inodes of the clients in the accept queue of a UNIX listener.
pub const CLIENTS: &str = "clients";

/// The key of the address that a NETLINK socket is connected to.
pub const PEER_PORT_ID: &str = "peer_port_id";

/// What a key of a line is about.
#[derive(Clone, Copy, Debug)]
enum Key {
    Type,
    Field(Field),
    TimerRemaining,
    NameSpace,
    NameHex,
    Clients,
    PeerPortId,
}

/// Reads lines of sockets.
#[derive(Debug)]
pub struct Rows {
    /// In the order in which this program writes them, so that each is found next to the one before.
    keys: Vec<(String, Key)>,
    /// Numbers by the names of interfaces and control groups.
    interfaces: HashMap<String, u32>,
    cgroups: HashMap<String, u64>,
    /// Whether what TCP measures is left out.
    skips_metrics: bool,
}

impl Rows {
    /// Those of sockets of these kinds, with the names of a moment; without what TCP measures unless it is
    /// needed.
    pub fn new(kinds: KindSet, moment: &Moment, metrics: bool) -> Rows {
        let field = |field: Field| (field.json_key(), Key::Field(field));
        let fields = Field::recorded(kinds).filter(|field| *field != Field::Kind);
        let first = [("type".to_owned(), Key::Type), field(Field::Kind)];
        let others = [
            ("timer_remaining_ms", Key::TimerRemaining),
            ("name_kind", Key::NameSpace),
            ("name_hex", Key::NameHex),
            (CLIENTS, Key::Clients),
            (PEER_PORT_ID, Key::PeerPortId),
        ];
        let others = others.map(|(key, about)| (key.to_owned(), about));
        let interfaces = moment.interfaces.iter();
        let cgroups = moment.host.cgroups.iter();
        Rows {
            keys: first
                .into_iter()
                .chain(fields.map(field))
                .chain(others)
                .collect(),
            interfaces: interfaces.map(|(id, name)| (name.clone(), *id)).collect(),
            cgroups: cgroups.map(|(id, name)| (name.clone(), *id)).collect(),
            skips_metrics: !metrics,
        }
    }

    /// The socket of a line; `None` for a line that is none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(&self, line: &[u8]) -> Result<Option<Socket>, String> {
        let mut json = serde_json::Deserializer::from_slice(line);
        let parsed = self.deserialize(&mut json);
        parsed.map_err(|error| error.to_string())
    }
}

impl<'de> DeserializeSeed<'de> for &Rows {
    type Value = Option<Socket>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &Rows {
    type Value = Option<Socket>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut draft = Draft::default();
        let mut next = 0;
        while let Some(key) = map.next_key_seed(Known {
            keys: &self.keys,
            next: &mut next,
        })? {
            match key {
                Some(Key::Type) => {
                    draft.is_socket = with_text(&mut map, |text| Ok(text == Some("socket")))?;
                }
                Some(Key::TimerRemaining) => draft.remaining = number(&mut map)?.unwrap_or(0),
                Some(Key::NameSpace) => draft.name_space = text(&mut map)?,
                Some(Key::NameHex) => draft.name_hex = text(&mut map)?,
                Some(Key::Clients) => draft.clients = map.next_value()?,
                Some(Key::PeerPortId) => draft.netlink.peer = small(&mut map)?,
                Some(Key::Field(Field::Metric(_))) if self.skips_metrics => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(Key::Field(field)) => self.set(&mut draft, field, &mut map)?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match draft.is_socket {
            true => draft.finish().map(Some).map_err(Error::custom),
            false => Ok(None),
        }
    }
}

impl Rows {
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the others are in no line: names, what listeners decide, and processes"
    )]
    fn set<'de, A: MapAccess<'de>>(
        &self,
        draft: &mut Draft,
        field: Field,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let socket = &mut draft.socket;
        match field {
            Field::State => socket.state = word(map, "state", State::of_text)?,
            Field::Kind => socket.kind = word(map, "kind", kind_of)?,
            Field::Family => {
                let named = |class: &FamilyClass, name: &str| class.name() == name;
                let of_name =
                    |name: &str| FamilyClass::ALL.into_iter().find(|one| named(one, name));
                draft.class = Some(word(map, "family", of_name)?);
            }
            Field::LocalAddr => draft.local.0 = Some(address(map)?),
            Field::LocalPort => draft.local.1 = small(map)?.unwrap_or(0),
            Field::RemoteAddr => draft.remote.0 = Some(address(map)?),
            Field::RemotePort => draft.remote.1 = small(map)?.unwrap_or(0),
            Field::Interface => socket.interface = named(map, |name| self.interface(name))?,
            Field::Cgroup => socket.cgroup = named(map, |path| self.cgroup(path))?,
            Field::V6Only => socket.v6only = map.next_value()?,
            Field::Uid => socket.uid = small(map)?.unwrap_or(Socket::NO_UID),
            Field::ReceiveQueue | Field::AcceptQueue => {
                socket.receive_queue = small(map)?.unwrap_or(socket.receive_queue);
            }
            Field::SendQueue => socket.send_queue = small(map)?.unwrap_or(socket.send_queue),
            Field::AcceptLimit => {
                let limit = small(map)?;
                draft.has_limit = limit.is_some();
                socket.send_queue = limit.unwrap_or(socket.send_queue);
            }
            Field::ReceiveLimit => socket.receive_limit = small(map)?,
            Field::Drops => socket.drops = small(map)?,
            Field::Timer => draft.timer = Some(word(map, "timer", TimerKind::parse)?),
            Field::Retransmits => socket.retransmits = small(map)?,
            Field::Inode => socket.inode = number(map)?.unwrap_or(0),
            Field::Cookie => socket.cookie = number(map)?,
            Field::Mark => socket.mark = small(map)?,
            Field::CongestionControl => {
                let algorithm = word(map, "algorithm", CongestionControl::new)?;
                socket.congestion_control = Some(algorithm);
            }
            Field::Metric(metric) => {
                if let Some(value) = number(map)? {
                    let info = || Box::new(TcpInfo::default());
                    socket.info.get_or_insert_with(info).set(metric, value);
                }
            }
            Field::Name => draft.name = text(map)?,
            Field::SocketType => draft.socket_type = text(map)?,
            Field::Peer => draft.unix.peer = Some(word(map, "peer", UnixPeer::parse)?),
            Field::Shutdown => {
                let of_name =
                    |name: &str| UnixShutdown::ALL.into_iter().find(|one| one.name() == name);
                draft.unix.shutdown = Some(word(map, "shutdown", of_name)?);
            }
            Field::Protocol => draft.protocol = small(map)?.unwrap_or(0),
            Field::PortId => draft.netlink.port_id = small(map)?.unwrap_or(0),
            Field::Groups => draft.netlink.groups = small(map)?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }

    fn interface(&self, name: &str) -> Result<u32, String> {
        let known = self.interfaces.get(name).copied();
        let number = || name.strip_prefix("if")?.parse().ok();
        known
            .or_else(number)
            .ok_or_else(|| format!("no line names the interface {name}"))
    }

    fn cgroup(&self, path: &str) -> Result<u64, String> {
        let known = self.cgroups.get(path).copied();
        let number = || path.strip_prefix("id:")?.parse().ok();
        known
            .or_else(number)
            .ok_or_else(|| format!("no line names the control group {path}"))
    }
}

fn kind_of(name: &str) -> Option<Kind> {
    KindSet::ALL.iter().find(|kind| kind.name() == name)
}
