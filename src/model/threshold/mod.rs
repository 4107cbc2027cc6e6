//! What an observation is measured against, and what comes of it: ranges, the aspects they are
//! about, exact values, verdicts. Plain values; judging is for `judge`, words for `output`.

mod aspect;
mod number;
mod range;
mod verdict;

pub use aspect::{Aspect, Limits, Measure, Subject, Threshold};
pub use number::{Decimal, Quantity, with_separators};
pub use range::{Range, Side};
pub use verdict::{
    Breach, JudgedGroup, JudgedGroups, JudgedQueue, JudgedQueues, Judgement, Reading, Severity,
    Trust, Verdict,
};
