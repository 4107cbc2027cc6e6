//! From the thresholds typed to what each aspect is judged by; whatever of them makes no sense
//! together is refused, with the threshold named.

use std::time::Duration;

use crate::cli::Check;
use crate::command::outcome::Failure;
use crate::judge::unasked;
use crate::model::{Limits, Measure, Range, State, StateSet, Subject, Threshold};

/// How long changes are measured where nothing is said about it.
const USUAL_WINDOW: Duration = Duration::from_secs(1);

/// How bad it is to break a threshold.
#[derive(Clone, Copy)]
enum Level {
    Warning,
    Critical,
}

impl Level {
    fn option(self) -> &'static str {
        match self {
            Level::Warning => "--warning",
            Level::Critical => "--critical",
        }
    }

    fn range(self, limits: &mut Limits) -> &mut Option<Range> {
        match self {
            Level::Warning => &mut limits.warning,
            Level::Critical => &mut limits.critical,
        }
    }
}

/// Every threshold typed, with its option.
fn thresholds(typed: &Check) -> impl Iterator<Item = (Level, &Threshold)> {
    let warnings = typed.warning.iter().map(|one| (Level::Warning, one));
    let criticals = typed.critical.iter().map(|one| (Level::Critical, one));
    warnings.chain(criticals)
}

fn refusal(level: Level, threshold: &Threshold, why: &str) -> Failure {
    let option = level.option();
    Failure::Usage(format!("{option}: `{}`: {why}", threshold.word))
}

/// What each aspect is judged by, in the order in which they are first named.
pub(super) fn limits(typed: &Check) -> Result<Vec<Limits>, Failure> {
    let mut all: Vec<Limits> = Vec::new();
    for (level, threshold) in thresholds(typed) {
        let aspect = threshold.aspect;
        let place = all.iter().position(|limits| limits.aspect == aspect);
        let place = place.unwrap_or_else(|| {
            all.push(Limits {
                aspect,
                warning: None,
                critical: None,
            });
            all.len() - 1
        });
        let Some(limits) = all.get_mut(place) else {
            continue;
        };
        if level.range(limits).replace(threshold.range).is_some() {
            let why = "there is another threshold of this kind for it already";
            return Err(refusal(level, threshold, why));
        }
    }
    for threshold in &typed.warning {
        let same = |other: &&Threshold| other.aspect == threshold.aspect;
        if let Some(critical) = typed.critical.iter().find(same)
            && threshold.range.is_beyond(&critical.range, threshold.aspect)
        {
            let why = format!(
                "beyond --critical `{}`: what would be a warning there is critical already",
                critical.word
            );
            return Err(refusal(Level::Warning, threshold, &why));
        }
    }
    Ok(all)
}

/// Refuses thresholds on states that are not `asked` for.
pub(super) fn refuse_unasked(typed: &Check, asked: StateSet) -> Result<(), Failure> {
    for (level, threshold) in thresholds(typed) {
        let why = match unasked(threshold.aspect, asked) {
            None => continue,
            Some(State::Bound) => {
                "BOUND is counted only where it is asked for: --state all,bound".to_owned()
            }
            Some(state) => format!(
                "{state} is not among the states that --state, --listening and the filter select"
            ),
        };
        return Err(refusal(level, threshold, &why));
    }
    Ok(())
}

/// How long changes are measured; `None` where none is judged.
pub(super) fn window(typed: &Check, limits: &[Limits]) -> Result<Option<Duration>, Failure> {
    let has_rates = limits
        .iter()
        .any(|limits| limits.aspect.measure == Measure::Rate);
    match (has_rates, typed.window) {
        (false, None) => Ok(None),
        (false, Some(_)) => Err(Failure::Usage(
            "--window needs a rate to measure, as in --warning established=-100/s:".to_owned(),
        )),
        (true, typed_window) => {
            let window = typed_window.unwrap_or(USUAL_WINDOW);
            if window >= typed.timeout {
                return Err(Failure::Usage(format!(
                    "--window {} does not fit into --timeout {}: a longer timeout is needed, or a shorter window",
                    window.as_secs_f64(),
                    typed.timeout.as_secs_f64()
                )));
            }
            Ok(Some(window))
        }
    }
}

/// Refuses to choose from lists that there are not.
pub(super) fn refuse_top(typed: &Check, limits: &[Limits]) -> Result<(), Failure> {
    let judges_queues = limits
        .iter()
        .any(|limits| limits.aspect.subject == Subject::AcceptQueue);
    if typed.top.is_some() && typed.by.is_none() && !judges_queues {
        return Err(Failure::Usage(
            "--top needs --by KEYS, or a threshold for accept-queue: without them there is nothing to list".to_owned(),
        ));
    }
    Ok(())
}
