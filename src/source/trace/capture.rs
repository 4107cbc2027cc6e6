//! The segments of connections that open and close, and lone acknowledgements, from a packet socket
//! with a ring (TPACKET_V3) and a filter in the kernel: packet(7),
//! `Documentation/networking/packet_mmap.rst`.
//!
//! Segments with data and without SYN, FIN or RST are left to the kernel. SYN, FIN and RST alone do
//! not suffice: the ACK that comes alone, which makes four segments of three, has no other flag.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime};

use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, socket_with};

use super::kernel::{Shared, attach_filter, set_option, take_dropped_packets};
use crate::model::trace::Flags;

/// linux/if_ether.h.
const ETH_P_ALL: u16 = 3;
const ETH_P_IP: u32 = 0x0800;
const ETH_P_IPV6: u32 = 0x86dd;

/// `TPACKET_V3`
const VERSION: u32 = 2;

/// The ring: 64 blocks of 128 KiB, each handed over when it is full, or after 50 ms.
const BLOCK_LEN: u32 = 128 << 10;
const BLOCKS: u32 = 64;
const FRAME_LEN: u32 = 2048;
const HANDED_OVER_MS: u32 = 50;

/// As much of a packet as the longest headers without extensions take.
const SNAPSHOT: u32 = 128;

/// `struct tpacket_block_desc`: version, offset, then `struct tpacket_hdr_v1`.
const BLOCK_STATUS: usize = 8;
const BLOCK_PACKETS: usize = 12;
const BLOCK_FIRST: usize = 16;
const STATUS_USER: u32 = 1;
const STATUS_KERNEL: u32 = 0;

/// `struct tpacket3_hdr`.
const PACKET_NEXT: usize = 0;
const PACKET_SECONDS: usize = 4;
const PACKET_NANOSECONDS: usize = 8;
const PACKET_SNAPSHOT: usize = 12;
const PACKET_NETWORK: usize = 26;

/// One segment of any connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captured {
    /// When, by the time of day.
    pub time: SystemTime,
    /// The sender.
    pub source: SocketAddr,
    /// The receiver.
    pub destination: SocketAddr,
    /// Its flags.
    pub flags: Flags,
    /// Its sequence number.
    pub seq: u32,
    /// The number it acknowledges.
    pub ack: u32,
    /// Bytes of data.
    pub length: u32,
}

/// A capture in the network namespace of the thread that began it.
#[derive(Debug)]
pub struct Capture {
    socket: OwnedFd,
    ring: Shared,
    /// The block that is read next.
    block: u32,
    dropped: u64,
}

impl Capture {
    /// Begins to capture.
    ///
    /// # Errors
    /// The system's: EPERM without CAP_NET_RAW.
    pub fn begin() -> io::Result<Capture> {
        // What is received before the filter and the ring are there is thrown away by the latter
        // (`packet_set_ring`, net/packet/af_packet.c).
        let every = u32::from(u16::from_ne_bytes(ETH_P_ALL.to_be_bytes()));
        let every = NonZeroU32::new(every).map(Protocol::from_raw);
        let family = AddressFamily::PACKET;
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::DGRAM, flags, every)?;
        attach_filter(socket.as_fd(), &filter())?;
        let version = [VERSION];
        set_option(
            socket.as_fd(),
            libc::SOL_PACKET,
            libc::PACKET_VERSION,
            &version,
        )?;
        // `struct tpacket_req3`: blocks, frames, time-out, room for private data, features.
        let frames = BLOCK_LEN / FRAME_LEN * BLOCKS;
        let request = [BLOCK_LEN, BLOCKS, FRAME_LEN, frames, HANDED_OVER_MS, 0, 0];
        set_option(
            socket.as_fd(),
            libc::SOL_PACKET,
            libc::PACKET_RX_RING,
            &request,
        )?;
        let ring = Shared::map(&socket, (BLOCK_LEN * BLOCKS) as usize, 0, true)?;
        Ok(Capture {
            socket,
            ring,
            block: 0,
            dropped: 0,
        })
    }

    /// Hands on the segments captured since the last time, in the order in which they were.
    pub fn drain(&mut self, mut take: impl FnMut(Captured)) {
        for _ in 0..BLOCKS {
            let block = (self.block * BLOCK_LEN) as usize;
            if self.ring.load_u32(block + BLOCK_STATUS) & STATUS_USER == 0 {
                return;
            }
            let mut at = block + self.ring.load_u32(block + BLOCK_FIRST) as usize;
            for _ in 0..self.ring.load_u32(block + BLOCK_PACKETS) {
                if let Some(captured) = self.packet(at) {
                    take(captured);
                }
                at += self.ring.load_u32(at + PACKET_NEXT) as usize;
            }
            self.ring.store_u32(block + BLOCK_STATUS, STATUS_KERNEL);
            self.block = (self.block + 1) % BLOCKS;
        }
    }

    /// How many segments there was no room for, so far.
    ///
    /// # Errors
    /// The system's.
    pub fn dropped(&mut self) -> io::Result<u64> {
        self.dropped += u64::from(take_dropped_packets(self.socket.as_fd())?);
        Ok(self.dropped)
    }

    fn packet(&self, at: usize) -> Option<Captured> {
        let header = self.ring.bytes(at, PACKET_NETWORK + 2);
        let seconds = self.ring.load_u32(at + PACKET_SECONDS);
        let nanoseconds = self.ring.load_u32(at + PACKET_NANOSECONDS);
        let network = read_u16_native(header, PACKET_NETWORK)?;
        let length = self.ring.load_u32(at + PACKET_SNAPSHOT) as usize;
        let time = SystemTime::UNIX_EPOCH + Duration::new(seconds.into(), nanoseconds);
        parse(self.ring.bytes(at + usize::from(network), length), time)
    }
}

/// Reads the headers of a packet, from the network's on; `None` for what is no whole TCP header.
fn parse(packet: &[u8], time: SystemTime) -> Option<Captured> {
    let version = packet.first()? >> 4;
    let (source, destination, transport, after_network): (IpAddr, IpAddr, _, _) = match version {
        4 => {
            let length = usize::from(packet.first()? & 0xf) * 4;
            let total = u32::from(read_u16(packet, 2)?);
            (
                Ipv4Addr::from(read::<4>(packet, 12)?).into(),
                Ipv4Addr::from(read::<4>(packet, 16)?).into(),
                packet.get(length..)?,
                total.checked_sub(u32::try_from(length).ok()?)?,
            )
        }
        6 => (
            Ipv6Addr::from(read::<16>(packet, 8)?).into(),
            Ipv6Addr::from(read::<16>(packet, 24)?).into(),
            packet.get(40..)?,
            read_u16(packet, 4)?.into(),
        ),
        _ => return None,
    };
    let header_len = u32::from(transport.get(12)? >> 4) * 4;
    let flags = transport.get(13)?;
    let is = |bit: u8| flags & bit != 0;
    Some(Captured {
        time,
        source: SocketAddr::new(source, read_u16(transport, 0)?),
        destination: SocketAddr::new(destination, read_u16(transport, 2)?),
        flags: Flags {
            fin: is(0x01),
            syn: is(0x02),
            rst: is(0x04),
            psh: is(0x08),
            ack: is(0x10),
        },
        seq: u32::from_be_bytes(read(transport, 4)?),
        ack: u32::from_be_bytes(read(transport, 8)?),
        length: after_network.saturating_sub(header_len),
    })
}

fn read<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    read(bytes, at).map(u16::from_be_bytes)
}

fn read_u16_native(bytes: &[u8], at: usize) -> Option<u16> {
    read(bytes, at).map(u16::from_ne_bytes)
}

/// Where an instruction of the filter leads.
#[derive(Clone, Copy)]
enum To {
    Next,
    /// So many instructions further than the next.
    Skip(u8),
    Accept,
    Drop,
}

/// Codes of linux/bpf_common.h.
mod code {
    pub(super) const LOAD_HALF: u16 = 0x28;
    pub(super) const LOAD_BYTE: u16 = 0x30;
    pub(super) const LOAD_BYTE_BEHIND_X: u16 = 0x50;
    pub(super) const LOAD_X_IPV4_HEADER: u16 = 0xb1;
    pub(super) const LOAD_X_MEMORY: u16 = 0x61;
    pub(super) const STORE: u16 = 0x02;
    pub(super) const EQUAL: u16 = 0x15;
    pub(super) const ANY_BIT: u16 = 0x45;
    pub(super) const SHIFT_RIGHT: u16 = 0x74;
    pub(super) const SHIFT_LEFT: u16 = 0x64;
    pub(super) const ADD_X: u16 = 0x0c;
    pub(super) const SUBTRACT_X: u16 = 0x1c;
    pub(super) const RETURN: u16 = 0x06;
}

/// `SKF_AD_OFF` and what is behind it, linux/filter.h.
const PROTOCOL: u32 = 0xffff_f000;
const PACKET_TYPE: u32 = PROTOCOL + 4;
const HARDWARE: u32 = PROTOCOL + 28;
const OUTGOING: u32 = 4;
const ARPHRD_LOOPBACK: u32 = 772;
const TCP: u32 = 6;
const SYN_FIN_RST: u32 = 0x07;

/// Accepts TCP segments with SYN, FIN or RST, or without data; of the loopback interface, where
/// every packet is seen twice, the received ones. IPv6 with extension headers is not followed.
fn filter() -> Vec<libc::sock_filter> {
    use To::{Accept, Drop, Next, Skip};
    let steps = [
        (code::LOAD_BYTE, Next, Next, PACKET_TYPE),
        (code::EQUAL, Next, Skip(2), OUTGOING),
        (code::LOAD_HALF, Next, Next, HARDWARE),
        (code::EQUAL, Drop, Next, ARPHRD_LOOPBACK),
        (code::LOAD_HALF, Next, Next, PROTOCOL),
        (code::EQUAL, Next, Skip(16), ETH_P_IP),
        // IPv4: the protocol, no later fragment, the flags.
        (code::LOAD_BYTE, Next, Next, 9),
        (code::EQUAL, Next, Drop, TCP),
        (code::LOAD_HALF, Next, Next, 6),
        (code::ANY_BIT, Drop, Next, 0x1fff),
        (code::LOAD_X_IPV4_HEADER, Next, Next, 0),
        (code::LOAD_BYTE_BEHIND_X, Next, Next, 13),
        (code::ANY_BIT, Accept, Next, SYN_FIN_RST),
        // The whole length less both headers.
        (code::LOAD_BYTE_BEHIND_X, Next, Next, 12),
        (code::SHIFT_RIGHT, Next, Next, 4),
        (code::SHIFT_LEFT, Next, Next, 2),
        (code::ADD_X, Next, Next, 0),
        (code::STORE, Next, Next, 0),
        (code::LOAD_HALF, Next, Next, 2),
        (code::LOAD_X_MEMORY, Next, Next, 0),
        (code::SUBTRACT_X, Next, Next, 0),
        (code::EQUAL, Accept, Drop, 0),
        // IPv6: the next header, the flags, the length behind the first header less the other.
        (code::EQUAL, Next, Drop, ETH_P_IPV6),
        (code::LOAD_BYTE, Next, Next, 6),
        (code::EQUAL, Next, Drop, TCP),
        (code::LOAD_BYTE, Next, Next, 40 + 13),
        (code::ANY_BIT, Accept, Next, SYN_FIN_RST),
        (code::LOAD_BYTE, Next, Next, 40 + 12),
        (code::SHIFT_RIGHT, Next, Next, 4),
        (code::SHIFT_LEFT, Next, Next, 2),
        (code::STORE, Next, Next, 0),
        (code::LOAD_HALF, Next, Next, 4),
        (code::LOAD_X_MEMORY, Next, Next, 0),
        (code::SUBTRACT_X, Next, Next, 0),
        (code::EQUAL, Accept, Drop, 0),
        (code::RETURN, Next, Next, SNAPSHOT),
        (code::RETURN, Next, Next, 0),
    ];
    let length = steps.len();
    let resolve = |at: usize, to: To| match to {
        Next => 0,
        Skip(further) => further,
        // The last two instructions; the program is shorter than 256.
        Accept => u8::try_from(length - 2 - at - 1).unwrap_or(0),
        Drop => u8::try_from(length - 1 - at - 1).unwrap_or(0),
    };
    let instruction = |(at, (code, yes, no, k)): (usize, (u16, To, To, u32))| libc::sock_filter {
        code,
        jt: resolve(at, yes),
        jf: resolve(at, no),
        k,
    };
    steps.into_iter().enumerate().map(instruction).collect()
}
