//! Lines of sockets: written and read again, each is the same.

use std::time::Duration;

use crate::model::testing::{SameNames, ends};
use crate::model::{
    CongestionControl, Ends, Field, Kind, KindSet, Metric, Moment, NetlinkEnds, PacketEnds, Place,
    Socket, State, TcpInfo, Timer, TimerKind, UnixEnds, UnixName, UnixPeer, UnixShutdown,
};
use crate::output::SocketLines;
use crate::record::Rows;

/// A socket of this kind over netlink.
fn seen(kind: Kind, state: State, ends: impl Into<Ends>) -> Socket {
    Socket {
        uid: 33,
        full: Some(true),
        inode: 4_026_531_840,
        cookie: Some(u64::MAX),
        retransmits: None,
        ..Socket::bare(kind, state, ends)
    }
}

/// TCP sockets with every value that a source reports: a connection, and a listener from each source.
fn tcp() -> [Socket; 3] {
    let mut info = TcpInfo::default();
    for (number, metric) in (1..).zip(Metric::ALL) {
        info.set(*metric, number);
    }
    let mapped = ends("[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.2]:40000");
    let connection = Socket {
        receive_queue: 3,
        send_queue: u32::MAX,
        retransmits: Some(2),
        timer: Some(Timer {
            kind: TimerKind::KeepAlive,
            remaining: Duration::from_millis(1_230),
        }),
        interface: Some(7),
        mark: Some(9),
        cgroup: Some(12),
        drops: Some(0),
        congestion_control: CongestionControl::new("bbr"),
        info: Some(Box::new(info)),
        ..seen(Kind::Tcp, State::Unknown(14), mapped)
    };
    let listener = Socket {
        receive_queue: 1,
        send_queue: 128,
        v6only: Some(false),
        ..seen(Kind::Tcp, State::Listen, ends("[::]:80", "[::]:0"))
    };
    let from_tables = Socket {
        full: None,
        cookie: None,
        send_queue: 0,
        v6only: None,
        ..listener.clone()
    };
    [connection, listener, from_tables]
}

/// Listeners of UNIX sockets with these names and others that are no text.
fn unix() -> impl Iterator<Item = Socket> {
    let listening = |name: UnixName| Socket {
        receive_queue: 1,
        send_queue: 5,
        ..seen(
            Kind::UnixStream,
            State::Listen,
            Ends::Unix(UnixEnds {
                name,
                peer: Some(UnixPeer::None),
                shutdown: Some(UnixShutdown::None),
                clients: [7, 0].into(),
            }),
        )
    };
    let texts = ["/run/a", "/run/with blank\\", "@x", "\u{202e}"];
    let texts = texts.map(|text| text.as_bytes().to_vec());
    let names = texts.into_iter().chain([vec![0xff, b'a']]);
    let names = names.flat_map(|name| {
        let name = name.into_boxed_slice();
        [UnixName::Path(name.clone()), UnixName::Abstract(name)]
    });
    let odd = UnixName::Abstract(vec![b'a', 0].into());
    [UnixName::Unnamed, odd]
        .into_iter()
        .chain(names)
        .map(listening)
}

/// A socket of each kind.
fn sockets() -> impl Iterator<Item = Socket> {
    let packet = PacketEnds {
        socket_type: 3,
        protocol: 0x88cc,
    };
    let netlink = NetlinkEnds {
        protocol: 15,
        port_id: 77,
        peer: Some(5),
        groups: Some(3),
    };
    let others = [
        seen(
            Kind::Udp,
            State::Unconnected,
            ends("10.0.0.1:53", "0.0.0.0:0"),
        ),
        seen(
            Kind::Raw,
            State::Established,
            ends("10.0.0.1:89", "10.0.0.2:0"),
        ),
        seen(Kind::Packet, State::Unconnected, Ends::Packet(packet)),
        Socket {
            uid: Socket::NO_UID,
            ..seen(Kind::Netlink, State::Established, Ends::Netlink(netlink))
        },
    ];
    tcp().into_iter().chain(others).chain(unix())
}

/// A moment with the names of [`SameNames`].
fn moment() -> Moment {
    let mut moment = Moment::beginning(Place::default());
    moment.interfaces.insert(7, "eth0".to_owned());
    moment.cgroups.insert(12, "/".to_owned());
    moment
}

#[test]
fn every_socket_is_read_from_its_line_as_it_was() {
    let lines = SocketLines::recorded(KindSet::ALL);
    let rows = Rows::new(KindSet::ALL, &moment(), true);
    for socket in sockets() {
        let mut line = Vec::new();
        lines.push(&mut line, &socket, &mut SameNames);
        let read = rows.parse(&line);
        let text = String::from_utf8(line).unwrap();
        assert_eq!(read, Ok(Some(socket)), "{text}");
    }
}

#[test]
fn every_field_that_a_source_reports_is_in_some_line() {
    let lines = SocketLines::recorded(KindSet::ALL);
    let mut text = Vec::new();
    for socket in sockets() {
        lines.push(&mut text, &socket, &mut SameNames);
    }
    let text = String::from_utf8(text).unwrap();
    // Memory of the receive buffer is requested of some kinds only.
    let fields = Field::recorded(KindSet::ALL).filter(|field| *field != Field::ReceiveLimit);
    for field in fields {
        let key = format!("\"{}\":", field.json_key());
        assert!(text.contains(&key), "{field:?}: {text}");
    }
}
