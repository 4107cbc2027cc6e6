//! Datagrams that claim to be answers about UNIX, PACKET and NETLINK sockets: no panic, no record that
//! is read twice differently, and no socket of another kind.
//!
//! The input is a byte that chooses the request, then a datagram, such as those in tests/fixtures/netlink.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tcpstates::model::{Field, Kind, KindSet, Socket};
use tcpstates::question::Question;
use tcpstates::source::{Messages, NetlinkDump, PacketDump, Payload, Request, Spare, UnixDump};

/// The port of the socket that asks, in the fixtures.
const ASKER: u32 = 30_013;

fuzz_target!(|input: &[u8]| {
    let Some((choice, datagram)) = input.split_first() else {
        return;
    };
    let with_attributes = choice & 4 != 0;
    match choice % 4 {
        0 => {
            let fields = match with_attributes {
                true => vec![Field::PeerProcess, Field::Name, Field::AcceptQueue],
                false => Vec::new(),
            };
            let question = Question {
                fields,
                ..Question::about_all(KindSet::UNIX, KindSet::UNIX.states())
            };
            check(
                &UnixDump::new(&question, with_attributes),
                KindSet::UNIX,
                datagram,
            );
        }
        1 => {
            let kinds = KindSet::NONE.with(Kind::Packet);
            check(&PacketDump { with_attributes }, kinds, datagram);
        }
        _ => {
            let request = NetlinkDump {
                states: Kind::Netlink.states(),
                with_attributes,
            };
            check(&request, KindSet::NONE.with(Kind::Netlink), datagram);
        }
    }
});

/// Reads every record twice.
fn check(request: &impl Request, kinds: KindSet, datagram: &[u8]) {
    let first = sockets(request, datagram);
    assert_eq!(first, sockets(request, datagram));
    for socket in first.into_iter().flatten() {
        assert!(kinds.contains(socket.kind), "{socket:?}");
        // What is printed of it.
        let _ = (
            socket.protocol(),
            socket.socket_type(),
            socket.accept_queue(),
        );
    }
}

fn sockets(request: &impl Request, datagram: &[u8]) -> Vec<Option<Socket>> {
    let spare = &mut Spare::of(ASKER);
    let mut sockets = Vec::new();
    for message in Messages::new(datagram) {
        let Ok(message) = message else { break };
        if let Payload::Record { bytes, .. } = message.payload {
            sockets.push(request.decode(bytes, spare).unwrap_or_default());
        }
    }
    sockets
}
