//! Filters: the expression language of ss(8), from words to an expression, and its evaluation for a
//! socket.
//!
//! `lexer` splits the `text`, `parser` and `predicate` make an [`Expression`] of it: tests joined by
//! not, and, or. `source` removes what the requested states decide and what the kernel evaluates;
//! the rest is run as a [`Program`] for each socket. Pure: a [`Lookup`] resolves names.

mod completion;
mod display;
mod expression;
mod glob;
mod host;
mod keyword;
mod kinds;
mod lexer;
mod lookup;
mod nodes;
mod parser;
mod peer_names;
mod ports;
mod predicate;
mod program;
mod test;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod text;
mod unix;
mod value;

pub use completion::words_after;
pub use expression::{Expression, Folded, Permissive};
pub use glob::Glob;
pub use lookup::Lookup;
pub use parser::parse;
pub use peer_names::PeerNames;
pub use program::{Filtered, JumpTarget, Program, Step};
pub use test::{Compare, Edge, FamilyTest, MAPPED, Side, Test};
pub use text::{FilterError, FilterText, Position};

use crate::model::Use;

/// Every word that may begin a test of sockets, without synonyms.
pub fn words() -> impl Iterator<Item = &'static str> {
    keyword::Keyword::words(Use::Filter)
}

/// The same of transitions and of connections that have ended.
pub fn event_words() -> impl Iterator<Item = &'static str> {
    keyword::Keyword::words(Use::TraceFilter)
}
