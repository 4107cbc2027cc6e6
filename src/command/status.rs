//! The exit status: one number a script can rely on.

use std::process::ExitCode;

use crate::model::{CheckStatus, Completeness};

/// How a run ended, from best to worst; the worst of several samples decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// 0: answered in full.
    Answered,
    /// 3: answered, but something was lost on the way.
    Incomplete,
    /// 4: answered, and something is on its way to fail.
    Warning,
    /// 5: answered, and something fails.
    Critical,
    /// 1: could not observe, or could not write.
    Failed,
    /// 2: the command line makes no sense.
    Usage,
    /// 0 to 3 as the monitoring plugins have them: what a check came to.
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
            Status::Answered => 0,
            Status::Failed => 1,
            Status::Usage => 2,
            Status::Incomplete => 3,
            Status::Checked(CheckStatus::Ok) => 0,
            Status::Checked(CheckStatus::Warning) => 1,
            Status::Checked(CheckStatus::Critical) => 2,
            Status::Checked(CheckStatus::Unknown) => 3,
            Status::Warning => 4,
            Status::Critical => 5,
        })
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
