//! A verdict as monitoring reads it: a line with performance data and what stands behind it, or
//! JSON.
//!
//! Follows the Monitoring Plugins Development Guidelines: the first line is `TEXT|PERFORMANCE
//! DATA`, further lines are long text. Whatever strangers chose the names of cannot end a line
//! early, nor begin performance data.

mod json;
mod perfdata;
mod reasons;
#[cfg(test)]
mod tests;
mod words;

pub use json::write_check_json;

use std::io::{self, Write};

use super::escape;
use crate::model::{Verdict, thousands};
use reasons::{first_line, further_groups, further_queues};

/// How many characters the first line may have before performance data. What carries it to
/// monitoring cuts it off somewhere, NRPE of version 2 after 1 KiB.
const LONGEST: usize = 600;

/// Writes the line and the long text; a reason that is too long for the line stands there in full.
///
/// # Errors
/// The writer's.
pub fn write_check(out: &mut impl Write, verdict: &Verdict) -> io::Result<()> {
    let whole = harmless(&first_line(verdict));
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
    long.extend(verdict.remarks.iter().cloned());
    for line in long {
        writeln!(out, "{}", harmless(&line))?;
    }
    Ok(())
}

/// Text that neither ends a line nor begins performance data.
fn harmless(text: &str) -> String {
    escape::line(text).replace('|', "\\u{7c}")
}

/// The states that have sockets, in one line; nothing where nobody answered.
fn states(verdict: &Verdict) -> Option<String> {
    verdict.observation.as_ref()?;
    let with_sockets = verdict
        .states()
        .filter(|state| verdict.counts.get(*state) > 0);
    let counted = with_sockets.map(|state| {
        let spread = words::spread(verdict.spread.get(state));
        format!("{state} {}{spread}", thousands(verdict.counts.get(state)))
    });
    let spread = words::spread(verdict.spread.total());
    let total = format!("total {}{spread}", thousands(verdict.counts.total()));
    let mut line: Vec<String> = counted.chain([total]).collect();
    if !verdict.is_complete() {
        line.push("incomplete".to_owned());
    }
    Some(line.join(", "))
}
