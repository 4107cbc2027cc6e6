//! A diagnosis as one line of JSON, of the shape documented in tcpstates(1).

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::Serializer;
use serde_json::{Value, json};

use crate::model::{Culprit, Diagnosis, Field, Finding, Label, NotExamined};
use crate::output::json::{Envelope, write_line};

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    envelope: Envelope,
    window_s: f64,
    findings: Vec<FindingLine<'a>>,
    examined: &'a [&'static str],
    not_examined: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct FindingLine<'a> {
    id: &'static str,
    severity: &'static str,
    title: &'a str,
    subject: Subject<'a>,
    value: f64,
    limit: Option<f64>,
    evidence: &'a [String],
    processes: Vec<Value>,
    commands: Vec<String>,
    why: &'static str,
    remedy: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    follows_from: Option<&'static str>,
}

/// What a finding is about as an object: `{"local_port":443}`.
struct Subject<'a>(&'a [(Field, Label)]);

impl Serialize for Subject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.0.iter();
        serializer.collect_map(pairs.map(|(field, label)| (field.json_key(), label)))
    }
}

/// Writes one object and a line end.
///
/// # Errors
/// The writer's.
pub fn write_diagnosis_json(out: &mut impl Write, diagnosis: &Diagnosis) -> io::Result<()> {
    let observation = &diagnosis.observation;
    let line = Line {
        envelope: Envelope::of(observation, diagnosis.total),
        window_s: diagnosis.window.as_secs_f64(),
        findings: diagnosis
            .findings
            .iter()
            .enumerate()
            .map(|(at, finding)| finding_line(finding, diagnosis.findings.get(..at)))
            .collect(),
        examined: &diagnosis.examined,
        not_examined: diagnosis
            .not_examined
            .iter()
            .map(|NotExamined { id, reason }| json!({"id": id, "reason": reason}))
            .collect(),
        warnings: observation
            .completeness
            .losses()
            .iter()
            .map(ToString::to_string)
            .collect(),
    };
    write_line(out, &line)
}

fn finding_line<'a>(finding: &'a Finding, before: Option<&[Finding]>) -> FindingLine<'a> {
    let mut before = before.unwrap_or_default().iter().rev();
    let processes = finding.processes.iter();
    let processes = processes.map(
        |Culprit { name, pid, sockets }| json!({"name": name, "pid": pid, "sockets": sockets}),
    );
    FindingLine {
        id: finding.id,
        severity: finding.severity.name(),
        title: &finding.title,
        subject: Subject(&finding.subject),
        value: finding.value,
        limit: finding.limit,
        evidence: &finding.evidence,
        processes: processes.collect(),
        commands: finding.commands.iter().map(ToString::to_string).collect(),
        why: finding.why,
        remedy: &finding.remedy,
        follows_from: before
            .find(|other| finding.follows_from(other))
            .map(|cause| cause.id),
    }
}
