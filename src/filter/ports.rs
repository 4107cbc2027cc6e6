//! The ports that an expression implies, for a kernel program that selects by ports only.
//!
//! Decides no socket: what has one of the ports must still be tested.

use std::ops::RangeInclusive;

use super::expression::{Expression, Node};
use super::test::{Compare, Test};
use crate::model::Field;

type Ranges = Vec<RangeInclusive<u16>>;

/// A socket that passes has its local port in the first, or its remote port in the second.
type Implied = [Ranges; 2];

impl Expression {
    /// Ranges of ports: every socket that passes has a port in one of them, at either end. `None`
    /// where it may have others.
    pub fn implied_ports(&self) -> Option<Vec<RangeInclusive<u16>>> {
        let mut operands: Vec<Option<Implied>> = Vec::new();
        for node in self.nodes() {
            let implied = match node {
                Node::Test(test) => of_test(test),
                Node::Not => {
                    operands.pop();
                    None
                }
                Node::And | Node::Or => {
                    let (right, left) = (operands.pop().flatten(), operands.pop().flatten());
                    match (left, right) {
                        (Some(left), Some(right)) if *node == Node::And => Some(both(left, right)),
                        (Some(left), Some(right)) => Some(either(left, right)),
                        (left, right) if *node == Node::And => left.or(right),
                        _ => None,
                    }
                }
            };
            operands.push(implied);
        }
        let [local, remote] = operands.pop().flatten()?;
        let mut ranges = [local, remote].concat();
        ranges.sort_unstable_by_key(|range| (*range.start(), *range.end()));
        ranges.dedup();
        Some(ranges)
    }
}

fn of_test(test: &Test) -> Option<Implied> {
    let Test::Number(field, compare, port) = test else {
        return None;
    };
    let port = u16::try_from(*port).ok()?;
    let range = match compare {
        Compare::Equal => port..=port,
        Compare::Less => 0..=port.checked_sub(1)?,
        Compare::AtMost => 0..=port,
        Compare::Greater => port.checked_add(1)?..=u16::MAX,
        Compare::AtLeast => port..=u16::MAX,
    };
    if *field == Field::LocalPort {
        Some([vec![range], Vec::new()])
    } else {
        (*field == Field::RemotePort).then(|| [Vec::new(), vec![range]])
    }
}

fn either([mut local, mut remote]: Implied, other: Implied) -> Implied {
    let [other_local, other_remote] = other;
    local.extend(other_local);
    remote.extend(other_remote);
    [local, remote]
}

/// What both imply, as one range where each has one of the same end; otherwise what the left one does.
fn both(left: Implied, right: Implied) -> Implied {
    let common = |left: &[RangeInclusive<u16>], right: &[RangeInclusive<u16>]| match (left, right) {
        ([left], [right]) => {
            vec![*left.start().max(right.start())..=*left.end().min(right.end())]
        }
        _ => Vec::new(),
    };
    let ends = match (&left, &right) {
        ([_, no_remote], [_, neither]) if no_remote.is_empty() && neither.is_empty() => {
            [common(&left[0], &right[0]), Vec::new()]
        }
        ([no_local, _], [neither, _]) if no_local.is_empty() && neither.is_empty() => {
            [Vec::new(), common(&left[1], &right[1])]
        }
        _ => return left,
    };
    match ends.iter().all(Vec::is_empty) {
        true => left,
        false => ends,
    }
}

#[cfg(test)]
mod tests {
    use crate::filter::testing::parsed;

    #[test]
    fn ports_are_implied_by_lists_and_ranges_and_by_what_is_joined_to_them() {
        for (typed, expected) in [
            ("sport = :80", Some("80")),
            ("port = :80", Some("80")),
            (":80,443", Some("80 443")),
            (":8000-8010", Some("8000-8010")),
            ("sport = :80 or dport = :443", Some("80 443")),
            (":80,443 and uid = 1", Some("80 443")),
            ("uid = 1 and sport = :80", Some("80")),
            ("sport >= :1024 and sport < :2048", Some("1024-2047")),
            ("sport = :80 and dport = :443", Some("80")),
            ("sport = :80 or uid = 1", None),
            ("not sport = :80", None),
            ("uid = 80", None),
            ("dst 10/8", None),
        ] {
            let text = |ranges: Vec<std::ops::RangeInclusive<u16>>| {
                let ranges = ranges
                    .iter()
                    .map(|range| match range.start() == range.end() {
                        true => range.start().to_string(),
                        false => format!("{}-{}", range.start(), range.end()),
                    });
                ranges.collect::<Vec<_>>().join(" ")
            };
            let implied = parsed(&[typed]).unwrap().implied_ports().map(text);
            assert_eq!(implied.as_deref(), expected, "{typed}");
        }
    }
}
