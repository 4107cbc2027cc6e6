//! The program that walks the kernel's tables of TCP sockets: from the offsets of this kernel's
//! structures to instructions. Pure.
//!
//! It is run by `BPF_PROG_TEST_RUN` as a program for a raw tracepoint: in the thread that asks, and under
//! `rcu_read_lock`, as the kernel's own readers of these lists are (`Documentation/RCU/rculist_nulls.rst`).
//! It takes no lock, and reads by `bpf_probe_read_kernel` only. Its loops are calls of `bpf_loop`, with a
//! bound each.
//!
//! A socket that is freed and used again may continue in another bucket. So the hash of each is
//! compared with its bucket before it is counted, and the last pointer with the number of the bucket;
//! where they differ, the walk continues at the socket before, if that is still in its place.
//! Listeners are freed after a grace period (`SOCK_RCU_FREE`).

mod namespaces;
mod sockets;

use super::layout::{Layout, Table};
use crate::source::bpf::{Assembler, Code, Helper, Label, Register, Width};

use Register::{R0, R1, R2, R3, R4, R6, R7, R8, R10};
use Width::{U32, U64};

/// What is requested of one run: the first argument. The others are the cookie of the namespace whose
/// tables are read, the first bucket, and the number of blocks of buckets.
pub(super) mod request {
    /// Enters every network namespace into the map, with its tables and no sockets.
    pub(in crate::source::walk) const LIST: u64 = 0;
    /// Counts the sockets of a table of connections, or of listeners.
    pub(in crate::source::walk) const CONNECTIONS: u64 = 1;
    pub(in crate::source::walk) const LISTENERS: u64 = 2;
}

/// What the program returns: a number of buckets that were not read to their end, or one of these.
pub(super) mod result {
    /// There is no such namespace any more.
    pub(in crate::source::walk) const GONE: u32 = 1 << 30;
    /// The map had no room for a namespace, or the list of them could not be read.
    pub(in crate::source::walk) const UNLISTED: u32 = 1 << 29;
}

/// The value of a namespace in the map; its key is the cookie.
pub(super) mod value {
    pub(in crate::source::walk) const INODE: i16 = 0;
    pub(in crate::source::walk) const CONNECTION_MASK: i16 = 4;
    pub(in crate::source::walk) const CONNECTIONS: i16 = 8;
    pub(in crate::source::walk) const LISTENERS: i16 = 16;
    pub(in crate::source::walk) const LISTENER_MASK: i16 = 24;
    /// Numbers of 32 bits: of IPv4 by state, then of IPv6, then of IPv4 on IPv6 sockets.
    pub(in crate::source::walk) const COUNTS: i16 = 32;
    /// More states than `skc_state` may be in; `TCP_MAX_STATES` is 14.
    pub(in crate::source::walk) const STATES: i16 = 16;
    pub(in crate::source::walk) const CLASSES: i16 = 3;
    pub(in crate::source::walk) const LEN: i16 = COUNTS + CLASSES * STATES * 4;
}

/// Where the main function keeps what all of them share, from the address they are passed.
mod shared {
    pub(super) const REQUEST: i16 = 0;
    pub(super) const COOKIE: i16 = 8;
    /// The namespace that the list begins with, the one that is looked at, and the one found.
    pub(super) const START: i16 = 16;
    pub(super) const NET: i16 = 24;
    pub(super) const FOUND: i16 = 32;
    pub(super) const BUCKETS: i16 = 40;
    pub(super) const MASK: i16 = 48;
    /// The next bucket to read, and the one that is read.
    pub(super) const NEXT: i16 = 56;
    pub(super) const BUCKET: i16 = 64;
    /// The pointer to the socket that is looked at, where it was read, and the first place of those.
    pub(super) const NODE: i16 = 72;
    pub(super) const LINK: i16 = 80;
    pub(super) const HEAD: i16 = 88;
    /// How often pointers were read again.
    pub(super) const AGAIN: i16 = 96;
    pub(super) const RESULT: i16 = 104;
    /// The buckets that were read at once, from this address.
    pub(super) const BLOCK_AT: i16 = 112;
    pub(super) const BLOCK: i16 = 120;
    pub(super) const BLOCK_LEN: i16 = 128;
    pub(super) const LEN: i16 = BLOCK + BLOCK_LEN;
}

/// The most namespaces that are looked at.
const MOST_NAMESPACES: i32 = 1 << 20;

/// Where functions keep the key of a namespace on the stack, below a place for a number.
const KEY: i16 = -16;

/// How many buckets of a table are read at once.
pub(super) fn buckets_of_block(table: &Table) -> i16 {
    1 << (shared::BLOCK_LEN / table.bucket_len).max(1).ilog2()
}

/// The program with the map behind this descriptor; `None` only where a jump is too far.
pub(super) fn assemble(layout: &Layout, map: i32) -> Option<Code> {
    let mut assembler = Assembler::default();
    let mut label = || assembler.label();
    let [main, namespace, block, listener_block] = [label(), label(), label(), label()];
    let [bucket, listener_bucket, socket, listener] = [label(), label(), label(), label()];
    let mut program = Program {
        a: assembler,
        layout,
        map,
    };
    program.a.begin(main);
    program.main(namespace, block, listener_block);
    program.a.begin(namespace);
    program.namespace();
    program.a.begin(block);
    program.block(&layout.connections, bucket);
    program.a.begin(listener_block);
    program.block(&layout.listeners, listener_bucket);
    program.a.begin(bucket);
    program.bucket(&layout.connections, socket);
    program.a.begin(listener_bucket);
    program.bucket(&layout.listeners, listener);
    program.a.begin(socket);
    program.socket(true);
    program.a.begin(listener);
    program.socket(false);
    program.a.finish()
}

/// r6 is the address of what the functions share.
struct Program<'a> {
    a: Assembler,
    layout: &'a Layout,
    map: i32,
}

impl Program<'_> {
    /// Copies `length` bytes from `source + offset` to the stack; r0 is 0 where that can be read.
    fn read(&mut self, to: i16, length: i16, source: Register, offset: i16) {
        self.a.copy(R3, source);
        self.a.add(R3, offset.into());
        self.a.copy(R1, R10);
        self.a.add(R1, to.into());
        self.a.set(R2, length.into());
        self.a.call(Helper::ReadKernel);
    }

    /// `target = *(source + offset)`, 0 where it cannot be read, by way of the stack.
    fn member(&mut self, width: Width, target: Register, source: Register, offset: i16) {
        self.read(-8, width.bytes(), source, offset);
        self.a.load(width, target, R10, -8);
    }

    fn pointer(&mut self, target: Register, source: Register, offset: i16) {
        self.member(U64, target, source, offset);
    }

    /// Ends a function.
    fn end(&mut self, value: i32) {
        self.a.set(R0, value);
        self.a.exit();
    }

    /// Calls a function so often, or until it returns 1; r0 is how often it was called.
    fn repeat(&mut self, function: Label) {
        self.a.address(R2, function);
        self.a.copy(R3, R6);
        self.a.set(R4, 0);
        self.a.call(Helper::Loop);
    }

    /// Finds the namespace and calls the function for its table.
    fn main(&mut self, namespace: Label, block: Label, listener_block: Label) {
        let layout = self.layout;
        let start = -8 - shared::LEN;
        self.a.copy(R7, R1);
        self.a.copy(R6, R10);
        self.a.add(R6, start.into());
        for at in (0..shared::LEN).step_by(8) {
            self.a.store_value(U64, R6, at, 0);
        }
        // What is counted starts as an argument that is 0: a constant would make the verifier look at
        // the loops once for each number.
        for (argument, to) in [
            (0, shared::REQUEST),
            (8, shared::COOKIE),
            (16, shared::NEXT),
            (32, shared::AGAIN),
            (32, shared::RESULT),
        ] {
            self.a.load(U64, R1, R7, argument);
            self.a.store(U64, R6, to, R1);
        }
        self.a.call(Helper::CurrentTask);
        self.a.copy(R8, R0);
        self.pointer(R8, R8, layout.task_namespaces);
        self.pointer(R8, R8, layout.namespaces_net);
        self.a.store(U64, R6, shared::START, R8);
        self.a.store(U64, R6, shared::NET, R8);
        self.a.set(R1, MOST_NAMESPACES);
        self.repeat(namespace);
        let out = self.a.label();
        self.a.load(U64, R1, R6, shared::REQUEST);
        self.a.jump_if_equal(R1, 0, out);
        let found = self.a.label();
        self.a.load(U64, R8, R6, shared::FOUND);
        self.a.jump_if_not_equal(R8, 0, found);
        self.a
            .store_value(U64, R6, shared::RESULT, result::GONE.cast_signed());
        self.a.jump(out);
        self.a.place(found);
        self.pointer(R8, R8, layout.net_tables);
        let listeners = self.a.label();
        self.a.load(U64, R1, R6, shared::REQUEST);
        self.a.jump_if_equal(R1, 2, listeners);
        self.table(&layout.connections);
        self.repeat(block);
        self.a.jump(out);
        self.a.place(listeners);
        self.table(&layout.listeners);
        self.repeat(listener_block);
        self.a.place(out);
        self.a.load(U64, R0, R6, shared::RESULT);
        self.a.exit();
    }

    /// The table of the `struct inet_hashinfo` in r8; r1 becomes the number of blocks requested.
    fn table(&mut self, table: &Table) {
        self.pointer(R1, R8, table.buckets);
        self.a.store(U64, R6, shared::BUCKETS, R1);
        self.member(U32, R1, R8, table.mask);
        self.a.store(U64, R6, shared::MASK, R1);
        self.a.load(U64, R1, R7, 24);
    }
}
