//! What to say of a word that is none of those allowed.

use crate::model::nearest_word;

/// `did you mean X? Allowed are X, Y, Z`; without the question where none is alike.
pub(super) fn hint(word: &str, valid: &[&str]) -> String {
    let question = nearest_word(word, valid.iter().copied())
        .map(|nearest| format!("did you mean {nearest}? "))
        .unwrap_or_default();
    format!("{question}Allowed are {}", valid.join(", "))
}
