//! The kernel's messages about destroyed TCP sockets: multicast groups of NETLINK_SOCK_DIAG that
//! anybody may join, for the network namespace of the thread that joins them (4.4;
//! `sock_diag_broadcast_destroy`, net/core/sock_diag.c).
//!
//! A message has the socket's ends, its cookie and its `struct tcp_info`; its state is always CLOSE,
//! and it does not say when the socket ended. A socket whose connect(2) failed has no peer any more
//! (`tcp_disconnect`, net/ipv4/tcp.c), so its message is not one about a connection.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use netlink_packet_core::{NlasIterator, Parseable};
use netlink_packet_sock_diag::constants::AF_INET;
use netlink_packet_sock_diag::inet::InetResponseHeader;
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, sockopt};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::model::trace::{Connection, Counters, Opened};
use crate::model::{Family, InetEnds, Where};
use crate::netns::within;
use crate::source::wire::{Messages, Payload};

/// `SKNLGRP_INET_TCP_DESTROY` and `SKNLGRP_INET6_TCP_DESTROY`, linux/sock_diag.h.
const GROUPS: [u32; 2] = [1, 3];

/// `sizeof(struct inet_diag_msg)`, and the attribute with `struct tcp_info`.
const HEADER_LEN: usize = 72;
const INET_DIAG_INFO: u16 = 2;

/// Larger than any message.
const BUFFER_LEN: usize = 32 * 1024;

/// Room for messages that are not read yet, if `net.core.rmem_max` permits it: some 1,600.
const ROOM: usize = 1024 * 1024;

/// At the end, messages are awaited until none came for `QUIET`, but no longer than `LONGEST`.
const QUIET: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// The receiver of those messages.
#[derive(Debug)]
pub struct Destroyed {
    place: Where,
    socket: Socket,
    buffer: Vec<u8>,
    /// Cookies of sockets that were destroyed to mark the end of what is awaited.
    marks: HashSet<u64>,
    has_lost: bool,
}

impl AsFd for Destroyed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Destroyed {
    /// Joins the groups in the network namespace of `place`.
    ///
    /// # Errors
    /// The system's: where netlink is not available.
    pub fn listen(place: Where) -> io::Result<Destroyed> {
        let socket = within(&place, Destroyed::join)??;
        Ok(Destroyed {
            place,
            socket,
            buffer: vec![0; BUFFER_LEN],
            marks: HashSet::new(),
            has_lost: false,
        })
    }

    fn join() -> io::Result<Socket> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
        socket.bind_auto()?;
        socket.set_non_blocking(true)?;
        socket.set_rx_buf_sz(ROOM)?;
        for group in GROUPS {
            socket.add_membership(group)?;
        }
        Ok(socket)
    }

    /// Hands on the connections that have ended since the last time; `now_ns` is taken for the time
    /// of their end.
    ///
    /// # Errors
    /// The system's.
    pub fn drain(&mut self, now_ns: u64, take: &mut impl FnMut(Connection)) -> io::Result<()> {
        loop {
            match self.socket.recv_from(&mut &mut self.buffer[..], 0) {
                Ok((length, sender)) if sender.port_number() == 0 => {
                    self.read(length, now_ns, take)
                }
                Ok(_) => {}
                Err(error) => match Errno::from_io_error(&error) {
                    Some(Errno::AGAIN) => return Ok(()),
                    Some(Errno::INTR) => {}
                    // The kernel dropped messages, and does not say how many.
                    Some(Errno::NOBUFS) => self.has_lost = true,
                    _ => return Err(error),
                },
            }
        }
    }

    fn read(&mut self, length: usize, now_ns: u64, take: &mut impl FnMut(Connection)) {
        let received = self.buffer.get(..length).unwrap_or_default();
        for message in Messages::new(received) {
            let bytes = match message.map(|message| message.payload) {
                Ok(Payload::Record { bytes, .. }) => bytes,
                Ok(_) => continue,
                Err(_) => &[],
            };
            match InetResponseHeader::parse(bytes) {
                Ok(header) => {
                    let is_mark = self.marks.remove(&cookie(&header));
                    // A socket without a peer is no connection.
                    if !is_mark && header.socket_id.destination_port != 0 {
                        let attributes = bytes.get(HEADER_LEN..).unwrap_or_default();
                        take(decode(&header, attributes, now_ns));
                    }
                }
                Err(_) => self.has_lost = true,
            }
        }
    }

    /// The same for all that have ended until now. The kernel reports them from a work queue with a
    /// list for each processor (`broadcast_wq`), so a socket is destroyed on each: those before it
    /// were reported when it is. If that takes too long, some are missing.
    ///
    /// # Errors
    /// The system's.
    pub fn drain_all(&mut self, now_ns: u64, take: &mut impl FnMut(Connection)) -> io::Result<()> {
        self.marks = within(&self.place, mark_each_processor)??;
        let end = Instant::now() + LONGEST;
        let mut is_quiet = false;
        while !(is_quiet && self.marks.is_empty()) && Instant::now() < end && !self.has_lost {
            self.drain(now_ns, take)?;
            let mut readable = [PollFd::new(&self.socket, PollFlags::IN)];
            let quiet = Timespec::try_from(QUIET).map_err(io::Error::other)?;
            is_quiet = match poll(&mut readable, Some(&quiet)) {
                Ok(ready) => ready == 0,
                Err(Errno::INTR) => false,
                Err(error) => return Err(error.into()),
            };
        }
        self.has_lost |= !self.marks.is_empty();
        self.drain(now_ns, take)
    }

    /// Whether the kernel dropped messages for want of room, or did not send them in time.
    pub fn has_lost(&self) -> bool {
        self.has_lost
    }
}

/// Destroys a TCP socket on each processor that the calling thread may use; returns their cookies.
fn mark_each_processor() -> io::Result<HashSet<u64>> {
    let usual = sched_getaffinity(None)?;
    let mark = || -> io::Result<u64> {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        Ok(sockopt::socket_cookie(&socket)?)
    };
    let on = |processor| {
        let mut only = CpuSet::new();
        only.set(processor);
        sched_setaffinity(None, &only)?;
        mark()
    };
    let usable = (0..CpuSet::MAX_CPU).filter(|processor| usual.is_set(*processor));
    let marks = usable.map(on).collect();
    sched_setaffinity(None, &usual)?;
    marks
}

fn cookie(header: &InetResponseHeader) -> u64 {
    u64::from_ne_bytes(header.socket_id.cookie)
}

/// The connection of a message.
fn decode(header: &InetResponseHeader, attributes: &[u8], now_ns: u64) -> Connection {
    let id = &header.socket_id;
    let mut attributes = NlasIterator::new(attributes).flatten();
    let info = attributes.find(|attribute| attribute.kind() == INET_DIAG_INFO);
    let info = info.map(|attribute| attribute.value().to_vec());
    let info = info.unwrap_or_default();
    Connection {
        cookie: cookie(header),
        netns: 0,
        ends: InetEnds {
            family: if header.family == AF_INET {
                Family::V4
            } else {
                Family::V6
            },
            local: SocketAddr::new(id.source_address, id.source_port),
            remote: SocketAddr::new(id.destination_address, id.destination_port),
        },
        opened: Opened::Unknown,
        opened_by: None,
        opened_ns: None,
        ended_ns: now_ns,
        states: Vec::new(),
        closed_by: None,
        close: None,
        error: None,
        inode: 0,
        uid: header.uid,
        counters: counters(&info),
    }
}

/// The counters of a `struct tcp_info` (linux/tcp.h); 0 for what an older kernel does not send.
fn counters(info: &[u8]) -> Counters {
    let word = |at: usize| {
        let chunk = info.get(at..).and_then(<[u8]>::first_chunk);
        chunk.map_or(0, |chunk| u32::from_ne_bytes(*chunk))
    };
    let long = |at: usize| {
        let chunk = info.get(at..).and_then(<[u8]>::first_chunk);
        chunk.map_or(0, |chunk| u64::from_ne_bytes(*chunk))
    };
    Counters {
        rtt_us: word(68),             // tcpi_rtt
        total_retrans: word(100),     // tcpi_total_retrans
        bytes_received: long(128),    // tcpi_bytes_received, 4.1
        segments_out: word(136),      // tcpi_segs_out, 4.2
        segments_in: word(140),       // tcpi_segs_in, 4.2
        data_segments_in: word(152),  // tcpi_data_segs_in, 4.6
        data_segments_out: word(156), // tcpi_data_segs_out, 4.6
        bytes_sent: long(200),        // tcpi_bytes_sent, 4.19
        ..Counters::default()
    }
}
