//! Parses the list of `--by`: fields, and prefixes of addresses.

use super::Keys;
use crate::model::{Field, GroupKey, PrefixLengths, Use, hint};

/// What IPv6 addresses are folded to where only IPv4's prefix is given: a host's usual network.
const USUAL_V6: u8 = 64;

/// Parses `remote-addr/24,/56,local-port`: a piece that begins with `/` belongs to the key before
/// it and sets the prefix of IPv6.
pub(super) fn parse_keys(word: &str) -> Result<Keys, String> {
    parse_keys_of(word, Use::Group)
}

/// The same of connections that have ended.
pub(super) fn parse_trace_keys(word: &str) -> Result<Keys, String> {
    parse_keys_of(word, Use::TraceGroup)
}

/// The same of groups that have series of their own, whose number has a bound.
pub(super) fn parse_series_keys(word: &str) -> Result<Keys, String> {
    parse_keys_of(word, Use::Series)
}

/// Why groups by a field have no series.
fn unbounded(field: Field) -> &'static str {
    if field == Field::State {
        "every series has a state already"
    } else if field == Field::Kind {
        "each kind of --kind has series of its own"
    } else if matches!(field, Field::LocalPort | Field::RemotePort) {
        "its values have no bound; use service"
    } else {
        "its values have no bound, and new ones would make new series"
    }
}

fn parse_keys_of(word: &str, used_as: Use) -> Result<Keys, String> {
    let mut keys: Vec<GroupKey> = Vec::new();
    for piece in word.split(',') {
        let key = match (piece.trim().strip_prefix('/'), keys.last_mut()) {
            (Some(length), Some(last)) => {
                let Some(prefix) = &mut last.prefix else {
                    return Err(format!(
                        "/{length} must follow the IPv4 prefix of an address, as in remote-addr/24,/56"
                    ));
                };
                prefix.v6 = parse_length(length, 128)?;
                continue;
            }
            _ => parse_key(piece.trim(), used_as, piece == word)?,
        };
        if keys.iter().any(|known| known.field == key.field) {
            return Err(format!("{} is given twice", key.field.name()));
        }
        keys.push(key);
    }
    Ok(Keys(keys))
}

/// Parses one key; `is_only` where the error message quotes it already.
fn parse_key(word: &str, used_as: Use, is_only: bool) -> Result<GroupKey, String> {
    let (name, length) = match word.split_once('/') {
        Some((name, length)) => (name, Some(length)),
        None => (word, None),
    };
    let field = Field::parse(name, used_as).map_err(|valid| {
        let refused = Field::parse(name, Use::Group).ok();
        if let (Use::Series, Some(field)) = (used_as, refused) {
            let (why, valid) = (unbounded(field), valid.join(", "));
            return format!(
                "no groups by {} here: {why}; allowed are {valid}",
                field.name()
            );
        }
        let hint = hint(name, &valid, "tcpstates(1)");
        match is_only && length.is_none() {
            true => format!("not a key; {hint}"),
            false => format!("`{name}` is not a key; {hint}"),
        }
    })?;
    let has_prefix = matches!(field, Field::LocalAddr | Field::RemoteAddr);
    let prefix = match length {
        None => None,
        Some(_) if !has_prefix => {
            return Err(format!("{} has no prefix; only addresses do", field.name()));
        }
        Some(length) => Some(PrefixLengths {
            v4: parse_length(length, 32)?,
            v6: USUAL_V6,
        }),
    };
    Ok(GroupKey { field, prefix })
}

fn parse_length(length: &str, most: u8) -> Result<u8, String> {
    length
        .parse()
        .ok()
        .filter(|length| *length <= most)
        .ok_or_else(|| {
            let family = if most == 32 { "IPv4" } else { "IPv6" };
            format!("/{length} is not a prefix of an {family} address; allowed are /0 to /{most}")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(v4: u8, v6: u8) -> Option<PrefixLengths> {
        Some(PrefixLengths { v4, v6 })
    }

    #[test]
    fn keys_are_fields_and_addresses_take_a_prefix_for_each_family() {
        for (word, expected) in [
            ("state", vec![(Field::State, None)]),
            (
                "sport,dst",
                vec![(Field::LocalPort, None), (Field::RemoteAddr, None)],
            ),
            ("remote-addr/24", vec![(Field::RemoteAddr, lengths(24, 64))]),
            (
                "remote_addr/16,/48,uid",
                vec![(Field::RemoteAddr, lengths(16, 48)), (Field::Uid, None)],
            ),
            ("local-addr/0,/0", vec![(Field::LocalAddr, lengths(0, 0))]),
        ] {
            let keys = parse_keys(word).unwrap().0;
            let found: Vec<_> = keys.iter().map(|key| (key.field, key.prefix)).collect();
            assert_eq!(found, expected, "{word}");
        }
    }

    #[test]
    fn invalid_keys_and_prefixes_are_refused_with_the_valid_ones() {
        for (word, expected) in [
            ("remote-adr", "did you mean remote-addr?"),
            ("send-queue", "allowed are state"),
            ("", "not a key"),
            ("state,nope", "`nope` is not a key"),
            ("state,state", "state is given twice"),
            ("remote-addr/33", "/0 to /32"),
            ("remote-addr/24,/129", "/0 to /128"),
            ("remote-addr/x", "/0 to /32"),
            ("remote-addr,/56", "must follow the IPv4 prefix"),
            ("/24", "is not a key"),
            ("local-port/8", "only addresses do"),
        ] {
            let error = parse_keys(word).unwrap_err();
            assert!(error.contains(expected), "{word}: {error}");
        }
    }
}
