//! Which of several judgements is worse.

use std::cmp::Ordering;

use crate::model::{CheckStatus, Judgement, Side};

/// What the value itself says, whether it proves anything or not.
fn apparent(judgement: &Judgement) -> CheckStatus {
    judgement
        .breach
        .map_or(CheckStatus::Ok, |breach| breach.status)
}

/// Compares two judgements by the same limits: `Greater` where `a` is worse. Of those that are
/// equally severe, the one farther on the wrong side.
pub fn worse(a: &Judgement, b: &Judgement) -> Ordering {
    let status = a.status.cmp(&b.status);
    status
        .then_with(|| apparent(a).cmp(&apparent(b)))
        .then_with(|| {
            let by_value = a.reading.value.cmp(&b.reading.value);
            let side = a.breach.map(|breach| breach.side);
            let too_many = match side {
                Some(Side::Below) => false,
                Some(Side::Above) => true,
                Some(Side::Within) | None => a.limits.are_about_too_many(),
            };
            if too_many {
                by_value
            } else {
                by_value.reverse()
            }
        })
}
