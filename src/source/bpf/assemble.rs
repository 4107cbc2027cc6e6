//! BPF instructions, one after the other, with jumps to labels and functions. Pure.
//!
//! `linux/bpf.h` and `linux/bpf_common.h`; the instruction set of
//! `Documentation/bpf/standardization/instruction-set.rst`. Only what the programs need.

/// A register. r0 holds results, r1 to r5 arguments, which a call destroys; r6 to r9 keep their
/// values, and r10 is the frame pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::source) enum Register {
    R0,
    R1,
    R2,
    R3,
    R4,
    R6 = 6,
    R7,
    R8,
    R9,
    R10,
}

/// How many bytes are loaded or stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Width {
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

    /// How many these are.
    pub(in crate::source) fn bytes(self) -> i16 {
        match self {
            Width::U8 => 1,
            Width::U16 => 2,
            Width::U32 => 4,
            Width::U64 => 8,
        }
    }
}

/// The helpers of the kernel that are called: `enum bpf_func_id`, with the version that brought
/// each to programs of these kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(in crate::source) enum Helper {
    MapLookup = 1,
    MapUpdate = 2,
    Time = 5,
    PidAndThread = 14,
    Command = 16,
    CurrentTask = 35,
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
    /// `bpf_loop`, 5.17
    Loop = 181,
}

/// A place that can be jumped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) struct Label(usize);

/// `struct bpf_insn`.
pub(in crate::source) type Instruction = [u8; 8];

/// A program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::source) struct Code {
    pub(in crate::source) instructions: Vec<Instruction>,
    /// Where each function begins.
    pub(in crate::source) functions: Vec<u32>,
}

/// A program under way.
#[derive(Debug, Default)]
pub(in crate::source) struct Assembler {
    code: Vec<Instruction>,
    /// Where each label is, once it is placed.
    labels: Vec<Option<usize>>,
    /// The jumps, by where they are, and to which label.
    jumps: Vec<(usize, Label)>,
    /// The same of what takes the address of a function.
    addresses: Vec<(usize, Label)>,
    functions: Vec<Label>,
}

const PSEUDO_MAP_FD: u8 = 1;
const PSEUDO_FUNC: u8 = 4;

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
    pub(in crate::source) fn copy(&mut self, target: Register, source: Register) {
        self.push(0xbf, target, source as u8, 0, 0);
    }

    /// `target = value`
    pub(in crate::source) fn set(&mut self, target: Register, value: i32) {
        self.push(0xb7, target, 0, 0, value);
    }

    /// `target += value`
    pub(in crate::source) fn add(&mut self, target: Register, value: i32) {
        self.push(0x07, target, 0, 0, value);
    }

    /// `target += source`
    pub(in crate::source) fn add_register(&mut self, target: Register, source: Register) {
        self.push(0x0f, target, source as u8, 0, 0);
    }

    /// `target *= value`
    pub(in crate::source) fn multiply(&mut self, target: Register, value: i32) {
        self.push(0x27, target, 0, 0, value);
    }

    /// `target &= value`
    pub(in crate::source) fn and(&mut self, target: Register, value: i32) {
        self.push(0x57, target, 0, 0, value);
    }

    /// `target &= source`
    pub(in crate::source) fn and_register(&mut self, target: Register, source: Register) {
        self.push(0x5f, target, source as u8, 0, 0);
    }

    /// `target >>= bits`
    pub(in crate::source) fn shift_right(&mut self, target: Register, bits: i32) {
        self.push(0x77, target, 0, 0, bits);
    }

    /// `target` from network byte order; 16 bits are kept.
    pub(in crate::source) fn swap_be16(&mut self, target: Register) {
        self.push(0xdc, target, 0, 0, 16);
    }

    /// `target = *(source + offset)`
    pub(in crate::source) fn load(
        &mut self,
        width: Width,
        target: Register,
        source: Register,
        offset: i16,
    ) {
        self.push(0x61 | width.bits(), target, source as u8, offset, 0);
    }

    /// `*(target + offset) = source`
    pub(in crate::source) fn store(
        &mut self,
        width: Width,
        target: Register,
        offset: i16,
        source: Register,
    ) {
        self.push(0x63 | width.bits(), target, source as u8, offset, 0);
    }

    /// `*(target + offset) = value`
    pub(in crate::source) fn store_value(
        &mut self,
        width: Width,
        target: Register,
        offset: i16,
        value: i32,
    ) {
        self.push(0x62 | width.bits(), target, 0, offset, value);
    }

    /// `*(u64 *)target += source`, atomically.
    pub(in crate::source) fn add_atomically(&mut self, target: Register, source: Register) {
        self.push(0xdb, target, source as u8, 0, 0);
    }

    /// `target` becomes the map behind this descriptor.
    pub(in crate::source) fn map(&mut self, target: Register, descriptor: i32) {
        self.push(0x18, target, PSEUDO_MAP_FD, 0, descriptor);
        self.push(0x00, Register::R0, 0, 0, 0);
    }

    /// `target` becomes the address of the function that begins at this label.
    pub(in crate::source) fn address(&mut self, target: Register, function: Label) {
        self.addresses.push((self.code.len(), function));
        self.push(0x18, target, PSEUDO_FUNC, 0, 0);
        self.push(0x00, Register::R0, 0, 0, 0);
    }

    pub(in crate::source) fn call(&mut self, helper: Helper) {
        self.push(0x85, Register::R0, 0, 0, helper as i32);
    }

    pub(in crate::source) fn exit(&mut self) {
        self.push(0x95, Register::R0, 0, 0, 0);
    }

    /// A label that is placed later.
    pub(in crate::source) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// The label is here.
    pub(in crate::source) fn place(&mut self, label: Label) {
        if let Some(place) = self.labels.get_mut(label.0) {
            *place = Some(self.code.len());
        }
    }

    /// The label is here, and a function begins.
    pub(in crate::source) fn begin(&mut self, function: Label) {
        self.place(function);
        self.functions.push(function);
    }

    fn jump_if(&mut self, code: u8, register: Register, value: i32, label: Label) {
        self.jumps.push((self.code.len(), label));
        self.push(code, register, 0, 0, value);
    }

    /// Jumps always.
    pub(in crate::source) fn jump(&mut self, label: Label) {
        self.jump_if(0x05, Register::R0, 0, label);
    }

    /// Jumps where all 64 bits are those of the value, its sign extended: for small numbers, and 0.
    pub(in crate::source) fn jump_if_equal(
        &mut self,
        register: Register,
        value: i32,
        label: Label,
    ) {
        self.jump_if(0x15, register, value, label);
    }

    /// Jumps where the lower 32 bits are not these. Numbers of namespaces are beyond 2³¹, which the
    /// comparison of 64 bits would take for negative.
    pub(in crate::source) fn jump_if_not_u32(
        &mut self,
        register: Register,
        value: u32,
        label: Label,
    ) {
        self.jump_if(0x56, register, value.cast_signed(), label);
    }

    /// Jumps where the lower 32 bits are less than these, without a sign.
    pub(in crate::source) fn jump_if_less_u32(
        &mut self,
        register: Register,
        value: u32,
        label: Label,
    ) {
        self.jump_if(0xa6, register, value.cast_signed(), label);
    }

    /// Jumps where the lower 32 bits are not more than these, without a sign.
    pub(in crate::source) fn jump_if_at_most_u32(
        &mut self,
        register: Register,
        value: u32,
        label: Label,
    ) {
        self.jump_if(0xb6, register, value.cast_signed(), label);
    }

    fn jump_by_register(&mut self, code: u8, register: Register, other: Register, label: Label) {
        self.jumps.push((self.code.len(), label));
        self.push(code, register, other as u8, 0, 0);
    }

    /// Jumps where all 64 bits of both are equal.
    pub(in crate::source) fn jump_if_same(&mut self, one: Register, other: Register, label: Label) {
        self.jump_by_register(0x1d, one, other, label);
    }

    /// Jumps where they are not.
    pub(in crate::source) fn jump_if_differs(
        &mut self,
        one: Register,
        other: Register,
        label: Label,
    ) {
        self.jump_by_register(0x5d, one, other, label);
    }

    /// Jumps where the first is more than the other, without a sign.
    pub(in crate::source) fn jump_if_more(&mut self, one: Register, other: Register, label: Label) {
        self.jump_by_register(0x2d, one, other, label);
    }

    /// Jumps where the 64 bits are not those of the value, its sign extended.
    pub(in crate::source) fn jump_if_not_equal(
        &mut self,
        register: Register,
        value: i32,
        label: Label,
    ) {
        self.jump_if(0x55, register, value, label);
    }

    /// Jumps where one of these bits is set.
    pub(in crate::source) fn jump_if_any_bit(
        &mut self,
        register: Register,
        bits: i32,
        label: Label,
    ) {
        self.jump_if(0x45, register, bits, label);
    }

    /// The program; `None` where a label is nowhere or too far.
    pub(in crate::source) fn finish(mut self) -> Option<Code> {
        for (at, label) in std::mem::take(&mut self.jumps) {
            let bytes = i16::try_from(self.distance(at, label)?).ok()?.to_ne_bytes();
            self.code.get_mut(at)?[2..4].copy_from_slice(&bytes);
        }
        for (at, label) in std::mem::take(&mut self.addresses) {
            let bytes = self.distance(at, label)?.to_ne_bytes();
            self.code.get_mut(at)?[4..8].copy_from_slice(&bytes);
        }
        let start = |label: &Label| u32::try_from((*self.labels.get(label.0)?)?).ok();
        Some(Code {
            functions: self.functions.iter().map(start).collect::<Option<_>>()?,
            instructions: self.code,
        })
    }

    /// How many instructions a label is after the one behind `at`.
    fn distance(&self, at: usize, label: Label) -> Option<i32> {
        let to = (*self.labels.get(label.0)?)?;
        let way = i64::try_from(to).ok()? - i64::try_from(at + 1).ok()?;
        i32::try_from(way).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_addressed_from_the_instruction_behind() {
        let mut assembler = Assembler::default();
        let (main, other) = (assembler.label(), assembler.label());
        assembler.begin(main);
        assembler.address(Register::R2, other);
        assembler.exit();
        assembler.begin(other);
        assembler.exit();
        let code = assembler.finish().unwrap();
        assert_eq!(code.functions, [0, 3]);
        assert_eq!(code.instructions[0][4..], 2i32.to_ne_bytes());
        assert_eq!(code.instructions.len(), 4);
    }

    #[test]
    fn a_label_that_is_nowhere_makes_no_program() {
        let mut assembler = Assembler::default();
        let label = assembler.label();
        assembler.jump(label);
        assert_eq!(assembler.finish(), None);
    }
}
