//! The functions that count the sockets of a table: of each block of buckets, of a bucket, and of one
//! socket after the other.

use super::{KEY, Program, buckets_of_block, shared, value};
use crate::source::bpf::{Helper, Label, Register, Width};
use crate::source::walk::layout::Table;

use Register::{R0, R1, R2, R3, R6, R7, R8, R10};
use Width::{U8, U16, U32, U64};

/// The most sockets in one bucket that are looked at.
const MOST_IN_BUCKET: u32 = 1 << 20;

/// How often pointers are read again in one run before buckets are given up.
const MOST_AGAIN: i32 = 1 << 10;

/// The bits of a last pointer that are the number of its bucket; `LISTENING_NULLS_BASE` is above them.
const BUCKET_BITS: i32 = (1 << 29) - 1;

const AF_INET: i32 = 2;
const AF_INET6: u32 = 10;
const TIME_WAIT: u32 = 6;
const LISTEN: u32 = 10;

/// The third word of an address that stands for IPv4, `::ffff:0:0/96`.
const MAPPED: u32 = 0xffff_u32.to_be();

impl Program<'_> {
    /// Reads a block of buckets, and calls the function for each; 1 behind the last.
    pub(super) fn block(&mut self, table: &Table, bucket: Label) {
        let (end, unreadable) = (self.a.label(), self.a.label());
        let (number, length) = (buckets_of_block(table), table.bucket_len);
        self.a.copy(R6, R2);
        self.a.load(U64, R7, R6, shared::NEXT);
        self.a.load(U64, R1, R6, shared::MASK);
        self.a.jump_if_more(R7, R1, end);
        self.a.multiply(R7, length.into());
        self.a.load(U64, R1, R6, shared::BUCKETS);
        self.a.add_register(R7, R1);
        self.a.store(U64, R6, shared::BLOCK_AT, R7);
        self.a.copy(R3, R7);
        self.a.copy(R1, R6);
        self.a.add(R1, shared::BLOCK.into());
        self.a.set(R2, (number * length).into());
        self.a.call(Helper::ReadKernel);
        self.a.jump_if_not_equal(R0, 0, unreadable);
        // Most blocks of a quiet host are empty: every first pointer is a last one.
        let empty = self.a.label();
        self.a.set(R1, 1);
        for head in (shared::BLOCK + table.head..)
            .step_by(length.unsigned_abs().into())
            .take(number.unsigned_abs().into())
        {
            self.a.load(U64, R2, R6, head);
            self.a.and_register(R1, R2);
        }
        self.a.jump_if_not_equal(R1, 0, empty);
        self.a.set(R1, number.into());
        self.repeat(bucket);
        self.a.place(empty);
        self.increase(shared::NEXT, number);
        self.end(0);
        self.a.place(unreadable);
        self.increase(shared::RESULT, number);
        self.increase(shared::NEXT, number);
        self.end(0);
        self.a.place(end);
        self.end(1);
    }

    /// Calls the function for the sockets of a bucket that has some; 1 behind the last.
    pub(super) fn bucket(&mut self, table: &Table, socket: Label) {
        let (number, length) = (buckets_of_block(table), table.bucket_len);
        let (next, behind) = (self.a.label(), self.a.label());
        self.a.copy(R6, R2);
        self.a.and(R1, (number - 1).into());
        self.a.copy(R7, R1);
        self.a.multiply(R7, length.into());
        self.a.copy(R3, R6);
        self.a.add_register(R3, R7);
        self.a.load(U64, R8, R3, shared::BLOCK + table.head);
        self.a.jump_if_any_bit(R8, 1, next);
        self.a.load(U64, R2, R6, shared::NEXT);
        self.a.add_register(R1, R2);
        self.a.load(U64, R3, R6, shared::MASK);
        self.a.jump_if_more(R1, R3, behind);
        self.a.store(U64, R6, shared::BUCKET, R1);
        self.a.store(U64, R6, shared::NODE, R8);
        self.a.load(U64, R2, R6, shared::BLOCK_AT);
        self.a.add_register(R2, R7);
        self.a.add(R2, table.head.into());
        self.a.store(U64, R6, shared::LINK, R2);
        self.a.store(U64, R6, shared::HEAD, R2);
        self.a.set(R1, MOST_IN_BUCKET.cast_signed());
        self.repeat(socket);
        self.a.jump_if_less_u32(R0, MOST_IN_BUCKET, next);
        self.increase(shared::RESULT, 1);
        self.a.place(next);
        self.end(0);
        self.a.place(behind);
        self.end(1);
    }

    /// Adds to a number that all functions share, and leaves it in r1.
    fn increase(&mut self, at: i16, by: i16) {
        self.a.load(U64, R1, R6, at);
        self.a.add(R1, by.into());
        self.a.store(U64, R6, at, R1);
    }

    /// Counts a socket and goes on to the next; 1 at the end of the bucket.
    pub(super) fn socket(&mut self, in_connections: bool) {
        let (layout, socket) = (self.layout, self.layout.socket);
        let members = [
            socket.hash,
            socket.family,
            socket.state,
            socket.local_v6 + 8,
            socket.net,
            socket.node,
        ];
        let first = members.into_iter().min().unwrap_or(0) & !7;
        let length = (members.into_iter().max().unwrap_or(0) + 15 - first) & !7;
        let copy = KEY - length;
        let at = |member: i16| copy + member - first;
        let (is_socket, strayed, next) = (self.a.label(), self.a.label(), self.a.label());
        self.a.copy(R6, R2);
        self.a.load(U64, R7, R6, shared::NODE);
        self.a.copy(R1, R7);
        self.a.and(R1, 1);
        self.a.jump_if_equal(R1, 0, is_socket);
        // `NULLS_MARKER`: the number of the bucket.
        self.a.shift_right(R7, 1);
        self.a.and(R7, BUCKET_BITS);
        self.a.load(U64, R1, R6, shared::BUCKET);
        self.a.jump_if_differs(R1, R7, strayed);
        self.end(1);
        self.a.place(is_socket);
        self.a.add(R7, -i32::from(socket.node));
        self.read(copy, length, R7, first);
        self.a.jump_if_not_equal(R0, 0, strayed);
        self.a.load(U8, R8, R10, at(socket.state));
        if in_connections {
            self.a.load(U32, R1, R10, at(socket.hash));
            self.jump_unless_in_bucket(strayed);
            // A timewait minisocket waits in one of two states.
            let other = self.a.label();
            self.a.jump_if_not_u32(R8, TIME_WAIT, other);
            self.read(-8, 1, R7, layout.timewait_state);
            self.a.load(U8, R8, R10, -8);
            self.a.place(other);
        } else {
            self.a.jump_if_not_u32(R8, LISTEN, next);
        }
        self.count(at, next);
        self.a.place(next);
        self.a.load(U64, R1, R10, at(socket.node));
        self.a.store(U64, R6, shared::NODE, R1);
        self.a.add(R7, socket.node.into());
        self.a.store(U64, R6, shared::LINK, R7);
        self.end(0);
        self.a.place(strayed);
        self.return_to_predecessor(in_connections);
    }

    /// Jumps where the hash in r1 leads to another bucket than the one that is read.
    fn jump_unless_in_bucket(&mut self, label: Label) {
        self.a.load(U64, R2, R6, shared::MASK);
        self.a.and_register(R1, R2);
        self.a.load(U64, R2, R6, shared::BUCKET);
        self.a.jump_if_differs(R1, R2, label);
    }

    /// Counts a socket in the state r8, whose members are on the stack; to `next` for one of a
    /// namespace that is not in the map.
    fn count(&mut self, at: impl Fn(i16) -> i16, next: Label) {
        let (socket, known) = (self.layout.socket, self.a.label());
        self.a.and(R8, (value::STATES - 1).into());
        self.a.load(U16, R1, R10, at(socket.family));
        self.a.jump_if_equal(R1, AF_INET, known);
        self.a.jump_if_not_u32(R1, AF_INET6, next);
        self.a.add(R8, value::STATES.into());
        self.a.load(U64, R1, R10, at(socket.local_v6));
        self.a.jump_if_not_equal(R1, 0, known);
        self.a.load(U32, R1, R10, at(socket.local_v6 + 8));
        self.a.jump_if_not_u32(R1, MAPPED, known);
        self.a.add(R8, value::STATES.into());
        self.a.place(known);
        self.a.load(U64, R1, R10, at(socket.net));
        self.read(KEY, 8, R1, self.layout.net_cookie);
        self.a.map(R1, self.map);
        self.a.copy(R2, R10);
        self.a.add(R2, KEY.into());
        self.a.call(Helper::MapLookup);
        self.a.jump_if_equal(R0, 0, next);
        self.a.multiply(R8, 4);
        self.a.add_register(R0, R8);
        self.a.load(U32, R1, R0, value::COUNTS);
        self.a.add(R1, 1);
        self.a.store(U32, R0, value::COUNTS, R1);
    }

    /// Reads the pointer that led astray once more; gives the bucket up where the socket that has it
    /// left the bucket too.
    fn return_to_predecessor(&mut self, in_connections: bool) {
        let (node, hash) = (self.layout.socket.node, self.layout.socket.hash);
        let (lost, stays) = (self.a.label(), self.a.label());
        self.increase(shared::AGAIN, 1);
        self.a.set(R2, MOST_AGAIN);
        self.a.jump_if_more(R1, R2, lost);
        self.a.load(U64, R7, R6, shared::LINK);
        self.pointer(R8, R7, 0);
        self.a.jump_if_equal(R8, 0, lost);
        self.a.load(U64, R1, R6, shared::HEAD);
        self.a.jump_if_same(R1, R7, stays);
        if in_connections {
            self.member(U32, R1, R7, hash - node);
            self.jump_unless_in_bucket(lost);
        }
        self.a.place(stays);
        self.a.store(U64, R6, shared::NODE, R8);
        self.end(0);
        self.a.place(lost);
        self.increase(shared::RESULT, 1);
        self.end(1);
    }
}
