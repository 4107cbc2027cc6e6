//! Why no source answered.

use super::{NetlinkError, ProcError, ProcNet};
use crate::filter::{Expression, Test};
use crate::model::{Field, State};
use crate::question::Question;

/// The tables of /proc cannot answer this question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotKnow {
    /// They do not list sockets in this state.
    #[error(
        "{table} does not list bound sockets, so {state} cannot be counted from it; ask netlink (Linux 6.8 or later)"
    )]
    State {
        /// The state that is not there.
        state: State,
        /// The table that lacks it.
        table: String,
    },
    /// They do not tell this of a socket.
    #[error("{table} does not tell the {} of a socket; ask netlink", .field.name())]
    Field {
        /// What is not there.
        field: Field,
        /// The table that lacks it.
        table: String,
    },
    /// They do not tell who chose the local port.
    #[error("{table} does not tell what is autobound; ask netlink")]
    Autobound {
        /// The table that lacks it.
        table: String,
    },
}

impl CannotKnow {
    /// Why the tables cannot answer, if they cannot.
    pub(super) fn check(question: &Question, tables: &ProcNet) -> Result<(), CannotKnow> {
        let table = || tables.directory().join("tcp").display().to_string();
        if question.states.contains(State::Bound) {
            return Err(CannotKnow::State {
                state: State::Bound,
                table: table(),
            });
        }
        let tests = || question.filter.iter().flat_map(Expression::tests);
        if tests().any(|test| *test == Test::Autobound) {
            return Err(CannotKnow::Autobound { table: table() });
        }
        let listed = question.fields.iter().copied();
        let mut needed = listed.chain(tests().filter_map(Test::field));
        match needed.find(|field| !field.is_in_proc()) {
            Some(field) => Err(CannotKnow::Field {
                field,
                table: table(),
            }),
            None => Ok(()),
        }
    }
}

/// No source answered.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Netlink did not, and nothing else was allowed or able to.
    #[error("{0}")]
    Netlink(NetlinkError),
    /// Netlink was refused, the user allows no other source, and one might answer.
    #[error("{0}; or let /proc answer: --source auto")]
    NetlinkOnly(NetlinkError),
    /// The tables could not be read.
    #[error("{0}")]
    Proc(#[from] ProcError),
    /// Netlink was refused, and the tables could not be read either.
    #[error("{netlink}; and no answer from /proc either: {proc}")]
    Both {
        /// The first cause.
        netlink: NetlinkError,
        /// The second.
        proc: ProcError,
    },
    /// Netlink was refused, and /proc cannot know.
    #[error("{netlink}; and {cannot_know}")]
    OnlyNetlinkKnows {
        /// Why netlink did not answer.
        netlink: NetlinkError,
        /// What /proc lacks.
        cannot_know: CannotKnow,
    },
}
