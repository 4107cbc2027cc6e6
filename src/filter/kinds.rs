//! Tests of kinds of sockets and of their protocols, as typed.

use super::expression::Node;
use super::lexer::Token;
use super::lookup::Lookup;
use super::nodes;
use super::predicate::{Nodes, PAGE, Predicates};
use super::test::{Compare, Test};
use super::value::parse_number;
use crate::model::{Field, KindSet, Protocol, hint};

impl<'a, L: Lookup> Predicates<'a, L> {
    /// One of some kinds.
    pub(super) fn kind(&mut self, word: Token<'a>) -> Nodes {
        self.same_test(word, |_, words| {
            let kinds = words.split(',').map(KindSet::parse);
            let all = kinds.reduce(|all, kinds| Ok(all?.union(kinds?)));
            all.unwrap_or(Ok(KindSet::NONE)).map(Test::Kind)
        })
    }

    /// A protocol by its name, of every kind that has the name, or by its number.
    pub(super) fn protocol(&mut self, word: Token<'a>) -> Nodes {
        self.same(word, |_, name| {
            if let Some(number) = parse_number(name) {
                let test = Test::Number(Field::Protocol, Compare::Equal, number);
                return Ok(vec![Node::Test(test)]);
            }
            let found = Protocol::parse(name);
            if found.is_empty() {
                return Err(format!(
                    "no such protocol; {}",
                    hint(name, &Protocol::names(), PAGE)
                ));
            }
            let tests = found.into_iter().map(Test::Protocol);
            Ok(nodes::joined(
                tests.map(|test| vec![Node::Test(test)]),
                &Node::Or,
            ))
        })
    }
}
