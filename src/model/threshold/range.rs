//! Ranges in the notation of the monitoring plugins: which values alert.
//!
//! Follows the section on thresholds and ranges of the Monitoring Plugins Development Guidelines:
//! both ends belong to the range; values outside alert, or with `@` those inside.

use std::fmt;

use super::{Aspect, Decimal, Measure, Quantity, Subject};

/// A range of values, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Whether the values inside alert, not those outside.
    pub inside: bool,
    /// The lower end; `None` for none (`~`).
    pub start: Option<Decimal>,
    /// The upper end; `None` for none.
    pub end: Option<Decimal>,
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
    pub fn breach(&self, value: Quantity) -> Option<Side> {
        let below = self.start.is_some_and(|start| value.compare(start).is_lt());
        let above = self.end.is_some_and(|end| value.compare(end).is_gt());
        match (self.inside, below, above) {
            (false, true, _) => Some(Side::Below),
            (false, _, true) => Some(Side::Above),
            (true, false, false) => Some(Side::Within),
            (false, false, false) | (true, _, _) => None,
        }
    }

    /// Whether every value from this one upward alerts.
    pub fn alerts_from(&self, value: Quantity) -> bool {
        match self.breach(value) {
            Some(Side::Above) => true,
            Some(Side::Within) => self.end.is_none(),
            Some(Side::Below) | None => false,
        }
    }

    /// Whether one of the ends lies between two values, themselves included.
    pub fn has_end_within(&self, low: Quantity, high: Quantity) -> bool {
        let mut ends = self.start.iter().chain(&self.end);
        ends.any(|end| low.compare(*end).is_le() && high.compare(*end).is_ge())
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
                .any(|other| piece != other && other.from <= piece.from && piece.to <= other.to)
        })
    }

    /// The stretches of values that alert, of those that can be.
    fn pieces(&self, aspect: Aspect) -> Vec<Piece> {
        // Twice the number is the number itself, one less or more is what is just below or above.
        let at = |end: Decimal, aside: i128| 2 * end.millionths() + aside;
        let pieces = if self.inside {
            vec![Piece {
                from: self.start.map_or(i128::MIN, |start| at(start, 0)),
                to: self.end.map_or(i128::MAX, |end| at(end, 0)),
            }]
        } else {
            let below = self.start.map(|start| Piece {
                from: i128::MIN,
                to: at(start, -1),
            });
            let above = self.end.map(|end| Piece {
                from: at(end, 1),
                to: i128::MAX,
            });
            below.into_iter().chain(above).collect()
        };
        let least = match aspect.measure {
            Measure::Rate => i128::MIN,
            Measure::Count | Measure::Share => 0,
        };
        let most = match (aspect.measure, aspect.subject) {
            (Measure::Share, Subject::State(_) | Subject::Total) => at(Decimal::HUNDRED, 0),
            (Measure::Share, Subject::AcceptQueue) | (Measure::Count | Measure::Rate, _) => {
                i128::MAX
            }
        };
        let clipped = pieces.into_iter().map(|piece| Piece {
            from: piece.from.max(least),
            to: piece.to.min(most),
        });
        clipped.filter(|piece| piece.from <= piece.to).collect()
    }
}

/// A stretch of values, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    from: i128,
    to: i128,
}

impl fmt::Display for Range {
    /// The notation itself, without a unit, as short as it can be: `10`, `10:`, `~:10`, `@10:20`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.inside {
            f.write_str("@")?;
        }
        match (self.start, self.end) {
            (Some(Decimal::ZERO), Some(end)) => write!(f, "{end}"),
            (Some(start), Some(end)) => write!(f, "{start}:{end}"),
            (Some(start), None) => write!(f, "{start}:"),
            (None, Some(end)) => write!(f, "~:{end}"),
            (None, None) => f.write_str("~:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::State;

    fn range(inside: bool, start: Option<&str>, end: Option<&str>) -> Range {
        let number = |word: &str| Decimal::parse(word).unwrap();
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
            let values = [9, 10, 11, 19, 20, 21].map(Quantity::whole);
            let found: String = values
                .map(|value| mark(range.breach(value)))
                .iter()
                .collect();
            assert_eq!(found, expected, "{shown}");
            assert_eq!(range.to_string(), shown);
        }
        let minus_one = Quantity::new(-1, 1);
        assert_eq!(range(false, ZERO, ten).breach(minus_one), Some(Side::Below));
        assert_eq!(range(false, None, ten).breach(minus_one), None);
        assert_eq!(range(false, ZERO, ten).breach(Quantity::whole(0)), None);
    }

    #[test]
    fn what_alerts_from_a_value_upward_is_proven_by_seeing_so_many() {
        let eleven = Quantity::whole(11);
        let ten = Some("10");
        assert!(range(false, ZERO, ten).alerts_from(eleven));
        assert!(range(true, ten, None).alerts_from(eleven));
        assert!(!range(true, ten, Some("20")).alerts_from(eleven));
        assert!(!range(false, Some("20"), None).alerts_from(eleven));
        assert!(!range(false, ZERO, ten).alerts_from(Quantity::whole(10)));
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
}
