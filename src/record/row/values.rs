//! The keys and values of a line, read without a copy: a record of many sockets has many of them.

use std::fmt;
use std::net::IpAddr;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};

/// Finds what a key is about, most often next to the one before; `None` if it is not known.
pub(super) struct Known<'a, K> {
    pub(super) keys: &'a [(String, K)],
    /// Where the next one is.
    pub(super) next: &'a mut usize,
}

impl<'de, K: Copy> DeserializeSeed<'de> for Known<'_, K> {
    type Value = Option<K>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<K: Copy> Visitor<'_> for Known<'_, K> {
    type Value = Option<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        let (before, after) = self.keys.split_at_checked(*self.next).unwrap_or_default();
        let mut all = (*self.next..).zip(after).chain((0..).zip(before));
        let found = all.find(|(_, (known, _))| known == key);
        Ok(found.map(|(at, (_, about))| {
            *self.next = at + 1;
            *about
        }))
    }
}

/// Reads a text, or `null`.
struct Text<F>(F);

impl<'de, T, F: FnOnce(Option<&str>) -> Result<T, String>> DeserializeSeed<'de> for Text<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<T, D::Error> {
        json.deserialize_any(self)
    }
}

impl<T, F: FnOnce(Option<&str>) -> Result<T, String>> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(Some(text)).map_err(E::custom)
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        (self.0)(None).map_err(E::custom)
    }
}

/// What a text means, or that there is none.
pub(super) fn with_text<'de, T, A: MapAccess<'de>>(
    map: &mut A,
    meaning: impl FnOnce(Option<&str>) -> Result<T, String>,
) -> Result<T, A::Error> {
    map.next_value_seed(Text(meaning))
}

pub(super) fn text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<String>, A::Error> {
    with_text(map, |text| Ok(text.map(ToOwned::to_owned)))
}

pub(super) fn number<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<u64>, A::Error> {
    map.next_value()
}

/// A number of a smaller type.
pub(super) fn small<'de, T: TryFrom<u64>, A: MapAccess<'de>>(
    map: &mut A,
) -> Result<Option<T>, A::Error> {
    let Some(value) = number(map)? else {
        return Ok(None);
    };
    let small = T::try_from(value);
    let small = small.map_err(|_| Error::custom(format!("the number {value} is too large")));
    small.map(Some)
}

/// A word with a meaning.
pub(super) fn word<'de, T, A: MapAccess<'de>>(
    map: &mut A,
    what: &str,
    meaning: impl Fn(&str) -> Option<T>,
) -> Result<T, A::Error> {
    with_text(map, |word| {
        let word = word.unwrap_or_default();
        meaning(word).ok_or_else(|| format!("no {what}: {word}"))
    })
}

/// The number of a name.
pub(super) fn named<'de, T, A: MapAccess<'de>>(
    map: &mut A,
    number: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, A::Error> {
    with_text(map, |name| name.map(number).transpose())
}

pub(super) fn address<'de, A: MapAccess<'de>>(map: &mut A) -> Result<IpAddr, A::Error> {
    word(map, "address", |address| address.parse().ok())
}
