//! `--wait DURATION`: the check is repeated until it is OK for some time, or time is up.
//!
//! A check that fails for a moment is UNKNOWN and repeated; one that cannot succeed ends the wait.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Check, LIMIT, failed};
use crate::cli;
use crate::command::console::Console;
use crate::command::log::LogMessage;
use crate::command::outcome::Failure;
use crate::command::repeat::Schedule;
use crate::command::wait::within;
use crate::model::{CheckStatus, Verdict, Waited};
use crate::output::check_progress;

/// How often it is checked unless `--interval` says otherwise.
const USUAL_INTERVAL: Duration = Duration::from_secs(1);

/// How long to wait, and how often to check.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    limit: Duration,
    interval: Duration,
}

impl Wait {
    /// Resolves the options; `None` for one check.
    ///
    /// # Errors
    /// When there is an interval and nothing is repeated, or the check of a record is.
    pub(super) fn resolve(typed: &cli::Check) -> Result<Option<Wait>, Failure> {
        if typed.wait.is_some() && typed.sourcing.from.is_some() {
            return Err(Failure::Usage(
                "--from and --wait exclude each other: a record does not change".to_owned(),
            ));
        }
        match (typed.wait, typed.interval) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Failure::Usage(
                "--interval needs --wait DURATION: without it there is one check".to_owned(),
            )),
            (Some(limit), interval) => Ok(Some(Wait {
                limit,
                interval: interval.unwrap_or(USUAL_INTERVAL),
            })),
        }
    }

    /// Checks until it was OK often enough in a row, or time is up: the last check is made when it
    /// is, and its verdict counts.
    ///
    /// # Errors
    /// Those that no later check can be without.
    pub(super) fn until_ok(
        self,
        check: Check,
        timeout: Duration,
        console: &mut Console,
    ) -> Result<(Verdict, Vec<LogMessage>), Failure> {
        let check = Arc::new(check);
        let begin = Instant::now();
        let mut schedule = Schedule::new(begin, self.interval);
        let (mut checks, mut ok_in_a_row) = (0, 0);
        loop {
            let once = Arc::clone(&check);
            let outcome = within(timeout, LIMIT, move || once.verdict());
            let (mut verdict, messages) = match outcome.and_then(|outcome| outcome) {
                Ok(answer) => answer,
                Err(failure) if failure.may_pass() || matches!(failure, Failure::Unfinished(_)) => {
                    (failed(&failure), Vec::new())
                }
                Err(failure) => {
                    console.end_progress();
                    return Err(failure);
                }
            };
            checks += 1;
            ok_in_a_row = match verdict.status {
                CheckStatus::Ok => ok_in_a_row + 1,
                CheckStatus::Warning | CheckStatus::Unknown | CheckStatus::Critical => 0,
            };
            let elapsed = begin.elapsed();
            verdict.waited = Some(Waited {
                checks,
                ok_in_a_row,
                elapsed,
            });
            let left = self.limit.saturating_sub(elapsed);
            if ok_in_a_row >= Waited::ENOUGH || left.is_zero() {
                console.end_progress();
                return Ok((verdict, messages));
            }
            let (now, most) = (elapsed.as_secs(), self.limit.as_secs_f64());
            let progress = check_progress(&verdict);
            console.show_progress(&format!("waiting, {now} of {most} s: {progress}"));
            thread::sleep(schedule.wait(Instant::now()).min(left));
        }
    }
}
