//! The remote end of a zoo's connections: a TUN device, and a thread that replies to its packets.
//!
//! Must not decide on replies (`behaviour` does) nor open sockets (`parking` does).
//! `Documentation/networking/tuntap.rst`.

use super::behaviour::{Behaviour, FIRST_SEQUENCE, address, reply};
use super::segment::Segment;
use super::state::Family;
use super::sysctl;
use crate::skip::skip_or_fail;
use crate::syscall;
use crate::wait::{self, wait_for};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

const DEVICE: &str = "zoo";

/// The port to connect to at every peer.
const PORT: u16 = 443;

/// A network of peers, one host for each behaviour. One per namespace; the drop removes it.
#[derive(Debug)]
pub(crate) struct Peer {
    device: Arc<File>,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
    has_ipv6: bool,
    next_port: AtomicU16,
    received: Arc<Mutex<Vec<Segment>>>,
}

impl Peer {
    /// Sets up the network; skips the test where no TUN device can be opened.
    pub(crate) fn open() -> Self {
        sysctl::set_long_timers();
        let device = syscall::open_tun(DEVICE).unwrap_or_else(|error| {
            skip_or_fail("cannot open a TUN device at /dev/net/tun", &error)
        });
        let has_ipv6 = read_has_ipv6();
        for family in Family::ALL {
            if family == Family::V6 && !has_ipv6 {
                continue;
            }
            syscall::add_address(DEVICE, Self::local_address(family)).unwrap();
        }
        syscall::raise_interface(DEVICE).unwrap();
        if has_ipv6 {
            wait_for_address(Self::local_address(Family::V6));
        }
        let device = Arc::new(device);
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC).unwrap());
        let received = Arc::default();
        let thread = std::thread::spawn({
            let (device, stop) = (Arc::clone(&device), Arc::clone(&stop));
            let received = Arc::clone(&received);
            move || serve(&device, &stop, &received)
        });
        Self {
            device,
            stop,
            thread: Some(thread),
            has_ipv6,
            next_port: AtomicU16::new(10_000),
            received,
        }
    }

    /// Whether the network has IPv6 addresses; decided when it was set up.
    pub(crate) fn has_ipv6(&self) -> bool {
        self.has_ipv6
    }

    /// The kernel's own address in the peer network.
    pub(crate) fn local_address(family: Family) -> IpAddr {
        address(family, 1)
    }

    /// The address and port of the peer with this behaviour.
    pub(crate) fn address(behaviour: Behaviour, family: Family) -> SocketAddr {
        (behaviour.address(family), PORT).into()
    }

    /// Sends a SYN from a new port of a peer to one of the kernel's listeners, with `payload` (which
    /// only a fast open listener accepts). Does not wait for the outcome.
    pub(crate) fn send_syn(&self, behaviour: Behaviour, listener: SocketAddr, payload: &[u8]) {
        let family = match listener {
            SocketAddr::V4(_) => Family::V4,
            SocketAddr::V6(_) => Family::V6,
        };
        let port = self.next_port.fetch_add(1, Ordering::Relaxed);
        assert_ne!(port, 0, "no port is left for another SYN");
        let segment = Segment {
            syn: true,
            sequence: FIRST_SEQUENCE,
            payload: payload.to_vec(),
            ..Segment::between((behaviour.address(family), port).into(), listener)
        };
        self.send(&segment);
    }

    /// Sends a segment of a peer.
    pub(crate) fn send(&self, segment: &Segment) {
        (&*self.device).write_all(&segment.encode()).unwrap();
    }

    /// Waits for the segment number `number` from `source` that `is_it`, 0 for the first one.
    pub(crate) fn wait_for(
        &self,
        source: SocketAddr,
        number: usize,
        is_it: impl Fn(&Segment) -> bool,
    ) -> Segment {
        wait_for(&format!("a segment from {source}"), || {
            let received = self.received.lock().unwrap();
            let mut wanted = received
                .iter()
                .filter(|one| one.source == source && is_it(one));
            wanted.nth(number).cloned()
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        rustix::io::write(&self.stop, &1_u64.to_ne_bytes()).unwrap();
        if let Some(thread) = self.thread.take()
            && !std::thread::panicking()
        {
            wait::join("the end of the peer's thread", thread);
        }
    }
}

/// Whether new interfaces of this namespace have IPv6.
fn read_has_ipv6() -> bool {
    let disabled = fs::read_to_string("/proc/sys/net/ipv6/conf/default/disable_ipv6");
    disabled.is_ok_and(|value| value.trim() == "0")
}

/// Replies to packets until `stop` becomes readable, and keeps them.
fn serve(mut device: &File, stop: &OwnedFd, received: &Mutex<Vec<Segment>>) {
    let mut packet = [0; 65_536];
    loop {
        let mut ready = [
            PollFd::new(device, PollFlags::IN),
            PollFd::new(stop, PollFlags::IN),
        ];
        match poll(&mut ready, None) {
            Err(rustix::io::Errno::INTR) => continue,
            outcome => outcome.unwrap(),
        };
        if !ready[1].revents().is_empty() {
            return;
        }
        let length = device.read(&mut packet).unwrap();
        let Some(segment) = Segment::decode(&packet[..length]) else {
            continue;
        };
        if let Some(reply) = reply(&segment) {
            device.write_all(&reply.encode()).unwrap();
        }
        received.lock().unwrap().push(segment);
    }
}

/// Waits until a new address of this host can be bound: IPv6 addresses are tentative at first,
/// addrconf_dad_work() of net/ipv6/addrconf.c.
fn wait_for_address(address: IpAddr) {
    wait_for(&format!("{address} to be usable"), || {
        TcpListener::bind((address, 0)).ok()
    });
}
