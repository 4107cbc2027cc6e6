//! Expressions as text: in the words of the language, every group in parentheses, so that they can be
//! typed again with the same meaning. Resolved names are shown as numbers and addresses.

use std::fmt;

use ipnet::IpNet;

use super::expression::{Expression, Node};
use super::test::{Compare, Edge, FamilyTest, Side, Test};
use crate::model::{Field, ProcessQuery, State, StateSet, Unit};

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begins = self.begins();
        // What is still to be written, the next one last; without recursion, as everything here.
        let mut pending = vec![Piece::Expression {
            end: self.nodes().len(),
            inside: None,
        }];
        while let Some(piece) = pending.pop() {
            let (end, inside) = match piece {
                Piece::Text(text) => {
                    f.write_str(text)?;
                    continue;
                }
                Piece::Expression { end, inside } => (end, inside),
            };
            let Some((node, _)) = self.nodes().get(..end).and_then(<[Node]>::split_last) else {
                continue;
            };
            let operator = match node {
                Node::Test(test) => {
                    test.fmt(f)?;
                    continue;
                }
                Node::Not => {
                    f.write_str("not ")?;
                    pending.push(Piece::Expression {
                        end: end - 1,
                        inside: Some(node),
                    });
                    continue;
                }
                Node::And => " and ",
                Node::Or => " or ",
            };
            let grouped = inside.is_some_and(|outer| outer != node);
            if grouped {
                pending.push(Piece::Text(")"));
            }
            let right_begins = begins.get(end.saturating_sub(2)).copied().unwrap_or(0);
            let operand = |end| Piece::Expression {
                end,
                inside: Some(node),
            };
            pending.extend([
                operand(end - 1),
                Piece::Text(operator),
                operand(right_begins),
            ]);
            if grouped {
                pending.push(Piece::Text("("));
            }
        }
        Ok(())
    }
}

/// Something to be written.
enum Piece<'a> {
    Text(&'static str),
    /// The expression that ends before this node, as an operand of another.
    Expression {
        end: usize,
        inside: Option<&'a Node>,
    },
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::Any => write!(f, "src = *"),
            Test::State(states) => write!(f, "state = {}", words(*states)),
            Test::Change(Edge::From, states) => write!(f, "from = {}", words(*states)),
            Test::Change(Edge::To, states) => write!(f, "to = {}", words(*states)),
            Test::Family(family) => write!(f, "family = {family}"),
            Test::Addr(side, net) => {
                let name = match side {
                    Side::Local => "src",
                    Side::Remote => "dst",
                };
                write!(f, "{name} = ")?;
                write_net(f, *net)
            }
            Test::Number(Field::LocalPort, compare, port) => write!(f, "sport {compare} :{port}"),
            Test::Number(Field::RemotePort, compare, port) => write!(f, "dport {compare} :{port}"),
            Test::Number(field, compare, value) => {
                let unit = unit_word(field.unit());
                write!(f, "{} {compare} {value}{unit}", field.name())
            }
            Test::CongestionControl(name) => {
                write!(f, "congestion-control = {}", typed(name.name()))
            }
            Test::Kind(kinds) => write!(f, "kind = {}", kinds.words_of()),
            Test::Protocol(protocol) => write!(f, "protocol = {protocol}"),
            Test::Name(glob) => write!(f, "name = {}", glob.typed()),
            Test::Peer(peer) => write!(f, "peer = {peer}"),
            Test::PeerName { glob, .. } => write!(f, "dst = unix:{}", glob.typed()),
            Test::Shutdown(which) => write!(f, "shutdown = {}", which.name()),
            Test::SocketType(name) => write!(f, "socket-type = {name}"),
            Test::Holder { side, query, .. } => match (query, side) {
                (ProcessQuery::Name(name), Side::Local) => {
                    write!(f, "process = {}", typed(&name.text()))
                }
                (ProcessQuery::Name(name), Side::Remote) => {
                    write!(f, "peer-process = {}", typed(&name.text()))
                }
                (ProcessQuery::Pid(pid), _) => write!(f, "pid = {pid}"),
            },
            Test::V6Only(only) => write!(f, "v6only = {}", if *only { "yes" } else { "no" }),
            Test::Interface(index) => write!(f, "interface = {index}"),
            Test::Mark { value, mask } => write!(f, "mark = {value:#x}/{mask:#x}"),
            Test::Cgroup(id) => write!(f, "cgroup = id:{id}"),
            Test::Netns(netns) => write!(f, "netns = net:{}", netns.0),
            Test::Autobound => write!(f, "autobound"),
        }
    }
}

/// The words of states, as they can be typed.
fn words(states: StateSet) -> String {
    let words: Vec<String> = states.iter().map(State::word).collect();
    words.join(",")
}

/// A name as it can be typed: with a backslash before characters that have a meaning in a filter.
fn typed(name: &str) -> String {
    let mut typed = String::new();
    for character in name.chars() {
        if !character.is_alphanumeric() && !"-_./:@+#".contains(character) {
            typed.push('\\');
        }
        typed.push(character);
    }
    typed
}

/// The unit that is typed after a number; empty if the field has only one.
fn unit_word(unit: Unit) -> &'static str {
    match unit {
        Unit::Microseconds => "us",
        Unit::Milliseconds => "ms",
        Unit::Count | Unit::Bytes | Unit::BytesPerSecond => "",
    }
}

fn write_net(f: &mut fmt::Formatter<'_>, net: IpNet) -> fmt::Result {
    let is_whole = net.prefix_len() == net.max_prefix_len();
    match net {
        IpNet::V4(net) if is_whole => write!(f, "{}", net.addr()),
        IpNet::V4(net) => write!(f, "{net}"),
        IpNet::V6(net) if is_whole => write!(f, "[{}]", net.addr()),
        IpNet::V6(net) => write!(f, "[{net}]"),
    }
}

impl fmt::Display for FamilyTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FamilyTest::Inet => "inet",
            FamilyTest::Inet6 => "inet6",
            FamilyTest::V4Mapped => "v4-mapped",
        })
    }
}

impl fmt::Display for Compare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compare::Equal => "=",
            Compare::Less => "<",
            Compare::AtMost => "<=",
            Compare::Greater => ">",
            Compare::AtLeast => ">=",
        })
    }
}
