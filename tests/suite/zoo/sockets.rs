//! Sockets of the kernel's side, made without the options the standard library adds or lacks.
//!
//! Must not know peers or states. tcp(7), ipv6(7).

use super::proc_table::DEADLINE;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_ipv6_v6only, set_socket_reuseport, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, listen, socket_with};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

/// Long enough that no accept queue fills up, and no half-open request is dropped early: the
/// kernel gives up young requests sooner once a queue is half full
/// (`reqsk_timer_handler` in `net/ipv4/inet_connection_sock.c`).
const BACKLOG: i32 = 4_096;

/// How a listener is made, besides its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listening {
    /// One family, one socket a port.
    Plain,
    /// AF_INET6 that takes IPv4 connections too.
    DualStack,
    /// SO_REUSEPORT.
    ReusePort,
}

/// Lets this process hold as many files as it may without asking anybody.
pub(crate) fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// A TCP socket of the family of `address`, with nothing done to it.
fn new_socket(address: SocketAddr, flags: SocketFlags) -> OwnedFd {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = flags | SocketFlags::CLOEXEC;
    socket_with(family, SocketType::STREAM, flags, None).unwrap()
}

/// Listens at `address`; port 0 lets the kernel choose.
pub(crate) fn open_listener(address: SocketAddr, how: Listening) -> TcpListener {
    let socket = open_bound(address, how);
    listen(&socket, BACKLOG).unwrap();
    socket.into()
}

/// Binds to `address` and does no more.
pub(crate) fn open_bound(address: SocketAddr, how: Listening) -> OwnedFd {
    let socket = new_socket(address, SocketFlags::empty());
    if address.is_ipv6() {
        set_ipv6_v6only(&socket, how != Listening::DualStack).unwrap();
    }
    set_socket_reuseport(&socket, how == Listening::ReusePort).unwrap();
    bind(&socket, &address).unwrap();
    socket
}

/// Takes the next connection off a queue, waiting for it.
pub(crate) fn accept_next(listener: &TcpListener) -> TcpStream {
    let timeout = DEADLINE.try_into().unwrap();
    let mut ready = [PollFd::new(listener, PollFlags::IN)];
    let count = poll(&mut ready, Some(&timeout)).unwrap();
    assert_eq!(count, 1, "nobody came to {listener:?}");
    listener.accept().unwrap().0
}

/// Sends a SYN and does not wait for an answer.
pub(crate) fn begin_connection(address: SocketAddr) -> OwnedFd {
    let socket = new_socket(address, SocketFlags::NONBLOCK);
    match connect(&socket, &address) {
        Err(Errno::INPROGRESS) => socket,
        outcome => panic!("a connection to {address} ended at once: {outcome:?}"),
    }
}

/// A connection of a socket that `prepare` has seen before; reads of it give up after the deadline.
pub(crate) fn new_connection(address: SocketAddr, prepare: impl FnOnce(&OwnedFd)) -> OwnedFd {
    let socket = new_socket(address, SocketFlags::empty());
    prepare(&socket);
    connect(&socket, &address).unwrap();
    set_socket_timeout(&socket, Timeout::Recv, Some(DEADLINE)).unwrap();
    socket
}

/// Connects; reads of the stream give up after the deadline.
pub(crate) fn open_connection(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, DEADLINE)
        .unwrap_or_else(|error| panic!("no connection to {address}: {error}"));
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}
