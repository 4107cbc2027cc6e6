//! What is wrong with a filter, and at which of the words typed.

use std::fmt;

/// Of a longer word only so many characters are shown.
const MOST_SHOWN: usize = 40;

/// A filter that cannot be understood: the word, where it stands, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The word as typed; empty where the filter is.
    pub word: String,
    /// Where it stands.
    pub place: Place,
    /// What is wrong, and what is allowed.
    pub reason: String,
    /// Whether a word was expected here that names something to test, and this is none.
    pub is_unknown_word: bool,
}

/// Where a word stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the command line: the how manieth word of the filter, from 1.
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
            Place::Word(number) => write!(f, "filter, word {number}")?,
            Place::Line { file, line } => write!(f, "{file}, line {line}")?,
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
