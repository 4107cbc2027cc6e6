//! Values of a filter that are numbers: ports, marks, counts.

use super::lookup::Lookup;

/// A port as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// `*`, or nothing.
    Any,
    Is(u16),
}

/// Parses `:443`, `443`, `0x1bb`, `:https`, `:*`.
pub(super) fn parse_port(word: &str, lookup: &mut impl Lookup) -> Result<Port, String> {
    let port = word.strip_prefix(':').unwrap_or(word);
    match port {
        "" | "*" => Ok(Port::Any),
        number if number.starts_with(|c: char| c.is_ascii_digit()) => parse_number(number)
            .and_then(|number| u16::try_from(number).ok())
            .map(Port::Is)
            .ok_or_else(|| "no port; allowed are 0 to 65535, and names of services".to_owned()),
        name if name.starts_with(['-', '+']) => {
            Err("no port; allowed are 0 to 65535, and names of services".to_owned())
        }
        name => lookup.service(name).map(Port::Is),
    }
}

/// Parses `0x10` or `0x10/0xff`: a mark, and the bits of it that count.
pub(super) fn parse_mark(word: &str) -> Result<(u32, u32), String> {
    let (value, mask) = match word.split_once('/') {
        Some((value, mask)) => (parse_u32(value), parse_u32(mask)),
        None => (parse_u32(word), Some(u32::MAX)),
    };
    value
        .zip(mask)
        .ok_or_else(|| "no mark; write MARK or MARK/MASK, decimal or 0x and hexadecimal".to_owned())
}

fn parse_u32(word: &str) -> Option<u32> {
    u32::try_from(parse_number(word)?).ok()
}

/// Parses a number without a sign: decimal, or hexadecimal after `0x`. None with a leading zero,
/// which means another number to those who read it as octal.
pub(super) fn parse_number(word: &str) -> Option<u64> {
    let (digits, radix) = match word.strip_prefix("0x").or(word.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if word.len() > 1 && word.starts_with('0') => return None,
        None => (word, 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}
