//! Why no source answered.

use super::{NetlinkError, ProcError, ProcNet};
use crate::filter::{Expression, Test};
use crate::model::{Family, State};
use crate::question::Question;

/// The tables of /proc do not contain the answer to this question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{table} {lack}")]
pub struct CannotKnow {
    table: String,
    /// What is missing, as the rest of a sentence.
    lack: String,
}

impl CannotKnow {
    /// Why the tables cannot answer, if they cannot.
    pub(super) fn check(question: &Question, tables: &ProcNet) -> Result<(), CannotKnow> {
        let mut tests = question.filter.iter().flat_map(Expression::tests);
        let lack = if question.states.contains(State::Bound) {
            "does not list bound sockets (BOUND); only netlink does, from Linux 6.8".to_owned()
        } else if tests.any(|test| *test == Test::Autobound) {
            "has no `autobound`; only netlink does".to_owned()
        } else if let Some(field) = question.needed().find(|field| !field.is_in_proc()) {
            format!("has no `{}`; only netlink does", field.name())
        } else {
            return Ok(());
        };
        let table = tables.directory().join(question.kind.table(Family::V4));
        let table = table.display().to_string();
        Err(CannotKnow { table, lack })
    }
}

/// No source answered.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Netlink failed, and no other source was allowed or able to answer.
    #[error("{0}")]
    Netlink(#[from] NetlinkError),
    /// Netlink is not available, the user allows no other source, and one might answer.
    #[error("{0}; or read /proc instead: --source auto")]
    NetlinkOnly(NetlinkError),
    /// The tables could not be read.
    #[error("{0}")]
    Proc(#[from] ProcError),
    /// Netlink is not available, and the tables could not be read either.
    #[error("{netlink}; and /proc did not answer either: {proc}")]
    Both {
        /// The first cause.
        netlink: NetlinkError,
        /// The second.
        proc: ProcError,
    },
    /// Netlink is not available, and /proc does not contain the answer.
    #[error("{netlink}; and {cannot_know}")]
    OnlyNetlinkKnows {
        /// Why netlink did not answer.
        netlink: NetlinkError,
        /// What /proc lacks.
        cannot_know: CannotKnow,
    },
}
