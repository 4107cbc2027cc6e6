//! A diagnosis as text (what is wrong, the evidence, why it matters, what to do), and as JSON.

mod brief;
mod json;
#[cfg(test)]
mod tests;
mod wrap;

pub use brief::write_diagnosis_brief;
pub use json::write_diagnosis_json;

use std::io::{self, Write};
use std::time::Duration;

use anstyle::Style;

use crate::model::{Culprit, Diagnosis, Finding, Scope, Severity, counted, thousands};
use crate::output::{Look, escape};
pub(super) use wrap::wrap;
use wrap::wrap_command;

/// The column at which text begins, after the label of its line.
const INDENT: usize = 12;

/// Lines narrower than this are not broken.
const NARROWEST: usize = 24;

/// How many processes are named.
const NAMED: usize = 5;

/// Writes the one line of a healthy host, where nothing is wrong; the findings; then what was not
/// examined. On a small terminal, what does not fit is shortened, so that the first finding, which is
/// the worst, stays on the screen.
///
/// # Errors
/// The writer's.
pub fn write_diagnosis(out: &mut impl Write, diagnosis: &Diagnosis, look: Look) -> io::Result<()> {
    let mut full = Vec::new();
    write_whole(&mut full, diagnosis, look)?;
    let shown = brief::one_screen(&full, diagnosis, look).unwrap_or(full);
    out.write_all(&shown)
}

fn write_whole(out: &mut impl Write, diagnosis: &Diagnosis, look: Look) -> io::Result<()> {
    let mut page = Page::new(out, look);
    let is_healthy = diagnosis.worst() <= Some(Severity::Info);
    if is_healthy {
        page.texts("OK", [healthy(diagnosis)])?;
    }
    for (at, (finding, cause)) in findings(diagnosis).enumerate() {
        if at > 0 || is_healthy {
            writeln!(page.out)?;
        }
        page.finding(finding, cause, scope(finding, diagnosis), look)?;
    }
    if !diagnosis.not_examined.is_empty() {
        writeln!(page.out)?;
    }
    for (rules, reason) in unexamined(diagnosis) {
        let text = match rules.is_empty() {
            true => reason.to_owned(),
            false => format!("{}: {reason}", rules.join(", ")),
        };
        page.texts("unexamined", [text])?;
    }
    Ok(())
}

/// What was not examined: the rules for each reason; none where it is about sockets that no rule examines.
fn unexamined(diagnosis: &Diagnosis) -> Vec<(Vec<&str>, &str)> {
    let mut reasons: Vec<(Vec<&str>, &str)> = Vec::new();
    for not in &diagnosis.not_examined {
        let rule = diagnosis.is_rule(not.id).then_some(not.id);
        match reasons.iter_mut().find(|(_, reason)| *reason == not.reason) {
            Some((rules, _)) => rules.extend(rule),
            None => reasons.push((rule.into_iter().collect(), &not.reason)),
        }
    }
    reasons
}

/// How many rules do not support a verdict, before it: `but 1 rule was not examined completely: `.
fn but(diagnosis: &Diagnosis) -> String {
    match diagnosis.incomplete().len() as u64 {
        0 => String::new(),
        rules => format!(
            "but {} not examined completely: ",
            counted(rules, "rule was", "rules were")
        ),
    }
}

/// The findings, each with the one before it that it follows from.
fn findings(diagnosis: &Diagnosis) -> impl Iterator<Item = (&Finding, Option<&Finding>)> {
    let all = &diagnosis.findings;
    all.iter().enumerate().map(|(at, finding)| {
        let mut before = all.iter().take(at).rev();
        (finding, before.find(|other| finding.follows_from(other)))
    })
}

/// For how long the sockets were observed: `1.0 s (suspects over 5.0 s)`.
fn observed(diagnosis: &Diagnosis) -> String {
    let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    let window = seconds(diagnosis.window);
    match diagnosis.watched > diagnosis.window {
        true => format!("{window} (suspects over {})", seconds(diagnosis.watched)),
        false => window,
    }
}

fn healthy(diagnosis: &Diagnosis) -> String {
    let sockets = diagnosis.counted_sockets();
    let (place, window, but) = (&diagnosis.place, observed(diagnosis), but(diagnosis));
    let Some(filter) = &diagnosis.filter else {
        let examined = diagnosis.examined.join(", ");
        return format!(
            "{but}nothing wrong found in {sockets} of {place} over {window}; examined: {examined}"
        );
    };
    let selected_by = match place.names_filter(filter) {
        true => String::new(),
        false => format!(" selected by `{filter}`"),
    };
    let is_wide = |id: &&&str| diagnosis.wide.contains(*id);
    let (wide, selected): (Vec<&str>, Vec<&str>) =
        diagnosis.examined.iter().partition(|id| is_wide(id));
    let [wide, selected] = [wide, selected].map(|ids| ids.join(", "));
    format!(
        "{but}nothing wrong found in {sockets} of {place}{selected_by} over {window}; examined: {selected}; for the whole namespace or host: {wide}"
    )
}

/// Why a finding is not about the sockets that pass the filter alone.
fn scope(finding: &Finding, diagnosis: &Diagnosis) -> Option<&'static str> {
    diagnosis.filter.as_ref()?;
    match finding.scope {
        Scope::Host => Some("the whole host, not only the sockets that pass the filter"),
        Scope::Namespace => {
            Some("the whole network namespace, not only the sockets that pass the filter")
        }
        Scope::Selection | Scope::Socket | Scope::Listener | Scope::Destination => None,
    }
}

/// Lines with labels before them.
struct Page<'a, W> {
    out: &'a mut W,
    /// The most characters after a label; `None` for any number.
    width: Option<usize>,
}

/// The colour of a finding.
fn style(severity: Severity, look: Look) -> Style {
    match severity {
        Severity::Info => Style::new(),
        Severity::Warning => look.attention(),
        Severity::Critical => look.alarm(),
    }
}

impl<'a, W: Write> Page<'a, W> {
    fn new(out: &'a mut W, look: Look) -> Page<'a, W> {
        let width = look.width.and_then(|width| width.checked_sub(INDENT));
        let width = width.filter(|width| *width >= NARROWEST);
        Page { out, width }
    }

    fn finding(
        &mut self,
        finding: &Finding,
        cause: Option<&Finding>,
        scope: Option<&'static str>,
        look: Look,
    ) -> io::Result<()> {
        let style = style(finding.severity, look);
        let title = wrap(&escape::line(&finding.title), self.width);
        self.lines(finding.severity.name(), title, style)?;
        self.texts(
            "  follows",
            cause.map(|cause| format!("from: {}", cause.title)),
        )?;
        self.texts("  netns", &finding.netns)?;
        self.texts("  scope", scope)?;
        self.texts("  evidence", &finding.evidence)?;
        self.texts("  held by", processes(&finding.processes))?;
        let why = Some(finding.why).filter(|why| !why.is_empty());
        self.texts("  why", why)?;
        let numbered = finding.remedy.len() > 1;
        let steps = finding.remedy.iter().zip(1..);
        let steps = steps.map(|(step, number)| match numbered {
            true => format!("{number}. {step}"),
            false => step.clone(),
        });
        self.texts("  do", steps)?;
        let width = self.width;
        let commands = finding.commands.iter();
        let commands = commands.flat_map(|command| wrap_command(command, width));
        self.lines("  show", commands, Style::new())
    }

    /// Texts after a label, each in lines of the page's width.
    fn texts(
        &mut self,
        label: &str,
        texts: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> io::Result<()> {
        let width = self.width;
        let texts = texts.into_iter();
        let lines = texts.flat_map(|text| wrap(&escape::line(text.as_ref()), width));
        self.lines(label, lines, Style::new())
    }

    /// Lines after a label, which only the first one shows.
    fn lines(
        &mut self,
        mut label: &str,
        lines: impl IntoIterator<Item = String>,
        style: Style,
    ) -> io::Result<()> {
        for line in lines {
            writeln!(self.out, "{style}{label:INDENT$}{line}{style:#}")?;
            label = "";
        }
        Ok(())
    }
}

fn processes(culprits: &[Culprit]) -> Option<String> {
    let (named, others) = culprits.split_at(culprits.len().min(NAMED));
    let mut words: Vec<String> = named
        .iter()
        .map(|c| format!("{c}: {}", thousands(c.sockets)))
        .collect();
    if !others.is_empty() {
        words.push(format!("{} other processes", others.len()));
    }
    (!words.is_empty()).then(|| words.join(", "))
}
