//! The kernel's sockets, opened without the options that the standard library sets, and with those
//! it cannot set.
//!
//! Must not use peers or states. tcp(7), ipv6(7).

use crate::wait::DEADLINE;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_ipv6_v6only, set_socket_reuseport, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, listen, socket_with};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

/// So large that no accept queue fills up and no half-open request is dropped early: the kernel
/// drops young requests sooner once a queue is half full
/// (`reqsk_timer_handler` in `net/ipv4/inet_connection_sock.c`).
const BACKLOG: i32 = 4_096;

/// The options of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listening {
    /// One family, one socket per port.
    Plain,
    /// AF_INET6 that also accepts IPv4 connections.
    DualStack,
    /// SO_REUSEPORT.
    ReusePort,
}

/// Raises this process's limit of open files to its hard limit.
pub(crate) fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// A new TCP socket of the family of `address`.
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

/// Binds to `address` and does not listen.
pub(crate) fn open_bound(address: SocketAddr, how: Listening) -> OwnedFd {
    let socket = new_socket(address, SocketFlags::empty());
    if address.is_ipv6() {
        set_ipv6_v6only(&socket, how != Listening::DualStack).unwrap();
    }
    set_socket_reuseport(&socket, how == Listening::ReusePort).unwrap();
    bind(&socket, &address).unwrap();
    socket
}

/// Waits for the next connection and accepts it.
pub(crate) fn accept_next(listener: &TcpListener) -> TcpStream {
    let timeout = DEADLINE.try_into().unwrap();
    let mut ready = [PollFd::new(listener, PollFlags::IN)];
    let count = poll(&mut ready, Some(&timeout)).unwrap();
    assert_eq!(
        count, 1,
        "no connection within {DEADLINE:?} at {listener:?}"
    );
    listener.accept().unwrap().0
}

/// Sends a SYN and does not wait for a reply.
pub(crate) fn begin_connection(address: SocketAddr) -> OwnedFd {
    let socket = new_socket(address, SocketFlags::NONBLOCK);
    match connect(&socket, &address) {
        Err(Errno::INPROGRESS) => socket,
        outcome => panic!("connect({address}) did not stay in progress: {outcome:?}"),
    }
}

/// Connects a socket after `prepare` was applied to it; everything it waits for times out after the
/// deadline.
pub(crate) fn new_connection(address: SocketAddr, prepare: impl FnOnce(&OwnedFd)) -> OwnedFd {
    let socket = new_socket(address, SocketFlags::empty());
    prepare(&socket);
    // connect(2) and reads of it time out.
    set_socket_timeout(&socket, Timeout::Send, Some(DEADLINE)).unwrap();
    set_socket_timeout(&socket, Timeout::Recv, Some(DEADLINE)).unwrap();
    connect(&socket, &address).unwrap();
    socket
}

/// Connects; reads from the stream time out after the deadline.
pub(crate) fn open_connection(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, DEADLINE)
        .unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"));
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}
