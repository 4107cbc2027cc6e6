//! The filter while it is edited.

/// A line of text, a cursor, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt<'a> {
    /// The text.
    pub text: &'a str,
    /// The byte of the text that the cursor stands on, or its end.
    pub cursor: usize,
    /// Why it was not taken.
    pub error: Option<&'a PromptError>,
    /// Whether it is being looked into.
    pub is_checking: bool,
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptError {
    /// The bytes of the text that are wrong; empty, and at its end, where something is missing.
    pub place: std::ops::Range<usize>,
    /// What is wrong, and what is allowed.
    pub reason: String,
}
