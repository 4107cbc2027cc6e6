//! A diagnosis in one line for each finding, and on a small terminal the first finding in one screen.

use std::io::{self, Write};

use anstyle::Style;

use super::{INDENT, Page, but, findings, observed, processes, scope, style};
use crate::model::{Diagnosis, Finding, Severity, counted};
use crate::output::{Look, escape};

/// On terminals with fewer rows, the first finding scrolls out of sight.
const SMALL: usize = 30;

/// The end of a line that is cut.
const CUT: &str = "...";

/// Writes one line for a healthy host, one for each finding, and one for what was not examined.
///
/// # Errors
/// The writer's.
pub fn write_diagnosis_brief(
    out: &mut impl Write,
    diagnosis: &Diagnosis,
    look: Look,
) -> io::Result<()> {
    if diagnosis.worst() <= Some(Severity::Info) {
        writeln!(
            out,
            "{}",
            line("OK", &healthy(diagnosis), Style::new(), look)
        )?;
    }
    for finding in &diagnosis.findings {
        writeln!(out, "{}", finding_line(finding, diagnosis, look))?;
    }
    if let Some(line) = unexamined(diagnosis, look) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// The line of a healthy host, which fits a terminal.
fn healthy(diagnosis: &Diagnosis) -> String {
    let sockets = diagnosis.counted_sockets();
    let rules = counted(diagnosis.examined.len() as u64, "rule", "rules");
    let window = observed(diagnosis);
    let filter = diagnosis.filter.as_ref();
    let filter = filter.map_or_else(String::new, |filter| format!(" selected by `{filter}`"));
    let but = but(diagnosis);
    format!("{but}nothing wrong in {sockets}{filter} over {window}, by {rules}")
}

/// What fits on a small terminal in place of `full`: the first finding, without what is least urgent
/// where it is too long, and a line for each of the others. `None` if the terminal is large enough.
pub(super) fn one_screen(full: &[u8], diagnosis: &Diagnosis, look: Look) -> Option<Vec<u8>> {
    // The prompt takes the last row.
    let room = look.height.filter(|rows| *rows < SMALL)?.checked_sub(1)?;
    let (first, others) = diagnosis.findings.split_first()?;
    if rows(full) <= room {
        return None;
    }
    let mut tail: Vec<String> = others
        .iter()
        .map(|other| finding_line(other, diagnosis, look))
        .collect();
    let most = room / 4;
    if tail.len() > most {
        let left_out = tail.len() - most;
        tail.truncate(most);
        tail.push(line(
            "",
            &format!("and {left_out} more"),
            Style::new(),
            look,
        ));
    }
    tail.extend(unexamined(diagnosis, look));
    let all = "shortened to one screen; `tcpstates doctor | less` shows all of it";
    tail.push(line("", all, Style::new(), look));
    let mut shown = Vec::new();
    for shorten in SHORTER {
        let mut short = first.clone();
        shorten(&mut short);
        shown.clear();
        let mut page = Page::new(&mut shown, look);
        let (_, cause) = findings(diagnosis).next()?;
        // In memory, which cannot fail.
        page.finding(&short, cause, scope(first, diagnosis), look)
            .ok()?;
        if rows(&shown) + 1 + tail.len() <= room {
            break;
        }
    }
    shown.push(b'\n');
    for line in tail {
        shown.extend_from_slice(line.as_bytes());
        shown.push(b'\n');
    }
    Some(shown)
}

/// Ways to shorten a finding, each more than the one before. What to do stays longest.
const SHORTER: [fn(&mut Finding); 4] = [
    |_| {},
    |finding| finding.why = "",
    |finding| {
        finding.why = "";
        finding.evidence.truncate(2);
        finding.remedy.truncate(2);
    },
    |finding| {
        finding.why = "";
        finding.evidence.truncate(1);
        finding.remedy.truncate(1);
        finding.commands.truncate(1);
    },
];

fn rows(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

/// A finding: `CRITICAL    accept-queue: the accept queue of ... is full: ...; nginx (pid 7): 1`.
fn finding_line(finding: &Finding, diagnosis: &Diagnosis, look: Look) -> String {
    let mut text = format!("{}: {}", finding.id, finding.title);
    let holders = processes(&finding.processes);
    let scope = scope(finding, diagnosis).map(str::to_owned);
    let netns = finding.netns.as_ref().map(|name| format!("netns {name}"));
    for more in [netns, holders, scope].into_iter().flatten() {
        text = format!("{text}; {more}");
    }
    let style = style(finding.severity, look);
    line(finding.severity.name(), &text, style, look)
}

/// The names of the rules that were not examined, each once, with a reason that they share; then what
/// else was not.
fn unexamined(diagnosis: &Diagnosis, look: Look) -> Option<String> {
    let (mut named, mut rules, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for (mut ids, reason) in super::unexamined(diagnosis) {
        if ids.is_empty() {
            texts.push(reason.to_owned());
            continue;
        }
        // In several network namespaces, a rule may have several reasons.
        ids.retain(|id| !named.contains(id));
        named.extend_from_slice(&ids);
        match ids.len() {
            0 => {}
            1 => rules.push(ids.join(", ")),
            _ => rules.push(format!("{} ({reason})", ids.join(", "))),
        }
    }
    if !rules.is_empty() {
        texts.insert(0, rules.join(", "));
    }
    (!texts.is_empty()).then(|| line("unexamined", &texts.join("; "), Style::new(), look))
}

/// A label and a text, cut where the terminal ends.
fn line(label: &str, text: &str, style: Style, look: Look) -> String {
    let text = escape::line(text);
    let room = look.width.map(|width| width.saturating_sub(INDENT));
    let cut = room.filter(|room| text.chars().count() > *room);
    let text = match cut {
        None => text,
        Some(room) => {
            let kept = text.chars().take(room.saturating_sub(CUT.len()));
            kept.collect::<String>() + CUT
        }
    };
    format!("{style}{label:INDENT$}{text}{style:#}")
}
