//! Why a run ended without its answer, its one line, and its exit status.

use std::io;

use super::Status;
use crate::source::{CannotKnow, NoTables, SourceError};

/// The end of a run that did not go well, or that nobody reads any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Observe(#[from] SourceError),
    #[error("{0}")]
    CannotKnow(#[from] CannotKnow),
    #[error("{0}")]
    Processes(String),
    #[error("--proc-root: {0}")]
    Hidden(NoTables),
    #[error("cannot write the answer: {0}")]
    Write(io::Error),
    /// The reader of our output has left, as `head` does: an ordinary end.
    #[error("")]
    ReaderLeft,
}

impl Failure {
    /// Tells a reader that left from a disk that is full.
    pub(super) fn write(error: io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Failure::ReaderLeft
        } else {
            Failure::Write(error)
        }
    }

    /// What to tell a person, without the program's name; nothing for an ordinary end.
    pub(super) fn line(&self) -> Option<String> {
        (!matches!(self, Failure::ReaderLeft)).then(|| self.to_string())
    }

    pub(super) fn status(&self) -> Status {
        match self {
            Failure::ReaderLeft => Status::Answered,
            Failure::Usage(_) => Status::Usage,
            Failure::Observe(_)
            | Failure::CannotKnow(_)
            | Failure::Processes(_)
            | Failure::Hidden(_)
            | Failure::Write(_) => Status::Failed,
        }
    }
}

impl From<NoTables> for Failure {
    fn from(error: NoTables) -> Failure {
        match error {
            NoTables::Hidden(_) => Failure::Hidden(error),
            NoTables::Root { .. } | NoTables::Neither(_) => {
                Failure::Usage(format!("--proc-root: {error}"))
            }
        }
    }
}
