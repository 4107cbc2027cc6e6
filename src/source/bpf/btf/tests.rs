//! Members, types and enumerations are found in BTF built by hand, and no bytes do harm.

use super::*;

/// A BTF of a few types, built by hand.
#[derive(Default)]
struct Builder {
    types: Vec<u8>,
    strings: Vec<u8>,
}

impl Builder {
    fn name(&mut self, name: &str) -> u32 {
        if self.strings.is_empty() {
            self.strings.push(0);
        }
        if name.is_empty() {
            return 0;
        }
        let at = self.strings.len();
        self.strings.extend_from_slice(name.as_bytes());
        self.strings.push(0);
        u32::try_from(at).unwrap()
    }

    fn words(&mut self, words: &[u32]) {
        for word in words {
            self.types.extend(word.to_ne_bytes());
        }
    }

    fn structure(&mut self, kind: u32, name: &str, members: &[(&str, u32, u32)]) {
        let name = self.name(name);
        let count = u32::try_from(members.len()).unwrap();
        self.words(&[name, kind << 24 | count, 64]);
        for (name, of, bits) in members {
            let name = self.name(name);
            self.words(&[name, *of, *bits]);
        }
    }

    fn finish(self) -> Vec<u8> {
        let mut bytes = MAGIC.to_ne_bytes().to_vec();
        bytes.extend([1, 0]);
        let (types, strings) = (self.types.len(), self.strings.len());
        for number in [24, 0, types, types, strings] {
            bytes.extend(u32::try_from(number).unwrap().to_ne_bytes());
        }
        bytes.extend(self.types);
        bytes.extend(self.strings);
        bytes
    }
}

/// 1 `int`; 2 an unnamed union of it; 3 `struct inner`; 4 a typedef of that; 5 `struct outer`;
/// 6 an enumeration.
fn sample() -> Vec<u8> {
    let mut builder = Builder::default();
    let int = builder.name("int");
    builder.words(&[int, 1 << 24, 4, 32]);
    builder.structure(kind::UNION, "", &[("a", 1, 0), ("b", 1, 0)]);
    builder.structure(
        kind::STRUCT,
        "inner",
        &[("x", 1, 0), ("", 2, 32), ("odd", 1, 67)],
    );
    let alias = builder.name("inner_t");
    builder.words(&[alias, kind::TYPEDEF << 24, 3]);
    builder.structure(kind::STRUCT, "outer", &[("pad", 1, 0), ("in", 4, 64)]);
    let (reasons, one, two) = (
        builder.name("reasons"),
        builder.name("ONE"),
        builder.name("TWO"),
    );
    builder.words(&[reasons, kind::ENUM << 24 | 2, 4, one, 1, two, 7]);
    builder.finish()
}

#[test]
fn members_are_found_through_typedefs_and_structures_without_names() {
    let bytes = sample();
    let btf = Btf::parse(&bytes).unwrap();
    assert_eq!(btf.offset("inner", "x"), Ok(0));
    assert_eq!(btf.offset("inner", "b"), Ok(4));
    assert_eq!(btf.offset("outer", "in.b"), Ok(12));
    assert_eq!(btf.typedef("inner_t"), Ok(4));
    assert_eq!(btf.enumerators("reasons"), [("ONE", 1), ("TWO", 7)]);
    let missing = [
        ("outer", "in.c"),
        ("other", "x"),
        ("inner", "odd"),
        ("outer", "pad.x"),
    ];
    for (structure, path) in missing {
        let offset = btf.offset(structure, path);
        assert!(
            matches!(offset, Err(BtfError::Missing(_))),
            "{structure}.{path}"
        );
    }
    assert_eq!(btf.enumerators("inner"), []);
}

#[test]
fn cut_or_changed_bytes_do_no_harm() {
    let look = |bytes: &[u8]| {
        if let Ok(btf) = Btf::parse(bytes) {
            let _ = (btf.offset("outer", "in.b"), btf.offset("inner", "b"));
            let _ = (btf.typedef("inner_t"), btf.enumerators("reasons"));
        }
    };
    let whole = sample();
    for length in 0..whole.len() {
        assert!(Btf::parse(&whole[..length]).is_err(), "{length}");
    }
    for at in 0..whole.len() {
        for byte in 0..=u8::MAX {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            look(&bytes);
        }
    }
}

#[test]
fn an_unknown_kind_ends_the_reading() {
    let mut builder = Builder::default();
    let name = builder.name("new");
    builder.words(&[name, 27 << 24, 0]);
    let bytes = builder.finish();
    assert_eq!(Btf::parse(&bytes).unwrap_err(), BtfError::UnknownKind(27));
}

#[test]
fn a_structure_that_contains_itself_does_not_hang() {
    let mut builder = Builder::default();
    builder.structure(kind::STRUCT, "loop", &[("", 1, 0)]);
    let own = builder.name("own");
    builder.words(&[own, kind::TYPEDEF << 24, 2]);
    let bytes = builder.finish();
    let btf = Btf::parse(&bytes).unwrap();
    assert!(btf.offset("loop", "x").is_err());
}
