//! Values of a filter that are numbers: ports, marks, counts.

use std::ops::RangeInclusive;

use super::lookup::Lookup;
use crate::model::Unit;

/// Ports as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    /// `*`, or nothing.
    Any,
    /// Ranges of ports, at least one, in ascending order; neighbours are joined.
    In(Vec<RangeInclusive<u16>>),
}

/// Parses `:443`, `443`, `0x1bb`, `:https`, `:*`, and lists of ports and ranges: `:80,443`,
/// `:8000-8010`.
pub(super) fn parse_ports(word: &str, lookup: &mut impl Lookup) -> Result<Ports, String> {
    let ports = word.strip_prefix(':').unwrap_or(word);
    if matches!(ports, "" | "*") {
        return Ok(Ports::Any);
    }
    let pieces = ports.split(',').map(|piece| parse_range(piece, lookup));
    let mut ranges = pieces.collect::<Result<Vec<_>, _>>()?;
    ranges.sort_by_key(|range| *range.start());
    let mut joined: Vec<RangeInclusive<u16>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if *range.start() <= last.end().saturating_add(1) => {
                *last = *last.start()..=*last.end().max(range.end());
            }
            _ => joined.push(range),
        }
    }
    Ok(Ports::In(joined))
}

/// A port, or a range of ports. The name of a service may contain a hyphen, but begins with a letter.
fn parse_range(word: &str, lookup: &mut impl Lookup) -> Result<RangeInclusive<u16>, String> {
    if word.is_empty() {
        return Err(
            "a port is missing before or after a comma; write :80,443 without blanks".to_owned(),
        );
    }
    if let Some(port) = word.strip_prefix(':') {
        return Err(format!(
            "one colon is enough in a list; write {port} without it, as in :80,443"
        ));
    }
    if !word.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)) {
        let port = lookup.service(word);
        return port.map(|port| port..=port).map_err(|reason| {
            let ends = word.split('-').map(|name| lookup.service(name));
            match ends.collect::<Result<Vec<_>, _>>().as_deref() {
                Ok([first, last]) => format!("a range has numbers; write {first}-{last}"),
                _ => reason,
            }
        });
    }
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    match (parse_number::<u16>(first), parse_number::<u16>(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        (Some(first), Some(last)) => Err(format!(
            "no port is in the range {first}-{last}; write :{last}-{first}"
        )),
        _ => Err(format!(
            "`{word}` is not a port; allowed are 0 to 65535, ranges as in :8000-8010, lists as in \
             :80,443, and names of services"
        )),
    }
}

/// The index of an interface, by its name, or by the index itself if no interface has this name, as in
/// ss(8).
pub(super) fn parse_interface(name: &str, lookup: &mut impl Lookup) -> Result<u32, String> {
    let index = lookup.interface(name);
    index.or_else(|reason| parse_number(name).ok_or(reason))
}

/// Parses `yes` or `no`, and their synonyms.
pub(super) fn parse_yes_or_no(word: &str) -> Result<bool, String> {
    match word.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" => Ok(true),
        "no" | "false" | "0" => Ok(false),
        _ => Err("allowed are yes and no".to_owned()),
    }
}

/// Parses `0x10` or `0x10/0xff`: a mark, and the bits of it that count.
pub(super) fn parse_mark(word: &str) -> Result<(u32, u32), String> {
    let (value, mask) = match word.split_once('/') {
        Some((value, mask)) => (parse_number(value), parse_number(mask)),
        None => (parse_number(word), Some(u32::MAX)),
    };
    value
        .zip(mask)
        .ok_or_else(|| "no mark; write MARK or MARK/MASK, decimal or 0x and hexadecimal".to_owned())
}

/// Parses a number without a sign: decimal, or hexadecimal after `0x`. `None` with a leading zero,
/// because it could be read as octal.
pub(super) fn parse_number<T: TryFrom<u64>>(word: &str) -> Option<T> {
    let (digits, radix) = match word.strip_prefix("0x").or(word.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if word.len() > 1 && word.starts_with('0') => return None,
        None => (word, 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    T::try_from(u64::from_str_radix(digits, radix).ok()?).ok()
}

/// Parses a number of this unit; `us`, `ms` or `s` may follow a time, whose unit without them is that
/// of JSON.
pub(super) fn parse_quantity(word: &str, unit: Unit) -> Result<u64, String> {
    let microseconds = match unit {
        Unit::Microseconds => 1,
        Unit::Milliseconds => 1_000,
        Unit::Count | Unit::Bytes | Unit::BytesPerSecond => {
            return parse_number(word).ok_or_else(|| {
                "not a number; write it in decimal, or in hexadecimal after 0x".to_owned()
            });
        }
    };
    let units = [("us", 1), ("ms", 1_000), ("s", 1_000_000)];
    let typed = units
        .iter()
        .find_map(|(name, length)| Some((word.strip_suffix(name)?, *length)));
    let (number, length) = typed.unwrap_or((word, microseconds));
    parse_number(number)
        .and_then(|number: u64| number.checked_mul(length))
        .filter(|time| time.is_multiple_of(microseconds))
        .map(|time| time / microseconds)
        .ok_or_else(|| "not a time; write a whole number of us, ms or s, as in 20ms".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_take_a_unit_and_have_that_of_their_field_without() {
        for (word, unit, expected) in [
            ("20ms", Unit::Microseconds, Some(20_000)),
            ("20", Unit::Microseconds, Some(20)),
            ("1s", Unit::Milliseconds, Some(1_000)),
            ("20", Unit::Milliseconds, Some(20)),
            ("2000us", Unit::Milliseconds, Some(2)),
            ("2500us", Unit::Milliseconds, None),
            ("ms", Unit::Milliseconds, None),
            ("1m", Unit::Milliseconds, None),
            ("18446744073709551615s", Unit::Microseconds, None),
            ("20ms", Unit::Count, None),
            ("0x20", Unit::Bytes, Some(32)),
        ] {
            assert_eq!(parse_quantity(word, unit).ok(), expected, "{word}");
        }
    }

    #[test]
    fn numbers_have_no_sign_and_no_leading_zero() {
        for word in ["", "-1", "+1", "0x", "0x+1", "010", "1_000", "1.5", " 1"] {
            assert_eq!(parse_number::<u64>(word), None, "{word}");
        }
        assert_eq!(parse_number("0"), Some(0));
        assert_eq!(parse_number("0XfF"), Some(255));
    }
}
