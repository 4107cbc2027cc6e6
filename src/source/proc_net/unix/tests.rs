//! Tables of UNIX sockets: what is read, and what is lost.

use super::*;
use crate::model::{KindSet, StateSet};

const HEADER: &[u8] = b"Num       RefCount Protocol Flags    Type St Inode Path\n";

type Read = (Kind, State, u64, UnixName);

#[derive(Default)]
struct Seen(Vec<Read>);

impl Sink for Seen {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let name = socket.unix().unwrap().name.clone();
        self.0.push((socket.kind, socket.state, socket.inode, name));
        assert_eq!((socket.owner(), socket.byte_queues()), (None, None));
        assert_eq!((socket.accept_queue(), socket.accept_limit()), (None, None));
        ControlFlow::Continue(())
    }
}

fn read_selected(text: &[u8], states: StateSet) -> (Vec<Read>, Vec<String>) {
    let question = Question {
        further: KindSet::NONE
            .with(Kind::UnixDgram)
            .with(Kind::UnixSeqpacket),
        ..Question::about(Kind::UnixStream, states)
    };
    let mut seen = Seen::default();
    let mut table = Table::new(Path::new("unix"), &question, Netns::CALLER, &mut seen);
    assert!(table.read(&mut Lines::new(text, 1)).is_continue());
    let losses = table.completeness.losses().iter().map(ToString::to_string);
    let losses = losses.collect();
    (seen.0, losses)
}

/// The sockets in these rows behind a header, and the losses.
fn read(rows: &[u8]) -> (Vec<Read>, Vec<String>) {
    read_selected(&[HEADER, rows].concat(), KindSet::UNIX.states())
}

fn row(kind: &str, state: &str, inode: u64, name: &[u8]) -> Vec<u8> {
    let columns = format!("0000000000000000: 00000002 00000000 {kind} {state} {inode:>5}");
    [columns.as_bytes(), name, b"\n"].concat()
}

fn path(name: &[u8]) -> UnixName {
    UnixName::Path(name.into())
}

#[test]
fn types_states_inodes_and_names_are_those_of_the_rows() {
    let rows = [
        row("00010000 0001", "01", 7, b" /run/a b "),
        row("00000000 0001", "03", 123_456, b""),
        row("00000000 0002", "01", 8, b" @x@y"),
        row("00010000 0005", "01", 9, b" \xff"),
        row("00000000 0001", "02", 0, b" /run/a b "),
    ];
    let (sockets, losses) = read(&rows.concat());
    assert_eq!(losses, [""; 0]);
    let expected = [
        (Kind::UnixStream, State::Listen, 7, path(b"/run/a b ")),
        (
            Kind::UnixStream,
            State::Established,
            123_456,
            UnixName::Unnamed,
        ),
        (
            Kind::UnixDgram,
            State::Unconnected,
            8,
            UnixName::Abstract(b"x@y".as_slice().into()),
        ),
        (Kind::UnixSeqpacket, State::Listen, 9, path(b"\xff")),
    ];
    assert_eq!(sockets, expected);
    let listen = StateSet::NONE.with(State::Listen);
    let (sockets, _) = read_selected(&[HEADER, &rows.concat()].concat(), listen);
    assert_eq!(sockets, [expected[0].clone(), expected[3].clone()]);
}

#[test]
fn a_name_may_have_line_ends() {
    let long = [b'n'; LONGEST_NAME - 2];
    let rows = [
        row("00000000 0002", "01", 7, b" /a\n\nfeffffff: 00000002\n"),
        row("00000000 0002", "01", 8, &[b" \n\n", &long[..]].concat()),
        row("00000000 0002", "01", 9, b" /c"),
    ];
    let (sockets, losses) = read(&rows.concat());
    assert_eq!(losses, [""; 0]);
    let names: Vec<_> = sockets.into_iter().map(|socket| socket.3).collect();
    let second = [b"\n\n", &long[..]].concat();
    assert_eq!(
        names,
        [
            path(b"/a\n\nfeffffff: 00000002\n"),
            path(&second),
            path(b"/c")
        ]
    );
}

#[test]
fn what_is_neither_a_row_nor_a_name_is_reported() {
    let good = row("00000000 0002", "01", 7, b"");
    let forms: [&[u8]; 5] = [
        b"surprise\n",
        b"0000000000000000: 00000002 00000000 00000000 0003 01     5\n",
        b"0000000000000000: 00000002 00000000 00000000 0002 01\n",
        b"0000000000000000: 00000002 0000000g 00000000 0002 01     5\n",
        b"0000000000000000: 00000002 00000000 00000000 0002 01     5 /cut",
    ];
    for bad in forms {
        let (sockets, losses) = read(&[&good, bad].concat());
        assert_eq!((sockets.len(), losses.len()), (1, 1), "{losses:?}");
        assert!(losses[0].contains("unix: line 3: "), "{losses:?}");
    }
    let (sockets, losses) = read_selected(&good, KindSet::UNIX.states());
    assert_eq!(sockets.len(), 1);
    assert!(losses[0].contains("header is missing"), "{losses:?}");
    let (_, losses) = read_selected(b"", KindSet::UNIX.states());
    assert!(losses[0].contains("empty"), "{losses:?}");
}

#[test]
fn a_row_that_is_read_twice_is_counted_once() {
    let rows = [7, 8, 7].map(|inode| row("00000000 0002", "01", inode, b""));
    assert_eq!(read(&rows.concat()).0.len(), 2);
}

#[test]
fn every_truncation_is_read_without_panic() {
    let rows = [
        row("00010000 0001", "01", 7, b" /run/a\nb"),
        row("00000000 0002", "01", 8, b" @x@y"),
    ];
    let text = [HEADER, &rows.concat()].concat();
    for length in 0..text.len() {
        let (sockets, losses) = read_selected(&text[..length], KindSet::UNIX.states());
        let is_border = text[..length].ends_with(b"\n");
        assert!(is_border || !losses.is_empty(), "{length}");
        assert!(sockets.len() <= 2);
    }
}
