//! The types of the running kernel, as BTF describes them: where a member of a structure lies, and
//! the number of a type. Pure.
//!
//! The format is that of `Documentation/bpf/btf.rst` and `linux/btf.h`, in the byte order of this
//! machine; `/sys/kernel/btf/vmlinux` holds it since 5.4 (CONFIG_DEBUG_INFO_BTF). A kind of type
//! that is not known ends the reading, since its length is not known either. No byte makes it panic.

use super::error::BpfError;

/// The kernel's own types.
pub(super) const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// `BTF_MAGIC`.
pub(super) const MAGIC: u16 = 0xeb9f;

/// `sizeof(struct btf_type)`, `sizeof(struct btf_member)`.
const TYPE_LEN: usize = 12;
const MEMBER_LEN: usize = 12;

/// `sizeof(struct btf_enum)`.
const ENUMERATOR_LEN: usize = 8;

/// How deep structures may lie in one another; the kernel's own limit on chains of types is 32.
const DEEPEST: u32 = 32;

/// `sizeof(struct btf_header)`.
pub(super) const HEADER_LEN: usize = 24;

/// `BTF_KIND_*` that are read or written; the others are skipped.
pub(super) mod kind {
    pub(in crate::source::bpf) const INT: u32 = 1;
    pub(super) const STRUCT: u32 = 4;
    pub(super) const UNION: u32 = 5;
    pub(super) const ENUM: u32 = 6;
    pub(super) const TYPEDEF: u32 = 8;
    pub(super) const VOLATILE: u32 = 9;
    pub(super) const CONST: u32 = 10;
    pub(super) const RESTRICT: u32 = 11;
    pub(in crate::source::bpf) const FUNC: u32 = 12;
    pub(in crate::source::bpf) const FUNC_PROTO: u32 = 13;
    pub(super) const TYPE_TAG: u32 = 18;
}

/// Why something is not found in a kernel's types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BtfError {
    /// The bytes are no BTF, or are cut.
    #[error("/sys/kernel/btf/vmlinux is not valid BTF ({0})")]
    Malformed(&'static str),
    /// A kind of type that this program does not know.
    #[error("the kernel's BTF has a type of unknown kind {0}")]
    UnknownKind(u32),
    /// A type or member this kernel does not have.
    #[error("this kernel has no `{0}`; trace needs Linux 5.8 or later, --source bpf 6.1")]
    Missing(String),
}

/// The bytes of the running kernel's types.
///
/// # Errors
/// [`BpfError::NoBtf`].
pub(in crate::source) fn read_types() -> Result<Vec<u8>, BpfError> {
    std::fs::read(VMLINUX).map_err(BpfError::NoBtf)
}

/// The types of one kernel.
#[derive(Debug)]
pub struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Where each type begins, by its number; 0 is void, which has no bytes.
    starts: Vec<u32>,
}

/// One `struct btf_type` without what follows it.
#[derive(Clone, Copy, Debug)]
struct Type {
    name: u32,
    info: u32,
    /// The size, or the number of the type that is referred to.
    size_or_type: u32,
}

impl Type {
    fn kind(self) -> u32 {
        self.info >> 24 & 0x1f
    }

    fn members(self) -> usize {
        (self.info & 0xffff) as usize
    }

    /// Whether offsets of members hold the size of bit fields too.
    fn has_bit_sizes(self) -> bool {
        self.info >> 31 != 0
    }

    /// The bytes behind the header; `None` for an unknown kind.
    fn tail_len(self) -> Option<usize> {
        let members = self.members();
        Some(match self.kind() {
            // INT, VAR, DECL_TAG
            1 | 14 | 17 => 4,
            // PTR, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FLOAT, TYPE_TAG
            2 | 7..=12 | 16 | 18 => 0,
            // ARRAY
            3 => 12,
            // STRUCT, UNION, DATASEC, ENUM64
            4 | 5 | 15 | 19 => members * MEMBER_LEN,
            // ENUM, FUNC_PROTO
            6 | 13 => members * 8,
            _ => return None,
        })
    }
}

impl<'a> Btf<'a> {
    /// Reads the header and finds the types.
    ///
    /// # Errors
    /// Bytes that are no BTF, and kinds of types that are not known.
    pub fn parse(bytes: &'a [u8]) -> Result<Btf<'a>, BtfError> {
        let cut = BtfError::Malformed("it is cut off");
        let word = |at| read_u32(bytes, at).map(|word| word as usize);
        if bytes.get(..2) != Some(&MAGIC.to_ne_bytes()) {
            return Err(BtfError::Malformed("wrong magic number"));
        }
        // Magic, version and flags take four bytes, as every number after them does.
        let header = (|| Some([word(4)?, word(8)?, word(12)?, word(16)?, word(20)?]))();
        let Some([header_len, types_at, types_len, strings_at, strings_len]) = header else {
            return Err(cut);
        };
        let section = |at: usize, length: usize| {
            let start = header_len.checked_add(at)?;
            bytes.get(start..start.checked_add(length)?)
        };
        let types = section(types_at, types_len).ok_or(cut.clone())?;
        let strings = section(strings_at, strings_len).ok_or(cut.clone())?;
        let mut btf = Btf {
            types,
            strings,
            starts: vec![0],
        };
        let mut at = 0;
        while at < types.len() {
            let one = btf.read_type(at).ok_or(cut.clone())?;
            let tail = one.tail_len().ok_or(BtfError::UnknownKind(one.kind()))?;
            btf.starts.push(u32::try_from(at).map_err(|_| cut.clone())?);
            at += TYPE_LEN + tail;
        }
        Ok(btf)
    }

    /// The number of the typedef of this name.
    ///
    /// # Errors
    /// [`BtfError::Missing`].
    pub fn typedef(&self, name: &str) -> Result<u32, BtfError> {
        self.find(kind::TYPEDEF, name)
    }

    /// Where a member begins, in bytes from the start of the structure: `offset("sock",
    /// "__sk_common.skc_net")`. Members of structures and unions without a name count as those of
    /// what they lie in.
    ///
    /// # Errors
    /// [`BtfError::Missing`], also for a bit field that begins within a byte.
    pub fn offset(&self, structure: &str, path: &str) -> Result<i16, BtfError> {
        let missing = || BtfError::Missing(format!("struct {structure}.{path}"));
        let mut of = self.find(kind::STRUCT, structure)?;
        let mut bits = 0u64;
        for name in path.split('.') {
            let (offset, member) = self.member(of, name, DEEPEST).ok_or_else(missing)?;
            bits += offset;
            of = self.resolve(member);
        }
        match bits % 8 {
            0 => i16::try_from(bits / 8).map_err(|_| missing()),
            _ => Err(missing()),
        }
    }

    /// The size of a structure, in bytes.
    ///
    /// # Errors
    /// [`BtfError::Missing`].
    pub fn size(&self, structure: &str) -> Result<u32, BtfError> {
        let number = self.find(kind::STRUCT, structure)?;
        let start = self.starts.get(number as usize);
        let found = start.and_then(|start| self.read_type(*start as usize));
        let missing = || BtfError::Missing(format!("struct {structure}"));
        found.map(|found| found.size_or_type).ok_or_else(missing)
    }

    /// The names and values of an enumeration; empty where there is none of this name.
    pub fn enumerators(&self, name: &str) -> Vec<(&'a str, u32)> {
        let start = self.find(kind::ENUM, name).ok();
        let start = start.and_then(|number| self.starts.get(number as usize).copied());
        let Some(start) = start.map(|start| start as usize) else {
            return Vec::new();
        };
        let members = self.read_type(start).map_or(0, Type::members);
        let entry = |number: usize| {
            let at = start + TYPE_LEN + number * ENUMERATOR_LEN;
            let name = read_u32(self.types, at)?;
            Some((self.string(name)?, read_u32(self.types, at + 4)?))
        };
        (0..members).filter_map(entry).collect()
    }

    fn string(&self, offset: u32) -> Option<&'a str> {
        let rest = self.strings.get(offset as usize..)?;
        let name = rest.split(|byte| *byte == 0).next()?;
        std::str::from_utf8(name).ok()
    }

    fn find(&self, kind: u32, name: &str) -> Result<u32, BtfError> {
        let is_it = |start: &u32| {
            self.read_type(*start as usize)
                .is_some_and(|one| one.kind() == kind && self.is_named(one.name, name))
        };
        let at = self.starts.iter().skip(1).position(is_it);
        at.and_then(|at| u32::try_from(at + 1).ok())
            .ok_or_else(|| BtfError::Missing(name.to_owned()))
    }

    /// The offset in bits and the type of a member.
    fn member(&self, of: u32, name: &str, depth: u32) -> Option<(u64, u32)> {
        let start = *self.starts.get(of as usize)? as usize;
        let one = self.read_type(start).filter(|_| of != 0 && depth > 0)?;
        if !matches!(one.kind(), kind::STRUCT | kind::UNION) {
            return None;
        }
        for number in 0..one.members() {
            let at = start + TYPE_LEN + number * MEMBER_LEN;
            let member_name = read_u32(self.types, at)?;
            let member = read_u32(self.types, at + 4)?;
            let offset = read_u32(self.types, at + 8)?;
            let offset = u64::from(match one.has_bit_sizes() {
                true => offset & 0x00ff_ffff,
                false => offset,
            });
            if self.is_named(member_name, name) {
                return Some((offset, member));
            }
            if self.is_named(member_name, "")
                && let Some((inner, found)) = self.member(self.resolve(member), name, depth - 1)
            {
                return Some((offset + inner, found));
            }
        }
        None
    }

    /// The type behind typedefs and qualifiers.
    fn resolve(&self, mut number: u32) -> u32 {
        for _ in 0..DEEPEST {
            let start = self.starts.get(number as usize).filter(|_| number != 0);
            let Some(one) = start.and_then(|start| self.read_type(*start as usize)) else {
                break;
            };
            match one.kind() {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    number = one.size_or_type
                }
                _ => break,
            }
        }
        number
    }

    fn read_type(&self, at: usize) -> Option<Type> {
        Some(Type {
            name: read_u32(self.types, at)?,
            info: read_u32(self.types, at + 4)?,
            size_or_type: read_u32(self.types, at + 8)?,
        })
    }

    /// Whether the string at this offset is `name`.
    fn is_named(&self, offset: u32, name: &str) -> bool {
        let rest = self.strings.get(offset as usize..).unwrap_or_default();
        rest.strip_prefix(name.as_bytes())
            .is_some_and(|rest| rest.first() == Some(&0))
    }
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let chunk = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*chunk))
}

#[cfg(test)]
mod tests;
