//! The values of a line, and the socket that they make.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::model::{
    Ends, Family, FamilyClass, InetEnds, Kind, NetlinkEnds, PacketEnds, Socket, State, Timer,
    TimerKind, UnixEnds, UnixName,
};

/// An address, where there is one, and a port.
type End = (Option<IpAddr>, u16);

/// The values so far.
pub(super) struct Draft {
    pub(super) is_socket: bool,
    pub(super) socket: Socket,
    pub(super) class: Option<FamilyClass>,
    pub(super) local: End,
    pub(super) remote: End,
    pub(super) timer: Option<TimerKind>,
    /// In milliseconds.
    pub(super) remaining: u64,
    /// Whether it is a listener with a limit, which only netlink reports.
    pub(super) has_limit: bool,
    pub(super) name: Option<String>,
    /// The word for the name space of a name.
    pub(super) name_space: Option<String>,
    /// Its bytes, where they are not text.
    pub(super) name_hex: Option<String>,
    pub(super) socket_type: Option<String>,
    pub(super) unix: UnixEnds,
    pub(super) clients: Vec<u32>,
    pub(super) netlink: NetlinkEnds,
    pub(super) protocol: u16,
}

impl Default for Draft {
    fn default() -> Draft {
        let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let ends = InetEnds::listening(Family::V4, nowhere);
        Draft {
            is_socket: false,
            socket: Socket {
                uid: Socket::NO_UID,
                retransmits: None,
                ..Socket::bare(Kind::Tcp, State::Unknown(0), ends)
            },
            class: None,
            local: (None, 0),
            remote: (None, 0),
            timer: None,
            remaining: 0,
            has_limit: false,
            name: None,
            name_space: None,
            name_hex: None,
            socket_type: None,
            unix: UnixEnds::default(),
            clients: Vec::new(),
            netlink: NetlinkEnds::default(),
            protocol: 0,
        }
    }
}

impl Draft {
    /// The socket.
    ///
    /// # Errors
    /// What it lacks.
    pub(super) fn finish(mut self) -> Result<Socket, String> {
        if self.socket.state == State::Unknown(0) {
            return Err("no state".to_owned());
        }
        let ends = self.ends()?;
        let Draft { mut socket, .. } = self;
        socket.ends = ends;
        // Only netlink reports the limits of listeners and cookies.
        let is_of_netlink = match socket.state == State::Listen {
            true => self.has_limit,
            false => socket.cookie.is_some(),
        };
        socket.full = is_of_netlink.then_some(true);
        socket.timer = self.timer.map(|kind| Timer {
            kind,
            remaining: Duration::from_millis(self.remaining),
        });
        Ok(socket)
    }

    fn ends(&mut self) -> Result<Ends, String> {
        let kind = self.socket.kind;
        Ok(match kind {
            Kind::UnixStream | Kind::UnixDgram | Kind::UnixSeqpacket => Ends::Unix(UnixEnds {
                name: self.unix_name()?,
                clients: std::mem::take(&mut self.clients).into(),
                ..std::mem::take(&mut self.unix)
            }),
            Kind::Packet => Ends::Packet(PacketEnds {
                socket_type: match self.socket_type.as_deref() {
                    Some("dgram") => 2,
                    Some("raw") => 3,
                    _ => 10,
                },
                protocol: self.protocol,
            }),
            Kind::Netlink => Ends::Netlink(NetlinkEnds {
                protocol: u8::try_from(self.protocol).map_err(|error| error.to_string())?,
                ..self.netlink
            }),
            Kind::Raw => {
                // As the kernel has it, in the place of the port.
                self.local.1 = self.protocol;
                Ends::Internet(self.internet()?)
            }
            Kind::Tcp | Kind::Mptcp | Kind::Udp | Kind::UdpLite | Kind::Ping => {
                Ends::Internet(self.internet()?)
            }
        })
    }

    fn internet(&self) -> Result<InetEnds, String> {
        let (Some(class), (Some(local), local_port), (Some(remote), remote_port)) =
            (self.class, self.local, self.remote)
        else {
            return Err("no family, local_addr or remote_addr".to_owned());
        };
        let ends = InetEnds {
            family: match class {
                FamilyClass::V4 => Family::V4,
                FamilyClass::V6 | FamilyClass::V4Mapped => Family::V6,
            },
            local: SocketAddr::new(local, local_port),
            remote: SocketAddr::new(remote, remote_port),
        };
        match ends.class() == class && local.is_ipv4() == (ends.family == Family::V4) {
            true => Ok(ends),
            false => Err("its family is not that of its addresses".to_owned()),
        }
    }

    fn unix_name(&self) -> Result<UnixName, String> {
        let Some(name) = &self.name else {
            return Ok(UnixName::Unnamed);
        };
        let is_abstract = self.name_space.as_deref() == Some("abstract");
        let bytes = match &self.name_hex {
            Some(digits) => bytes_of(digits).ok_or_else(|| format!("no bytes: {digits}"))?,
            // The sign before an abstract name is no part of it.
            None => match name.strip_prefix('@').filter(|_| is_abstract) {
                Some(name) => name.as_bytes().to_vec(),
                None => name.as_bytes().to_vec(),
            },
        };
        Ok(match is_abstract {
            true => UnixName::Abstract(bytes.into()),
            false => UnixName::Path(bytes.into()),
        })
    }
}

/// The bytes of hexadecimal digits.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs
        .iter()
        .map(byte)
        .collect::<Option<_>>()
        .filter(|_| rest.is_empty())
}
