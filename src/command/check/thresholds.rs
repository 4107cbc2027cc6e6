//! From the thresholds typed to what each aspect is judged by. Thresholds that exclude each other
//! are refused by name.

use std::time::Duration;

use crate::command::outcome::Failure;
use crate::model::{Aspect, KindSet, Measure, State, StateSet, Subject, Threshold, Thresholds};
use crate::question::Question;

/// How long changes are measured unless `--window` says otherwise.
const USUAL_WINDOW: Duration = Duration::from_secs(1);

const WARNING: &str = "--warning";
const CRITICAL: &str = "--critical";

/// The thresholds typed.
#[derive(Clone, Copy)]
pub(super) struct Typed<'a> {
    pub(super) warning: &'a [Threshold],
    pub(super) critical: &'a [Threshold],
}

impl<'a> Typed<'a> {
    /// Every one, with its option.
    fn all(self) -> impl Iterator<Item = (&'static str, &'a Threshold)> {
        let warnings = self.warning.iter().map(|one| (WARNING, one));
        warnings.chain(self.critical.iter().map(|one| (CRITICAL, one)))
    }
}

fn refusal(option: &str, threshold: &Threshold, why: &str) -> Failure {
    Failure::Usage(format!("{option}: `{}`: {why}", threshold.word))
}

/// What each aspect is judged by, in the order in which they are first named.
pub(super) fn resolve(typed: Typed<'_>) -> Result<Vec<Thresholds>, Failure> {
    let mut all: Vec<Thresholds> = Vec::new();
    for aspect in typed.all().map(|(_, one)| one.aspect) {
        if all.iter().any(|known| known.aspect == aspect) {
            continue;
        }
        let warning = only(WARNING, typed.warning, aspect)?;
        let critical = only(CRITICAL, typed.critical, aspect)?;
        if let (Some(warning), Some(critical)) = (warning, critical)
            && warning.range.is_beyond(&critical.range, aspect)
        {
            let why = format!(
                "beyond --critical `{}`: what would be a warning there is critical already",
                critical.word
            );
            return Err(refusal(WARNING, warning, &why));
        }
        all.push(Thresholds {
            aspect,
            warning: warning.map(|one| one.range),
            critical: critical.map(|one| one.range),
        });
    }
    Ok(all)
}

/// The threshold for an aspect among those of one option; there may be one at most.
fn only<'a>(
    option: &str,
    typed: &'a [Threshold],
    aspect: Aspect,
) -> Result<Option<&'a Threshold>, Failure> {
    let mut found = typed.iter().filter(|one| one.aspect == aspect);
    let first = found.next();
    match found.next() {
        None => Ok(first),
        Some(another) => {
            let why = "it has another threshold of this kind already";
            Err(refusal(option, another, why))
        }
    }
}

/// Refuses thresholds on states that are not `requested`.
pub(super) fn refuse_unrequested(typed: Typed<'_>, question: &Question) -> Result<(), Failure> {
    let (kinds, requested) = (question.kinds(), question.states);
    for (option, threshold) in typed.all() {
        if let Subject::Quantity(quantity) = threshold.aspect.subject
            && !kinds.iter().any(|kind| quantity.is_of(kind))
        {
            let why = format!("{} sockets have none", kinds.titles());
            return Err(refusal(option, threshold, &why));
        }
        refuse_without_limit(option, threshold, kinds)?;
        let states = match threshold.aspect.subject {
            Subject::State(state) => StateSet::NONE.with(state),
            Subject::Quantity(quantity) => quantity.definition().states,
            Subject::Total => continue,
        };
        if states.is_empty() || !requested.intersection(states).is_empty() {
            continue;
        }
        let selected = "among the states that --state, --listening and the filter select";
        let mut named = states.iter();
        let why = match (named.next(), named.next()) {
            (Some(State::Bound), _) => {
                "BOUND is counted only if requested: --state all,bound".to_owned()
            }
            (Some(state), None) => format!("{state} is not {selected}"),
            _ => format!("no state whose sockets have it is {selected}"),
        };
        return Err(refusal(option, threshold, &why));
    }
    Ok(())
}

/// Refuses a percentage of a limit that sockets of some of these kinds do not have.
fn refuse_without_limit(
    option: &str,
    threshold: &Threshold,
    kinds: KindSet,
) -> Result<(), Failure> {
    let aspect = threshold.aspect;
    let Some(quantity) = aspect
        .quantity()
        .filter(|_| aspect.measure == Measure::Share)
    else {
        return Ok(());
    };
    let without = kinds.iter().filter(|kind| !quantity.has_limit(*kind));
    let without: KindSet = without.collect();
    if without.is_empty() {
        return Ok(());
    }
    let (titles, example) = (without.titles(), quantity.definition().example);
    let why = format!("{titles} sockets have no limit for it; compare bytes, as in {example}");
    Err(refusal(option, threshold, &why))
}

/// How long changes are measured; `None` where none is judged.
pub(super) fn window(
    typed: Option<Duration>,
    timeout: Duration,
    thresholds: &[Thresholds],
) -> Result<Option<Duration>, Failure> {
    let has_rate = thresholds.iter().any(|one| one.aspect.needs_window());
    let window = match (has_rate, typed) {
        (false, None) => return Ok(None),
        (false, Some(_)) => {
            return Err(Failure::Usage(
                "--window needs a rate to measure, as in `--warning established=-100/s:`"
                    .to_owned(),
            ));
        }
        (true, window) => window.unwrap_or(USUAL_WINDOW),
    };
    if window >= timeout {
        return Err(Failure::Usage(format!(
            "--window {} does not fit into --timeout {}: use a longer timeout or a shorter window",
            window.as_secs_f64(),
            timeout.as_secs_f64()
        )));
    }
    Ok(Some(window))
}
