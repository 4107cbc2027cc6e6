//! BPF instructions, one after the other, with jumps to labels. Pure.
//!
//! `linux/bpf.h` and `linux/bpf_common.h`; the instruction set of
//! `Documentation/bpf/standardization/instruction-set.rst`. Only what the programs of this folder
//! need.

/// A register. r0 holds results, r1 to r5 arguments, which a call destroys; r6 to r9 keep their
/// values, and r10 is the frame pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Register {
    R0,
    R1,
    R2,
    R3,
    R6 = 6,
    R7,
    R8,
    R9,
    R10,
}

/// How many bytes are loaded or stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    U8,
    U16,
    U32,
    U64,
}

impl Width {
    fn bits(self) -> u8 {
        match self {
            Width::U32 => 0x00,
            Width::U16 => 0x08,
            Width::U8 => 0x10,
            Width::U64 => 0x18,
        }
    }
}

/// The helpers of the kernel that are called: `enum bpf_func_id`, with the version that brought
/// each to programs of these kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum Helper {
    MapLookup = 1,
    Time = 5,
    PidAndThread = 14,
    Command = 16,
    /// `bpf_get_socket_cookie`, 5.12 for tracing.
    Cookie = 46,
    /// 5.5
    ReadKernel = 113,
    /// 5.8
    Reserve = 131,
    /// 5.8
    Submit = 132,
    /// `bpf_skc_to_tcp_sock`, 5.9
    ToTcpSock = 137,
}

/// A place that can be jumped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(usize);

/// A program under way.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    code: Vec<[u8; 8]>,
    /// Where each label is, once it is placed.
    labels: Vec<Option<usize>>,
    /// The jumps, by where they are, and to which label.
    jumps: Vec<(usize, Label)>,
}

const PSEUDO_MAP_FD: u8 = 1;

impl Assembler {
    fn push(&mut self, code: u8, target: Register, source: u8, offset: i16, value: i32) {
        let [low, high] = offset.to_ne_bytes();
        let [a, b, c, d] = value.to_ne_bytes();
        // Two bit fields of four bits share a byte, in the order of this machine.
        let registers = match cfg!(target_endian = "little") {
            true => source << 4 | target as u8,
            false => (target as u8) << 4 | source,
        };
        self.code.push([code, registers, low, high, a, b, c, d]);
    }

    /// `target = source`
    pub(super) fn copy(&mut self, target: Register, source: Register) {
        self.push(0xbf, target, source as u8, 0, 0);
    }

    /// `target = value`
    pub(super) fn set(&mut self, target: Register, value: i32) {
        self.push(0xb7, target, 0, 0, value);
    }

    /// `target += value`
    pub(super) fn add(&mut self, target: Register, value: i32) {
        self.push(0x07, target, 0, 0, value);
    }

    /// `target >>= bits`
    pub(super) fn shift_right(&mut self, target: Register, bits: i32) {
        self.push(0x77, target, 0, 0, bits);
    }

    /// `target` from network byte order, of which 16 bits are kept.
    pub(super) fn swap_be16(&mut self, target: Register) {
        self.push(0xdc, target, 0, 0, 16);
    }

    /// `target = *(source + offset)`
    pub(super) fn load(&mut self, width: Width, target: Register, source: Register, offset: i16) {
        self.push(0x61 | width.bits(), target, source as u8, offset, 0);
    }

    /// `*(target + offset) = source`
    pub(super) fn store(&mut self, width: Width, target: Register, offset: i16, source: Register) {
        self.push(0x63 | width.bits(), target, source as u8, offset, 0);
    }

    /// `*(target + offset) = value`
    pub(super) fn store_value(&mut self, width: Width, target: Register, offset: i16, value: i32) {
        self.push(0x62 | width.bits(), target, 0, offset, value);
    }

    /// `*(u64 *)target += source`, atomically.
    pub(super) fn add_atomically(&mut self, target: Register, source: Register) {
        self.push(0xdb, target, source as u8, 0, 0);
    }

    /// `target` becomes the map behind this descriptor.
    pub(super) fn map(&mut self, target: Register, descriptor: i32) {
        self.push(0x18, target, PSEUDO_MAP_FD, 0, descriptor);
        self.push(0x00, Register::R0, 0, 0, 0);
    }

    pub(super) fn call(&mut self, helper: Helper) {
        self.push(0x85, Register::R0, 0, 0, helper as i32);
    }

    pub(super) fn exit(&mut self) {
        self.push(0x95, Register::R0, 0, 0, 0);
    }

    /// A label that is placed later.
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// The label is here.
    pub(super) fn place(&mut self, label: Label) {
        if let Some(place) = self.labels.get_mut(label.0) {
            *place = Some(self.code.len());
        }
    }

    fn jump_if(&mut self, code: u8, register: Register, value: i32, label: Label) {
        self.jumps.push((self.code.len(), label));
        self.push(code, register, 0, 0, value);
    }

    /// Jumps always.
    pub(super) fn jump(&mut self, label: Label) {
        self.jump_if(0x05, Register::R0, 0, label);
    }

    /// Jumps where all 64 bits are those of the value, its sign extended: for small numbers, and 0.
    pub(super) fn jump_if_equal(&mut self, register: Register, value: i32, label: Label) {
        self.jump_if(0x15, register, value, label);
    }

    /// Jumps where the lower 32 bits are not these. Numbers of namespaces are beyond 2³¹, which the
    /// comparison of 64 bits would take for negative.
    pub(super) fn jump_if_not_u32(&mut self, register: Register, value: u32, label: Label) {
        self.jump_if(0x56, register, value.cast_signed(), label);
    }

    /// Jumps where the lower 32 bits are less than these, without a sign.
    pub(super) fn jump_if_less_u32(&mut self, register: Register, value: u32, label: Label) {
        self.jump_if(0xa6, register, value.cast_signed(), label);
    }

    /// Jumps where the lower 32 bits are not more than these, without a sign.
    pub(super) fn jump_if_at_most_u32(&mut self, register: Register, value: u32, label: Label) {
        self.jump_if(0xb6, register, value.cast_signed(), label);
    }

    /// The program; `None` where a label is nowhere or too far.
    pub(super) fn finish(mut self) -> Option<Vec<[u8; 8]>> {
        for (at, label) in std::mem::take(&mut self.jumps) {
            let to = (*self.labels.get(label.0)?)?;
            let way = i64::try_from(to).ok()? - i64::try_from(at + 1).ok()?;
            let [low, high] = i16::try_from(way).ok()?.to_ne_bytes();
            let instruction = self.code.get_mut(at)?;
            instruction[2] = low;
            instruction[3] = high;
        }
        Some(self.code)
    }
}
