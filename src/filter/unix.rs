//! Tests of UNIX sockets, as typed: `name = GLOB`, `src unix:GLOB` as in ss(8), `dst unix:GLOB`, `peer =
//! INODE`, `shutdown = both`, `socket-type = stream`.

use std::sync::Arc;

use super::expression::Node;
use super::glob::Glob;
use super::host::parse_host;
use super::lexer::Token;
use super::lookup::Lookup;
use super::nodes;
use super::predicate::{Nodes, Operand, PAGE, Predicates};
use super::test::{Side, Test};
use crate::model::{UnixPeer, UnixShutdown, hint};

/// The types of UNIX and PACKET sockets.
pub(super) const SOCKET_TYPES: [&str; 5] = ["stream", "dgram", "seqpacket", "raw", "packet"];

impl<'a, L: Lookup> Predicates<'a, L> {
    /// An address at one end, or the name of a UNIX socket.
    pub(super) fn host(&mut self, word: Token<'a>, side: Option<Side>) -> Nodes {
        let operand = self.equality(word)?;
        let Some(pattern) = operand.value.typed.strip_prefix("unix:") else {
            let host = parse_host(&operand.value.meant(), self.lookup);
            let nodes = nodes::host(&self.value(&operand, host)?, side);
            return Ok(nodes::negated_if(operand.is_negated, nodes));
        };
        self.matching(&operand, pattern, side.unwrap_or(Side::Local))
    }

    /// The name of a UNIX socket.
    pub(super) fn name(&mut self, word: Token<'a>) -> Nodes {
        let operand = self.equality(word)?;
        self.matching(&operand, operand.value.typed, Side::Local)
    }

    /// A pattern of names at this end, as typed: its backslashes are its own.
    fn matching(&self, operand: &Operand<'a>, pattern: &str, side: Side) -> Nodes {
        let glob = self.value(operand, Glob::parse(pattern))?;
        let test = match side {
            Side::Local => Test::Name(glob),
            Side::Remote => Test::PeerName {
                glob,
                inodes: Arc::default(),
            },
        };
        let nodes = vec![Node::Test(test)];
        Ok(nodes::negated_if(operand.is_negated, nodes))
    }

    /// The directions that were shut down.
    pub(super) fn shutdown(&mut self, word: Token<'a>) -> Nodes {
        self.same_test(word, |_, name| {
            let which = UnixShutdown::ALL.into_iter();
            let mut which = which.filter(|one| one.name().eq_ignore_ascii_case(name));
            let which = which.next().map(Test::Shutdown);
            which.ok_or_else(|| "allowed are none, receive, send, both".to_owned())
        })
    }

    /// The type of UNIX and PACKET sockets.
    pub(super) fn socket_type(&mut self, word: Token<'a>) -> Nodes {
        self.same_test(word, |_, name| {
            let mut types = SOCKET_TYPES.into_iter();
            let found = types.find(|one| one.eq_ignore_ascii_case(name));
            found
                .map(Test::SocketType)
                .ok_or_else(|| format!("no such type; {}", hint(name, &SOCKET_TYPES, PAGE)))
        })
    }

    /// The other end of a UNIX socket.
    pub(super) fn peer(&mut self, word: Token<'a>) -> Nodes {
        self.same_test(word, |_, peer| {
            let peer = UnixPeer::parse(peer).map(Test::Peer);
            peer.ok_or_else(|| "not a peer; allowed are an inode, none, waiting, gone".to_owned())
        })
    }
}
