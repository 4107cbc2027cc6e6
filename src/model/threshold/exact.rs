//! Numbers that are compared exactly: decimals as typed, and quotients as measured.

use std::cmp::Ordering;
use std::fmt;

use crate::model::thousands;

/// How many millionths are one.
const ONE: i128 = 1_000_000;

/// The largest number that may be typed; more sockets, and faster changes, are nowhere.
const MOST: i128 = 1_000_000_000_000 * ONE;

/// A decimal number of up to six places after the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal {
    millionths: i128,
}

impl Decimal {
    /// 0.
    pub const ZERO: Decimal = Decimal { millionths: 0 };

    /// 100.
    pub const HUNDRED: Decimal = Decimal {
        millionths: 100 * ONE,
    };

    /// Parses `12`, `-0.5`, `.25`: digits with at most one point, and maybe a minus; at most 10^12.
    pub fn parse(word: &str) -> Option<Decimal> {
        let (sign, digits) = match word.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, word),
        };
        let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
        let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let enough = !whole.is_empty() || !places.is_empty();
        if !enough || !digits_only(whole) || !digits_only(places) || places.len() > 6 {
            return None;
        }
        // The places filled up to six are millionths.
        let millionths: i128 = format!("{whole}{places:0<6}").parse().ok()?;
        (millionths <= MOST).then_some(Decimal {
            millionths: sign * millionths,
        })
    }

    /// In millionths.
    pub fn millionths(self) -> i128 {
        self.millionths
    }

    /// Whether nothing stands behind the point.
    pub fn is_whole(self) -> bool {
        self.millionths % ONE == 0
    }

    /// For a person: with separators between thousands.
    pub fn grouped(self) -> String {
        let plain = self.to_string();
        let (whole, places) = plain.split_once('.').unwrap_or((&plain, ""));
        let point = if places.is_empty() { "" } else { "." };
        format!("{}{point}{places}", thousands(whole))
    }
}

impl fmt::Display for Decimal {
    /// For programs: without separators, and without zeros at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.millionths < 0 { "-" } else { "" };
        let magnitude = self.millionths.abs();
        let whole = magnitude / ONE;
        let places = format!("{:06}", magnitude % ONE);
        match places.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            places => write!(f, "{sign}{whole}.{places}"),
        }
    }
}

/// What was measured: a quotient, so that no comparison rounds.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    numerator: i128,
    /// Never below 1.
    denominator: i128,
}

impl Quantity {
    /// `numerator` by `denominator`; by 1 where that is 0.
    pub fn new(numerator: i128, denominator: u128) -> Quantity {
        Quantity {
            numerator,
            denominator: i128::try_from(denominator).unwrap_or(i128::MAX).max(1),
        }
    }

    /// A whole number.
    pub fn whole(number: u64) -> Quantity {
        Quantity::new(number.into(), 1)
    }

    /// Against a number typed.
    pub fn compare(self, with: Decimal) -> Ordering {
        let own = self.numerator.saturating_mul(ONE);
        own.cmp(&with.millionths.saturating_mul(self.denominator))
    }

    /// The nearest decimal of so many places, up to six; halves away from zero.
    pub fn rounded(self, places: u32) -> Decimal {
        let step = ONE / 10_i128.pow(places.min(6));
        let scaled = self.numerator.saturating_mul(ONE / step).saturating_mul(2);
        let half = self.denominator * scaled.signum();
        Decimal {
            millionths: (scaled + half) / (2 * self.denominator) * step,
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Quantity) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Quantity) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Quantity) -> Ordering {
        let own = self.numerator.saturating_mul(other.denominator);
        own.cmp(&other.numerator.saturating_mul(self.denominator))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_digits_with_at_most_six_places() {
        for (word, shown) in [
            ("0", "0"),
            ("10", "10"),
            ("007", "7"),
            ("-100", "-100"),
            ("0.5", "0.5"),
            (".25", "0.25"),
            ("12.500000", "12.5"),
            ("-0.000001", "-0.000001"),
            ("1000000000000", "1000000000000"),
        ] {
            let parsed = Decimal::parse(word).map(|number| number.to_string());
            assert_eq!(parsed.as_deref(), Some(shown), "{word}");
        }
        let refused = [
            "",
            "-",
            ".",
            "+1",
            "1e3",
            "0.0000001",
            "1.2.3",
            "nan",
            "1_0",
            "1000000000001",
            "--1",
        ];
        for word in refused {
            assert_eq!(Decimal::parse(word), None, "{word}");
        }
    }

    #[test]
    fn thousands_are_separated_for_people() {
        for (number, shown) in [
            ("0", "0"),
            ("999", "999"),
            ("-1000", "-1,000"),
            ("34112", "34,112"),
            ("1234567.5", "1,234,567.5"),
        ] {
            assert_eq!(Decimal::parse(number).unwrap().grouped(), shown);
        }
    }

    #[test]
    fn a_quotient_is_compared_exactly_and_rounded_to_be_shown() {
        let third = Quantity::new(100, 3);
        assert!(third.compare(Decimal::parse("33.333333").unwrap()).is_gt());
        assert!(third.compare(Decimal::parse("33.333334").unwrap()).is_lt());
        let half = Quantity::new(-5, 10);
        assert!(half.compare(Decimal::parse("-0.5").unwrap()).is_eq());
        assert_eq!(third.rounded(2).to_string(), "33.33");
        assert_eq!(Quantity::new(-200, 3).rounded(1).to_string(), "-66.7");
        assert_eq!(Quantity::new(5, 10).rounded(0).to_string(), "1");
        assert_eq!(Quantity::new(7, 0).rounded(3).to_string(), "7");
        assert!(Quantity::new(1, 3) < Quantity::new(1, 2));
    }
}
