//! An expression as steps that each lead to a later one. It is run for every socket, and the kernel's
//! bytecode is made from it.
//!
//! Like that bytecode it only goes forward, so it ends.

use std::ops::ControlFlow;

use super::expression::{Expression, Node};
use super::test::Test;
use crate::model::{Sink, Socket};

/// The steps; the first is taken first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    steps: Vec<Step>,
}

/// A test and where its answers lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is tested.
    pub test: Test,
    /// Where to go if it passes.
    pub yes: JumpTarget,
    /// Where to go if it does not.
    pub no: JumpTarget,
}

/// Where a step leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JumpTarget {
    /// To the step with this many after it.
    Step {
        /// How many steps follow that one.
        following: usize,
    },
    /// The socket passes.
    Accept,
    /// It does not.
    Reject,
}

/// Where the answers of an expression that is not compiled yet will lead.
#[derive(Clone, Copy)]
struct Context {
    yes: Option<JumpTarget>,
    no: Option<JumpTarget>,
}

impl Context {
    fn new(yes: Option<JumpTarget>, no: Option<JumpTarget>) -> Context {
        Context { yes, no }
    }
}

impl Program {
    /// Compiles an expression.
    pub fn new(expression: &Expression) -> Program {
        // Backwards: what comes later is then known. A target that is not known when its operator
        // is met (`None`) is the step that was compiled last before its operand.
        let mut steps: Vec<Step> = Vec::new();
        let mut pending = vec![Context::new(
            Some(JumpTarget::Accept),
            Some(JumpTarget::Reject),
        )];
        for node in expression.nodes().iter().rev() {
            let Some(context) = pending.pop() else { break };
            let next = JumpTarget::Step {
                following: steps.len().saturating_sub(1),
            };
            let yes = context.yes.unwrap_or(next);
            let no = context.no.unwrap_or(next);
            let known = Context::new(Some(yes), Some(no));
            match node {
                Node::Test(test) => steps.push(Step {
                    test: test.clone(),
                    yes,
                    no,
                }),
                Node::Not => pending.push(Context::new(known.no, known.yes)),
                // The left operand waits until the right one is compiled.
                Node::And => pending.extend([Context::new(None, known.no), known]),
                Node::Or => pending.extend([Context::new(known.yes, None), known]),
            }
        }
        steps.reverse();
        Program { steps }
    }

    /// The steps, the first one first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether the socket passes.
    pub fn matches(&self, socket: &Socket) -> bool {
        self.holds(|test| test.matches(socket))
    }

    /// Whether something passes for which `answer` answers every test.
    pub fn holds(&self, mut answer: impl FnMut(&Test) -> bool) -> bool {
        let mut rest = self.steps.as_slice();
        while let Some(step) = rest.first() {
            let target = if answer(&step.test) {
                step.yes
            } else {
                step.no
            };
            match target {
                JumpTarget::Accept => return true,
                JumpTarget::Reject => return false,
                JumpTarget::Step { following } => {
                    let begin = self.steps.len().saturating_sub(following + 1);
                    rest = self.steps.get(begin..).unwrap_or_default();
                }
            }
        }
        false
    }
}

/// Passes the sockets that a program matches on to another sink.
#[derive(Debug)]
pub struct Filtered<'a, S: ?Sized> {
    /// The program.
    pub program: &'a Program,
    /// Where matching sockets go.
    pub sink: &'a mut S,
}

impl<S: Sink + ?Sized> Sink for Filtered<'_, S> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if self.program.matches(socket) {
            self.sink.socket(socket)
        } else {
            ControlFlow::Continue(())
        }
    }

    fn alike(&mut self, socket: &Socket, number: u64) -> ControlFlow<()> {
        match self.program.matches(socket) {
            true => self.sink.alike(socket, number),
            false => ControlFlow::Continue(()),
        }
    }
}
