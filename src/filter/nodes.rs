//! The nodes of the expression that one typed test means.

use std::ops::RangeInclusive;

use super::expression::Node;
use super::host::Host;
use super::test::{Compare, FamilyTest, Side, Test};
use super::value::Ports;
use crate::model::{Field, StateSet};

impl Side {
    /// The given end, or both.
    pub(super) fn named(side: Option<Side>) -> Vec<Side> {
        side.map_or_else(|| vec![Side::Local, Side::Remote], |side| vec![side])
    }

    pub(super) fn port(self) -> Field {
        match self {
            Side::Local => Field::LocalPort,
            Side::Remote => Field::RemotePort,
        }
    }
}

/// The nodes, or their negation if `is_negated`.
pub(super) fn negated_if(is_negated: bool, mut nodes: Vec<Node>) -> Vec<Node> {
    nodes.extend(is_negated.then_some(Node::Not));
    nodes
}

/// Sockets in one of these states. An empty set is no test: no socket passes the negation of
/// [`Test::Any`].
pub(super) fn states(states: StateSet) -> Vec<Node> {
    if states.is_empty() {
        return negated_if(true, vec![Node::Test(Test::Any)]);
    }
    vec![Node::Test(Test::State(states))]
}

/// Several expressions joined by one operator; a test that every socket passes if there are none.
pub(super) fn joined(parts: impl IntoIterator<Item = Vec<Node>>, operator: &Node) -> Vec<Node> {
    let mut nodes = Vec::new();
    for part in parts {
        let is_first = nodes.is_empty();
        nodes.extend(part);
        if !is_first {
            nodes.push(operator.clone());
        }
    }
    if nodes.is_empty() {
        nodes.push(Node::Test(Test::Any));
    }
    nodes
}

/// Sockets with this address and port at one end, or at either.
pub(super) fn host(host: &Host, side: Option<Side>) -> Vec<Node> {
    let ends = Side::named(side).into_iter().map(|side| {
        let addresses = host.addresses.iter();
        let addresses = addresses.map(|net| vec![Node::Test(Test::Addr(side, *net))]);
        let mut nodes = joined(addresses, &Node::Or);
        if let Some(index) = host.interface {
            nodes.extend([Node::Test(Test::Interface(index)), Node::And]);
        }
        if let Ports::In(ranges) = &host.ports {
            nodes.extend(within(side, ranges));
            nodes.push(Node::And);
        }
        nodes
    });
    of_family(host.family, joined(ends, &Node::Or))
}

/// Sockets with one of these ports at one end, or at either.
pub(super) fn ports(ports: &Ports, side: Option<Side>) -> Vec<Node> {
    let ends = Side::named(side).into_iter().map(|side| match ports {
        Ports::In(ranges) => within(side, ranges),
        Ports::Any => vec![Node::Test(Test::Any)],
    });
    joined(ends, &Node::Or)
}

/// Sockets whose port at one end, or at either, passes this comparison.
pub(super) fn compared_port(compare: Compare, port: u16, side: Option<Side>) -> Vec<Node> {
    let ends = Side::named(side).into_iter();
    joined(
        ends.map(|side| vec![port_test(side, compare, port)]),
        &Node::Or,
    )
}

/// A port in one of these ranges.
fn within(side: Side, ranges: &[RangeInclusive<u16>]) -> Vec<Node> {
    let ranges = ranges.iter().map(|range| {
        if range.start() == range.end() {
            return vec![port_test(side, Compare::Equal, *range.start())];
        }
        vec![
            port_test(side, Compare::AtLeast, *range.start()),
            port_test(side, Compare::AtMost, *range.end()),
            Node::And,
        ]
    });
    joined(ranges, &Node::Or)
}

/// A test of one port.
pub(super) fn port_test(side: Side, compare: Compare, port: u16) -> Node {
    Node::Test(Test::Number(side.port(), compare, port.into()))
}

pub(super) fn of_family(family: Option<FamilyTest>, mut nodes: Vec<Node>) -> Vec<Node> {
    if let Some(family) = family {
        nodes.extend([Node::Test(Test::Family(family)), Node::And]);
    }
    nodes
}

/// Sockets of a family by its name: an address family, or a family as `--by` names it.
pub(super) fn family(name: &str) -> Option<Vec<Node>> {
    let test = |family| Node::Test(Test::Family(family));
    Some(match name.to_ascii_lowercase().as_str() {
        "inet" | "ipv4" => vec![test(FamilyTest::Inet)],
        "inet6" => vec![test(FamilyTest::Inet6)],
        "v4-mapped" => vec![test(FamilyTest::V4Mapped)],
        "ipv6" => vec![
            test(FamilyTest::Inet6),
            test(FamilyTest::V4Mapped),
            Node::Not,
            Node::And,
        ],
        _ => return None,
    })
}

/// The names of families.
pub(super) const FAMILIES: [&str; 5] = ["inet", "inet6", "ipv4", "ipv6", "v4-mapped"];
