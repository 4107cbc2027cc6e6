//! The other end of a zoo's connections: a TUN device and a thread that speaks TCP behind it.
//!
//! Must not decide what to answer (`manner` does) nor touch sockets (`parking` does).
//! `Documentation/networking/tuntap.rst`.

use super::manner::{FIRST_SEQUENCE, Manner, address, reply};
use super::proc_table::DEADLINE;
use super::segment::Segment;
use super::state::Family;
use super::sysctl;
use crate::skip::skip_or_fail;
use crate::syscall;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

const DEVICE: &str = "zoo";

/// The port at which every peer is called.
const SERVICE: u16 = 443;

/// A network of peers, one house for each manner. One a namespace; the drop takes it down.
#[derive(Debug)]
pub(crate) struct Peer {
    device: Arc<File>,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
    has_ipv6: bool,
    next_port: AtomicU16,
}

impl Peer {
    /// Sets the network up; skips the test where there is no TUN device to be had.
    pub(crate) fn open() -> Self {
        sysctl::hold_timers();
        let device = syscall::open_tun(DEVICE)
            .unwrap_or_else(|error| skip_or_fail("no TUN device from /dev/net/tun", &error));
        let has_ipv6 = read_has_ipv6();
        for family in Family::ALL {
            if family == Family::V6 && !has_ipv6 {
                continue;
            }
            syscall::add_address(DEVICE, Self::home(family)).unwrap();
        }
        syscall::raise_interface(DEVICE).unwrap();
        if has_ipv6 {
            await_address(Self::home(Family::V6));
        }
        let device = Arc::new(device);
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC).unwrap());
        let thread = std::thread::spawn({
            let (device, stop) = (Arc::clone(&device), Arc::clone(&stop));
            move || serve(&device, &stop)
        });
        Self {
            device,
            stop,
            thread: Some(thread),
            has_ipv6,
            next_port: AtomicU16::new(10_000),
        }
    }

    /// Whether the network speaks IPv6 too; decided when it was set up.
    pub(crate) fn has_ipv6(&self) -> bool {
        self.has_ipv6
    }

    /// The kernel's own address in the peers' network.
    pub(crate) fn home(family: Family) -> IpAddr {
        address(family, 1)
    }

    /// Where to connect to for such a treatment.
    pub(crate) fn service(manner: Manner, family: Family) -> SocketAddr {
        (manner.address(family), SERVICE).into()
    }

    /// Calls a listener of the kernel's: a peer sends a SYN from a port of its own, carrying
    /// `payload` (which only a fast open listener takes). Does not wait for what comes of it.
    pub(crate) fn call(&self, manner: Manner, listener: SocketAddr, payload: &[u8]) {
        let family = match listener {
            SocketAddr::V4(_) => Family::V4,
            SocketAddr::V6(_) => Family::V6,
        };
        let port = self.next_port.fetch_add(1, Ordering::Relaxed);
        assert_ne!(port, 0, "more calls than ports");
        let call = Segment {
            syn: true,
            sequence: FIRST_SEQUENCE,
            payload: payload.to_vec(),
            ..Segment::between((manner.address(family), port).into(), listener)
        };
        (&*self.device).write_all(&call.encode()).unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        rustix::io::write(&self.stop, &1_u64.to_ne_bytes()).unwrap();
        let outcome = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(!matches!(outcome, Some(Err(_))), "the peer's thread failed");
        }
    }
}

/// Whether new interfaces of this namespace speak IPv6.
fn read_has_ipv6() -> bool {
    let switch = fs::read_to_string("/proc/sys/net/ipv6/conf/default/disable_ipv6");
    switch.is_ok_and(|value| value.trim() == "0")
}

/// Answers packets until `stop` becomes readable.
fn serve(mut device: &File, stop: &OwnedFd) {
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
        if let Some(answer) = Segment::decode(&packet[..length]).as_ref().and_then(reply) {
            device.write_all(&answer.encode()).unwrap();
        }
    }
}

/// Waits until somebody can bind to a new address of this host: those of IPv6 are tentative for a
/// moment, addrconf_dad_work() of net/ipv6/addrconf.c.
fn await_address(address: IpAddr) {
    let deadline = Instant::now() + DEADLINE;
    while let Err(error) = TcpListener::bind((address, 0)) {
        assert!(Instant::now() < deadline, "{address}: {error}");
        std::thread::yield_now();
    }
}
