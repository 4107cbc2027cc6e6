//! The function that enters the network namespaces of the kernel's list, `net_namespace_list`, into the
//! map, or finds one by its cookie.

use super::{KEY, Program, result, shared, value};
use crate::source::bpf::{Helper, Register, Width};

use Register::{R0, R1, R2, R3, R4, R6, R7, R8, R10};
use Width::{U32, U64};

impl Program<'_> {
    /// Enters a namespace of the list into the map, or compares its cookie; 1 at the end of the list.
    ///
    /// The head of the list is no namespace. What is has a loopback device that refers to it.
    pub(super) fn namespace(&mut self) {
        let layout = self.layout;
        const VALUE: i16 = KEY - value::LEN;
        let (advance, enter) = (self.a.label(), self.a.label());
        let (unlisted, end) = (self.a.label(), self.a.label());
        self.a.copy(R6, R2);
        self.a.load(U64, R7, R6, shared::NET);
        self.read(KEY, 8, R7, layout.net_cookie);
        self.a.load(U64, R1, R6, shared::REQUEST);
        self.a.jump_if_equal(R1, 0, enter);
        self.a.load(U64, R1, R6, shared::COOKIE);
        self.a.load(U64, R2, R10, KEY);
        self.a.jump_if_differs(R1, R2, advance);
        self.a.store(U64, R6, shared::FOUND, R7);
        self.end(1);
        self.a.place(enter);
        self.pointer(R8, R7, layout.net_loopback);
        self.pointer(R8, R8, layout.device_net);
        self.a.jump_if_differs(R8, R7, advance);
        // Nothing refers to it: it is being removed.
        self.member(U32, R1, R7, layout.net_references);
        self.a.jump_if_equal(R1, 0, advance);
        for at in (0..value::LEN).step_by(8) {
            self.a.store_value(U64, R10, VALUE + at, 0);
        }
        self.read(VALUE + value::INODE, 4, R7, layout.net_inode);
        self.pointer(R8, R7, layout.net_tables);
        for (to, length, from) in [
            (value::CONNECTIONS, 8, layout.connections.buckets),
            (value::CONNECTION_MASK, 4, layout.connections.mask),
            (value::LISTENERS, 8, layout.listeners.buckets),
            (value::LISTENER_MASK, 4, layout.listeners.mask),
        ] {
            self.read(VALUE + to, length, R8, from);
        }
        self.a.map(R1, self.map);
        self.a.copy(R2, R10);
        self.a.add(R2, KEY.into());
        self.a.copy(R3, R10);
        self.a.add(R3, VALUE.into());
        self.a.set(R4, 0);
        self.a.call(Helper::MapUpdate);
        self.a.jump_if_not_equal(R0, 0, unlisted);
        self.a.place(advance);
        self.pointer(R7, R7, layout.net_list);
        self.a.jump_if_equal(R7, 0, unlisted);
        self.a.add(R7, -i32::from(layout.net_list));
        self.a.store(U64, R6, shared::NET, R7);
        self.a.load(U64, R1, R6, shared::START);
        self.a.jump_if_same(R1, R7, end);
        self.end(0);
        self.a.place(unlisted);
        self.a
            .store_value(U64, R6, shared::RESULT, result::UNLISTED.cast_signed());
        self.a.place(end);
        self.end(1);
    }
}
