//! Requests bit by bit, records as a kernel sent them, and records that no kernel sends.

use super::*;
use crate::model::{Ends, State, StateSet};
use crate::question::Families;
use crate::source::wire::{Messages, Payload};

fn question(kinds: &[Kind], fields: &[Field]) -> Question {
    let [first, further @ ..] = kinds else {
        panic!("no kind");
    };
    Question {
        further: further.iter().copied().collect(),
        fields: fields.to_vec(),
        families: Families::Both,
        ..Question::about(*first, KindSet::UNIX.states())
    }
}

const EVERY: [Kind; 3] = [Kind::UnixStream, Kind::UnixDgram, Kind::UnixSeqpacket];

/// A record of this type and state, with these attributes.
fn record(kind: u8, state: u8, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![1, kind, state, 0];
    bytes.extend(77u32.to_ne_bytes());
    bytes.extend(0x0102_0304_0506_0708u64.to_ne_bytes());
    for (number, value) in attributes {
        let length = u16::try_from(value.len() + 4).unwrap();
        bytes.extend([length.to_ne_bytes(), number.to_ne_bytes()].as_flattened());
        bytes.extend(*value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

fn decode(bytes: &[u8]) -> Result<Socket, String> {
    let dump = UnixDump::new(&question(&EVERY, &[]), true);
    Ok(dump.decode(bytes, &mut Spare::default())?.unwrap())
}

fn ends(bytes: &[u8]) -> UnixEnds {
    match decode(bytes).unwrap().ends {
        Ends::Unix(ends) => ends,
        Ends::Internet(_) | Ends::Packet(_) | Ends::Netlink(_) => panic!("another kind"),
    }
}

#[test]
fn a_request_has_24_bytes_and_shows_what_is_needed_only() {
    let shown = |fields: &[Field], rows| {
        let bytes = UnixDump::new(&question(&EVERY, fields), rows).encode(7);
        assert_eq!((bytes.len(), bytes[16]), (40, 1));
        assert_eq!(bytes[4..6], 20u16.to_ne_bytes());
        assert_eq!(bytes[6..8], 0x301u16.to_ne_bytes());
        assert_eq!(bytes[20..24], u32::MAX.to_ne_bytes());
        u32::from_ne_bytes(*bytes[28..].first_chunk().unwrap())
    };
    assert_eq!(shown(&[], false), 0);
    assert_eq!(
        shown(&[Field::State, Field::Inode, Field::Cookie], false),
        0
    );
    assert_eq!(shown(&[Field::Name], false), 0x01);
    assert_eq!(shown(&[Field::Peer], false), 0x04);
    assert_eq!(shown(&[Field::PeerProcess], false), 0x4c);
    assert_eq!(shown(&[Field::Service], false), 0x05);
    assert_eq!(shown(&[Field::AcceptQueue, Field::SendQueue], false), 0x10);
    assert_eq!(shown(&[Field::User], false), 0x40);
    assert_eq!(shown(&[Field::Process], false), 0x40);
    assert_eq!(shown(&[], true), 0x55);
}

#[test]
fn states_are_selected_by_the_kernel_and_types_here() {
    let mut question = question(&[Kind::UnixSeqpacket], &[]);
    question.states = StateSet::NONE.with(State::Listen).with(State::Unconnected);
    let dump = UnixDump::new(&question, false);
    let bytes = dump.encode(1);
    assert_eq!(bytes[20..24], (1u32 << 10 | 1 << 7).to_ne_bytes());
    let selected = [1, 2, 5].map(|kind| {
        let socket = dump.decode(&record(kind, 10, &[]), &mut Spare::default());
        socket.unwrap().is_some()
    });
    assert_eq!(selected, [false, false, true]);
}

#[test]
fn every_attribute_is_read() {
    let queues = [6u32.to_ne_bytes(), 5u32.to_ne_bytes()].concat();
    let clients = [41u32, 0, 42].map(u32::to_ne_bytes).concat();
    let bytes = record(
        1,
        10,
        &[
            (NAME, b"/run/a\xff\0"),
            (ICONS, &clients),
            (RQLEN, &queues),
            (5, &[9; 36]),
            (SHUTDOWN, &[2]),
            (UID, &33u32.to_ne_bytes()),
        ],
    );
    let socket = decode(&bytes).unwrap();
    assert_eq!(
        (socket.kind, socket.state),
        (Kind::UnixStream, State::Listen)
    );
    assert_eq!(
        (socket.inode, socket.cookie),
        (77, Some(0x0102_0304_0506_0708))
    );
    assert_eq!(
        (socket.accept_queue(), socket.accept_limit()),
        (Some(6), Some(5))
    );
    assert_eq!((socket.byte_queues(), socket.owner()), (None, Some(33)));
    let expected = UnixEnds {
        name: UnixName::Path(b"/run/a\xff".as_slice().into()),
        peer: Some(UnixPeer::None),
        shutdown: Some(UnixShutdown::Send),
        clients: [41, 0, 42].into(),
    };
    assert_eq!(socket.ends, expected.into());
}

#[test]
fn what_the_kernel_did_not_report_is_unknown_and_not_zero() {
    let dump = UnixDump::new(&question(&EVERY, &[]), false);
    let socket = dump.decode(&record(1, 1, &[(SHUTDOWN, &[3])]), &mut Spare::default());
    let socket = socket.unwrap().unwrap();
    assert_eq!((socket.owner(), socket.byte_queues()), (None, None));
    assert_eq!(socket.ends, UnixEnds::default().into());
    let listener = decode(&record(1, 10, &[])).unwrap();
    assert_eq!((listener.accept_queue(), listener.owner()), (None, None));
}

#[test]
fn a_peer_without_an_inode_waits_or_is_gone() {
    let peer = |kind, shutdown, inode: Option<u32>| {
        let inode = inode.map(u32::to_ne_bytes);
        let peer = inode.iter().map(|inode| (PEER, &inode[..]));
        let attributes: Vec<_> = peer.chain([(SHUTDOWN, shutdown)]).collect();
        ends(&record(kind, 1, &attributes)).peer.unwrap()
    };
    for (kind, shutdown, inode, expected) in [
        (1, &[0], Some(9), UnixPeer::Inode(9)),
        (1, &[3], Some(9), UnixPeer::Inode(9)),
        (1, &[0], Some(0), UnixPeer::Waiting),
        (5, &[2], Some(0), UnixPeer::Waiting),
        (5, &[3], Some(0), UnixPeer::Gone),
        (2, &[0], Some(0), UnixPeer::Gone),
        (2, &[0], None, UnixPeer::None),
        (1, &[3], None, UnixPeer::None),
    ] {
        assert_eq!(
            peer(kind, shutdown, inode),
            expected,
            "{kind} {shutdown:?} {inode:?}"
        );
    }
}

#[test]
fn a_record_is_refused_if_its_header_is_cut_or_foreign() {
    let bytes = record(2, 7, &[(NAME, b"\0a"), (SHUTDOWN, &[0])]);
    for length in 0..=bytes.len() {
        assert_eq!(decode(&bytes[..length]).is_ok(), length >= 16, "{length}");
    }
    for number in 0..=u8::MAX {
        let is_type = matches!(number, 1 | 2 | 5);
        assert_eq!(decode(&record(number, 7, &[])).is_ok(), is_type, "{number}");
        let state = decode(&record(1, number, &[])).unwrap().state;
        assert_eq!(state == State::Unconnected, number == 7, "{number}");
        let mut foreign = bytes.clone();
        foreign[0] = number;
        assert_eq!(decode(&foreign).is_ok(), number == 1, "{number}");
    }
}

#[test]
fn no_changed_byte_makes_it_panic() {
    let bytes = record(
        1,
        10,
        &[
            (NAME, b"\0ab"),
            (PEER, &[1; 4]),
            (ICONS, &[1; 8]),
            (RQLEN, &[1; 8]),
            (SHUTDOWN, &[3]),
            (UID, &[0; 4]),
        ],
    );
    for at in 0..bytes.len() {
        for byte in 0..=u8::MAX {
            let mut changed = bytes.clone();
            changed[at] = byte;
            let _ = decode(&changed);
        }
    }
}

/// A recorded answer with every attribute; see tests/fixtures/README.md.
const RECORDED: &[u8] = include_bytes!("../../../../tests/fixtures/netlink/unix.bin");

#[test]
#[cfg(target_endian = "little")]
fn recorded_sockets_are_what_they_were() {
    let records = Messages::new(RECORDED).filter_map(|message| match message.unwrap().payload {
        Payload::Record { bytes, .. } => Some(bytes),
        Payload::Done { .. } | Payload::Error { .. } | Payload::Overrun | Payload::Noop => None,
    });
    let sockets: Vec<Socket> = records.map(|bytes| decode(bytes).unwrap()).collect();
    let count = |is: &dyn Fn(&Socket, &UnixEnds) -> bool| {
        let passes = |socket: &&Socket| socket.unix().is_some_and(|ends| is(socket, ends));
        sockets.iter().filter(passes).count()
    };
    for (kind, expected) in EVERY.into_iter().zip([14, 18, 9]) {
        assert_eq!(
            count(&|socket, _| socket.kind == kind),
            expected,
            "{kind:?}"
        );
    }
    assert_eq!(count(&|socket, _| socket.state == State::Listen), 3);
    assert_eq!(count(&|_, ends| ends.peer == Some(UnixPeer::Waiting)), 4);
    assert_eq!(count(&|_, ends| ends.peer == Some(UnixPeer::Gone)), 4);
    assert_eq!(count(&|_, ends| ends.name == UnixName::Unnamed), 18);
    assert_eq!(count(&|socket, _| socket.owner() == Some(0)), sockets.len());
    let full = UnixName::Abstract(b"full".as_slice().into());
    let full = |socket: &&Socket| socket.unix().is_some_and(|ends| ends.name == full);
    let full = sockets.iter().find(full).unwrap();
    let queue = full.accept_queue().zip(full.accept_limit());
    assert_eq!(queue, Some((2, 1)));
    let waits = |inode: &u32| {
        let client = |socket: &Socket| socket.inode == u64::from(*inode);
        count(&|socket, ends| client(socket) && ends.peer == Some(UnixPeer::Waiting)) == 1
    };
    let clients = &full.unix().unwrap().clients;
    assert_eq!((clients.len(), clients.iter().all(waits)), (2, true));
}
