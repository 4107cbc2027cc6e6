//! How many of something there are, in words.

use crate::model::thousands;

/// `1 address`, `1,200 addresses`.
pub(super) fn plural(number: u64, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", thousands(number))
}
