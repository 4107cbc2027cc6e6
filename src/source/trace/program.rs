//! The four programs that run in the kernel, one for each tracepoint: from the offsets of this
//! kernel's structures to instructions. Pure.
//!
//! `inet_sock_set_state` is a `tp_btf` program (5.5): the verifier knows the types, so members are
//! loaded directly. The others may be given no socket, which older verifiers do not know of typed
//! arguments, so they are raw tracepoints that read members by `bpf_probe_read_kernel`
//! (include/trace/events/sock.h, include/trace/events/tcp.h).

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::offsets::{Base, Offsets};
use super::record::{RECORD_LEN, at, kind};
use super::selector::Selector;
use crate::model::Family;
use crate::source::bpf::{Assembler, Code, Helper, Label, Register, Width};

use Register::{R0, R1, R2, R3, R6, R7, R8, R9, R10};

/// `IPPROTO_TCP`, `AF_INET`, `AF_INET6`.
const PROTOCOL: i32 = 6;
const AF_INET: u32 = 2;
const AF_INET6: u32 = 10;

/// `TCP_LISTEN`
const LISTEN: i32 = 10;

/// `BPF_RB_NO_WAKEUP`: the reader comes by itself. Waking it for each event costs more than all the
/// rest of a program.
const NO_WAKEUP: i32 = 1;

/// The tracepoints, in the order of their programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tracepoint {
    SetState,
    SendReset,
    ReceiveReset,
    Retransmit,
}

impl Tracepoint {
    pub(super) const ALL: [Tracepoint; 4] = [
        Tracepoint::SetState,
        Tracepoint::SendReset,
        Tracepoint::ReceiveReset,
        Tracepoint::Retransmit,
    ];

    /// Its name in the kernel.
    pub(super) fn name(self) -> &'static str {
        match self {
            Tracepoint::SetState => "inet_sock_set_state",
            Tracepoint::SendReset => "tcp_send_reset",
            Tracepoint::ReceiveReset => "tcp_receive_reset",
            Tracepoint::Retransmit => "tcp_retransmit_skb",
        }
    }

    /// Whether its arguments are typed by the typedef `btf_trace_NAME`.
    pub(super) fn is_typed(self) -> bool {
        self == Tracepoint::SetState
    }
}

/// The maps of the programs, by their descriptors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Maps {
    /// A ring buffer.
    pub(super) ring: i32,
    /// An array of one 64-bit number: events for which the ring had no room.
    pub(super) lost: i32,
}

/// The program of a tracepoint; `None` only where a jump is too far, which no selector makes.
pub(super) fn assemble(
    tracepoint: Tracepoint,
    offsets: &Offsets,
    selector: &Selector,
    maps: Maps,
) -> Option<Code> {
    let mut assembler = Assembler::default();
    let out = assembler.label();
    let full = assembler.label();
    let mut program = Program {
        assembler,
        offsets,
        typed: tracepoint.is_typed(),
        out,
    };
    program.select(selector);
    program.reserve(maps, full);
    match tracepoint {
        Tracepoint::SetState => program.transition(),
        Tracepoint::SendReset => program.event(kind::RESET_SENT),
        Tracepoint::ReceiveReset => program.event(kind::RESET_RECEIVED),
        Tracepoint::Retransmit => program.event(kind::RETRANSMIT),
    }
    if tracepoint == Tracepoint::SendReset {
        // Since 6.10 the third argument says why; what an older kernel has there is ignored by the
        // reader, which knows whether there are reasons.
        program.assembler.load(Width::U64, R1, R9, 16);
        program.assembler.store(Width::U32, R8, at::REASON, R1);
    }
    program.common();
    program.addresses();
    program.submit();
    program.assembler.place(full);
    program.count_lost(maps);
    program.assembler.place(out);
    program.assembler.set(R0, 0);
    program.assembler.exit();
    program.assembler.finish()
}

/// r6 is the `struct sock`, r7 the `struct tcp_sock`, r8 the record, r9 the context.
struct Program<'a> {
    assembler: Assembler,
    offsets: &'a Offsets,
    /// Whether members can be loaded, or must be read by a helper.
    typed: bool,
    out: Label,
}

/// The scratch place on the stack.
const SCRATCH: i16 = -16;

impl Program<'_> {
    /// `target = *(base + offset)`; r0 to r5 are lost where members are read by a helper.
    fn member(&mut self, width: Width, target: Register, base: Register, offset: i16) {
        if self.typed {
            self.assembler.load(width, target, base, offset);
            return;
        }
        self.assembler.copy(R3, base);
        self.assembler.add(R3, offset.into());
        self.assembler.copy(R1, R10);
        self.assembler.add(R1, SCRATCH.into());
        self.assembler.set(R2, width.bytes().into());
        self.assembler.store_value(Width::U64, R10, SCRATCH, 0);
        self.assembler.call(Helper::ReadKernel);
        self.assembler.load(width, target, R10, SCRATCH);
    }

    /// A member copied into the record.
    fn record(&mut self, width: Width, to: i16, base: Register, offset: i16) {
        self.member(width, R1, base, offset);
        self.assembler.store(width, R8, to, R1);
    }

    /// Leaves the program for sockets that are not asked for.
    fn select(&mut self, selector: &Selector) {
        let (offsets, out) = (self.offsets, self.out);
        self.assembler.copy(R9, R1);
        self.assembler.load(Width::U64, R6, R9, 0);
        if !self.typed {
            self.assembler.jump_if_equal(R6, 0, out);
        }
        if let Some(netns) = selector.netns {
            self.member(Width::U64, R7, R6, offsets.netns);
            self.member(Width::U32, R1, R7, offsets.netns_inum);
            self.assembler.jump_if_not_u32(R1, netns, out);
        }
        self.member(Width::U16, R1, R6, offsets.protocol);
        self.assembler
            .jump_if_not_u32(R1, PROTOCOL.cast_unsigned(), out);
        if let Some(family) = selector.family {
            let family = match family {
                Family::V4 => AF_INET,
                Family::V6 => AF_INET6,
            };
            self.member(Width::U16, R1, R6, offsets.family);
            self.assembler.jump_if_not_u32(R1, family, out);
        }
        if self.typed {
            self.assembler.copy(R1, R6);
            self.assembler.call(Helper::ToTcpSock);
            self.assembler.jump_if_equal(R0, 0, out);
            self.assembler.copy(R7, R0);
        } else {
            self.assembler.copy(R7, R6);
        }
        if !selector.ports.is_empty() || selector.address.is_some() {
            self.select_ends(selector);
        }
    }

    /// Leaves the program for sockets with other ports and addresses.
    fn select_ends(&mut self, selector: &Selector) {
        let (offsets, out) = (self.offsets, self.out);
        let passes = self.assembler.label();
        if self.typed {
            // Before 6.15 the socket of a connection that is accepted has no peer yet here.
            self.assembler.load(Width::U64, R1, R9, 8);
            self.assembler.jump_if_equal(R1, LISTEN, passes);
        }
        if !selector.ports.is_empty() {
            let found = self.assembler.label();
            self.member(Width::U16, R1, R6, offsets.remote_port);
            self.select_port(&selector.ports, found);
            self.member(Width::U16, R1, R7, offsets.local_port);
            self.assembler.jump_if_equal(R1, 0, found);
            self.select_port(&selector.ports, found);
            self.assembler.jump(out);
            self.assembler.place(found);
        }
        match selector.address {
            Some(IpAddr::V4(address)) => {
                let words = [u32::from_ne_bytes(address.octets())];
                self.select_address([offsets.local_v4, offsets.remote_v4], &words);
            }
            Some(IpAddr::V6(address)) => {
                let octets = address.octets();
                let words = octets.as_chunks().0.iter();
                let words: Vec<u32> = words.map(|word| u32::from_ne_bytes(*word)).collect();
                self.select_address([offsets.local_v6, offsets.remote_v6], &words);
            }
            None => {}
        }
        self.assembler.place(passes);
    }

    /// Jumps to `found` where the port in r1, in network byte order, is in one of these ranges.
    fn select_port(&mut self, ranges: &[RangeInclusive<u16>], found: Label) {
        self.assembler.swap_be16(R1);
        for range in ranges {
            let next = self.assembler.label();
            self.assembler
                .jump_if_less_u32(R1, (*range.start()).into(), next);
            self.assembler
                .jump_if_at_most_u32(R1, (*range.end()).into(), found);
            self.assembler.place(next);
        }
    }

    /// Leaves the program where neither member holds these words.
    fn select_address(&mut self, members: [i16; 2], words: &[u32]) {
        let found = self.assembler.label();
        for member in members {
            let other = self.assembler.label();
            for (at, word) in (0i16..).step_by(4).zip(words) {
                self.member(Width::U32, R1, R6, member + at);
                self.assembler.jump_if_not_u32(R1, *word, other);
            }
            self.assembler.jump(found);
            self.assembler.place(other);
        }
        self.assembler.jump(self.out);
        self.assembler.place(found);
    }

    /// Room for a record in the ring, or to `full`.
    fn reserve(&mut self, maps: Maps, full: Label) {
        self.assembler.map(R1, maps.ring);
        self.assembler.set(R2, RECORD_LEN);
        self.assembler.set(R3, 0);
        self.assembler.call(Helper::Reserve);
        self.assembler.jump_if_equal(R0, 0, full);
        self.assembler.copy(R8, R0);
    }

    fn transition(&mut self) {
        let kind = kind::TRANSITION;
        self.assembler.store_value(Width::U8, R8, at::KIND, kind);
        self.assembler.load(Width::U64, R1, R9, 8);
        self.assembler.store(Width::U8, R8, at::OLD, R1);
        self.assembler.load(Width::U64, R1, R9, 16);
        self.assembler.store(Width::U8, R8, at::NEW, R1);
        self.assembler.store_value(Width::U32, R8, at::REASON, 0);
        self.assembler.copy(R1, R6);
        self.assembler.call(Helper::Cookie);
        self.assembler.store(Width::U64, R8, at::COOKIE, R0);
        let offsets = self.offsets;
        self.member(Width::U64, R1, R6, offsets.socket);
        self.member(Width::U64, R1, R1, offsets.socket_file);
        self.member(Width::U64, R1, R1, offsets.file_inode);
        self.record(Width::U64, at::INODE, R1, offsets.inode_number);
    }

    /// What has no states; the cookie is there once any transition was recorded.
    fn event(&mut self, kind: i32) {
        self.assembler.store_value(Width::U8, R8, at::KIND, kind);
        self.assembler.store_value(Width::U8, R8, at::OLD, 0);
        self.assembler.store_value(Width::U8, R8, at::NEW, 0);
        self.assembler.store_value(Width::U32, R8, at::REASON, 0);
        self.assembler.store_value(Width::U64, R8, at::INODE, 0);
        self.record(Width::U64, at::COOKIE, R6, self.offsets.cookie);
    }

    /// What every record has.
    fn common(&mut self) {
        let offsets = self.offsets;
        self.assembler.call(Helper::Time);
        self.assembler.store(Width::U64, R8, at::TIME, R0);
        self.assembler.call(Helper::PidAndThread);
        self.assembler.shift_right(R0, 32);
        self.assembler.store(Width::U32, R8, at::PID, R0);
        self.assembler.copy(R1, R8);
        self.assembler.add(R1, at::COMMAND.into());
        self.assembler.set(R2, 16);
        self.assembler.call(Helper::Command);
        self.member(Width::U64, R1, R6, offsets.netns);
        self.record(Width::U32, at::NETNS, R1, offsets.netns_inum);
        for copied in &offsets.copied {
            let base = match copied.base {
                Base::Sock => R6,
                Base::TcpSock => R7,
            };
            self.record(copied.width, copied.to, base, copied.offset);
        }
    }

    fn addresses(&mut self) {
        let offsets = self.offsets;
        self.record(Width::U32, at::LOCAL_V4, R6, offsets.local_v4);
        self.record(Width::U32, at::REMOTE_V4, R6, offsets.remote_v4);
        for half in [0, 4, 8, 12] {
            let local = (at::LOCAL_V6 + half, offsets.local_v6 + half);
            let remote = (at::REMOTE_V6 + half, offsets.remote_v6 + half);
            for (to, offset) in [local, remote] {
                self.record(Width::U32, to, R6, offset);
            }
        }
    }

    fn submit(&mut self) {
        self.assembler.copy(R1, R8);
        self.assembler.set(R2, NO_WAKEUP);
        self.assembler.call(Helper::Submit);
        self.assembler.jump(self.out);
    }

    fn count_lost(&mut self, maps: Maps) {
        self.assembler.store_value(Width::U32, R10, SCRATCH, 0);
        self.assembler.map(R1, maps.lost);
        self.assembler.copy(R2, R10);
        self.assembler.add(R2, SCRATCH.into());
        self.assembler.call(Helper::MapLookup);
        self.assembler.jump_if_equal(R0, 0, self.out);
        self.assembler.set(R1, 1);
        self.assembler.add_atomically(R0, R1);
    }
}
