//! What is asked: which sockets, whatever source will answer.
//!
//! Made from the command line by `command`, read by `source` to choose a plan; knows neither.

use crate::filter::{Expression, Test};
use crate::model::{Family, Field, Kind, StateSet};

/// A question about the sockets of one network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Sockets of which kind.
    pub kind: Kind,
    /// Sockets of which families.
    pub families: Families,
    /// Sockets in which states; never empty.
    pub states: StateSet,
    /// What must be known of each socket; a source that does not tell one of them cannot answer.
    /// Empty for counts per state.
    pub fields: Vec<Field>,
    /// Which of them besides; `None` for all. What it says of states is in `states` already, as
    /// far as that goes.
    pub filter: Option<Expression>,
}

impl Question {
    /// About every TCP socket in these states, with no more than every source reports of it.
    pub fn about(states: StateSet) -> Question {
        Question {
            kind: Kind::Tcp,
            families: Families::Both,
            states,
            fields: Vec::new(),
            filter: None,
        }
    }

    /// Whether the answer is in the attributes of the kernel's messages, not only their headers.
    pub fn needs_attributes(&self) -> bool {
        // Direction and service: whether an IPv6 listener takes IPv4 too is an attribute.
        self.fields.iter().any(|field| {
            matches!(
                field,
                Field::Mark | Field::Cgroup | Field::Direction | Field::Service
            )
        }) || self.needs_tcp_info()
            || self.needs_congestion_control()
            || self.needs_drops()
    }

    /// Whether TCP's own knowledge of each connection is needed. It trebles the bytes the kernel
    /// sends, and takes the lock of every connection.
    pub fn needs_tcp_info(&self) -> bool {
        self.needs(|field| matches!(field, Field::Metric(_)))
    }

    /// Whether the congestion control algorithm is needed.
    pub fn needs_congestion_control(&self) -> bool {
        self.needs(|field| field == Field::CongestionControl)
    }

    /// Whether it is needed how much the kernel dropped.
    pub fn needs_drops(&self) -> bool {
        self.needs(|field| field == Field::Drops)
    }

    /// Whether the firewall mark is needed, which the kernel tells to few.
    pub fn needs_marks(&self) -> bool {
        self.needs(|field| field == Field::Mark)
    }

    /// Whether something must be known for the answer, or to judge by.
    fn needs(&self, which: impl Fn(Field) -> bool) -> bool {
        let tested = self.filter.iter().flat_map(Expression::tests);
        let tested = tested.filter_map(Test::field);
        self.fields.iter().copied().chain(tested).any(which)
    }
}

/// One address family, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// AF_INET and AF_INET6.
    Both,
    /// One of the two.
    Only(Family),
}

impl Families {
    /// The families meant, IPv4 first.
    pub fn iter(self) -> impl Iterator<Item = Family> {
        [Family::V4, Family::V6]
            .into_iter()
            .filter(move |family| match self {
                Families::Both => true,
                Families::Only(only) => only == *family,
            })
    }
}
