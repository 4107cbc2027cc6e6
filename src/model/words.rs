//! Words and numbers as people type and read them.

use std::fmt;

use super::state::fold;

/// The most similar of the `valid` words, if any is similar. Words are compared without case, `-` and
/// `_`, so that `FIN_WAIT_3` is near `fin-wait2`; below a similarity of 0.7 a suggestion is noise
/// (the threshold of clap's own suggestions). Short words with swapped letters are less similar than that, and
/// near nevertheless.
pub fn nearest_word<'a>(word: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    let valid: Vec<&str> = valid.into_iter().collect();
    let similar = valid
        .iter()
        .map(|valid| (strsim::jaro_winkler(&folded, &fold(valid)), valid))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, valid)| valid);
    let is_meant = |valid: &&&str| folded.len() > 1 && is_typing_error(&folded, &fold(valid));
    similar.or_else(|| valid.iter().find(is_meant)).copied()
}

/// Whether `word` is `meant` with a letter or two wrong, missing, swapped or too many.
pub fn is_typing_error(word: &str, meant: &str) -> bool {
    let allowed = if word.len() < 8 { 1 } else { 2 };
    strsim::damerau_levenshtein(word, meant) <= allowed
}

/// The most words that a hint lists.
const MOST_LISTED: usize = 30;

/// The three most similar of the `valid` words at most, the nearest first.
fn nearest_words<'a>(word: &str, valid: &[&'a str]) -> Vec<&'a str> {
    let mut left = valid.to_vec();
    let mut near = Vec::new();
    while let Some(nearest) = nearest_word(word, left.iter().copied()).filter(|_| near.len() < 3) {
        left.retain(|one| *one != nearest);
        near.push(nearest);
    }
    near
}

/// The hint for a word that is not allowed: `did you mean X? Allowed are X, Y, Z`; `allowed are X, Y,
/// Z` if none is similar. Of long lists the three nearest, and the manual page that has all:
/// `tcpstates-list(1)`.
pub fn hint(word: &str, valid: &[&str], page: &str) -> String {
    let all = valid.join(", ");
    if fold(word) == fold("retrans") && valid.contains(&"retransmits") {
        return "did you mean retransmits (timeouts since the last acknowledgment) or total-retrans (segments of the whole connection; ss prints retrans:retrans-now/total-retrans)?".to_owned();
    }
    if valid.len() > MOST_LISTED {
        let manual = format!("{page} has all {}", valid.len());
        return match &*nearest_words(word, valid) {
            [] => manual,
            [near] => format!("did you mean {near}? {manual}"),
            [near @ .., last] => format!("did you mean {} or {last}? {manual}", near.join(", ")),
        };
    }
    match nearest_word(word, valid.iter().copied()) {
        Some(nearest) => format!("did you mean {nearest}? Allowed are {all}"),
        None => format!("allowed are {all}"),
    }
}

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

/// How often something happened: `once`, `twice`, `3 times`.
pub fn times(number: u64) -> String {
    match number {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{} times", thousands(number)),
    }
}

/// A time in its largest unit and the next one, rounded down: `5 days`, `2 hours 4 minutes`.
pub fn duration_words(seconds: u64) -> String {
    let units = [
        (seconds / 86_400, "day", "days"),
        (seconds / 3_600 % 24, "hour", "hours"),
        (seconds / 60 % 60, "minute", "minutes"),
        (seconds % 60, "second", "seconds"),
    ];
    let largest = units.iter().position(|(number, ..)| *number > 0);
    let shown = units.iter().skip(largest.unwrap_or(3)).take(2);
    let shown = shown.filter(|(number, ..)| *number > 0 || largest.is_none());
    let shown: Vec<String> = shown
        .map(|(number, one, many)| counted(*number, one, many))
        .collect();
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_its_two_largest_units() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (59, "59 seconds"),
            (120, "2 minutes"),
            (3_661, "1 hour 1 minute"),
            (7_440, "2 hours 4 minutes"),
            (86_400 + 59, "1 day"),
            (432_000, "5 days"),
        ] {
            assert_eq!(duration_words(seconds), words);
        }
    }

    #[test]
    fn a_misspelt_word_is_near_the_one_that_was_meant() {
        let valid = [
            "established",
            "time-wait",
            "fin-wait1",
            "fin-wait2",
            "connected",
            "red",
        ];
        for (word, near) in [
            ("establised", Some("established")),
            ("tim-wait", Some("time-wait")),
            ("FIN_WAIT_3", Some("fin-wait2")),
            ("conected", Some("connected")),
            ("xyzzy", None),
            ("", None),
            ("rde", Some("red")),
            ("erd", Some("red")),
            ("rid", Some("red")),
            ("dre", None),
            ("x", None),
        ] {
            assert_eq!(nearest_word(word, valid), near, "{word}");
        }
    }

    #[test]
    fn a_long_list_becomes_the_three_nearest() {
        let words: Vec<String> = (0..40).map(|number| format!("word{number}")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let near = hint("word7", &words, "tcpstates-list(1)");
        assert!(near.starts_with("did you mean word7, "), "{near}");
        assert!(
            near.ends_with("? tcpstates-list(1) has all 40") && near.matches("word").count() == 3
        );
        let none = hint("xyzzy", &words, "tcpstates-list(1)");
        assert_eq!(none, "tcpstates-list(1) has all 40");
    }

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
