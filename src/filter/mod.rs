//! Filters: the expression language of ss(8), from words to an expression, and what it says of a
//! socket.
//!
//! `text` is cut by `lexer`, understood by `parser` and `predicate`, and becomes an
//! [`Expression`]: tests joined by not, and, or. Where states are all that is tested, or the
//! kernel can judge a part, `source` folds these away; what remains is run as a [`Program`] for
//! each socket. Pure: what names stand for is asked of a [`Lookup`].

mod display;
mod expression;
mod host;
mod lexer;
mod lookup;
mod nodes;
mod parser;
mod predicate;
mod program;
mod subject;
mod test;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod text;
mod value;

pub use expression::{Expression, Folded, Permissive};
pub use lookup::Lookup;
pub use parser::parse;
pub use program::{Filtered, Program, Step, Target};
pub use test::{Compare, FamilyTest, MAPPED, Side, Test};
pub use text::{FilterError, FilterText, Place};

/// Every word that may stand where a test begins, the usual one of each.
pub fn words() -> impl Iterator<Item = &'static str> {
    subject::Subject::words()
}
