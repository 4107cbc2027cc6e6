//! Parses the values of options. Every refusal says what is allowed.
//!
//! Values that are words of a table are listed in help and completions as the table has them; the
//! parser takes their other spellings too.

use std::ffi::OsStr;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};

use crate::model::{Field, KindSet, StateSet, Use, hint};
use crate::record::At;

/// With a shorter interval, sampling a busy host would take all the time.
const SHORTEST: f64 = 0.05;

/// A day; longer pauses are a job for cron. With how it is written.
const LONGEST: (f64, &str) = (86_400.0, "24h");

/// An hour; whatever changes more slowly is for a monitoring system, which remembers.
const LONGEST_WINDOW: (f64, &str) = (3_600.0, "1h");

/// One word of `--state`.
pub(super) fn parse_state(word: &str) -> Result<StateSet, String> {
    StateSet::parse_word(word.trim()).ok_or_else(|| {
        let words: Vec<String> = StateSet::words().collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        format!("no such state; {}", hint(word, &words, "tcpstates(1)"))
    })
}

/// A duration, of at most a day.
pub(super) fn parse_duration(word: &str) -> Result<Duration, String> {
    parse_up_to(LONGEST, word)
}

/// The duration of `--window` of `check`, of at most an hour.
pub(super) fn parse_window(word: &str) -> Result<Duration, String> {
    parse_up_to(LONGEST_WINDOW, word).map_err(|error| format!("a rate needs time; {error}"))
}

/// The duration of `--keep` of `record`, from a minute to 30 days.
pub(super) fn parse_keep(word: &str) -> Result<Duration, String> {
    let parsed = parse_up_to((2_592_000.0, "720h"), word)?;
    match parsed < Duration::from_secs(60) {
        true => Err("allowed are 1m to 720h".to_owned()),
        false => Ok(parsed),
    }
}

/// A time of a record, in UTC.
///
/// # Errors
/// What is allowed.
pub fn parse_time(word: &str) -> Result<At, String> {
    let stamp = word.parse::<jiff::Timestamp>().ok();
    // Without a zone, it is UTC too.
    let stamp = stamp.or_else(|| format!("{word}Z").parse().ok());
    let of_day = || {
        let is_time = word.contains(':') && !word.contains(|c: char| c.is_ascii_alphabetic());
        let time: jiff::civil::Time = word.parse().ok().filter(|_| is_time)?;
        let since_midnight = time.duration_since(jiff::civil::Time::midnight());
        Duration::try_from(since_midnight).ok()
    };
    let time = stamp.and_then(|stamp| SystemTime::try_from(stamp).ok());
    let at = time.map(At::Time).or_else(|| of_day().map(At::OfDay));
    at.ok_or_else(|| {
        "allowed are a time in UTC, as in 2026-11-26T03:14:07Z, and a time of day, as in 03:14 or 03:14:07"
            .to_owned()
    })
}

/// The bytes of `--size`: a whole number with its unit.
pub(super) fn parse_size(word: &str) -> Result<u64, String> {
    const UNITS: [(&str, u32); 3] = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let mut units = UNITS.into_iter();
    let bytes = units.find_map(|(mark, shift)| {
        let number: u64 = word.strip_suffix(mark)?.parse().ok()?;
        number.checked_mul(1 << shift)
    });
    bytes
        .filter(|bytes| (1 << 20..=1 << 40).contains(bytes))
        .ok_or_else(|| {
            "allowed are 1MiB to 1024GiB, with the units KiB, MiB and GiB, as in 50MiB".to_owned()
        })
}

/// Units of durations, in seconds; `ms` is before `s`, with which it ends.
const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3_600.0)];

/// A number with its unit, or a number of seconds.
fn parse_up_to((longest, limit): (f64, &str), word: &str) -> Result<Duration, String> {
    let valid = |word: &str| {
        let seconds = seconds(word);
        seconds.filter(|seconds| (SHORTEST..=longest).contains(seconds))
    };
    valid(word).map(Duration::from_secs_f64).ok_or_else(|| {
        let meant = compound(word).filter(|meant| valid(meant).is_some());
        let meant = meant.map_or(String::new(), |meant| format!("write {meant}; "));
        format!(
            "{meant}allowed are {SHORTEST}s to {limit}, with the units ms, s, m and h, \
                 as in 2, 500ms, 30s, 5m or 1h"
        )
    })
}

/// The seconds that a decimal number with one unit or without is.
fn seconds(word: &str) -> Option<f64> {
    let mut units = UNITS.into_iter();
    let unit = units.find_map(|(mark, seconds)| Some((word.strip_suffix(mark)?, seconds)));
    let (number, unit) = unit.unwrap_or((word, 1.0));
    let is_decimal = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let number: f64 = number.parse().ok().filter(|_| is_decimal)?;
    Some(number * unit)
}

/// What was meant by a number with a decimal comma, or with several units: `1,5` and `1h30m`.
fn compound(word: &str) -> Option<String> {
    if word.contains(',') {
        return Some(word.replace(',', "."));
    }
    let pieces: Vec<&str> = word
        .split_inclusive(|c: char| c.is_ascii_alphabetic())
        .collect();
    let last = pieces.last()?;
    let unit = last.trim_start_matches(|c: char| c.is_ascii_digit());
    let (mark, length) = UNITS.into_iter().find(|(mark, _)| *mark == unit)?;
    let total: Option<f64> = pieces.iter().map(|piece| seconds(piece)).sum();
    Some(format!("{}{mark}", total? / length))
}

/// Whether a word is meant as a duration, which need not be valid.
pub(super) fn is_like_duration(word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ',');
    word.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && word.chars().all(is_part)
        && word.matches('.').count() < 2
}

/// The number of `--samples`, of `--top` and of `--limit`: T is never 0.
pub(super) fn parse_count<T: FromStr>(word: &str) -> Result<T, String> {
    word.parse()
        .map_err(|_| "allowed are whole numbers from 1".to_owned())
}

/// A parser of one word.
#[derive(Clone, Copy)]
pub(super) struct Words<T> {
    table: Table,
    parse: fn(&str) -> Result<T, String>,
}

/// The table that has the words.
#[derive(Clone, Copy)]
enum Table {
    /// Fields that can be used so.
    Fields(Use),
    States,
    Kinds,
}

/// Fields that can be used so.
pub(super) fn fields<T>(used_as: Use, parse: fn(&str) -> Result<T, String>) -> Words<T> {
    let table = Table::Fields(used_as);
    Words { table, parse }
}

/// States, and groups of them.
pub(super) fn states(parse: fn(&str) -> Result<StateSet, String>) -> Words<StateSet> {
    let table = Table::States;
    Words { table, parse }
}

/// Kinds of sockets.
pub(super) fn kinds() -> Words<KindSet> {
    let (table, parse) = (Table::Kinds, KindSet::parse);
    Words { table, parse }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Words<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, Error> {
        let parse = self.parse;
        let parser = StringValueParser::new().try_map(move |word| parse(&word));
        parser.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(match self.table {
            Table::Fields(used_as) => Box::new(Field::names(used_as).map(PossibleValue::new)),
            Table::States => Box::new(StateSet::words().map(PossibleValue::new)),
            Table::Kinds => Box::new(KindSet::words().map(PossibleValue::new)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU64;

    #[test]
    fn a_duration_is_a_number_of_seconds_or_has_a_unit() {
        for (word, milliseconds) in [
            ("1", 1_000),
            ("0.05", 50),
            ("50ms", 50),
            ("86400", 86_400_000),
            ("30s", 30_000),
            ("0.5s", 500),
            ("5m", 300_000),
            ("1.5h", 5_400_000),
            ("24h", 86_400_000),
        ] {
            let expected = Ok(Duration::from_millis(milliseconds));
            assert_eq!(parse_duration(word), expected, "{word}");
        }
        for word in [
            "", "s", "0", "0.049", "49ms", "-1", "-1s", "nan", "infs", "-inf", "1e300", "86401",
            "25h", "1d", "1 s", " 1", "5M", "1e3", "1min", "2sec", "5S",
        ] {
            let error = parse_duration(word).unwrap_err();
            assert!(error.ends_with("as in 2, 500ms, 30s, 5m or 1h"), "{word}");
        }
        assert!(parse_window("61m").is_err() && parse_window("60m").is_ok());
        for (word, meant) in [
            ("1h30m", "write 90m; "),
            ("2m30s", "write 150s; "),
            ("1,5", "write 1.5; "),
            ("1,5s", "write 1.5s; "),
            ("1d2h", "allowed"),
            ("23h60m60s", "allowed"),
        ] {
            let error = parse_duration(word).unwrap_err();
            assert!(error.starts_with(meant), "{word}: {error}");
        }
    }

    #[test]
    fn what_begins_a_filter_is_not_like_a_duration() {
        for word in [
            "2", "0", "500ms", "1d", ".5", "1e9", "443", "1h30m", "1,5", "0x1",
        ] {
            assert!(is_like_duration(word), "{word}");
        }
        for word in [
            "10.0.0.1",
            "10/8",
            "2001:db8::1",
            ":443",
            "list",
            "-4",
            "",
            "inf",
            "10.0.0",
        ] {
            assert!(!is_like_duration(word), "{word}");
        }
    }

    #[test]
    fn a_size_has_a_unit_and_an_age_is_at_least_a_minute() {
        for (word, bytes) in [
            ("1MiB", 1 << 20),
            ("2048KiB", 2 << 20),
            ("1024GiB", 1_u64 << 40),
        ] {
            assert_eq!(parse_size(word), Ok(bytes), "{word}");
        }
        for word in [
            "",
            "50",
            "50MB",
            "1.5GiB",
            "1023KiB",
            "1025GiB",
            "-1MiB",
            "99999999999999999999GiB",
        ] {
            assert!(
                parse_size(word).unwrap_err().ends_with("as in 50MiB"),
                "{word}"
            );
        }
        assert!(parse_keep("59s").is_err() && parse_keep("721h").is_err());
        assert_eq!(parse_keep("720h"), Ok(Duration::from_secs(2_592_000)));
    }

    #[test]
    fn a_time_has_a_date_or_is_one_of_a_day_and_is_in_utc() {
        let of_day = |seconds| Ok(At::OfDay(Duration::from_secs(seconds)));
        assert_eq!(parse_time("03:14"), of_day(11_640));
        assert_eq!(parse_time("03:14:07"), of_day(11_647));
        let moment = SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_040_447_500);
        for word in [
            "2025-11-25T03:14:07.5Z",
            "2025-11-25 03:14:07.5Z",
            "2025-11-25T03:14:07.5",
            "2025-11-25T05:14:07.5+02:00",
        ] {
            assert_eq!(parse_time(word), Ok(At::Time(moment)), "{word}");
        }
        for word in [
            "",
            "3",
            "0314",
            "25:00",
            "03:14Z",
            "now",
            "2025-11-25",
            "yesterday 03:14",
        ] {
            let error = parse_time(word).unwrap_err();
            assert!(error.ends_with("as in 03:14 or 03:14:07"), "{word}");
        }
    }

    #[test]
    fn a_number_of_samples_is_at_least_one() {
        assert_eq!(parse_count("3"), Ok(NonZeroU64::new(3).unwrap()));
        for word in ["0", "-1", "1.5", "", "99999999999999999999"] {
            assert!(parse_count::<NonZeroU64>(word).is_err(), "{word}");
        }
    }
}
