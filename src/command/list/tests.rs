//! Every field that a list can show or sort by has a value, which sockets keep in a buffer.

use std::cmp::Ordering;
use std::time::{Duration, UNIX_EPOCH};

use crate::model::{
    CongestionControl, Family, Field, Held, Hold, InetEnds, Kind, Metric, Names, Netns, Placement,
    Process, ProcessName, Socket, SortKey, State, TcpInfo, Timer, TimerKind, UnixEnds, UnixName,
    UnixPeer, UnixShutdown, Use,
};
use crate::model::{Ends, NetlinkEnds, Sink};
use crate::output::{Csv, Format, Style};
use crate::tally::BufferedSockets;

/// A socket with every value, each a different one.
fn everything(state: State) -> Socket {
    let info = Metric::ALL.iter().zip(100..);
    Socket {
        state,
        kind: Kind::Tcp,
        netns: Netns::CALLER,
        ends: Ends::Internet(InetEnds {
            family: Family::V6,
            local: "[2001:db8::1]:1".parse().unwrap(),
            remote: "[2001:db8::2]:2".parse().unwrap(),
        }),
        receive_queue: 3,
        send_queue: 4,
        uid: 5,
        full: Some(true),
        inode: 6,
        timer: Some(Timer {
            kind: TimerKind::Persist,
            remaining: Duration::from_millis(7),
        }),
        retransmits: Some(8),
        interface: Some(9),
        cookie: Some(10),
        mark: Some(11),
        cgroup: Some(12),
        drops: Some(13),
        receive_limit: Some(14),
        v6only: Some(true),
        info: Some(Box::new(
            info.fold(TcpInfo::default(), |info, (metric, value)| {
                info.with(*metric, value)
            }),
        )),
        congestion_control: CongestionControl::new("cubic"),
    }
}

/// Names of everything, and one process that holds every socket.
struct OneProcess([Hold; 1], [Process; 1]);

impl Names for OneProcess {
    fn user(&mut self, _uid: u32) -> &str {
        "user"
    }

    fn interface(&mut self, _index: u32) -> &str {
        "interface"
    }

    fn cgroup(&mut self, id: u64) -> &str {
        if id == 12 { "cgroup" } else { "another" }
    }

    fn netns(&mut self, _netns: Netns) -> &str {
        "host"
    }

    fn held(&self, _socket: &Socket) -> Held<'_> {
        Held::by(&self.0, &self.1)
    }

    fn peer_held(&self, socket: &Socket) -> Held<'_> {
        self.held(socket)
    }
}

fn row(field: Field, socket: &Socket) -> String {
    let fd = Some(14);
    let process = Process {
        pid: 15,
        name: Some(ProcessName::new(b"process")),
        command_line: Some("arguments".to_owned()),
        placement: Placement {
            unit: Some("unit".into()),
            container: Some("container".into()),
            pod: Some("pod".into()),
        },
    };
    let mut names = OneProcess([Hold::new(15, fd)], [process]);
    let mut csv = Csv::new(&Style {
        columns: vec![field],
        ..Style::default()
    });
    let (mut header, mut row) = (Vec::new(), Vec::new());
    csv.begin_list(&mut header, UNIX_EPOCH);
    csv.write_socket(&mut row, socket, &mut names);
    String::from_utf8(row).unwrap()
}

/// A listener has other queues than a connection, and a UNIX socket has no addresses.
fn sockets() -> [Socket; 4] {
    let [connection, listener] = [State::Established, State::Listen].map(everything);
    let unix = UnixEnds {
        name: UnixName::Path(b"/run/a".as_slice().into()),
        peer: Some(UnixPeer::Gone),
        shutdown: Some(UnixShutdown::Both),
        clients: Box::default(),
    };
    let unix = Socket {
        ends: unix.into(),
        kind: Kind::UnixStream,
        ..connection.clone()
    };
    let ends = NetlinkEnds {
        protocol: 1,
        port_id: 2,
        peer: Some(3),
        groups: Some(4),
    };
    let netlink = Socket {
        ends: Ends::Netlink(ends),
        kind: Kind::Netlink,
        ..connection.clone()
    };
    [connection, listener, unix, netlink]
}

fn buffered(field: Field) -> Vec<Socket> {
    let mut buffered = BufferedSockets::new(&[field]);
    for socket in &sockets() {
        assert!(buffered.socket(socket).is_continue());
    }
    buffered.sockets().collect()
}

fn fields(used_as: Use) -> impl Iterator<Item = Field> {
    Field::names(used_as).map(move |name| Field::parse(name, used_as).unwrap())
}

#[test]
fn every_column_has_a_value_which_a_buffer_keeps() {
    for field in fields(Use::Column) {
        let rows = sockets().map(|socket| row(field, &socket));
        let has_value = |row: &String| !row.trim_end().ends_with(',');
        assert!(rows.iter().any(has_value), "{field:?}: {rows:?}");
        assert!(
            buffered(field).iter().map(|kept| row(field, kept)).eq(rows),
            "{field:?}"
        );
    }
}

#[test]
fn every_sort_key_has_a_value_which_a_buffer_keeps() {
    for field in fields(Use::Sort) {
        let key = SortKey {
            field,
            descending: false,
        };
        let has_value = |socket: &Socket| key.prefix(socket) != u32::MAX;
        assert!(sockets().iter().any(has_value), "{field:?}");
        for (kept, socket) in buffered(field).iter().zip(&sockets()) {
            assert_eq!(has_value(kept), has_value(socket), "{field:?}");
            assert_eq!(key.compare(kept, socket), Ordering::Equal, "{field:?}");
        }
    }
}
