//! Performance data: what a graph of the check is drawn from.
//!
//! Labels are stable: the same command line always has the same ones, in the same order, but for
//! states that this version does not know. A number that is not exact is `U`, undetermined: a graph
//! cannot say "at least".

use super::{counted, not_counted};
use crate::model::{
    Aspect, JudgedGroups, JudgedQueues, Judgement, Measure, Range, Thresholds, Trust, Verdict,
    decimal,
};

/// Decimal places of shares and rates.
const PLACES: u8 = 3;

/// The performance data of a verdict; empty where no source answered.
pub(super) fn of(verdict: &Verdict) -> String {
    if verdict.observation.is_none() {
        return String::new();
    }
    let complete = verdict.is_complete();
    let counted = counted(verdict).map(|one| {
        let sockets = complete.then(|| one.sockets.to_string());
        let thresholds = one.judgement.map(|one| one.thresholds);
        datum(&one.aspect.label(), sockets, thresholds)
    });
    let others = not_counted(verdict)
        .map(|one| judgement(&one.thresholds.aspect.label(), Some(one), one.thresholds));
    let mut data: Vec<String> = counted.chain(others).collect();
    match &verdict.groups {
        Some(one) => data.extend(groups(one, complete && one.all)),
        // Present even if it is 0: some graphs break if a label is not always there.
        None => {
            let spread = verdict.spread.total().to_string();
            data.push(datum("spread", Some(spread), None));
        }
    }
    data.extend(verdict.queues.iter().map(queue));
    data.extend(verdict.quantities.iter().map(|one| {
        let label = one.thresholds.aspect.label();
        judgement(&label, one.judgement.as_ref(), one.thresholds)
    }));
    data.join(" ")
}

/// The value of a judgement, where there is one and it is exact.
fn judgement(label: &str, judgement: Option<&Judgement>, thresholds: Thresholds) -> String {
    let exact = judgement.filter(|one| one.measured.trust == Trust::Exact);
    let value = exact.map(|one| value(thresholds.aspect, one.measured.value));
    datum(label, value, Some(thresholds))
}

/// How many groups there are and how many break a range; of each aspect the worst group.
fn groups(groups: &JudgedGroups, exact: bool) -> Vec<String> {
    let count = |label: &str, number: u64| {
        let number = exact.then(|| number.to_string());
        datum(label, number, None)
    };
    let mut data = vec![
        count("groups", groups.groups),
        count("groups_warning", groups.warning),
        count("groups_critical", groups.critical),
    ];
    data.extend(groups.worst.iter().map(|(_, worst)| {
        let label = format!("{}_worst", worst.thresholds.aspect.label());
        let known = groups.all.then_some(worst);
        judgement(&label, known, worst.thresholds)
    }));
    data
}

/// The worst accept queue of all listeners.
fn queue(queues: &JudgedQueues) -> String {
    let label = queues.thresholds.aspect.label();
    let worst = queues.listed.first().map(|queue| &queue.judgement);
    // Without listeners no connection waits.
    if worst.is_none() && queues.listeners == Some(0) {
        let none = value(queues.thresholds.aspect, 0.0);
        return datum(&label, Some(none), Some(queues.thresholds));
    }
    judgement(&label, worst, queues.thresholds)
}

fn value(aspect: Aspect, value: f64) -> String {
    let unit = match aspect.measure {
        Measure::Share => "%",
        Measure::Count if aspect.is_in_bytes() => "B",
        Measure::Count | Measure::Rate => "",
    };
    decimal(value, PLACES) + unit
}

/// `'label'=value;warning;critical;minimum;maximum`. No label holds a quote.
fn datum(label: &str, value: Option<String>, thresholds: Option<Thresholds>) -> String {
    let value = value.unwrap_or_else(|| "U".to_owned());
    let range = |range: Option<Range>| range.map_or_else(String::new, |range| range.to_string());
    let warning = range(thresholds.and_then(|both| both.warning));
    let critical = range(thresholds.and_then(|both| both.critical));
    let bounds = thresholds.map_or((Some(0.0), None), |both| both.aspect.bounds());
    let [least, most] = [bounds.0, bounds.1].map(|bound| {
        let text = bound.map(|bound| decimal(bound, PLACES));
        text.unwrap_or_default()
    });
    format!("'{label}'={value};{warning};{critical};{least};{most}")
}
