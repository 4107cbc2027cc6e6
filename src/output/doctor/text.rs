//! A diagnosis for people: what is wrong, what proves it, why it matters, what to do.

use std::io::{self, Write};

use super::wrap::{wrap, wrap_command};
use crate::model::{Culprit, Diagnosis, Finding, Severity, counted, thousands};
use crate::output::{Look, escape};

/// Where the text of a finding begins, behind the label of its line.
const INDENT: usize = 12;

/// Lines narrower than this are not broken.
const NARROWEST: usize = 40;

/// How many processes are named.
const NAMED: usize = 5;

/// Writes the findings, or the one line of a healthy host; then what was not examined.
///
/// # Errors
/// The writer's.
pub fn write_diagnosis(out: &mut impl Write, diagnosis: &Diagnosis, look: Look) -> io::Result<()> {
    if diagnosis.findings.is_empty() {
        write_healthy(out, diagnosis, look)?;
    }
    for (at, finding) in diagnosis.findings.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        let before = diagnosis.findings.iter().take(at);
        let cause = before.rev().find(|other| finding.follows_from(other));
        write_finding(out, finding, cause, look)?;
    }
    if !diagnosis.not_examined.is_empty() {
        writeln!(out)?;
    }
    for not in &diagnosis.not_examined {
        let text = format!("{}: {}", not.id, not.reason);
        write_labelled(out, "unexamined", &text, look)?;
    }
    Ok(())
}

fn write_healthy(out: &mut impl Write, diagnosis: &Diagnosis, look: Look) -> io::Result<()> {
    let text = format!(
        "nothing wrong found in {} of {} over {:.1} s; examined: {}",
        counted(diagnosis.total, "TCP socket", "TCP sockets"),
        diagnosis.place,
        diagnosis.window.as_secs_f64(),
        diagnosis.examined.join(", ")
    );
    write_labelled(out, "OK", &text, look)
}

fn write_finding(
    out: &mut impl Write,
    finding: &Finding,
    cause: Option<&Finding>,
    look: Look,
) -> io::Result<()> {
    let style = match finding.severity {
        Severity::Warning => look.attention(),
        Severity::Critical => look.alarm(),
    };
    let mut label = finding.severity.name();
    for line in wrap(&escape::line(&finding.title), text_width(look)) {
        writeln!(out, "{style}{label:INDENT$}{line}{style:#}")?;
        label = "";
    }
    if let Some(cause) = cause {
        write_labelled(out, "  follows", &format!("from: {}", cause.title), look)?;
    }
    let evidence = finding.evidence.iter().cloned();
    write_lines(out, "  evidence", evidence, look)?;
    let processes = processes(&finding.processes);
    write_lines(out, "  held by", processes.into_iter(), look)?;
    write_labelled(out, "  why", finding.why, look)?;
    let numbered = finding.remedy.len() > 1;
    let steps = finding.remedy.iter().zip(1..);
    let steps = steps.map(|(step, number)| match numbered {
        true => format!("{number}. {step}"),
        false => step.clone(),
    });
    write_lines(out, "  do", steps, look)?;
    let commands = finding.commands.iter();
    let lines = commands.flat_map(|command| wrap_command(command, text_width(look)));
    for (at, line) in lines.enumerate() {
        let label = if at == 0 { "  show" } else { "" };
        writeln!(out, "{label:INDENT$}{line}")?;
    }
    Ok(())
}

fn processes(culprits: &[Culprit]) -> Option<String> {
    let (named, others) = culprits.split_at(culprits.len().min(NAMED));
    let mut words: Vec<String> = named
        .iter()
        .map(|c| format!("{} (pid {}): {}", c.name, c.pid, thousands(c.sockets)))
        .collect();
    if !others.is_empty() {
        words.push(format!("{} other processes", others.len()));
    }
    (!words.is_empty()).then(|| words.join(", "))
}

/// Several texts behind one label.
fn write_lines(
    out: &mut impl Write,
    label: &str,
    texts: impl Iterator<Item = String>,
    look: Look,
) -> io::Result<()> {
    for (at, text) in texts.enumerate() {
        write_labelled(out, if at == 0 { label } else { "" }, &text, look)?;
    }
    Ok(())
}

/// A text behind its label, continued below where the terminal ends.
fn write_labelled(out: &mut impl Write, label: &str, text: &str, look: Look) -> io::Result<()> {
    let mut label = label;
    for line in wrap(&escape::line(text), text_width(look)) {
        writeln!(out, "{label:INDENT$}{line}")?;
        label = "";
    }
    Ok(())
}

fn text_width(look: Look) -> Option<usize> {
    let width = look.width?.checked_sub(INDENT)?;
    (width >= NARROWEST).then_some(width)
}
