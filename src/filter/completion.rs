//! The words that may follow an incomplete filter, for the completion of command lines.

use super::keyword::Keyword;
use super::lexer::{Lexer, TokenKind};
use super::nodes::FAMILIES;
use super::unix::SOCKET_TYPES;
use crate::model::{Field, KindSet, Protocol, StateSet, UnixShutdown, Use};

/// Operators that no shell interprets.
const ORDERS: [&str; 6] = ["=", "!=", "lt", "le", "gt", "ge"];

/// The words that may follow these in a filter of this use.
pub fn words_after(before: &[&str], used_as: Use) -> Vec<String> {
    let kind_of = |word: &&str| Lexer::new(word).peek().map(|token| token.kind);
    let last = before.last().and_then(kind_of);
    let mut ends = before.iter().rev().map(|word| keyword(word));
    match (last, ends.next().flatten(), ends.next().flatten()) {
        (Some(TokenKind::Compare(..)), _, Some(keyword)) => values(keyword),
        (Some(TokenKind::Compare(..)), _, None) => Vec::new(),
        (_, Some(keyword), _) if keyword.has_order() => ORDERS.map(str::to_owned).into(),
        (_, Some(keyword), _) if keyword != Keyword::Autobound => values(keyword),
        (last, ..) => {
            // What joins tests follows a test, and begins none.
            let follows = matches!(last, Some(TokenKind::Word | TokenKind::Close));
            let words = Keyword::words(used_as);
            let words = words.filter(|word| follows || !matches!(*word, "and" | "or"));
            words.map(str::to_owned).chain(StateSet::words()).collect()
        }
    }
}

/// What a word names that is nothing but this name.
fn keyword(word: &str) -> Option<Keyword> {
    let token = Lexer::new(word).peek()?;
    Keyword::of(&token).filter(|_| token.typed == word)
}

/// The words that a value can be, where there are few.
fn values(keyword: Keyword) -> Vec<String> {
    match keyword {
        Keyword::Change(_) | Keyword::Exclude | Keyword::Field(Field::State) => {
            StateSet::words().collect()
        }
        Keyword::Field(Field::Family) => FAMILIES.map(str::to_owned).into(),
        Keyword::Field(Field::Kind) => KindSet::words().map(str::to_owned).collect(),
        Keyword::Field(Field::Protocol) => {
            Protocol::names().into_iter().map(str::to_owned).collect()
        }
        Keyword::Field(Field::SocketType) => SOCKET_TYPES.map(str::to_owned).into(),
        Keyword::Field(Field::Shutdown) => {
            let all = UnixShutdown::ALL.map(UnixShutdown::name);
            all.map(str::to_owned).into()
        }
        Keyword::Field(Field::V6Only) => ["yes", "no"].map(str::to_owned).into(),
        Keyword::Field(_) | Keyword::Autobound | Keyword::Host(_) | Keyword::Port(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_followed_by_its_operators_values_and_what_joins_it() {
        for (before, offered, not_offered) in [
            (&[][..], "sport", "and"),
            (&["not"], "state", "or"),
            (&["sport"], "lt", "dport"),
            (&["state"], "close-wait", "sport"),
            (&["state", "="], "bucket", "sport"),
            (&["family"], "inet6", "="),
            (&["sport", "="], "", "sport"),
            (&["sport", "=", ":80"], "and", "="),
            (&["sport=:80"], "or", "="),
            (&["autobound"], "and", "="),
            (&["sport", "=", ":80", "and"], "dst", "and"),
            (&[], "close-wait", "and"),
            (&[":443"], "and", "="),
            (&["close-wait"], "established", "="),
        ] {
            let words = words_after(before, Use::Filter);
            let has = |word: &str| words.iter().any(|one| one == word);
            assert!(offered.is_empty() || has(offered), "{before:?}: {words:?}");
            assert!(!has(not_offered), "{before:?}: {words:?}");
        }
    }
}
