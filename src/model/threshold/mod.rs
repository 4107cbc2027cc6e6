//! What an observation is compared with, and the result: aspects, their thresholds, ranges, verdicts.
//! Plain values: `judge` compares them, and `output` words the results.
//!
//! Values are doubles, and still compare exactly: a share that equals a threshold of up to six decimal
//! places is rounded to the same double, and one that does not differs from it by more than a double's
//! precision, as long as there are fewer than 90 million sockets.

mod range;
mod verdict;

pub use range::{Range, Side, decimal, grouped};
pub use verdict::{
    Breach, CheckStatus, JudgedGroup, JudgedGroups, JudgedQueue, JudgedQueues, Judgement,
    Measurement, Trust, Verdict,
};

use super::State;

/// Which sockets are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Those in a state.
    State(State),
    /// All that are asked for.
    Total,
    /// The connections that wait at a listener to be accepted.
    AcceptQueue,
}

/// What is measured of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// How many they are.
    Count,
    /// Which part they are of all that are asked for, in percent; of an accept queue, which part
    /// of its limit.
    Share,
    /// By how many more they become each second.
    Rate,
}

/// One thing that can be measured and judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aspect {
    /// Of which sockets.
    pub subject: Subject,
    /// What of them.
    pub measure: Measure,
}

impl Aspect {
    /// Its stable name, of letters, digits and `_`, for graphs: `TIME_WAIT`, `TIME_WAIT_share`,
    /// `total_rate`, `accept_queue`.
    pub fn label(self) -> String {
        let subject = match self.subject {
            Subject::State(state) => state.to_string(),
            Subject::Total => "total".to_owned(),
            Subject::AcceptQueue => return "accept_queue".to_owned(),
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
