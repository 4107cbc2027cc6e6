//! What an observation is compared with, and the result: aspects, their thresholds, ranges, verdicts.
//! Plain values: `judge` compares them, and `output` words the results.
//!
//! Values are doubles, and still compare exactly: a share that equals a threshold of up to six decimal
//! places is rounded to the same double, and one that does not differs from it by more than a double's
//! precision, as long as there are fewer than 90 million sockets.

mod quantity;
mod range;
mod verdict;

pub use quantity::{Definition, Quantity, Scope};
pub use range::{Range, Side, decimal, grouped};
pub use verdict::{
    Breach, CheckStatus, Holder, JudgedGroup, JudgedGroups, JudgedQuantity, JudgedQueue,
    JudgedQueues, Judgement, Measurement, Trust, Verdict, Waited,
};

use super::State;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The sockets in a state.
    State(State),
    /// All sockets that are asked for.
    Total,
    /// Something else than a number of sockets.
    Quantity(Quantity),
}

/// The unit in which it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// How many they are.
    Count,
    /// Which part they are of all that are asked for, in percent; of a quantity, which part of its
    /// limit.
    Share,
    /// By how many more they become each second.
    Rate,
}

/// One thing that can be measured and judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aspect {
    /// What is measured.
    pub subject: Subject,
    /// In which unit.
    pub measure: Measure,
}

impl Aspect {
    /// The quantity, where it is none of sockets.
    pub fn quantity(self) -> Option<Quantity> {
        match self.subject {
            Subject::Quantity(quantity) => Some(quantity),
            Subject::State(_) | Subject::Total => None,
        }
    }

    /// The unit of its numbers, where they are not of whole things.
    pub fn is_in_bytes(self) -> bool {
        let quantity = self.quantity();
        self.measure == Measure::Count && quantity.is_some_and(|one| one.definition().bytes)
    }

    /// Whether it takes two readings, with a window between.
    pub fn needs_window(self) -> bool {
        let quantity = self.quantity();
        self.measure == Measure::Rate || quantity.is_some_and(|one| one.definition().grows)
    }

    /// The least and the most that it can be; `None` for no bound. Only the number of sockets can
    /// change by less than nothing.
    pub fn bounds(self) -> (Option<f64>, Option<f64>) {
        let is_part = self.quantity().is_none_or(|one| one.definition().is_part);
        match self.measure {
            Measure::Rate if self.quantity().is_none() => (None, None),
            Measure::Share if is_part => (Some(0.0), Some(100.0)),
            Measure::Count | Measure::Share | Measure::Rate => (Some(0.0), None),
        }
    }

    /// Its stable name, of letters, digits and `_`, for graphs: `TIME_WAIT`, `TIME_WAIT_share`,
    /// `total_rate`, `accept_queue`, `memory_share`. The unit is left out where it is the only one.
    pub fn label(self) -> String {
        let subject = match self.subject {
            Subject::State(state) => state.to_string(),
            Subject::Total => "total".to_owned(),
            Subject::Quantity(quantity) => {
                let label = quantity.name().replace('-', "_");
                match quantity.definition().measures {
                    [_] => return label,
                    _ => label,
                }
            }
        };
        match self.measure {
            Measure::Count => subject,
            Measure::Share => format!("{subject}_share"),
            Measure::Rate => format!("{subject}_rate"),
        }
    }
}

/// A range for an aspect, as typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// What is judged.
    pub aspect: Aspect,
    /// Which values alert.
    pub range: Range,
    /// The word typed.
    pub word: String,
}

/// Both ranges of an aspect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// What is judged.
    pub aspect: Aspect,
    /// Which values are a warning.
    pub warning: Option<Range>,
    /// Which values are critical, whatever `warning` says.
    pub critical: Option<Range>,
}

impl Thresholds {
    /// Whether larger values are the worse ones, or smaller ones.
    pub fn are_about_too_many(&self) -> bool {
        let mut ranges = self.critical.iter().chain(&self.warning);
        ranges.any(Range::is_about_too_many)
    }
}
