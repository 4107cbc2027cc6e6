//! Cuts a filter into words, operators and values.
//!
//! Blanks separate, as in ss(8); but they are optional around operators and parentheses, and a
//! backslash removes the special meaning of the next character. Which characters belong to a value
//! depends on the word before it, so the parser requests values separately.

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
    pub(super) kind: TokenKind,
}

/// What a piece means where a test may begin or end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
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

/// Every spelling of every operator; of those with the same beginning the longer ones come first.
const SYMBOLS: [(&str, TokenKind); 14] = [
    ("&&", TokenKind::And),
    ("&", TokenKind::And),
    ("||", TokenKind::Or),
    ("|", TokenKind::Or),
    ("(", TokenKind::Open),
    (")", TokenKind::Close),
    ("!=", TokenKind::Compare(Compare::Equal, true)),
    ("!", TokenKind::Not),
    ("==", TokenKind::Compare(Compare::Equal, false)),
    ("=", TokenKind::Compare(Compare::Equal, false)),
    ("<=", TokenKind::Compare(Compare::AtMost, false)),
    ("<", TokenKind::Compare(Compare::Less, false)),
    (">=", TokenKind::Compare(Compare::AtLeast, false)),
    (">", TokenKind::Compare(Compare::Greater, false)),
];

const WORDS: [(&str, TokenKind); 12] = [
    ("and", TokenKind::And),
    ("or", TokenKind::Or),
    ("not", TokenKind::Not),
    ("eq", TokenKind::Compare(Compare::Equal, false)),
    ("ne", TokenKind::Compare(Compare::Equal, true)),
    ("neq", TokenKind::Compare(Compare::Equal, true)),
    ("lt", TokenKind::Compare(Compare::Less, false)),
    ("le", TokenKind::Compare(Compare::AtMost, false)),
    ("leq", TokenKind::Compare(Compare::AtMost, false)),
    ("gt", TokenKind::Compare(Compare::Greater, false)),
    ("ge", TokenKind::Compare(Compare::AtLeast, false)),
    ("geq", TokenKind::Compare(Compare::AtLeast, false)),
];

/// The text and the position of the parser in it.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0 }
    }

    /// The rest of the text, without leading blanks.
    fn rest(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    /// The next piece, without consuming it.
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

    /// Consumes the piece that `peek` returned.
    pub(super) fn take(&mut self, token: &Token<'a>) {
        self.at = token.at + token.typed.len();
    }

    /// Consumes the next piece as a value: up to a blank, `&`, `|`, or a closing parenthesis that was
    /// opened before the value. `None` if there is none.
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
        let is_operator = typed.starts_with('(') || kind_of_word(typed) != TokenKind::Word;
        if typed.is_empty() || is_operator {
            return None;
        }
        let token = Token {
            at: self.at,
            typed,
            kind: TokenKind::Word,
        };
        self.take(&token);
        Some(token)
    }

    /// Where the next piece begins, or would begin.
    pub(super) fn position(&mut self) -> usize {
        self.rest();
        self.at
    }
}

impl<'a> Token<'a> {
    /// The text without backslashes.
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

fn kind_of_word(word: &str) -> TokenKind {
    WORDS
        .iter()
        .find(|(operator, _)| operator.eq_ignore_ascii_case(word))
        .map_or(TokenKind::Word, |(_, kind)| *kind)
}

/// The number of bytes before a blank or a character for which `ends` is true; escaped characters
/// end nothing.
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
