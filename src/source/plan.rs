//! From what is asked and what is allowed to the way it will be answered.

use super::proc_net::ProcNet;
use crate::model::{State, StateSet};
use crate::question::Question;

/// Which sources may answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sources {
    /// Netlink, or this proc file system's tables where the kernel refuses it.
    Auto(ProcNet),
    /// Netlink or nothing.
    Netlink,
    /// These tables only.
    Proc(ProcNet),
}

/// A question with the way to its answer; made by [`Plan::choose`] only, so that every plan can
/// be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub(super) question: Question,
    pub(super) way: Sources,
}

/// The tables of /proc cannot answer this question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{table} does not list bound sockets, so {state} cannot be counted from it; ask netlink (Linux 6.8 or later)"
)]
pub struct CannotKnow {
    /// The state that is not there.
    state: State,
    /// The table that lacks it.
    table: String,
}

impl Plan {
    /// Chooses the way: netlink where it is allowed, because it is faster, exact about BOUND and
    /// lets the kernel select; the tables of /proc where they are asked for, or to fall back on.
    ///
    /// # Errors
    /// When only /proc may answer and it cannot know.
    pub fn choose(question: Question, sources: Sources) -> Result<Plan, CannotKnow> {
        if let Sources::Proc(tables) = &sources
            && let Some(reason) = proc_cannot_know(&question, tables)
        {
            return Err(reason);
        }
        Ok(Plan {
            question,
            way: sources,
        })
    }

    /// The states asked for.
    pub fn states(&self) -> StateSet {
        self.question.states
    }
}

/// Why the tables of /proc cannot answer, if they cannot.
pub(super) fn proc_cannot_know(question: &Question, tables: &ProcNet) -> Option<CannotKnow> {
    question.states.contains(State::Bound).then(|| CannotKnow {
        state: State::Bound,
        table: tables.directory().join("tcp").display().to_string(),
    })
}
