//! Ranges in the notation of the monitoring plugins: which values alert.
//!
//! Follows the section on thresholds and ranges of the Monitoring Plugins Development Guidelines:
//! both ends belong to the range; values outside alert, or with `@` those inside.

use std::fmt;

use super::Aspect;
use crate::model::thousands;

/// A range of values, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Whether the values inside alert, not those outside.
    pub inside: bool,
    /// The lower end; `None` for none (`~`).
    pub start: Option<f64>,
    /// The upper end; `None` for none.
    pub end: Option<f64>,
}

/// Where a value is that alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Below the lower end of a range.
    Below,
    /// Above its upper end.
    Above,
    /// Within a range whose inside alerts.
    Within,
}

impl Range {
    /// Where `value` is, if it alerts.
    pub fn breach(&self, value: f64) -> Option<Side> {
        let below = self.start.is_some_and(|start| value < start);
        let above = self.end.is_some_and(|end| value > end);
        match (self.inside, below, above) {
            (false, true, _) => Some(Side::Below),
            (false, _, true) => Some(Side::Above),
            (true, false, false) => Some(Side::Within),
            (false, false, false) | (true, _, _) => None,
        }
    }

    /// Whether every value from this one upward alerts.
    pub fn alerts_from(&self, value: f64) -> bool {
        match self.breach(value) {
            Some(Side::Above) => true,
            Some(Side::Within) => self.end.is_none(),
            Some(Side::Below) | None => false,
        }
    }

    /// Whether one of the ends is between two values, themselves included.
    pub fn has_end_within(&self, low: f64, high: f64) -> bool {
        let mut ends = self.start.iter().chain(&self.end);
        ends.any(|end| (low..=high).contains(end))
    }

    /// Whether larger values are the worse ones.
    pub fn is_about_too_many(&self) -> bool {
        if self.inside {
            self.end.is_none()
        } else {
            self.end.is_some()
        }
    }

    /// Whether, as a warning, it has a side on which every value that warns is critical already,
    /// and others as well.
    pub fn is_beyond(&self, critical: &Range, aspect: Aspect) -> bool {
        let criticals = critical.pieces(aspect);
        self.pieces(aspect).iter().any(|piece| {
            criticals
                .iter()
                .any(|other| piece != other && other.0 <= piece.0 && piece.1 <= other.1)
        })
    }

    /// The stretches of values that alert, of those that can be.
    fn pieces(&self, aspect: Aspect) -> Vec<Piece> {
        let at = |end: Option<f64>, none: f64, side| (end.unwrap_or(none), side);
        let (start, end) = (self.start, self.end);
        let (least, most) = ((f64::NEG_INFINITY, 0), (f64::INFINITY, 0));
        let mut pieces = match self.inside {
            true => vec![(at(start, least.0, 0), at(end, most.0, 0))],
            false => vec![(least, at(start, least.0, -1)), (at(end, most.0, 1), most)],
        };
        let (least, most) = aspect.bounds();
        for (from, to) in &mut pieces {
            if let Some(least) = least.filter(|least| *from < (*least, 0)) {
                *from = (least, 0);
            }
            if let Some(most) = most.filter(|most| *to > (*most, 0)) {
                *to = (most, 0);
            }
        }
        pieces.retain(|(from, to)| from <= to);
        pieces
    }
}

/// A stretch of values: its first and its last one. Each is a value, or what is next to it below
/// (-1) or above (1).
type Piece = ((f64, i8), (f64, i8));

impl fmt::Display for Range {
    /// The notation itself, without a unit, as short as it can be: `10`, `10:`, `~:10`, `@10:20`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.inside {
            f.write_str("@")?;
        }
        match (self.start, self.end) {
            (Some(0.0), Some(end)) => write!(f, "{end}"),
            (Some(start), Some(end)) => write!(f, "{start}:{end}"),
            (Some(start), None) => write!(f, "{start}:"),
            (None, Some(end)) => write!(f, "~:{end}"),
            (None, None) => f.write_str("~:"),
        }
    }
}

/// For programs: without separators, with as many decimal places as it needs, at most `places`;
/// halves are rounded away from zero.
pub fn decimal(value: f64, places: u8) -> String {
    let scale = 10_f64.powi(places.into());
    // 0 in place of -0; no more digits than these are needed to show it.
    format!("{}", (value * scale).round() / scale + 0.0)
}

/// For a person: the same with separators between thousands.
pub fn grouped(value: f64, places: u8) -> String {
    let plain = decimal(value, places);
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    format!("{}{rest}", thousands(whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Measure, State, Subject};

    fn range(inside: bool, start: Option<&str>, end: Option<&str>) -> Range {
        let number = |word: &str| word.parse().unwrap();
        Range {
            inside,
            start: start.map(number),
            end: end.map(number),
        }
    }

    const ZERO: Option<&str> = Some("0");

    fn mark(breach: Option<Side>) -> char {
        match breach {
            None => '.',
            Some(Side::Below) => 'v',
            Some(Side::Above) => '^',
            Some(Side::Within) => '=',
        }
    }

    #[test]
    fn values_at_below_and_above_every_kind_of_range() {
        let (ten, twenty) = (Some("10"), Some("20"));
        for (range, shown, expected) in [
            (range(false, ZERO, ten), "10", "..^^^^"),
            (range(false, ten, None), "10:", "v....."),
            (range(false, None, ten), "~:10", "..^^^^"),
            (range(false, ten, twenty), "10:20", "v....^"),
            (range(true, ten, twenty), "@10:20", ".====."),
            (range(true, ZERO, ten), "@10", "==...."),
            (range(true, ten, None), "@10:", ".====="),
        ] {
            let values = [9.0, 10.0, 11.0, 19.0, 20.0, 21.0];
            let found: String = values
                .map(|value| mark(range.breach(value)))
                .iter()
                .collect();
            assert_eq!(found, expected, "{shown}");
            assert_eq!(range.to_string(), shown);
        }
        assert_eq!(range(false, ZERO, ten).breach(-1.0), Some(Side::Below));
        assert_eq!(range(false, None, ten).breach(-1.0), None);
        assert_eq!(range(false, ZERO, ten).breach(0.0), None);
    }

    #[test]
    fn what_alerts_from_a_value_upward_is_proven_by_seeing_so_many() {
        let eleven = 11.0;
        let ten = Some("10");
        assert!(range(false, ZERO, ten).alerts_from(eleven));
        assert!(range(true, ten, None).alerts_from(eleven));
        assert!(!range(true, ten, Some("20")).alerts_from(eleven));
        assert!(!range(false, Some("20"), None).alerts_from(eleven));
        assert!(!range(false, ZERO, ten).alerts_from(10.0));
    }

    #[test]
    fn a_warning_is_beyond_critical_where_it_could_never_be_seen() {
        let of = |measure| Aspect {
            subject: Subject::State(State::TimeWait),
            measure,
        };
        let up = |end| range(false, ZERO, Some(end));
        let down = |start| range(false, Some(start), None);
        let between = |start, end| range(false, Some(start), Some(end));
        let within = |start, end| range(true, Some(start), Some(end));
        let count = of(Measure::Count);
        for (warning, critical, expected) in [
            (up("30"), up("10"), true),
            (up("10"), up("30"), false),
            (up("10"), up("10"), false),
            (down("10"), down("20"), true),
            (down("20"), down("10"), false),
            (up("10"), down("5"), false),
            (between("5", "30"), up("10"), true),
            (up("10"), between("5", "100"), false),
            (within("5", "6"), up("4"), true),
            (within("5", "6"), up("5"), false),
            (within("5", "6"), within("1", "9"), true),
            (
                range(true, Some("30"), None),
                range(true, Some("10"), None),
                true,
            ),
        ] {
            let found = warning.is_beyond(&critical, count);
            assert_eq!(found, expected, "{warning} {critical}");
        }
        let rate = of(Measure::Rate);
        assert!(!up("10").is_beyond(&between("-5", "100"), rate));
        assert!(between("-9", "10").is_beyond(&between("-5", "100"), rate));
        assert!(!up("50").is_beyond(&up("100"), of(Measure::Share)));
    }

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        for (value, places, plain, separated) in [
            (0.0, 3, "0", "0"),
            (10.0, 0, "10", "10"),
            (-1_000.0, 2, "-1000", "-1,000"),
            (34_112.0, 2, "34112", "34,112"),
            (1_234_567.5, 3, "1234567.5", "1,234,567.5"),
            (100.0 / 3.0, 2, "33.33", "33.33"),
            (-200.0 / 3.0, 1, "-66.7", "-66.7"),
            (-0.000_001, 6, "-0.000001", "-0.000001"),
            (-0.000_001, 3, "0", "0"),
            (1.5625, 3, "1.563", "1.563"),
            (0.5, 0, "1", "1"),
        ] {
            assert_eq!(decimal(value, places), plain);
            assert_eq!(grouped(value, places), separated);
        }
    }

    #[test]
    fn a_quotient_is_compared_with_a_decimal_exactly() {
        let third = range(false, None, Some("33.333333"));
        assert_eq!(third.breach(100.0 / 3.0), Some(Side::Above));
        let third = range(false, None, Some("33.333334"));
        assert_eq!(third.breach(100.0 / 3.0), None);
        for total in [100_000_u32, 700_000, 4_000_000] {
            for thousandths in 0..=100_000_u32 {
                let word = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
                let end = range(false, Some(&word), Some(&word));
                let sockets = f64::from(total / 100_000 * thousandths);
                assert_eq!(
                    end.breach(sockets * 100.0 / f64::from(total)),
                    None,
                    "{word}"
                );
            }
        }
    }
}
