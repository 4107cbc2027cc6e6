//! What is asked: which sockets, whatever source will answer.
//!
//! Made from the command line by `command`, read by `source` to choose a plan; knows neither.

use crate::model::{Family, StateSet};

/// A question about the sockets of one network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Sockets of which families.
    pub families: Families,
    /// Sockets in which states; never empty.
    pub states: StateSet,
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
