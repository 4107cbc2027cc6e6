//! How a run ends: with an answer or without one, and its exit status.

use std::io;
use std::process::ExitCode;

use crate::filter::FilterError;
use crate::model::{CheckStatus, Completeness};
use crate::source::{CannotKnow, NoTables, SourceError};

/// The exit status, from best to worst; the worst of several samples decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// 0: answered in full.
    Answered,
    /// 3: answered, but something was lost.
    Incomplete,
    /// 4: answered, with findings that are warnings.
    Warning,
    /// 5: answered, with critical findings.
    Critical,
    /// 1: could not observe, or could not write.
    Failed,
    /// 2: the command line is not valid.
    Usage,
    /// 0 to 3 as defined for monitoring plugins: the result of a check.
    Checked(CheckStatus),
}

impl Status {
    /// The status of an answer that is as complete as this.
    pub(super) fn of(completeness: &Completeness) -> Status {
        if completeness.is_complete() {
            Status::Answered
        } else {
            Status::Incomplete
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(match status {
            Status::Answered | Status::Checked(CheckStatus::Ok) => 0,
            Status::Failed | Status::Checked(CheckStatus::Warning) => 1,
            Status::Usage | Status::Checked(CheckStatus::Critical) => 2,
            Status::Incomplete | Status::Checked(CheckStatus::Unknown) => 3,
            Status::Warning => 4,
            Status::Critical => 5,
        })
    }
}

/// Why a run ended without its answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Usage(String),
    /// A word of a filter that is not valid.
    #[error("{0}")]
    Filter(#[from] FilterError),
    #[error("{0}")]
    Observe(#[from] SourceError),
    #[error("{0}")]
    CannotKnow(#[from] CannotKnow),
    /// A proc file system that cannot be read.
    #[error("{0}")]
    Proc(String),
    /// Events that cannot be recorded.
    #[error("{0}")]
    Trace(String),
    /// Work that took too long, or that ended early.
    #[error("{0}")]
    Unfinished(String),
    /// A file that is not written: one line.
    #[error("--output: {0}")]
    Output(String),
    /// An address at which nothing can be served: that, and why.
    #[error("cannot listen on {0}")]
    Listen(String),
    #[error("cannot write to standard output: {0}")]
    Write(io::Error),
    /// Another operation: what, and why it failed.
    #[error("cannot {0}: {1}")]
    System(&'static str, io::Error),
    /// The reader of the output has left, as `head` does: not an error.
    #[error("")]
    ReaderLeft,
}

impl Failure {
    /// Distinguishes a reader that left from a disk that is full.
    pub(super) fn write(error: io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Failure::ReaderLeft
        } else {
            Failure::Write(error)
        }
    }

    /// For `map_err`: a failure to do `what`, which follows "cannot".
    pub(super) fn to(what: &'static str) -> impl Fn(io::Error) -> Failure {
        move |error| Failure::System(what, error)
    }

    /// Whether the next sample may succeed: memory or file descriptors may be available again.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Failure::Observe(_) | Failure::Proc(_))
    }

    /// The exit status, where this is an error.
    pub(super) fn status(&self) -> Status {
        match matches!(self, Failure::Usage(_) | Failure::Filter(_)) {
            true => Status::Usage,
            false => Status::Failed,
        }
    }
}

impl From<NoTables> for Failure {
    fn from(error: NoTables) -> Failure {
        let text = format!("--proc-root: {error}");
        match error {
            NoTables::Hidden(_) => Failure::Proc(text),
            NoTables::Directory { .. } | NoTables::Neither(_) | NoTables::Process(_) => {
                Failure::Usage(text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_is_worse_than_an_incomplete_one() {
        assert_eq!(Status::Answered.max(Status::Incomplete), Status::Incomplete);
        assert_eq!(Status::Failed.max(Status::Incomplete), Status::Failed);
    }
}
