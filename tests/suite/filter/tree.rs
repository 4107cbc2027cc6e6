//! A filter as a tree, which the property test generates, prints, evaluates and shrinks.
//!
//! Written from the manual; must not use the program's own filter code.

use std::net::IpAddr;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Test(Test),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

/// One test. Those with `differs` are written with `!=`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    State {
        /// As the program prints them.
        states: Vec<String>,
        differs: bool,
    },
    Host(Host),
    Port(Port),
    Family {
        name: &'static str,
        differs: bool,
    },
    Device {
        /// `None` for sockets not bound to an interface.
        name: Option<String>,
        differs: bool,
    },
    /// Whether an IPv6 listener takes IPv6 only.
    V6Only {
        only: bool,
        differs: bool,
    },
    Mark {
        value: u32,
        mask: Option<u32>,
        differs: bool,
    },
    Cgroup {
        path: String,
        differs: bool,
    },
    Number {
        field: Number,
        compare: Compare,
        value: u64,
    },
    User {
        name: String,
        differs: bool,
    },
    Autobound,
}

/// An address, a port, or both.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Host {
    pub(super) ends: Ends,
    pub(super) differs: bool,
    pub(super) family: Option<Inet>,
    /// Address and prefix length; `None` for `*`.
    pub(super) net: Option<(IpAddr, u8)>,
    /// The interface after `%`.
    pub(super) interface: Option<String>,
    pub(super) port: Option<u16>,
    /// The first and the last port of a further range.
    pub(super) further: Option<(u16, u16)>,
}

/// A port compared, or a list of ports and ranges.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Port {
    pub(super) ends: Ends,
    pub(super) compare: Compare,
    pub(super) family: Option<Inet>,
    pub(super) port: u16,
    /// First and last ports of further ranges; only with a comparison for equality.
    pub(super) further: Vec<(u16, u16)>,
}

/// Which end of a connection is tested.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ends {
    Local,
    Remote,
    Either,
}

/// The family of a socket, as a prefix of an address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Inet {
    Inet,
    Inet6,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Compare {
    Equal,
    Differs,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Compare {
    pub(super) const ALL: [Compare; 6] = [
        Compare::Equal,
        Compare::Differs,
        Compare::Less,
        Compare::AtMost,
        Compare::Greater,
        Compare::AtLeast,
    ];
}

/// A numeric field, absent in some sockets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Uid,
    ReceiveQueue,
    SendQueue,
    AcceptQueue,
    AcceptLimit,
    Retransmits,
    Inode,
    Cookie,
}

impl Number {
    pub(super) const ALL: [Number; 8] = [
        Number::Uid,
        Number::ReceiveQueue,
        Number::SendQueue,
        Number::AcceptQueue,
        Number::AcceptLimit,
        Number::Retransmits,
        Number::Inode,
        Number::Cookie,
    ];
}

impl Tree {
    /// Every test in the tree, from the left.
    pub(super) fn tests(&self) -> Vec<&Test> {
        match self {
            Tree::Test(test) => vec![test],
            Tree::Not(inner) => inner.tests(),
            Tree::And(left, right) | Tree::Or(left, right) => {
                let mut tests = left.tests();
                tests.extend(right.tests());
                tests
            }
        }
    }

    pub(super) fn is_all(&self, what: impl Fn(&Test) -> bool) -> bool {
        self.tests().into_iter().all(what)
    }
}

impl Test {
    /// Whether the kernel has an operation for it.
    pub(super) fn is_of_the_kernel(&self) -> bool {
        !matches!(
            self,
            Test::State { .. } | Test::Number { .. } | Test::User { .. } | Test::V6Only { .. }
        )
    }

    /// Whether /proc has the field.
    pub(super) fn is_in_proc(&self) -> bool {
        if let Test::Number { field, .. } = self {
            return !matches!(field, Number::AcceptLimit | Number::Cookie);
        }
        !matches!(
            self,
            Test::Device { .. }
                | Test::V6Only { .. }
                | Test::Mark { .. }
                | Test::Cgroup { .. }
                | Test::Autobound
                | Test::Host(Host {
                    interface: Some(_),
                    ..
                })
        )
    }
}
