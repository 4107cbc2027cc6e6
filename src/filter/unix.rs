//! Tests of UNIX sockets, as typed: `name = GLOB`, `src unix:GLOB` as in ss(8), `peer = INODE`.

use super::expression::Node;
use super::glob::Glob;
use super::host::parse_host;
use super::lexer::Token;
use super::lookup::Lookup;
use super::nodes;
use super::predicate::{Nodes, Operand, Predicates};
use super::test::{Side, Test};
use crate::model::UnixPeer;

impl<'a, L: Lookup> Predicates<'a, L> {
    /// An address at one end, or the name of a UNIX socket.
    pub(super) fn host(&mut self, word: Token<'a>, side: Option<Side>) -> Nodes {
        let operand = self.equality(word)?;
        let Some(pattern) = operand.value.typed.strip_prefix("unix:") else {
            let host = parse_host(&operand.value.meant(), self.lookup);
            let nodes = nodes::host(&self.value(&operand, host)?, side);
            return Ok(nodes::negated_if(operand.is_negated, nodes));
        };
        if side == Some(Side::Remote) {
            let reason = "only its own name can be tested: src unix:PATTERN, or peer = INODE";
            return self.value(&operand, Err(reason.to_owned()));
        }
        self.matching(&operand, pattern)
    }

    /// The name of a UNIX socket.
    pub(super) fn name(&mut self, word: Token<'a>) -> Nodes {
        let operand = self.equality(word)?;
        self.matching(&operand, operand.value.typed)
    }

    /// A pattern of names, as typed: its backslashes are its own.
    fn matching(&self, operand: &Operand<'a>, pattern: &str) -> Nodes {
        let glob = self.value(operand, Glob::parse(pattern))?;
        let nodes = vec![Node::Test(Test::Name(glob))];
        Ok(nodes::negated_if(operand.is_negated, nodes))
    }

    /// The other end of a UNIX socket.
    pub(super) fn peer(&mut self, word: Token<'a>) -> Nodes {
        self.same_test(word, |_, peer| {
            let peer = UnixPeer::parse(peer).map(Test::Peer);
            peer.ok_or_else(|| "not a peer; allowed are an inode, none, waiting, gone".to_owned())
        })
    }
}
