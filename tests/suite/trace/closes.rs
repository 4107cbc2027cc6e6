//! Closes on loopback, inferred from socket states and from segments by two tracers at once: both say
//! the same, and what the close was made to be.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::net::sockopt::{set_ipv6_v6only, set_socket_linger, set_tcp_cork, set_tcp_quickack};
use rustix::net::{AddressFamily, SocketType, bind, listen, socket};

use super::rows::Connection;
use super::{Traced, Tracing, has_bpf, until_complete};
use crate::namespace::in_namespace;

/// Both ends of a connection over which a byte went each way.
pub(super) struct Pair {
    pub(super) client: TcpStream,
    pub(super) server: TcpStream,
}

impl Pair {
    pub(super) fn open(listener: &TcpListener, to: SocketAddr) -> Pair {
        let mut client = TcpStream::connect(to).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(b"?").unwrap();
        server.read_exact(&mut [0]).unwrap();
        server.write_all(b"!").unwrap();
        client.read_exact(&mut [0]).unwrap();
        Pair { client, server }
    }

    fn swapped(self) -> Pair {
        Pair {
            client: self.server,
            server: self.client,
        }
    }
}

pub(super) fn read_to_end(stream: &mut TcpStream) {
    let read = stream.read(&mut [0; 64]);
    assert_eq!(read.unwrap(), 0, "the peer sends no more data");
}

/// The client closes, and the server does so after a while.
fn close(pair: Pair, later: Duration) {
    let Pair { client, mut server } = pair;
    drop(client);
    read_to_end(&mut server);
    std::thread::sleep(later);
}

/// The server acknowledges what it received before it closes.
pub(super) fn close_with_quickack(pair: Pair) {
    let Pair { client, mut server } = pair;
    drop(client);
    read_to_end(&mut server);
    set_tcp_quickack(&server, true).unwrap();
}

fn answer_after_fin(pair: Pair) {
    let Pair {
        mut client,
        mut server,
    } = pair;
    client.shutdown(Shutdown::Write).unwrap();
    read_to_end(&mut server);
    server.write_all(b"late").unwrap();
    client.read_exact(&mut [0; 4]).unwrap();
    drop(server);
    read_to_end(&mut client);
}

fn close_with_data_on_the_fin(pair: Pair) {
    let Pair {
        mut client,
        mut server,
    } = pair;
    set_tcp_cork(&client, true).unwrap();
    client.write_all(b"last").unwrap();
    drop(client);
    server.read_exact(&mut [0; 4]).unwrap();
    read_to_end(&mut server);
}

fn abort(pair: Pair) {
    set_socket_linger(&pair.client, Some(Duration::ZERO)).unwrap();
    let Pair { client, mut server } = pair;
    drop(client);
    server.read(&mut [0]).unwrap_err();
}

fn close_with_unread_data(pair: Pair) {
    let Pair { client, mut server } = pair;
    server.write_all(b"not read").unwrap();
    // It has arrived.
    client.peek(&mut [0]).unwrap();
    drop(client);
    server.read(&mut [0]).unwrap_err();
}

/// What is expected of a close.
struct Expected {
    shape: &'static str,
    /// Whether the first end sent a FIN.
    first: &'static str,
    ack: Option<&'static str>,
    reset_reason: Option<&'static str>,
}

const fn closed(shape: &'static str, ack: &'static str) -> Expected {
    Expected {
        shape,
        first: "local",
        ack: Some(ack),
        reset_reason: None,
    }
}

const fn reset(reason: &'static str) -> Expected {
    Expected {
        shape: "reset",
        first: "nobody",
        ack: None,
        reset_reason: Some(reason),
    }
}

type Case = (&'static str, fn(Pair), Expected);

/// Shorter than Linux's shortest delay of an ACK, 40 ms (`TCP_DELACK_MIN`, include/net/tcp.h).
pub(super) const PROMPT: Duration = Duration::from_millis(30);

/// Longer than the longest, 200 ms (`TCP_DELACK_MAX`).
const LATE: Duration = Duration::from_millis(300);

const CASES: [Case; 9] = [
    (
        "at once",
        |pair| close(pair, Duration::ZERO),
        closed("three", "with_fin"),
    ),
    (
        "by the server",
        |pair| close(pair.swapped(), Duration::ZERO),
        closed("three", "with_fin"),
    ),
    (
        "after 10 ms",
        |pair| close(pair, Duration::from_millis(10)),
        closed("three", "with_fin"),
    ),
    (
        "after 300 ms",
        |pair| close(pair, LATE),
        closed("four", "alone"),
    ),
    (
        "TCP_QUICKACK after the end of the stream",
        close_with_quickack,
        closed("four", "alone"),
    ),
    (
        "data after the FIN",
        answer_after_fin,
        closed("four", "with_data"),
    ),
    (
        "data on the FIN",
        close_with_data_on_the_fin,
        closed("three", "with_fin"),
    ),
    ("SO_LINGER 0", abort, reset("aborted")),
    ("unread data", close_with_unread_data, reset("unread_data")),
];

/// Where clients connect to, and where the server listens.
fn addresses() -> [(&'static str, SocketAddr, SocketAddr); 3] {
    let address = |text: &str| -> SocketAddr { text.parse().unwrap() };
    [
        ("ipv4", address("127.0.0.1:0"), address("127.0.0.1:0")),
        ("ipv6", address("[::1]:0"), address("[::1]:0")),
        ("v4-mapped", address("[::]:0"), address("127.0.0.1:0")),
    ]
}

/// A listener that takes IPv4 too, where its address is the unspecified one of IPv6.
pub(super) fn listener_at(address: SocketAddr) -> TcpListener {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let listener = socket(family, SocketType::STREAM, None).unwrap();
    if address.is_ipv6() {
        set_ipv6_v6only(&listener, false).unwrap();
    }
    bind(&listener, &address).unwrap();
    listen(&listener, 128).unwrap();
    listener.into()
}

/// Performs a close until it took less than an ACK is delayed, unless that is what is wanted;
/// returns the ports of the
/// client and the server.
fn perform((name, how, expected): &Case, listener: &TcpListener, to: SocketAddr) -> [u16; 2] {
    for _ in 0..50 {
        let pair = Pair::open(listener, to);
        let port = pair.client.local_addr().unwrap().port();
        let begin = Instant::now();
        how(pair);
        if expected.shape != "three" || begin.elapsed() < PROMPT {
            return [port, to.port()];
        }
    }
    panic!("{name}: this machine never closes within {PROMPT:?}");
}

/// The end of a close that belongs to the port.
fn end(close: &Connection, port: u16) -> &Connection {
    let other = close.other_end.as_deref().into_iter();
    let mut ends = std::iter::once(close).chain(other);
    ends.find(|end| end.local_port == port).unwrap()
}

#[track_caller]
fn assert_shown(what: &str, traced: &Traced, ports: [u16; 2], expected: &Expected, evidence: &str) {
    let close = traced.close_between(ports);
    let is_shown = (close.shape(), close.evidence());
    assert_eq!(
        is_shown,
        (Some(expected.shape), Some(evidence)),
        "{what}: {close:?}"
    );
    if traced.summary.source == "destroy" {
        return;
    }
    assert!(
        close.other_end.is_some(),
        "{what}: {close:?}: {:?}",
        traced.summary.lost
    );
    assert_eq!(
        close.first_close.as_deref(),
        Some(expected.first),
        "{what}: {close:?}"
    );
    assert_eq!(
        close.close.ack.as_deref(),
        expected.ack,
        "{what}: {close:?}"
    );
    let client = end(close, ports[0]);
    assert_eq!(client.opened.as_deref(), Some("local"), "{what}");
    let other = close.other_end.as_deref().unwrap();
    assert_eq!(
        other.shape(),
        Some(expected.shape),
        "{what}: the ends differ: {close:?}"
    );
    if expected.reset_reason.is_some() {
        let sender = end(close, ports[0]);
        assert_eq!(
            sender.close.reset_by.as_deref(),
            Some("local"),
            "{what}: {close:?}"
        );
        assert_eq!(
            sender.close.reset_reason.as_deref(),
            expected.reset_reason,
            "{what}"
        );
    }
}

/// Every case at every address, with the ports of its client and server.
type Performed = Vec<(&'static str, &'static Case, [u16; 2])>;

fn perform_all() -> Option<(Traced, Traced, Performed)> {
    let states = Tracing::start(&[]);
    let segments = Tracing::start(&["--segments"]);
    let mut performed = Vec::new();
    for (family, listen_at, connect_to) in addresses() {
        let listener = listener_at(listen_at);
        let port = listener.local_addr().unwrap().port();
        let to = SocketAddr::new(connect_to.ip(), port);
        for case in &CASES {
            performed.push((family, case, perform(case, &listener, to)));
        }
    }
    let (states, segments) = (states.interrupt(), segments.interrupt());
    let is_complete = states.is_complete() && segments.is_complete();
    is_complete.then_some((states, segments, performed))
}

in_namespace!(
    fn states_and_segments_of_both_ends_show_the_close_that_was_made() {
        let (states, segments, performed) = until_complete(perform_all);
        for (family, (name, _, expected), ports) in performed {
            let what = format!("{name}, {family}");
            let captured = match expected.ack {
                // The segment with data that acknowledges the FIN is not captured.
                Some("with_data") => None,
                _ => Some("segments"),
            };
            match (has_bpf(), captured) {
                (true, _) => {
                    assert_shown(&what, &states, ports, expected, "state");
                    let evidence = captured.unwrap_or("state");
                    assert_shown(&what, &segments, ports, expected, evidence);
                }
                (false, Some(evidence)) => {
                    assert_shown(&what, &segments, ports, expected, evidence);
                }
                (false, None) => assert_eq!(segments.close_between(ports).shape(), None, "{what}"),
            }
        }
    }
);
