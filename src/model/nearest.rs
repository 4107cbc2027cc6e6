//! The valid word most like one that is not.

use super::state::fold;

/// The nearest of `valid`, if any is alike at all. Words are compared without case, `-` and `_`,
/// so that `FIN_WAIT_3` is near `fin-wait2`; below a likeness of 0.7 a suggestion is noise (the
/// threshold of clap's own suggestions).
pub fn nearest_word<'a>(word: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    valid
        .into_iter()
        .map(|valid| (strsim::jaro_winkler(&folded, &fold(valid)), valid))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, valid)| valid)
}

/// What to say of a word that is none of those allowed: `did you mean X? Allowed are X, Y, Z`;
/// `allowed are X, Y, Z` where none is alike.
pub fn hint(word: &str, valid: &[&str]) -> String {
    let all = valid.join(", ");
    if fold(word) == fold("retrans") && valid.contains(&"retransmits") {
        return format!(
            "did you mean retransmits (timeouts since the last acknowledgment) or total-retrans (segments of the whole connection; ss prints retrans:retrans-now/total-retrans)? Allowed are {all}"
        );
    }
    match nearest_word(word, valid.iter().copied()) {
        Some(nearest) => format!("did you mean {nearest}? Allowed are {all}"),
        None => format!("allowed are {all}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_is_near_the_one_that_was_meant() {
        let valid = [
            "established",
            "time-wait",
            "fin-wait1",
            "fin-wait2",
            "connected",
        ];
        for (word, near) in [
            ("establised", Some("established")),
            ("tim-wait", Some("time-wait")),
            ("FIN_WAIT_3", Some("fin-wait2")),
            ("conected", Some("connected")),
            ("xyzzy", None),
            ("", None),
        ] {
            assert_eq!(nearest_word(word, valid), near, "{word}");
        }
    }
}
