//! The types of a program's own functions, which the kernel demands where a helper calls one: BTF of
//! three types, and where each function begins. Pure.
//!
//! `Documentation/bpf/btf.rst`: the kernel compares the number of functions and where they begin, and
//! that those called by helpers are static; what they take it finds out by itself.

use super::btf::{HEADER_LEN, MAGIC, kind};

/// `sizeof(struct bpf_func_info)`.
pub(super) const RECORD_LEN: u32 = 8;

/// The strings: none, the name of the result, and that of every function.
const STRINGS: &[u8] = b"\0int\0function\0";
const INT: u32 = 1;
const FUNCTION: u32 = 5;

/// `BTF_INT_SIGNED` and 32 bits.
const SIGNED_32: u32 = 1 << 24 | 32;

/// The number of the function's type below.
const FUNCTION_TYPE: u32 = 3;

/// The types: `int`, a function that returns it, and the static function of that prototype.
pub(super) fn types() -> Vec<u8> {
    let of_kind = |kind: u32| kind << 24;
    let types = [
        [INT, of_kind(kind::INT), 4].as_slice(),
        &[SIGNED_32],
        &[0, of_kind(kind::FUNC_PROTO), 1],
        &[FUNCTION, of_kind(kind::FUNC), 2],
    ]
    .concat();
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let (types_len, strings_len) = (length(size_of_val(&types[..])), length(STRINGS.len()));
    let mut bytes = MAGIC.to_ne_bytes().to_vec();
    // Version and flags.
    bytes.extend([1, 0]);
    let header = [length(HEADER_LEN), 0, types_len, types_len, strings_len];
    bytes.extend(
        header
            .iter()
            .chain(&types)
            .flat_map(|word| word.to_ne_bytes()),
    );
    bytes.extend(STRINGS);
    bytes
}

/// Where each function begins, with its type: `struct bpf_func_info`.
pub(super) fn records(starts: &[u32]) -> Vec<[u32; 2]> {
    starts.iter().map(|start| [*start, FUNCTION_TYPE]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::bpf::Btf;

    #[test]
    fn the_types_can_be_read_and_each_function_has_one_where_it_begins() {
        let types = types();
        Btf::parse(&types).unwrap();
        assert_eq!(records(&[0, 7]), [[0, 3], [7, 3]]);
        assert_eq!(size_of_val(&records(&[0])[0]), RECORD_LEN as usize);
    }
}
