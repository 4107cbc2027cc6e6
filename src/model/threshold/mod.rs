//! What an observation is measured against, and what comes of it: ranges, the aspects they are
//! about, exact values, verdicts. Plain values; judging is for `judge`, words for `output`.

mod aspect;
mod exact;
mod range;
mod verdict;

pub use aspect::{Aspect, Limits, Measure, Subject, Threshold};
pub use exact::{Decimal, Quantity};
pub use range::{Range, Side};
pub use verdict::{
    Breach, CheckStatus, JudgedGroup, JudgedGroups, JudgedQueue, JudgedQueues, Judgement, Reading,
    Trust, Verdict,
};
