//! A diagnosis as one line of JSON, of the shape documented in tcpstates-doctor(1).

use std::io::{self, Write};

use serde::Serialize;

use super::findings;
use crate::model::{Diagnosis, Finding, NotExamined};
use crate::output::json::{Envelope, losses, write_line};

#[derive(Serialize)]
struct DiagnosisLine<'a> {
    #[serde(flatten)]
    envelope: Envelope,
    kinds: Vec<KindLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<&'a str>,
    window_s: f64,
    findings: Vec<FindingLine<'a>>,
    examined: &'a [&'static str],
    not_examined: &'a [NotExamined],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct KindLine {
    kind: &'static str,
    total: u64,
}

#[derive(Serialize)]
struct FindingLine<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    #[serde(skip_serializing_if = "Option::is_none")]
    follows_from: Option<&'static str>,
}

/// Writes one object and a line end.
///
/// # Errors
/// The writer's.
pub fn write_diagnosis_json(out: &mut impl Write, diagnosis: &Diagnosis) -> io::Result<()> {
    let observation = &diagnosis.observation;
    let findings = findings(diagnosis).map(|(finding, cause)| FindingLine {
        finding,
        follows_from: cause.map(|cause| cause.id),
    });
    let kinds = diagnosis.kinds.iter().map(|(kind, total)| KindLine {
        kind: kind.name(),
        total: *total,
    });
    let line = DiagnosisLine {
        envelope: Envelope::of(observation, diagnosis.total),
        kinds: kinds.collect(),
        filter: diagnosis.filter.as_deref(),
        window_s: diagnosis.window.as_secs_f64(),
        findings: findings.collect(),
        examined: &diagnosis.examined,
        not_examined: &diagnosis.not_examined,
        warnings: losses(observation),
    };
    write_line(out, &line)
}
