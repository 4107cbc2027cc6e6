//! From the text of a filter to its expression: `not` binds closest, then `and`, then `or`, as
//! ss(8) documents; `and` joins tests without an operator between them.
//!
//! Keeps its own stack of operators (the shunting-yard algorithm), so that parentheses may be
//! nested as deep as memory goes.

use super::expression::{Expression, Node};
use super::lexer::{Lexer, Token, TokenKind};
use super::lookup::Lookup;
use super::predicate::Predicates;
use super::text::{FilterError, FilterText};

/// Parses a filter; `lookup` resolves the names in it.
///
/// # Errors
/// What is wrong, and at which word. A text without words is an error too.
pub fn parse(text: &FilterText, lookup: &mut impl Lookup) -> Result<Expression, FilterError> {
    let mut parser = Parser {
        predicates: Predicates {
            text,
            lexer: Lexer::new(&text.text),
            lookup,
        },
        nodes: Vec::new(),
        waiting: Vec::new(),
    };
    parser.expression()?;
    Expression::new(parser.nodes).ok_or_else(|| text.error(0, "", "the filter is empty".to_owned()))
}

/// An operator whose right operand is not complete.
enum Waiting<'a> {
    Not,
    And,
    Or,
    Open(Token<'a>),
}

struct Parser<'a, L> {
    predicates: Predicates<'a, L>,
    nodes: Vec<Node>,
    waiting: Vec<Waiting<'a>>,
}

impl<'a, L: Lookup> Parser<'a, L> {
    fn expression(&mut self) -> Result<(), FilterError> {
        let mut governs = false;
        if let Some(states) = self.predicates.leading_states()? {
            self.nodes.extend(states);
            // In ss(8), states before an expression apply to all of it. If a word joins them, they
            // are a test like others.
            let next = self.predicates.lexer.peek().map(|token| token.kind);
            governs = matches!(
                next,
                Some(TokenKind::Word | TokenKind::Open | TokenKind::Not)
            );
            if !governs && !self.operator()? {
                return Ok(());
            }
        }
        loop {
            self.operand()?;
            if !self.operator()? {
                break;
            }
        }
        if governs {
            self.nodes.push(Node::And);
        }
        Ok(())
    }

    /// Reads up to the end of a test: nots and opening parentheses may come before it.
    fn operand(&mut self) -> Result<(), FilterError> {
        loop {
            let Some(token) = self.predicates.lexer.peek() else {
                return Err(self.ends_too_early());
            };
            match token.kind {
                TokenKind::Not => self.waiting.push(Waiting::Not),
                TokenKind::Open => self.waiting.push(Waiting::Open(token.clone())),
                TokenKind::Word => {
                    let nodes = self.predicates.predicate(token)?;
                    self.nodes.extend(nodes);
                    self.operand_is_complete();
                    return Ok(());
                }
                TokenKind::Close | TokenKind::And | TokenKind::Or | TokenKind::Compare(..) => {
                    return Err(self.misplaced(&token));
                }
            }
            self.predicates.lexer.take(&token);
        }
    }

    /// Reads what follows a complete operand; false at the end of the text.
    fn operator(&mut self) -> Result<bool, FilterError> {
        loop {
            let Some(token) = self.predicates.lexer.peek() else {
                self.close(None)?;
                return Ok(false);
            };
            match token.kind {
                TokenKind::Close => {
                    self.close(Some(&token))?;
                    self.predicates.lexer.take(&token);
                    self.operand_is_complete();
                }
                TokenKind::Or => {
                    self.reduce(|waiting| matches!(waiting, Waiting::And | Waiting::Or));
                    self.waiting.push(Waiting::Or);
                    self.predicates.lexer.take(&token);
                    return Ok(true);
                }
                TokenKind::And => {
                    self.predicates.lexer.take(&token);
                    self.and();
                    return Ok(true);
                }
                TokenKind::Not | TokenKind::Open | TokenKind::Word => {
                    self.and();
                    return Ok(true);
                }
                TokenKind::Compare(..) => return Err(self.misplaced(&token)),
            }
        }
    }

    fn and(&mut self) {
        self.reduce(|waiting| matches!(waiting, Waiting::And));
        self.waiting.push(Waiting::And);
    }

    fn operand_is_complete(&mut self) {
        self.reduce(|waiting| matches!(waiting, Waiting::Not));
    }

    /// Applies the operators that wait on top and bind at least as close as the coming one.
    fn reduce(&mut self, binds: impl Fn(&Waiting<'_>) -> bool) {
        while let Some(waiting) = self.waiting.pop_if(|waiting| binds(waiting)) {
            match waiting {
                Waiting::Not => self.nodes.push(Node::Not),
                Waiting::And => self.nodes.push(Node::And),
                Waiting::Or => self.nodes.push(Node::Or),
                Waiting::Open(_) => {}
            }
        }
    }

    /// Applies the operators back to the parenthesis that `closing` closes; at the end of the text
    /// back to its beginning.
    fn close(&mut self, closing: Option<&Token<'a>>) -> Result<(), FilterError> {
        self.reduce(|waiting| !matches!(waiting, Waiting::Open(_)));
        match (self.waiting.pop(), closing) {
            (Some(Waiting::Open(_)), Some(_)) | (None, None) => Ok(()),
            (Some(Waiting::Open(open)), None) => {
                Err(self.error(&open, "nothing closes this parenthesis"))
            }
            (_, Some(closing)) => Err(self.error(closing, "this parenthesis closes nothing")),
            (Some(Waiting::Not | Waiting::And | Waiting::Or), None) => Ok(()),
        }
    }

    fn misplaced(&self, token: &Token<'a>) -> FilterError {
        let reason = if matches!(token.kind, TokenKind::Compare(..)) {
            "a word to compare must precede it, as in `sport = :80`"
        } else {
            "a test is expected here, as in `sport = :80`"
        };
        self.error(token, reason)
    }

    fn ends_too_early(&mut self) -> FilterError {
        let at = self.predicates.lexer.position();
        let reason = if self.nodes.is_empty() && self.waiting.is_empty() {
            "the filter is empty"
        } else {
            "a test is expected at the end, as in `sport = :80`"
        };
        self.predicates.text.error(at, "", reason.to_owned())
    }

    fn error(&self, token: &Token<'_>, reason: &str) -> FilterError {
        self.predicates
            .text
            .error(token.at, token.typed, reason.to_owned())
    }
}
