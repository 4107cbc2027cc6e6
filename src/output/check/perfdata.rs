//! Performance data: what a graph of the check is drawn from.
//!
//! Labels are stable: the same command line always has the same ones, in the same order, but for
//! states that this version does not know. A number that is not exact is `U`, undetermined: a graph
//! cannot say "at least".

use crate::model::{
    Aspect, JudgedGroups, JudgedQueues, Judgement, Limits, Measure, Quantity, Range, Subject,
    Trust, Verdict,
};

/// Decimal places of shares and rates.
const PLACES: u32 = 3;

/// The performance data of a verdict; empty where nobody answered.
pub(super) fn of(verdict: &Verdict) -> String {
    if verdict.observation.is_none() {
        return String::new();
    }
    let mut data: Vec<String> = counts(verdict);
    let judged = &verdict.judgements;
    let others = judged
        .iter()
        .filter(|one| one.limits.aspect.measure != Measure::Count);
    data.extend(others.map(|judgement| one_judged(&judgement.limits.aspect.label(), judgement)));
    if verdict.groups.is_none() {
        // There even where it is 0: some graphs do not survive a label that comes and goes.
        data.push(datum("spread", &verdict.spread.total().to_string(), None));
    }
    let complete = verdict.is_complete();
    data.extend(
        verdict
            .groups
            .iter()
            .flat_map(|one| groups(one, complete && one.all)),
    );
    data.extend(verdict.queues.iter().map(queue));
    data.join(" ")
}

/// Every state asked for, and the total, with the thresholds for their number.
fn counts(verdict: &Verdict) -> Vec<String> {
    let states = verdict.states().map(Subject::State);
    let subjects = states.chain([Subject::Total]);
    subjects
        .map(|subject| {
            let aspect = Aspect {
                subject,
                measure: Measure::Count,
            };
            let judged = verdict.judgements.iter();
            let mut judged = judged.map(|judgement| &judgement.limits);
            let limits = judged.find(|limits| limits.aspect == aspect);
            let sockets = match subject {
                Subject::State(state) => verdict.counts.get(state),
                Subject::Total | Subject::AcceptQueue => verdict.counts.total(),
            };
            let sockets = count(sockets, verdict.is_complete());
            datum(&aspect.label(), &sockets, limits)
        })
        .collect()
}

fn one_judged(label: &str, judgement: &Judgement) -> String {
    let reading = judgement.reading;
    let value = match reading.trust {
        Trust::Exact => value(judgement.limits.aspect.measure, reading.value),
        Trust::AtLeast | Trust::Nothing => "U".to_owned(),
    };
    datum(label, &value, Some(&judgement.limits))
}

/// How many groups there are and how many break a range; of each aspect the worst group.
fn groups(groups: &JudgedGroups, exact: bool) -> Vec<String> {
    let count = |label: &str, number| datum(label, &count(number, exact), None);
    let mut data = vec![
        count("groups", groups.groups),
        count("groups_warning", groups.warning),
        count("groups_critical", groups.critical),
    ];
    data.extend(groups.worst.iter().map(|(_, judgement)| {
        let label = format!("{}_worst", judgement.limits.aspect.label());
        if groups.all {
            one_judged(&label, judgement)
        } else {
            datum(&label, "U", Some(&judgement.limits))
        }
    }));
    data
}

/// The worst accept queue of all listeners.
fn queue(queues: &JudgedQueues) -> String {
    let label = queues.limits.aspect.label();
    match queues.listed.first() {
        Some(queue) => one_judged(&label, &queue.judgement),
        // Where nobody listens, nobody waits.
        None if queues.listeners == Some(0) => {
            let none = value(Measure::Share, Quantity::whole(0));
            datum(&label, &none, Some(&queues.limits))
        }
        None => datum(&label, "U", Some(&queues.limits)),
    }
}

fn value(measure: Measure, value: Quantity) -> String {
    match measure {
        Measure::Count => value.rounded(0).to_string(),
        Measure::Share => format!("{}%", value.rounded(PLACES)),
        Measure::Rate => value.rounded(PLACES).to_string(),
    }
}

/// A number of which nothing was lost.
fn count(number: u64, complete: bool) -> String {
    if complete {
        number.to_string()
    } else {
        "U".to_owned()
    }
}

/// `'label'=value;warning;critical;minimum;maximum`. No label holds a quote.
fn datum(label: &str, value: &str, limits: Option<&Limits>) -> String {
    let range = |range: Option<Range>| range.map_or_else(String::new, |range| range.to_string());
    let (warning, critical) = limits.map_or_else(Default::default, |limits| {
        (range(limits.warning), range(limits.critical))
    });
    let (least, most) = match limits.map(|limits| limits.aspect) {
        Some(aspect) if aspect.measure == Measure::Rate => ("", ""),
        // A queue holds one more than its limit.
        Some(aspect) if aspect.subject == Subject::AcceptQueue => ("0", ""),
        Some(aspect) if aspect.measure == Measure::Share => ("0", "100"),
        Some(_) | None => ("0", ""),
    };
    format!("'{label}'={value};{warning};{critical};{least};{most}")
}
