//! Lines of sockets: written and read again, each is the same.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::model::testing::{SameNames, ends};
use crate::model::{
    CongestionControl, Ends, Field, Kind, KindSet, Metric, Moment, NetlinkEnds, PacketEnds, Place,
    RecordedHost, Socket, State, TcpInfo, Timer, TimerKind, UnixEnds, UnixName, UnixPeer,
    UnixShutdown,
};
use crate::output::SocketLines;
use crate::record::line::{End, Head, Line, Name, VERSION};
use crate::record::{Comparison, Known, Rows, Sockets, Writer, open};

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
    let cgroups = [(12, "/".to_owned())].into_iter().collect();
    moment.host = Arc::new(RecordedHost {
        cgroups,
        ..RecordedHost::default()
    });
    moment
}

#[test]
fn every_socket_is_read_from_its_line_as_it_was() {
    let mut lines = SocketLines::recorded(KindSet::ALL, false);
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
fn the_line_of_a_socket_is_the_same_after_any_other_one() {
    let mut after = SocketLines::recorded(KindSet::ALL, true);
    let named = |socket: Socket, interface, algorithm| Socket {
        interface: Some(interface),
        congestion_control: CongestionControl::new(algorithm),
        ..socket
    };
    for before in sockets() {
        for socket in sockets() {
            let both = [named(socket.clone(), 3, "bbr"), named(socket, 7, "cubic")];
            for socket in both.iter().chain([&before]) {
                let (mut alone, mut line) = (Vec::new(), Vec::new());
                let mut fresh = SocketLines::recorded(KindSet::ALL, true);
                fresh.push(&mut alone, socket, &mut SameNames);
                after.push(&mut line, socket, &mut SameNames);
                let [alone, line] = [alone, line].map(String::from_utf8);
                assert_eq!(line, alone);
            }
        }
    }
}

#[test]
fn a_socket_is_read_whatever_the_order_of_its_keys() {
    let mut lines = SocketLines::recorded(KindSet::ALL, false);
    let rows = Rows::new(KindSet::ALL, &moment(), true);
    for socket in sockets() {
        let mut line = Vec::new();
        lines.push(&mut line, &socket, &mut SameNames);
        let text = String::from_utf8(line).unwrap();
        let inner = text.trim_end().strip_prefix('{').unwrap();
        let inner = inner.strip_suffix('}').unwrap();
        // No value of these has such a comma.
        let mut keys: Vec<&str> = inner.split(",\"").collect();
        let first = keys.remove(0).trim_start_matches('"').to_owned();
        keys.reverse();
        let turned = format!("{{\"later\":[1],\"{},\"{first}}}", keys.join(",\""));
        assert_eq!(rows.parse(turned.as_bytes()), Ok(Some(socket)), "{turned}");
    }
}

#[test]
fn every_field_that_a_source_reports_is_in_some_line() {
    let mut lines = SocketLines::recorded(KindSet::ALL, false);
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

/// What changes with time alone, for connections that have all of it.
fn older(mut socket: Socket, milliseconds: u64) -> Socket {
    let ages = [
        Metric::LastDataSent,
        Metric::LastDataReceived,
        Metric::LastAckReceived,
    ];
    if let Some(info) = &mut socket.info {
        for metric in ages {
            let age = info.get(metric).unwrap_or(0);
            info.set(metric, age + milliseconds);
        }
    }
    if let Some(timer) = &mut socket.timer {
        timer.remaining -= Duration::from_millis(milliseconds);
    }
    socket
}

fn numbered(cookie: u64) -> Socket {
    let [connection, ..] = tcp();
    let cookie = Some(cookie);
    Socket {
        cookie,
        ..connection
    }
}

fn write_end(writer: &mut Writer<Vec<u8>>, sockets: &[Socket]) {
    let (id, name) = (7, "eth0".into());
    writer.line(&Line::Interface(Name { id, name })).unwrap();
    let (id, name) = (12, "/".into());
    writer.line(&Line::Cgroup(Name { id, name })).unwrap();
    let end = End {
        kinds: Vec::new(),
        total: sockets.len() as u64,
        warnings: Vec::new(),
        denied_processes: 0,
        hiding: None,
    };
    writer.end_moment(end).unwrap();
}

/// The sockets of the second of two moments as they are read from a file, and how many have a line in it.
fn second_of(first: &[Socket], second: &[Socket]) -> (Vec<Socket>, usize) {
    let mut fields = SocketLines::recorded(KindSet::ALL, false);
    let mut writer = Writer::new(Vec::new());
    let head = Head {
        version: VERSION,
        program: "0.0.0".into(),
        host: "web1".into(),
        kernel: "6.18.0".into(),
        kinds: KindSet::ALL.words_of().into(),
        filter: None,
        anonymized: false,
        page_size: None,
        netns: None,
    };
    writer.head(head).unwrap();
    let times = [1, 2].map(|second| SystemTime::UNIX_EPOCH + Duration::from_secs(second));
    let mut known = Known::new(times[0]);
    writer.begin_moment(times[0], true, None).unwrap();
    for socket in first {
        known.add(socket, &mut SameNames);
        fields.push(&mut writer.lines, socket, &mut SameNames);
    }
    write_end(&mut writer, first);
    writer
        .begin_moment(times[1], false, Some(times[0]))
        .unwrap();
    let (mut comparison, mut lines) = (Comparison::new(known), 0);
    for socket in second {
        let (is_unchanged, run) = comparison.compare(socket, &mut SameNames);
        if let Some(run) = run {
            writer.line(&Line::Unchanged(run)).unwrap();
        }
        if !is_unchanged {
            lines += 1;
            fields.push(&mut writer.lines, socket, &mut SameNames);
        }
    }
    if let Some(run) = comparison.end() {
        writer.line(&Line::Unchanged(run)).unwrap();
    }
    write_end(&mut writer, second);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    std::fs::write(&path, writer.into_file()).unwrap();
    let record = open(&path, None).unwrap();
    assert_eq!(record.cut, None);
    let rows = Rows::new(KindSet::ALL, &moment(), true);
    let mut read = Vec::new();
    let mut sockets = Sockets::open(&record, record.moment().unwrap()).unwrap();
    while let Some(found) = sockets.next_line().unwrap() {
        let socket = rows.parse(found.line).unwrap().unwrap();
        read.push(found.aged(socket));
    }
    (read, lines)
}

#[test]
fn sockets_that_only_became_older_have_no_line_and_are_read_as_they_are() {
    let first: Vec<Socket> = (0..9).map(numbered).chain(sockets()).collect();
    let second: Vec<Socket> = first.iter().map(|one| older(one.clone(), 28)).collect();
    let (read, lines) = second_of(&first, &second);
    assert_eq!((read, lines), (second, 0));
    // Less than before is read of none.
    let (read, lines) = second_of(&first, &first);
    assert_eq!((read, lines), (first, 0));
}

#[test]
fn sockets_that_changed_came_or_went_are_read_as_they_are() {
    let first: Vec<Socket> = (0..40).map(numbered).collect();
    let mut second = Vec::new();
    for (number, socket) in (0_u64..).zip(&first) {
        let socket = older(socket.clone(), 4 * (number % 3));
        match number % 8 {
            1 => second.push(Socket {
                drops: Some(1),
                ..socket
            }),
            2 => second.extend([numbered(1_000 + number), socket]),
            3 | 4 => {}
            5 => second.insert(second.len() / 2, socket),
            6 => {
                let mut info = socket.info.clone().unwrap();
                info.set(Metric::LastAckReceived, 0);
                let info = Some(info);
                second.push(Socket { info, ..socket });
            }
            _ => second.push(socket),
        }
    }
    let (read, lines) = second_of(&first, &second);
    assert_eq!(read, second);
    assert!((15..30).contains(&lines), "{lines}");
    // A socket that is younger than it was has a line.
    let (read, lines) = second_of(&second, &first);
    assert_eq!(read, first);
    assert!(lines > 0);
    assert_eq!(second_of(&[], &first), (first.clone(), 40));
    assert_eq!(second_of(&first, &[]), (Vec::new(), 0));
}
