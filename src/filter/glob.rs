//! Patterns of names of UNIX sockets, as in the shell: `*`, `?` and `[a-z]`, byte by byte (glob(7)).
//!
//! What a list prints of a name is read back as that name: `\x1b` is a byte, `\u{e9}` a character. `@`
//! at the start is what distinguishes an abstract name; `\@` is that byte.

use crate::model::UnixName;

/// In front of the bytes of an abstract name.
const ABSTRACT: u16 = 0x100;

/// A pattern, and how it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    typed: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// A byte, or [`ABSTRACT`].
    One(u16),
    /// `?`
    Any,
    /// `*`
    Many,
    /// One within these ranges, or within none of them.
    Set {
        ranges: Vec<(u16, u16)>,
        is_negated: bool,
    },
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(typed: &str) -> Result<Glob, String> {
        let mut rest = typed.chars();
        let mut pieces = Vec::new();
        if rest.as_str().starts_with('@') {
            rest.next();
            pieces.push(Piece::One(ABSTRACT));
        }
        while let Some(c) = rest.next() {
            match c {
                '*' => pieces.push(Piece::Many),
                '?' => pieces.push(Piece::Any),
                '[' => pieces.push(set(&mut rest)?),
                '\\' => pieces.extend(escaped(&mut rest)?.into_iter().map(one)),
                c => pieces.extend(bytes_of(c).into_iter().map(one)),
            }
        }
        Ok(Glob {
            typed: typed.to_owned(),
            pieces,
        })
    }

    /// As it was typed.
    pub(super) fn typed(&self) -> &str {
        &self.typed
    }

    /// Whether it is the pattern of this name; of no name, it never is.
    pub(super) fn matches(&self, name: &UnixName) -> bool {
        let Some(bytes) = name.bytes() else {
            return false;
        };
        let mark = matches!(name, UnixName::Abstract(_)).then_some(ABSTRACT);
        let units = mark.into_iter().chain(bytes.iter().copied().map(u16::from));
        let (mut at, mut piece) = (0, 0);
        // Where the last `*` is, and how much it matches so far.
        let mut star: Option<(usize, usize)> = None;
        let units: Vec<u16> = units.collect();
        while let Some(unit) = units.get(at) {
            match self.pieces.get(piece) {
                Some(Piece::Many) => {
                    star = Some((piece, at));
                    piece += 1;
                }
                Some(one) if one.is(*unit) => (at, piece) = (at + 1, piece + 1),
                _ => match &mut star {
                    None => return false,
                    Some((many, from)) => {
                        *from += 1;
                        (at, piece) = (*from, *many + 1);
                    }
                },
            }
        }
        let rest = self.pieces.get(piece..).unwrap_or_default();
        rest.iter().all(|piece| *piece == Piece::Many)
    }
}

impl Piece {
    fn is(&self, unit: u16) -> bool {
        match self {
            Piece::One(one) => *one == unit,
            Piece::Any | Piece::Many => true,
            Piece::Set { ranges, is_negated } => {
                let is_in = ranges
                    .iter()
                    .any(|(low, high)| (low..=high).contains(&&unit));
                is_in != *is_negated
            }
        }
    }
}

fn one(byte: u8) -> Piece {
    Piece::One(byte.into())
}

fn bytes_of(c: char) -> Vec<u8> {
    c.encode_utf8(&mut [0; 4]).as_bytes().to_vec()
}

/// The bytes of what follows a backslash.
fn escaped(rest: &mut std::str::Chars<'_>) -> Result<Vec<u8>, String> {
    let typed = rest.as_str();
    if let Some(digits) = typed.strip_prefix('x') {
        let digits = digits.get(..2).unwrap_or_default();
        let is_hex = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex);
        let byte =
            byte.ok_or(r"two hexadecimal digits must follow \x; \\x is a backslash and an x")?;
        rest.nth(2);
        return Ok(vec![byte]);
    }
    if let Some((number, behind)) = typed.strip_prefix("u{").and_then(|t| t.split_once('}')) {
        let c = u32::from_str_radix(number, 16)
            .ok()
            .and_then(char::from_u32);
        *rest = behind.chars();
        return c
            .map(bytes_of)
            .ok_or_else(|| format!(r"\u{{{number}}} is no character"));
    }
    let c = rest
        .next()
        .ok_or("a backslash at the end escapes nothing")?;
    Ok(bytes_of(c))
}

/// What follows `[`, up to `]`; one directly behind the bracket is part of the set.
fn set(rest: &mut std::str::Chars<'_>) -> Result<Piece, String> {
    const OPEN: &str = r"nothing closes this bracket: write \[ for the character";
    let negation = rest.as_str().strip_prefix(['!', '^']);
    if let Some(behind) = negation {
        *rest = behind.chars();
    }
    let mut bytes: Vec<u8> = Vec::new();
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    let mut is_range = false;
    loop {
        let more = match rest.next().ok_or(OPEN)? {
            ']' if !bytes.is_empty() || !ranges.is_empty() => break,
            '-' if !is_range && !bytes.is_empty() && !rest.as_str().starts_with(']') => {
                is_range = true;
                continue;
            }
            '\\' => escaped(rest)?,
            c => bytes_of(c),
        };
        match (std::mem::take(&mut is_range), bytes.last(), more.first()) {
            (true, Some(low), Some(high)) => ranges.push(((*low).into(), (*high).into())),
            _ => bytes.extend(more),
        }
    }
    ranges.extend(bytes.into_iter().map(|byte| (byte.into(), byte.into())));
    Ok(Piece::Set {
        ranges,
        is_negated: negation.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, name: &[u8]) -> bool {
        let name = UnixName::parse(name);
        Glob::parse(glob).unwrap().matches(&name)
    }

    #[test]
    fn patterns_match_as_in_the_shell_and_slashes_are_like_others() {
        for (glob, name, expected) in [
            ("/run/php/*", "/run/php/fpm.sock", true),
            ("/run/*.sock", "/run/php/fpm.sock", true),
            ("/run/*.sock", "/run/php/fpm.socket", false),
            ("*", "/a", true),
            ("*a*b*c", "/xaybzc", true),
            ("*a*b*c", "/xaybz", false),
            ("/run/?", "/run/a", true),
            ("/run/?", "/run/", false),
            ("/run/[a-c-][!x]", "/run/-y", true),
            ("/run/[a-c][!x]", "/run/bx", false),
            ("/run/[]]", "/run/]", true),
            (r"/run/\[a\*", "/run/[a*", true),
            (r"/run/\[a\*", "/run/[ab", false),
            ("", "/a", false),
        ] {
            assert_eq!(matches(glob, name.as_bytes()), expected, "{glob} {name}");
        }
    }

    #[test]
    fn every_byte_can_be_typed() {
        assert!(matches(r"/\xff\x0a\u{e9}\x5c", b"/\xff\n\xc3\xa9\\"));
        assert!(matches(r"/a\ b\\", b"/a b\\"));
        assert!(matches(r"@a\x00b", b"\0a\0b"));
        for byte in 1..=u8::MAX {
            assert!(matches(&format!(r"\x{byte:02x}"), &[byte]), "{byte}");
        }
    }

    #[test]
    fn an_at_sign_at_the_start_selects_abstract_names() {
        for (glob, is_abstract, is_path) in [
            ("@x", true, false),
            (r"\@x", false, true),
            (r"\x40x", false, true),
            ("*x", true, true),
            ("?x", true, true),
        ] {
            assert_eq!(matches(glob, b"\0x"), is_abstract, "{glob}");
            assert_eq!(matches(glob, b"@x"), is_path, "{glob}");
        }
        assert!(!matches("*", b""));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for wrong in [
            r"a\",
            r"\x1",
            r"\xg0",
            "[a",
            "[",
            "[]",
            r"[\",
            r"\u{d800}",
            r"\x+1",
        ] {
            assert!(Glob::parse(wrong).is_err(), "{wrong}");
        }
    }
}
