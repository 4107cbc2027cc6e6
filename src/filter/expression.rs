//! Tests joined by not, and, or: a flat vector in postfix order, so that no operation on an
//! expression recurses, however deeply it is nested.
//!
//! Every analysis of an expression is one fold: replace some tests by true or false, and simplify.

use std::collections::HashSet;
use std::ops::Not;
use std::sync::Arc;

use super::glob::Glob;
use super::test::Test;
use crate::model::{KindSet, ProcessQuery, State, StateSet};

/// An expression: at least one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    nodes: Vec<Node>,
}

/// A test, or an operator on the one or two expressions before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Test(Test),
    Not,
    And,
    Or,
}

/// The rest of an expression after some of its tests were decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folded {
    /// True, whatever the other tests result in.
    Always,
    /// False, whatever the other tests result in.
    Never,
    /// The other tests decide.
    Tests(Expression),
}

/// The result of one test with which more sockets pass the whole expression.
pub type Permissive = bool;

impl Expression {
    /// An expression out of nodes in postfix order; `None` unless they are exactly one.
    pub(super) fn new(nodes: Vec<Node>) -> Option<Expression> {
        let mut operands = 0usize;
        for node in &nodes {
            match node {
                Node::Test(_) => operands += 1,
                Node::Not => operands = operands.checked_sub(1)? + 1,
                Node::And | Node::Or => operands = operands.checked_sub(2)? + 1,
            }
        }
        (operands == 1).then_some(Expression { nodes })
    }

    /// One test, or its opposite.
    pub fn of(test: Test, passes: bool) -> Expression {
        let test = Expression {
            nodes: vec![Node::Test(test)],
        };
        if passes { test } else { !test }
    }

    /// The test, if the expression is a single one.
    pub fn only_test(&self) -> Option<&Test> {
        match self.nodes.as_slice() {
            [Node::Test(test)] => Some(test),
            _ => None,
        }
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Its tests, in the order they were typed.
    pub fn tests(&self) -> impl Iterator<Item = &Test> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Test(test) => Some(test),
            Node::Not | Node::And | Node::Or => None,
        })
    }

    /// True where both are.
    #[must_use]
    pub fn and(mut self, other: Expression) -> Expression {
        self.nodes.extend(other.nodes);
        self.nodes.push(Node::And);
        self
    }

    /// True where one of them is.
    #[must_use]
    pub fn or(mut self, other: Expression) -> Expression {
        self.nodes.extend(other.nodes);
        self.nodes.push(Node::Or);
        self
    }

    /// The processes whose sockets must be known to evaluate it, each once.
    pub fn holders(&self) -> Vec<ProcessQuery> {
        let mut queries = Vec::new();
        for test in self.tests() {
            if let Test::Holder { query, .. } = test
                && !queries.contains(query)
            {
                queries.push(*query);
            }
        }
        queries
    }

    /// The patterns of names of UNIX sockets whose peers it tests, each once.
    pub fn peer_names(&self) -> Vec<Glob> {
        let mut globs = Vec::new();
        for test in self.tests() {
            if let Test::PeerName { glob, .. } = test
                && !globs.contains(glob)
            {
                globs.push(glob.clone());
            }
        }
        globs
    }

    /// Sets the inodes of the sockets that some processes hold.
    pub fn set_inodes(&mut self, of: ProcessQuery, found: &Arc<HashSet<u64>>) {
        for node in &mut self.nodes {
            if let Node::Test(Test::Holder { query, inodes, .. }) = node
                && *query == of
            {
                *inodes = Arc::clone(found);
            }
        }
    }

    /// Sets the inodes of the UNIX sockets whose name is of a pattern.
    pub fn set_named(&mut self, of: &Glob, found: &Arc<HashSet<u64>>) {
        for node in &mut self.nodes {
            if let Node::Test(Test::PeerName { glob, inodes }) = node
                && glob == of
            {
                *inodes = Arc::clone(found);
            }
        }
    }

    /// The same about sockets of these kinds: states are those that their names mean there, and tests of
    /// fields that none of them has are false.
    pub fn meant(&self, kinds: KindSet) -> Folded {
        let mut meant = self.clone();
        for node in &mut meant.nodes {
            if let Node::Test(Test::State(states)) = node {
                *states = kinds.meant(*states);
            }
        }
        meant.fold(|test, _| {
            if let Test::Kind(tested) = test {
                let (is_all, is_none) = (
                    kinds.difference(*tested).is_empty(),
                    kinds.intersection(*tested).is_empty(),
                );
                return (is_all || is_none).then_some(is_all);
            }
            let is_no_state = matches!(test, Test::State(states) if states.is_empty());
            let is_foreign = test.subject().is_some_and(|field| !field.is_of_any(kinds));
            (is_no_state || is_foreign).then_some(false)
        })
    }

    /// Replaces each test that `decide` decides by its decision, and simplifies.
    pub fn fold(&self, mut decide: impl FnMut(&Test, Permissive) -> Option<bool>) -> Folded {
        let mut folding = Folding::default();
        for (node, permissive) in self.nodes.iter().zip(self.permissive()) {
            match node {
                Node::Test(test) => match decide(test, permissive) {
                    Some(decision) => folding.operands.push(Operand::Decided(decision)),
                    None => folding.test(test.clone()),
                },
                Node::Not => folding.negate(),
                Node::And => folding.join(Node::And, false),
                Node::Or => folding.join(Node::Or, true),
            }
        }
        match folding.operands.pop() {
            Some(Operand::Decided(true)) => Folded::Always,
            Some(Operand::Decided(false)) | None => Folded::Never,
            Some(Operand::Open { .. }) => Folded::Tests(Expression {
                nodes: folding.nodes,
            }),
        }
    }

    /// For each node, which result makes the whole true more often: true, unless it is below an odd
    /// number of nots.
    fn permissive(&self) -> Vec<Permissive> {
        let mut found = vec![true; self.nodes.len()];
        // From the end, every operator comes before its operands.
        let mut pending = vec![true];
        for (node, found) in self.nodes.iter().zip(&mut found).rev() {
            let own = pending.pop().unwrap_or(true);
            *found = own;
            match node {
                Node::Test(_) => {}
                Node::Not => pending.push(!own),
                Node::And | Node::Or => pending.extend([own, own]),
            }
        }
        found
    }

    /// The expressions that all must be true, in the order they were typed.
    pub fn conjuncts(&self) -> Vec<Expression> {
        let begins = self.begins();
        let mut pending = vec![self.nodes.len()];
        let mut found = Vec::new();
        while let Some(end) = pending.pop() {
            let Some(last) = end.checked_sub(1) else {
                continue;
            };
            let begin_of = |at: usize| begins.get(at).copied().unwrap_or(0);
            if self.nodes.get(last) == Some(&Node::And) {
                // The right operand ends before the operator, the left before the right begins.
                pending.push(last);
                pending.push(begin_of(last.saturating_sub(1)));
            } else if let Some(nodes) = self.nodes.get(begin_of(last)..end) {
                found.push(Expression {
                    nodes: nodes.to_vec(),
                });
            }
        }
        found
    }

    /// Where the expression that ends at each node begins.
    pub(super) fn begins(&self) -> Vec<usize> {
        let mut begins = Vec::with_capacity(self.nodes.len());
        let mut operands = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            match node {
                Node::Test(_) => operands.push(at),
                Node::Not => {}
                Node::And | Node::Or => {
                    operands.pop();
                }
            }
            begins.push(operands.last().copied().unwrap_or(0));
        }
        begins
    }

    /// All of these; `None` for none, which is true.
    pub fn all(conjuncts: impl IntoIterator<Item = Expression>) -> Option<Expression> {
        conjuncts.into_iter().reduce(Expression::and)
    }

    /// The states, of those in `requested`, in which a socket can pass; and what remains to be tested
    /// of sockets in these.
    pub fn narrow(&self, requested: StateSet) -> (StateSet, Folded) {
        let in_state = |expression: &Expression, state: State| {
            expression.fold(|test, _| decide_by_state(test, |tested| Some(tested.contains(state))))
        };
        let states = requested.iter();
        let states = states.filter(|state| in_state(self, *state) != Folded::Never);
        let states: StateSet = states.collect();
        let rest = self.fold(|test, _| {
            decide_by_state(test, |tested| match tested.intersection(states) {
                all if all == states => Some(true),
                none if none.is_empty() => Some(false),
                _ => None,
            })
        });
        let Folded::Tests(rest) = rest else {
            return (states, rest);
        };
        let open = rest.conjuncts().into_iter().filter(|conjunct| {
            let passes = |state| in_state(conjunct, state) == Folded::Always;
            !states.iter().all(passes)
        });
        let open = Expression::all(open).map_or(Folded::Always, Folded::Tests);
        (states, open)
    }
}

impl Not for Expression {
    type Output = Expression;

    fn not(mut self) -> Expression {
        self.nodes.push(Node::Not);
        self
    }
}

/// Decides tests of the state by `decide`, and tests that every socket passes; no others.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "only these two are about states"
)]
fn decide_by_state(test: &Test, decide: impl Fn(StateSet) -> Option<bool>) -> Option<bool> {
    match test {
        Test::Any => Some(true),
        Test::State(states) => decide(*states),
        _ => None,
    }
}

/// A fold in progress: the nodes that are settled, and the operands that they form.
#[derive(Default)]
struct Folding {
    nodes: Vec<Node>,
    operands: Vec<Operand>,
}

/// An operand that waits for its operator.
#[derive(Clone, Copy)]
enum Operand {
    Decided(bool),
    /// Its nodes begin here and reach to the end, or to the next open operand.
    Open {
        begin: usize,
    },
}

impl Folding {
    fn test(&mut self, test: Test) {
        let begin = self.nodes.len();
        self.operands.push(Operand::Open { begin });
        self.nodes.push(Node::Test(test));
    }

    fn negate(&mut self) {
        match self.operands.last_mut() {
            Some(Operand::Decided(decision)) => *decision = !*decision,
            Some(Operand::Open { .. }) => self.nodes.push(Node::Not),
            None => {}
        }
    }

    /// Joins the last two operands; one that was decided as `decisive` decides both.
    fn join(&mut self, operator: Node, decisive: bool) {
        let (Some(right), Some(left)) = (self.operands.pop(), self.operands.pop()) else {
            return;
        };
        let joined = match (left, right) {
            (Operand::Open { begin }, Operand::Open { .. }) => {
                self.nodes.push(operator);
                Operand::Open { begin }
            }
            (Operand::Decided(decision), other) | (other, Operand::Decided(decision))
                if decision != decisive =>
            {
                other
            }
            (Operand::Open { begin }, _) | (_, Operand::Open { begin }) => {
                self.nodes.truncate(begin);
                Operand::Decided(decisive)
            }
            (Operand::Decided(_), Operand::Decided(_)) => Operand::Decided(decisive),
        };
        self.operands.push(joined);
    }
}
