//! Cuts a filter into words, operators and values.
//!
//! Blanks separate, as in ss(8); but they are optional around operators and parentheses, and a
//! backslash takes the meaning from the character after it. What a value is made of depends on
//! what is asked of it, so the parser says when it wants one.

use std::borrow::Cow;

use super::test::Compare;

/// Characters that end a word that names something.
const OPERATORS: &[char] = &['(', ')', '!', '=', '<', '>', '&', '|'];

/// A piece of a filter, and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// The first byte.
    pub(super) at: usize,
    /// As typed.
    pub(super) typed: &'a str,
    pub(super) kind: Kind,
}

/// What a piece means where a test may begin or end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    Not,
    And,
    Or,
    /// A comparison, and whether the opposite is meant: `!=` is the negation of `=`.
    Compare(Compare, bool),
    /// Anything else.
    Word,
}

/// Every spelling of every operator; of those that begin alike the longer ones come first.
const SYMBOLS: [(&str, Kind); 14] = [
    ("&&", Kind::And),
    ("&", Kind::And),
    ("||", Kind::Or),
    ("|", Kind::Or),
    ("(", Kind::Open),
    (")", Kind::Close),
    ("!=", Kind::Compare(Compare::Equal, true)),
    ("!", Kind::Not),
    ("==", Kind::Compare(Compare::Equal, false)),
    ("=", Kind::Compare(Compare::Equal, false)),
    ("<=", Kind::Compare(Compare::AtMost, false)),
    ("<", Kind::Compare(Compare::Less, false)),
    (">=", Kind::Compare(Compare::AtLeast, false)),
    (">", Kind::Compare(Compare::Greater, false)),
];

const WORDS: [(&str, Kind); 12] = [
    ("and", Kind::And),
    ("or", Kind::Or),
    ("not", Kind::Not),
    ("eq", Kind::Compare(Compare::Equal, false)),
    ("ne", Kind::Compare(Compare::Equal, true)),
    ("neq", Kind::Compare(Compare::Equal, true)),
    ("lt", Kind::Compare(Compare::Less, false)),
    ("le", Kind::Compare(Compare::AtMost, false)),
    ("leq", Kind::Compare(Compare::AtMost, false)),
    ("gt", Kind::Compare(Compare::Greater, false)),
    ("ge", Kind::Compare(Compare::AtLeast, false)),
    ("geq", Kind::Compare(Compare::AtLeast, false)),
];

/// Where in the text the parser stands.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0 }
    }

    /// What is left, without the blanks before it.
    fn rest(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    /// The next piece, which stays.
    pub(super) fn peek(&mut self) -> Option<Token<'a>> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let symbol = SYMBOLS.iter().find(|(symbol, _)| rest.starts_with(symbol));
        let (length, kind) = match symbol {
            Some((symbol, kind)) => (symbol.len(), *kind),
            None => {
                let length = length_until(rest, |c| OPERATORS.contains(&c));
                (length, kind_of_word(rest.get(..length).unwrap_or(rest)))
            }
        };
        Some(Token {
            at: self.at,
            typed: rest.get(..length).unwrap_or(rest),
            kind,
        })
    }

    /// Takes the piece that was peeked at.
    pub(super) fn take(&mut self, token: &Token<'a>) {
        self.at = token.at + token.typed.len();
    }

    /// Takes the next piece as a value: up to a blank, a parenthesis that closes what is outside
    /// of it, or `&` or `|`. `None` where there is none.
    pub(super) fn value(&mut self) -> Option<Token<'a>> {
        let rest = self.rest();
        let mut open = 0u32;
        let length = length_until(rest, |c| match c {
            '&' | '|' => true,
            '(' => {
                open += 1;
                false
            }
            ')' => {
                let is_outside = open == 0;
                open = open.saturating_sub(1);
                is_outside
            }
            _ => false,
        });
        let typed = rest.get(..length).unwrap_or(rest);
        let is_operator = typed.starts_with('(') || kind_of_word(typed) != Kind::Word;
        if typed.is_empty() || is_operator {
            return None;
        }
        let token = Token {
            at: self.at,
            typed,
            kind: Kind::Word,
        };
        self.take(&token);
        Some(token)
    }

    /// Where the next piece begins or would.
    pub(super) fn position(&mut self) -> usize {
        self.rest();
        self.at
    }
}

impl<'a> Token<'a> {
    /// What was meant: without the backslashes.
    pub(super) fn meant(&self) -> Cow<'a, str> {
        if !self.typed.contains('\\') {
            return self.typed.into();
        }
        let mut meant = String::new();
        let mut characters = self.typed.chars();
        while let Some(character) = characters.next() {
            let escaped = (character == '\\').then(|| characters.next()).flatten();
            meant.push(escaped.unwrap_or(character));
        }
        meant.into()
    }
}

fn kind_of_word(word: &str) -> Kind {
    WORDS
        .iter()
        .find(|(operator, _)| operator.eq_ignore_ascii_case(word))
        .map_or(Kind::Word, |(_, kind)| *kind)
}

/// How many bytes come before a blank or a character that `ends`, escaped ones passed over.
fn length_until(text: &str, mut ends: impl FnMut(char) -> bool) -> usize {
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if character == '\\' {
            is_escaped = true;
        } else if character.is_whitespace() || ends(character) {
            return at;
        }
    }
    text.len()
}
