//! A filter as it was typed: words of the command line, or a file; and what is wrong with it, at
//! which of these words.

use std::fmt;

use crate::model::Use;

/// The text of a filter, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterText {
    pub(super) text: String,
    /// The name of the file; `None` for the command line.
    file: Option<String>,
    /// Whether it is a filter of sockets or of what trace records.
    pub(super) used_as: Use,
}

impl FilterText {
    /// The arguments of a command line; each may contain several words.
    pub fn of_words(words: &[String]) -> FilterText {
        FilterText {
            text: words.join(" "),
            file: None,
            used_as: Use::Filter,
        }
    }

    /// The contents of a file: lines that begin with `#`, blanks before it or not, are comments. A
    /// byte order mark is ignored.
    pub fn of_file(file: &str, contents: &str) -> FilterText {
        let contents = contents.strip_prefix('\u{feff}').unwrap_or(contents);
        let is_comment = |line: &str| line.trim_start().starts_with('#');
        let lines = contents.lines();
        let kept = lines.map(|line| if is_comment(line) { "" } else { line });
        FilterText {
            text: kept.collect::<Vec<_>>().join("\n"),
            file: Some(file.to_owned()),
            used_as: Use::Filter,
        }
    }

    /// The same text for another use, [`Use::Filter`] or [`Use::TraceFilter`]: words without a meaning
    /// there are refused.
    #[must_use]
    pub fn for_use(self, used_as: Use) -> FilterText {
        FilterText { used_as, ..self }
    }

    /// An error at the word that begins at byte `at`.
    pub(super) fn error(&self, at: usize, word: &str, reason: String) -> FilterError {
        let before = self.text.get(..at).unwrap_or(&self.text);
        FilterError {
            word: word.to_owned(),
            place: match &self.file {
                Some(file) => Position::Line {
                    file: file.clone(),
                    line: before.matches('\n').count() + 1,
                },
                None => {
                    // The word may have begun before; what is missing would be the next one.
                    let is_next = word.is_empty()
                        || before.is_empty()
                        || before.ends_with(char::is_whitespace);
                    Position::Word(before.split_whitespace().count() + usize::from(is_next))
                }
            },
            reason,
            is_unknown_word: false,
        }
    }
}

/// The most characters of a word that are shown.
const MOST_SHOWN: usize = 40;

/// An invalid filter: the word, its position, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The word as typed; empty where the filter is.
    pub word: String,
    /// Its position.
    pub place: Position,
    /// What is wrong, and what is allowed.
    pub reason: String,
    /// Whether the word is at the beginning of a test and names nothing that can be tested.
    pub is_unknown_word: bool,
}

/// The position of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// On the command line: the number of the word in the filter, from 1.
    Word(usize),
    /// In a file.
    Line {
        /// Its name as typed.
        file: String,
        /// The line, from 1.
        line: usize,
    },
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Position::Word(number) => write!(f, "filter, word {number}")?,
            Position::Line { file, line } => write!(f, "{file}, line {line}")?,
        }
        match self.word.char_indices().nth(MOST_SHOWN) {
            None if self.word.is_empty() => write!(f, ": {}", self.reason),
            None => write!(f, ", `{}`: {}", self.word, self.reason),
            Some((end, _)) => {
                let begin = self.word.get(..end).unwrap_or_default();
                write!(f, ", `{begin}…`: {}", self.reason)
            }
        }
    }
}

impl std::error::Error for FilterError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_alike_however_they_were_quoted() {
        for words in [&["a", "bb", "c=d"][..], &["a bb  c=d"], &["a", "bb c=d"]] {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            let text = FilterText::of_words(&words);
            for (part, number) in [("a", 1), ("bb", 2), ("c", 3), ("d", 3)] {
                let at = text.text.find(part).unwrap();
                let place = text.error(at, part, String::new()).place;
                assert_eq!(place, Position::Word(number), "{part}");
            }
        }
    }

    #[test]
    fn lines_are_counted_with_the_comments_among_them() {
        let text = FilterText::of_file("rules", "\u{feff}# web\nsport = :80\n  # web\n\n  or");
        let at = text
            .text
            .find("or\0")
            .unwrap_or(text.text.rfind("or").unwrap());
        let error = text.error(at, "or", "why".to_owned());
        assert_eq!(error.to_string(), "rules, line 5, `or`: why");
        assert!(!text.text.contains("web"));
    }
}
