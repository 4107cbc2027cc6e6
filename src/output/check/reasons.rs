//! The reasons for a verdict: first on the line, and in JSON.

use std::cmp::Reverse;

use super::words;
use crate::model::{
    CheckStatus, JudgedGroups, JudgedQueues, Judgement, Verdict, counted, thousands,
};

/// One of something, and several.
type Noun = (&'static str, &'static str);

const NOT_JUDGED: &str = "no threshold given: nothing was judged";

const MORE_GROUPS: Noun = ("more group", "more groups");
const MORE_QUEUES: Noun = ("more accept queue", "more accept queues");

/// One reason, and how bad it is.
#[derive(Debug)]
pub(super) struct Reason {
    status: CheckStatus,
    text: String,
}

/// Every reason for a status other than OK, the worst first. Of groups, and of listeners, only the
/// worst one is a reason.
pub(super) fn reasons(verdict: &Verdict) -> Vec<String> {
    let mut reasons = Vec::new();
    let unknown = |text: String| Reason {
        status: CheckStatus::Unknown,
        text,
    };
    reasons.extend(verdict.failures.iter().cloned().map(unknown));
    if !verdict.no_process.is_empty() {
        let absent = verdict.no_process.iter().map(ToString::to_string);
        let why = absent.collect::<Vec<_>>().join(", ");
        reasons.push(if is_breached(verdict) {
            Reason {
                status: CheckStatus::Ok,
                text: why,
            }
        } else {
            unknown(format!("{why}: nothing was judged"))
        });
    }
    if let Some(observation) = &verdict.observation {
        let losses = observation.completeness.losses().iter();
        reasons.extend(losses.map(|loss| unknown(format!("incomplete: {loss}"))));
    }
    reasons.extend(broken("", &verdict.judgements));
    if let Some(groups) = &verdict.groups {
        reasons.extend(groups.listed.first().into_iter().flat_map(|group| {
            let name = words::group(&groups.fields, &group.key);
            broken(&format!("{name}: "), &group.judgements)
        }));
        let others = (groups.warning + groups.critical).saturating_sub(1);
        append(&mut reasons, others, MORE_GROUPS);
    }
    let quantities = verdict.quantities.iter();
    reasons.extend(quantities.filter_map(|one| {
        let status = one
            .judgement
            .filter(|judged| judged.breach.is_some())?
            .status;
        let text = words::quantity(one, &verdict.place)?;
        Some(Reason { status, text })
    }));
    if let Some(queues) = &verdict.queues
        && queues.broken > 0
    {
        reasons.extend(queues.listed.first().map(|queue| Reason {
            status: queue.judgement.status,
            text: format!(
                "{} {}",
                words::place(&queue.place),
                words::judgement(&queue.judgement)
            ),
        }));
        append(&mut reasons, queues.broken - 1, MORE_QUEUES);
    }
    reasons.sort_by_key(|reason| Reverse(reason.status));
    let texts = reasons.into_iter().map(|reason| {
        let is_lesser = reason.status == CheckStatus::Warning && verdict.status > reason.status;
        let mark = if is_lesser { "warning: " } else { "" };
        format!("{mark}{}", reason.text)
    });
    texts.collect()
}

/// Whether some judgement breaks a range.
fn is_breached(verdict: &Verdict) -> bool {
    let groups = verdict.groups.iter().flat_map(|groups| &groups.listed);
    let mut judgements = groups.flat_map(|group| &group.judgements);
    let queues = verdict.queues.as_ref();
    let breaks = |one: &Judgement| one.breach.is_some();
    let quantities = verdict.quantities.iter();
    let mut quantities = quantities.filter_map(|one| one.judgement.as_ref());
    verdict.judgements.iter().any(breaks)
        || judgements.any(breaks)
        || quantities.any(breaks)
        || queues.is_some_and(|queues| queues.broken > 0)
}

/// The judgements that break a range.
fn broken(prefix: &str, judgements: &[Judgement]) -> Vec<Reason> {
    let broken = judgements.iter().filter(|one| one.breach.is_some());
    broken
        .map(|judgement| Reason {
            status: judgement.status,
            text: format!("{prefix}{}", words::judgement(judgement)),
        })
        .collect()
}

/// Appends to the last reason how many others there are.
fn append(reasons: &mut [Reason], others: u64, (one, many): Noun) {
    if let (Some(last), 1..) = (reasons.last_mut(), others) {
        last.text += &format!(" and {}", counted(others, one, many));
    }
}

/// The text of the first line, after the status.
pub(super) fn first_line(verdict: &Verdict) -> String {
    let reasons = reasons(verdict);
    if !reasons.is_empty() {
        return reasons.join(", ");
    }
    let mut judged: Vec<String> = verdict.judgements.iter().map(words::judgement).collect();
    judged.extend(verdict.groups.iter().map(groups_in_order));
    judged.extend(verdict.queues.iter().map(queues_in_order));
    let quantities = verdict.quantities.iter();
    judged.extend(quantities.filter_map(|one| words::quantity(one, &verdict.place)));
    let total = verdict.counts.total();
    let spread = words::spread(verdict.spread.total());
    let noun = if total == 1 { "socket" } else { "sockets" };
    let (total, kind, place) = (thousands(total), verdict.kinds.titles(), &verdict.place);
    let selected = match place.names_filter(&verdict.filter) {
        true => String::new(),
        false => words::selected(&verdict.filter),
    };
    let examined = format!("{total}{spread} {kind} {noun} of {place}{selected}");
    let groups = verdict.groups.as_ref();
    let has_thresholds = groups.is_none_or(|groups| !groups.worst.is_empty());
    match judged.join(", ") {
        judged if judged.is_empty() => format!("{examined}; {NOT_JUDGED}"),
        judged if has_thresholds || verdict.queues.is_some() || !verdict.quantities.is_empty() => {
            format!("{judged}; {examined}")
        }
        judged => format!("{judged}; {examined}; {NOT_JUDGED}"),
    }
}

fn groups_in_order(groups: &JudgedGroups) -> String {
    let by = words::groups_by(&groups.fields);
    if groups.judged_empty {
        return format!("no sockets to group by {by}");
    }
    let count = counted(groups.groups, "group", "groups");
    let worst = groups.worst.iter().map(|(key, judgement)| {
        let name = words::group(&groups.fields, key);
        format!("{name}: {}", words::judgement(judgement))
    });
    let worst: Vec<String> = worst.collect();
    if worst.is_empty() {
        return format!("{count} by {by}");
    }
    format!("{count} by {by}, at worst {}", worst.join(", "))
}

fn queues_in_order(queues: &JudgedQueues) -> String {
    let listeners = counted(queues.listeners.unwrap_or(0), "listener", "listeners");
    match queues.listed.first() {
        None => "no listeners".to_owned(),
        Some(queue) => format!(
            "{listeners}, at worst {} {}",
            words::place(&queue.place),
            words::judgement(&queue.judgement)
        ),
    }
}

/// A line for each of the next worst groups, and one for how many there are besides.
pub(super) fn further_groups(groups: &JudgedGroups) -> Vec<String> {
    let lines = groups.listed.iter().map(|group| {
        let name = words::group(&groups.fields, &group.key);
        let broken = group.judgements.iter().filter(|one| one.breach.is_some());
        let worst = broken.clone().filter_map(|one| one.breach);
        let worst = worst.map(|breach| breach.status).max();
        let broken: Vec<String> = broken.map(words::judgement).collect();
        let status = worst.unwrap_or(CheckStatus::Ok).name();
        format!("{status} {name}: {}", broken.join(", "))
    });
    further(
        lines.collect(),
        groups.warning + groups.critical,
        MORE_GROUPS,
    )
}

/// The same for accept queues.
pub(super) fn further_queues(queues: &JudgedQueues) -> Vec<String> {
    let lines = queues.listed.iter().filter_map(|queue| {
        let status = queue.judgement.breach?.status.name();
        let judgement = words::judgement(&queue.judgement);
        Some(format!(
            "{status} {} {judgement}",
            words::place(&queue.place)
        ))
    });
    further(lines.collect(), queues.broken, MORE_QUEUES)
}

/// All lines but the first, and how many of `all` have none.
fn further(mut lines: Vec<String>, all: u64, (one, many): Noun) -> Vec<String> {
    let others = all.saturating_sub(lines.len() as u64);
    lines.drain(..lines.len().min(1));
    if others > 0 {
        lines.push(format!("and {} (--top)", counted(others, one, many)));
    }
    lines
}
