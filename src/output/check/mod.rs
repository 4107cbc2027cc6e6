//! A verdict as monitoring reads it: a line with performance data and further lines with details; or
//! JSON.
//!
//! Follows the Monitoring Plugins Development Guidelines: the first line is `TEXT|PERFORMANCE
//! DATA`, further lines are long text. Names that others chose cannot end a line early or begin
//! performance data.

mod json;
mod perfdata;
mod reasons;
#[cfg(test)]
mod tests;
mod words;

pub use json::write_check_json;

use std::io::{self, Write};

use super::escape;
use crate::model::counted as counted_words;
use crate::model::{Aspect, CheckStatus, Judgement, Measure, Subject, Verdict, Waited, thousands};
use reasons::{first_line, further_groups, further_queues};

/// How many characters the first line may have before performance data. Longer lines are
/// cut on their way to monitoring, by NRPE of version 2 after 1 KiB.
const LONGEST: usize = 600;

/// Writes the line and the long text; a reason that is too long for the line is there in full.
///
/// # Errors
/// The writer's.
pub fn write_check(out: &mut impl Write, verdict: &Verdict) -> io::Result<()> {
    let whole = harmless(&(first_line(verdict) + &unconfirmed(verdict)));
    let (first, rest) = match whole.char_indices().nth(LONGEST) {
        None => (whole.clone(), None),
        Some((end, _)) => (format!("{}...", &whole[..end]), Some(whole)),
    };
    let data = perfdata::of(verdict);
    let bar = if data.is_empty() { "" } else { "|" };
    writeln!(
        out,
        "TCPSTATES {} - {first}{bar}{data}",
        verdict.status.name()
    )?;
    let mut long: Vec<String> = rest.into_iter().collect();
    long.extend(states(verdict));
    long.extend(verdict.groups.iter().flat_map(further_groups));
    long.extend(verdict.queues.iter().flat_map(further_queues));
    long.extend(verdict.waited.map(waited));
    long.extend(verdict.messages.iter().cloned());
    for line in long {
        writeln!(out, "{}", harmless(&line))?;
    }
    Ok(())
}

/// The status and the reasons, in one line for a person.
pub fn check_progress(verdict: &Verdict) -> String {
    let row = verdict.waited.map_or(0, |waited| waited.ok_in_a_row);
    let mut status = verdict.status.name().to_owned();
    if verdict.status == CheckStatus::Ok {
        status += &format!(" {row} of {}", Waited::ENOUGH);
    }
    escape::line(&format!("{status} - {}", first_line(verdict)))
}

/// That it was OK at the end of the wait, but not long enough to be sure.
fn unconfirmed(verdict: &Verdict) -> String {
    let waited = verdict.waited.filter(|_| verdict.status == CheckStatus::Ok);
    match waited {
        Some(waited) if waited.ok_in_a_row < Waited::ENOUGH => format!(
            "; only {} of {} in a row OK when time was up",
            waited.ok_in_a_row,
            Waited::ENOUGH
        ),
        Some(_) | None => String::new(),
    }
}

fn waited(waited: Waited) -> String {
    let checks = counted_words(waited.checks, "check", "checks");
    let (seconds, row) = (waited.elapsed.as_secs_f64(), waited.ok_in_a_row);
    let last = match row {
        0 => "the last one not OK".to_owned(),
        1 => "the last one OK".to_owned(),
        row => format!("the last {row} OK"),
    };
    format!("waited {seconds:.1} s: {checks}, {last}")
}

/// Text that neither ends a line nor begins performance data.
fn harmless(text: &str) -> String {
    escape::line(text).replace('|', "\\u{7c}")
}

/// The number of sockets in a state, or of all.
struct Counted<'a> {
    aspect: Aspect,
    sockets: u64,
    /// By how much it may be off.
    spread: u64,
    judgement: Option<&'a Judgement>,
}

/// Every requested state and the total; nothing where no source answered.
fn counted(verdict: &Verdict) -> impl Iterator<Item = Counted<'_>> {
    let states = verdict.states().map(Some).chain([None]);
    let states = states.filter(|_| verdict.observation.is_some());
    states.map(|state| {
        let aspect = Aspect {
            subject: state.map_or(Subject::Total, Subject::State),
            measure: Measure::Count,
        };
        let mut judged = verdict.judgements.iter();
        Counted {
            aspect,
            sockets: verdict.counts.number(state),
            spread: verdict.spread.number(state),
            judgement: judged.find(|one| one.thresholds.aspect == aspect),
        }
    })
}

/// The judgements on something else than a number of sockets.
fn not_counted(verdict: &Verdict) -> impl Iterator<Item = &Judgement> {
    let judged = verdict.judgements.iter();
    judged.filter(|one| one.thresholds.aspect.measure != Measure::Count)
}

/// The states that have sockets, in one line; nothing where no source answered.
fn states(verdict: &Verdict) -> Option<String> {
    verdict.observation.as_ref()?;
    let with_sockets =
        counted(verdict).filter(|one| one.sockets > 0 || one.aspect.subject == Subject::Total);
    let numbers = with_sockets.map(|one| {
        let (sockets, spread) = (thousands(one.sockets), words::spread(one.spread));
        format!("{} {sockets}{spread}", one.aspect.label())
    });
    let incomplete = (!verdict.is_complete()).then(|| "incomplete".to_owned());
    let line: Vec<String> = numbers.chain(incomplete).collect();
    // Where all is OK, the first line has it.
    let selected = match verdict.status {
        CheckStatus::Ok => String::new(),
        CheckStatus::Warning | CheckStatus::Critical | CheckStatus::Unknown => {
            words::selected(&verdict.filter)
        }
    };
    Some(line.join(", ") + &selected)
}
