//! One socket, as its sources describe it.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::{
    CongestionControl, Ends, Field, InetEnds, Kind, NetlinkEnds, Netns, Protocol, State, TcpInfo,
    UnixEnds,
};

/// What is known of a socket. What only netlink reports is `None` from the tables of /proc. It is
/// made for one call of [`super::Sink::socket`], and sinks that count do not keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The state.
    pub state: State,
    /// Its kind.
    pub kind: Kind,
    /// Its network namespace.
    pub netns: Netns,
    /// What it is bound to and connected to.
    pub ends: Ends,
    /// Bytes received and not yet read; for a LISTEN socket, connections waiting to be accepted.
    pub receive_queue: u32,
    /// Bytes written and not yet acknowledged; for a LISTEN socket, the limit of its accept
    /// queue, which `/proc/net/tcp` does not know and shows as 0.
    pub send_queue: u32,
    /// The numeric user id of the owner, as reported; see [`Socket::owner`].
    pub uid: u32,
    /// Whether the kernel keeps a full socket for it (`struct sock`), as opposed to a timewait
    /// minisocket or a request socket; `None` where the source does not tell.
    pub full: Option<bool>,
    /// The inode that links the socket to file descriptors; 0 where no process holds it (yet).
    pub inode: u64,
    /// The running timer; `None` where none runs.
    pub timer: Option<Timer>,
    /// How often the running timer has already fired without an answer: retransmissions for
    /// [`TimerKind::Retransmit`], probes for [`TimerKind::KeepAlive`] and [`TimerKind::Persist`], 0
    /// without a timer (`idiag_retrans`). `None` where the source does not report it: /proc counts
    /// something else for SYN_RECV, and timers that this program does not know.
    pub retransmits: Option<u32>,
    /// The index of the interface the socket is bound to, 0 for none. Netlink only.
    pub interface: Option<u32>,
    /// The kernel's own number for the socket, unique since boot. Netlink only.
    pub cookie: Option<u64>,
    /// The firewall mark. Netlink only, and only for those who have CAP_NET_ADMIN.
    pub mark: Option<u32>,
    /// The control group's id (cgroup v2). Netlink only, full sockets only.
    pub cgroup: Option<u64>,
    /// What the kernel dropped that was meant for this socket, since it was made: segments, and of
    /// a listener mostly connections that its accept queue had no room for. `None` where it was not
    /// asked for, from /proc, and where there is no full socket.
    pub drops: Option<u32>,
    /// The memory that received data may take before more is dropped, in bytes (SO_RCVBUF of socket(7),
    /// doubled by the kernel). `None` where it was not requested, from /proc, and where the receive
    /// queue is not in memory but in bytes received.
    pub receive_limit: Option<u32>,
    /// Whether an IPv6 listener takes IPv6 only; `None` for others, and from /proc.
    pub v6only: Option<bool>,
    /// What TCP measures of the connection; `None` if it was not requested, from /proc, and for
    /// listeners and sockets that are not full. Boxed, because most questions do not need it, and a
    /// socket that is kept for sorting should be small.
    pub info: Option<Box<TcpInfo>>,
    /// The congestion control algorithm, a listener's being that of the connections it accepts;
    /// `None` where it was not asked for, from /proc, and where there is no full socket.
    pub congestion_control: Option<CongestionControl>,
}

/// Which socket. The cookie is enough, where the source reports it; it stays the same from SYN_RECV to
/// TIME_WAIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketId {
    /// The kind.
    pub kind: Kind,
    /// The kernel's own number; `None` from /proc.
    pub cookie: Option<u64>,
    /// What it is bound to and connected to; `None` without internet addresses.
    pub ends: Option<InetEnds>,
    /// The inode, by which sockets with the same ends, or none, are distinguished that have no cookie; 0
    /// where no process holds it (yet, or any more).
    pub inode: u64,
    /// The interface it is bound to; 0 for none, and from /proc.
    pub interface: u32,
}

impl SocketId {
    /// Whether it is that of `socket`.
    pub fn is_of(&self, socket: &Socket) -> bool {
        let is_held = self.inode != 0 && socket.inode != 0;
        match (self.cookie.zip(socket.cookie), &self.ends) {
            (Some((cookie, other)), _) => cookie == other,
            (None, None) => self.kind == socket.kind && is_held && self.inode == socket.inode,
            (None, ends) => {
                let is_same = self.kind == socket.kind && socket.internet() == ends.as_ref();
                is_same && !(is_held && self.inode != socket.inode)
            }
        }
    }
}

/// A timer of a socket, and how long until it fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// Which one.
    pub kind: TimerKind,
    /// The time left; zero for one that is due.
    pub remaining: Duration,
}

/// The kinds of timers, in the words of ss(8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerKind {
    /// `on`: the next retransmission.
    Retransmit,
    /// `keepalive`: the next probe of an idle peer.
    KeepAlive,
    /// `timewait`: the end of TIME_WAIT or of an orphan's FIN_WAIT2.
    TimeWait,
    /// `persist`: the next probe of a closed window.
    Persist,
    /// A number this program has no name for.
    Unknown(u8),
}

impl TimerKind {
    /// The kind of this name; `None` if there is none.
    pub fn parse(name: &str) -> Option<TimerKind> {
        let known = [
            TimerKind::Retransmit,
            TimerKind::KeepAlive,
            TimerKind::TimeWait,
            TimerKind::Persist,
        ];
        let number = || {
            name.strip_prefix("unknown(")?
                .strip_suffix(')')?
                .parse()
                .ok()
        };
        let named = known.into_iter().find(|kind| kind.name() == name);
        named.or_else(|| number().map(TimerKind::Unknown))
    }

    /// The word of ss(8), or the number of an unknown one.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            TimerKind::Retransmit => "on".into(),
            TimerKind::KeepAlive => "keepalive".into(),
            TimerKind::TimeWait => "timewait".into(),
            TimerKind::Persist => "persist".into(),
            TimerKind::Unknown(number) => format!("unknown({number})").into(),
        }
    }
}

impl Socket {
    /// In the place of a uid that the source did not report; user namespaces map none to it.
    pub const NO_UID: u32 = u32::MAX;

    /// A socket without other values: empty queues, uid 0, no inode, no timer; what
    /// only some sources report is `None`.
    pub fn bare(kind: Kind, state: State, ends: impl Into<Ends>) -> Socket {
        Socket {
            state,
            kind,
            netns: Netns::CALLER,
            ends: ends.into(),
            receive_queue: 0,
            send_queue: 0,
            uid: 0,
            full: None,
            inode: 0,
            timer: None,
            retransmits: Some(0),
            interface: None,
            cookie: None,
            mark: None,
            cgroup: None,
            drops: None,
            receive_limit: None,
            v6only: None,
            info: None,
            congestion_control: None,
        }
    }

    /// The ends of a socket that has internet addresses; `None` for one that has none. The view of
    /// everything that is about TCP.
    pub fn internet(&self) -> Option<&InetEnds> {
        match &self.ends {
            Ends::Internet(ends) => Some(ends),
            Ends::Unix(_) | Ends::Packet(_) | Ends::Netlink(_) => None,
        }
    }

    /// The name and the peer of a UNIX socket; `None` for one of another kind.
    pub fn unix(&self) -> Option<&UnixEnds> {
        match &self.ends {
            Ends::Unix(ends) => Some(ends),
            Ends::Internet(_) | Ends::Packet(_) | Ends::Netlink(_) => None,
        }
    }

    /// The ends of a socket that has ports.
    pub fn ported(&self) -> Option<&InetEnds> {
        self.internet().filter(|_| self.kind != Kind::Raw)
    }

    /// The addresses of a netlink socket.
    fn netlink(&self) -> Option<&NetlinkEnds> {
        match &self.ends {
            Ends::Netlink(ends) => Some(ends),
            Ends::Internet(_) | Ends::Unix(_) | Ends::Packet(_) => None,
        }
    }

    /// The protocol of a socket that can have one of several.
    pub fn protocol(&self) -> Option<Protocol> {
        let number = match &self.ends {
            // As the kernel has it, in the place of the port.
            Ends::Internet(ends) if self.kind == Kind::Raw => ends.local.port(),
            Ends::Packet(ends) => ends.protocol,
            Ends::Netlink(ends) => ends.protocol.into(),
            Ends::Internet(_) | Ends::Unix(_) => return None,
        };
        let kind = self.kind;
        Some(Protocol { kind, number })
    }

    /// The type of a socket of a kind that has several: `stream`, `raw`.
    pub fn socket_type(&self) -> Option<&'static str> {
        match &self.ends {
            // `SOCK_DGRAM` and `SOCK_RAW`; SOCK_PACKET (10) is one of Linux 2.0.
            Ends::Packet(ends) => Some(match ends.socket_type {
                2 => "dgram",
                3 => "raw",
                _ => "packet",
            }),
            Ends::Internet(_) | Ends::Unix(_) | Ends::Netlink(_) => self.kind.socket_type(),
        }
    }

    /// Which socket it is.
    pub fn id(&self) -> SocketId {
        SocketId {
            kind: self.kind,
            cookie: self.cookie,
            ends: self.internet().copied(),
            inode: self.inode,
            interface: self.bound_to().unwrap_or(0),
        }
    }

    /// A number that is the same in two lists of one source, and another for another socket: the
    /// cookie or, where the source does not report it, a hash of the inode, which stays the same when
    /// the socket is connected; of the ends where no process holds it.
    pub fn key(&self) -> u64 {
        self.cookie.unwrap_or_else(|| {
            let inode = self.held_inode();
            let ends = inode.is_none().then(|| (self.netns, self.internet()));
            let mut hasher = DefaultHasher::new();
            (self.kind, inode, ends).hash(&mut hasher);
            hasher.finish()
        })
    }

    /// The owner's numeric user id; `None` for a socket that no process holds: the kernel reports
    /// uid 0 for TIME_WAIT and SYN_RECV, and the listener's for what was never accepted, and
    /// neither owns it. `None` also where it is [`Socket::NO_UID`].
    pub fn owner(&self) -> Option<u32> {
        (self.inode != 0 && self.uid != Socket::NO_UID).then_some(self.uid)
    }

    /// Bytes received and not yet read, and bytes written and not yet acknowledged; `None` for a
    /// listener, whose queue holds connections, and where the source does not report them.
    pub fn byte_queues(&self) -> Option<(u32, u32)> {
        (self.state != State::Listen && self.has_queues())
            .then_some((self.receive_queue, self.send_queue))
    }

    /// The index of the interface the socket is bound to; `None` for none, and from /proc.
    pub fn bound_to(&self) -> Option<u32> {
        self.interface.filter(|index| *index != 0)
    }

    /// Whether it is a connection that waits to be accepted: complete, and without a process. What was
    /// closed is in neither of these states, and a handshake that is not over is in SYN_RECV.
    pub fn was_never_accepted(&self) -> bool {
        self.inode == 0 && matches!(self.state, State::Established | State::CloseWait)
    }

    /// The inode by which a process holds the socket; `None` where none does.
    pub fn held_inode(&self) -> Option<u64> {
        let is_of_kernel = matches!(&self.ends, Ends::Netlink(ends) if ends.port_id == 0);
        (self.inode != 0 && !is_of_kernel).then_some(self.inode)
    }

    /// For a listener, how many connections wait to be accepted.
    pub fn accept_queue(&self) -> Option<u32> {
        (self.state == State::Listen && self.has_queues()).then_some(self.receive_queue)
    }

    /// Whether the source reports its queues: of UNIX sockets only netlink does, where it was requested.
    fn has_queues(&self) -> bool {
        self.full.is_some() || !self.kind.is_unix()
    }

    /// For a listener over netlink, how many may wait; the queue is full when it holds more.
    pub fn accept_limit(&self) -> Option<u32> {
        (self.state == State::Listen && self.full.is_some()).then_some(self.send_queue)
    }

    /// A field that is a number, as one; `None` where the socket has none, or the field is no
    /// number.
    pub fn number(&self, field: Field) -> Option<u64> {
        match field {
            Field::LocalPort => Some(self.ported()?.local.port().into()),
            Field::RemotePort => Some(self.ported()?.remote.port().into()),
            Field::Protocol => self.protocol().map(|protocol| protocol.number.into()),
            Field::PortId => self.netlink().map(|ends| ends.port_id.into()),
            Field::Groups => self.netlink()?.groups.map(u64::from),
            Field::Interface => self.bound_to().map(u64::from),
            Field::Uid => self.owner().map(u64::from),
            Field::ReceiveQueue => self.byte_queues().map(|queues| queues.0.into()),
            Field::SendQueue => self.byte_queues().map(|queues| queues.1.into()),
            Field::AcceptQueue => self.accept_queue().map(u64::from),
            Field::AcceptLimit => self.accept_limit().map(u64::from),
            Field::Drops => self.drops.map(u64::from),
            Field::ReceiveLimit => self.receive_limit.map(u64::from),
            Field::Retransmits => self.retransmits.map(u64::from),
            Field::Inode => (self.inode != 0).then_some(self.inode),
            Field::Cookie => self.cookie,
            Field::Mark => self.mark.map(u64::from),
            Field::Metric(metric) => self.info.as_ref()?.get(metric),
            Field::Netns => Some(self.netns.0.into()),
            Field::State
            | Field::Kind
            | Field::Name
            | Field::SocketType
            | Field::Peer
            | Field::PeerProcess
            | Field::Shutdown
            | Field::Family
            | Field::LocalAddr
            | Field::RemoteAddr
            | Field::Direction
            | Field::Service
            | Field::V6Only
            | Field::User
            | Field::Cgroup
            | Field::Timer
            | Field::CongestionControl
            | Field::Process
            | Field::Pid
            | Field::Fd
            | Field::CommandLine
            | Field::Unit
            | Field::Container
            | Field::Pod => None,
        }
    }
}
