//! Answers of a kernel as it sent them: what is read of UDP, PACKET and NETLINK sockets. See
//! tests/fixtures/README.md.

use super::{Depth, InetDump, Messages, NetlinkDump, PacketDump, Payload, Ports, Request, Spare};
use crate::model::{Ends, Extension, Family, Kind, NetlinkEnds, Socket, State};
use crate::question::Families;

const UDP: &[u8] = include_bytes!("../../../tests/fixtures/netlink/udp.bin");
const PACKET: &[u8] = include_bytes!("../../../tests/fixtures/netlink/packet.bin");
const NETLINK: &[u8] = include_bytes!("../../../tests/fixtures/netlink/netlink.bin");

/// The sockets of an answer that `asker` received.
fn sockets(request: &impl Request, datagrams: &[u8], asker: u32) -> Vec<Socket> {
    let spare = &mut Spare::of(asker);
    let records = Messages::new(datagrams).filter_map(|message| match message.unwrap().payload {
        Payload::Record { bytes, .. } => Some(bytes),
        Payload::Done { .. } | Payload::Error { .. } | Payload::Overrun | Payload::Noop => None,
    });
    let decoded = records.map(|bytes| request.decode(bytes, spare).unwrap());
    decoded.flatten().collect()
}

/// How an answer is read at every length of its first record: no panic, and an error only in the header.
fn assert_cut(request: &impl Request, datagrams: &[u8], header: usize) {
    let mut messages = Messages::new(datagrams);
    let Payload::Record { bytes, .. } = messages.next().unwrap().unwrap().payload else {
        panic!("no record");
    };
    for length in 0..=bytes.len() {
        let decoded = request.decode(&bytes[..length], &mut Spare::default());
        assert_eq!(decoded.is_ok(), length >= header, "{length}");
    }
}

#[test]
#[cfg(target_endian = "little")]
fn recorded_udp_sockets_have_their_memory_limits_drops_and_owners() {
    let dump = InetDump {
        kind: Kind::Udp,
        families: Families::Both,
        states: Kind::Udp.states(),
        ports: Ports::default(),
        bytecode: &[],
        extensions: [Extension::SocketMemory].into_iter().collect(),
        depth: Depth::Attributes,
    };
    let sockets = sockets(&dump, UDP, 0);
    let rows: Vec<_> = sockets
        .iter()
        .map(|socket| {
            let ends = socket.internet().unwrap();
            let memory = (
                socket.receive_queue,
                socket.receive_limit.unwrap(),
                socket.drops,
            );
            (ends.local.to_string(), socket.state, memory, socket.uid)
        })
        .collect();
    let connected = |local: &str| {
        (
            local.to_owned(),
            State::Established,
            (0, 212_992, Some(0)),
            0,
        )
    };
    let idle = |local: &str, memory, uid| (local.to_owned(), State::Unconnected, memory, uid);
    for row in [
        idle("127.0.0.1:5300", (6_912, 8_192, Some(7)), 0),
        idle("0.0.0.0:5301", (2_496, 212_992, Some(0)), 0),
        idle("[::]:5302", (832, 212_992, Some(0)), 33),
        connected("127.0.0.1:40001"),
        connected("127.0.0.1:40003"),
        connected("[::1]:40002"),
    ] {
        assert!(rows.contains(&row), "{row:?}: {rows:?}");
    }
    assert_eq!(rows.len(), 6);
    let only: Vec<_> = sockets.iter().filter_map(|socket| socket.v6only).collect();
    assert_eq!(only, [false], "of the one that waits for any peer");
    let of_v6 = |socket: &&Socket| socket.internet().unwrap().family == Family::V6;
    assert_eq!(sockets.iter().filter(of_v6).count(), 2);
    assert!(
        sockets
            .iter()
            .all(|one| one.kind == Kind::Udp && one.cookie.is_some())
    );
    assert_cut(&dump, UDP, 72);
}

#[test]
#[cfg(target_endian = "little")]
fn recorded_packet_sockets_have_their_types_protocols_and_interfaces() {
    let dump = PacketDump {
        with_attributes: true,
    };
    let sockets = sockets(&dump, PACKET, 0);
    let rows: Vec<_> = sockets
        .iter()
        .map(|socket| {
            let protocol = socket.protocol().unwrap().number;
            let memory = (socket.receive_queue, socket.receive_limit, socket.drops);
            (socket.socket_type(), protocol, socket.interface, memory)
        })
        .collect();
    let (limit, none) = (Some(212_992), Some(0));
    let expected = [
        (Some("raw"), 3, Some(0), (4_992, limit, none)),
        (Some("dgram"), 0x0806, Some(1), (0, limit, none)),
        (Some("raw"), 0, Some(0), (0, limit, none)),
    ];
    assert_eq!(rows, expected);
    assert!(sockets.iter().all(|one| one.state == State::Unconnected));
    assert_cut(&dump, PACKET, 16);
}

#[test]
#[cfg(target_endian = "little")]
fn recorded_netlink_sockets_are_read_once_each_with_their_groups() {
    let dump = NetlinkDump {
        states: Kind::Netlink.states(),
        with_attributes: true,
    };
    let asker = 30_013;
    let sockets = sockets(&dump, NETLINK, asker);
    let mut ends: Vec<(u8, u32, Option<u32>)> = Vec::new();
    for socket in &sockets {
        let Ends::Netlink(NetlinkEnds {
            protocol,
            port_id,
            groups,
            ..
        }) = socket.ends
        else {
            panic!("another kind: {socket:?}");
        };
        ends.push((protocol, port_id, groups));
    }
    // Two of these are there twice, with the same cookie.
    let records = Messages::new(NETLINK).count() - 1;
    assert_eq!((records, sockets.len()), (15, 12));
    for own in [
        (0, 101, Some(5)),
        (0, 104, None),
        (15, 102, Some(1)),
        (16, 103, None),
    ] {
        let found = ends.iter().filter(|(protocol, port, groups)| {
            (*protocol, *port) == (own.0, own.1) && groups.unwrap_or(0) == own.2.unwrap_or(0)
        });
        assert_eq!(found.count(), 1, "{own:?}: {ends:?}");
    }
    assert!(ends.iter().all(|(_, port, _)| *port != asker), "{ends:?}");
    let of_kernel = ends.iter().filter(|(_, port, _)| *port == 0);
    assert_eq!(of_kernel.count(), 8);
    let queue = sockets.iter().find(|one| one.receive_queue > 0).unwrap();
    assert_eq!(
        (queue.receive_queue, queue.receive_limit),
        (832, Some(212_992))
    );
    assert_cut(&dump, NETLINK, 28);
}
