//! Numbers as people read them.

use std::fmt;

/// A whole number with a comma between thousands: `34,112`.
pub fn thousands(number: impl fmt::Display) -> String {
    let plain = number.to_string();
    let digits = plain.trim_start_matches('-');
    let mut text = plain.strip_suffix(digits).unwrap_or_default().to_owned();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many of something there are: `1 address`, `1,200 addresses`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", thousands(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_separates_thousands() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (34_112, "34,112"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }
}
