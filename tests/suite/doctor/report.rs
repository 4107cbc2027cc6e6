//! The JSON of `doctor`, read into types that refuse unknown keys.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::program::{Ran, run};
use crate::wait::poll;

/// A diagnosis, version 1.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    pub(crate) version: u32,
    pub(crate) time: String,
    pub(crate) source: String,
    pub(crate) complete: bool,
    pub(crate) total: usize,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) filter: Option<String>,
    pub(crate) window_s: f64,
    pub(crate) findings: Vec<Finding>,
    pub(crate) examined: Vec<String>,
    pub(crate) not_examined: Vec<NotExamined>,
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kind {
    pub(crate) kind: String,
    pub(crate) total: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finding {
    pub(crate) id: String,
    pub(crate) severity: String,
    pub(crate) scope: Option<String>,
    pub(crate) netns: Option<String>,
    pub(crate) title: String,
    pub(crate) subject: BTreeMap<String, serde_json::Value>,
    pub(crate) value: Option<f64>,
    pub(crate) limit: Option<f64>,
    pub(crate) evidence: Vec<String>,
    pub(crate) processes: Vec<Process>,
    pub(crate) commands: Vec<String>,
    pub(crate) why: String,
    pub(crate) remedy: Vec<String>,
    pub(crate) follows_from: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) pid: u32,
    pub(crate) sockets: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotExamined {
    pub(crate) id: String,
    pub(crate) reason: String,
}

impl Report {
    /// The report of a run, whose exit status must fit its findings.
    #[track_caller]
    pub(crate) fn of(ran: &Ran) -> Report {
        let report: Report =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        assert_eq!(report.version, 1);
        let severities = report.findings.iter().map(|found| found.severity.as_str());
        let of_finding = severities.map(|severity| match severity {
            "CRITICAL" => Some(5),
            "WARNING" => Some(4),
            "INFO" => None,
            other => panic!("severity {other}"),
        });
        let complete = if report.complete { 0 } else { 3 };
        let expected = of_finding.max().flatten().unwrap_or(complete);
        assert_eq!(ran.status, expected, "{ran:?}");
        for finding in &report.findings {
            assert!(
                !finding.title.is_empty() && !finding.evidence.is_empty(),
                "{finding:?}"
            );
            assert!(
                !finding.why.is_empty() && !finding.remedy.is_empty(),
                "{finding:?}"
            );
            assert!(!finding.commands.is_empty(), "{finding:?}");
        }
        report
    }

    /// The report on this namespace, after a window of `seconds`.
    #[track_caller]
    pub(crate) fn after(seconds: &str) -> Report {
        Report::of(&run(["doctor", "--json", "--window", seconds]))
    }

    /// The first report that is as expected: the kernel takes time between two ends.
    #[track_caller]
    pub(crate) fn until(is_expected: impl Fn(&Report) -> bool) -> Report {
        Report::until_from(|| Report::after("0.1"), is_expected)
    }

    /// The first report with a warning of one rule.
    #[track_caller]
    pub(crate) fn until_warning(id: &str) -> Report {
        Report::until(|report| {
            let found = report.findings_of(id);
            found.first().is_some_and(|one| one.severity == "WARNING")
        })
    }

    /// The same as [`Report::until`] for reports taken by `take`.
    ///
    /// # Panics
    /// After the deadline, with the last report.
    #[track_caller]
    pub(crate) fn until_from(
        mut take: impl FnMut() -> Report,
        is_expected: impl Fn(&Report) -> bool,
    ) -> Report {
        let mut last = None;
        let found = poll(|| {
            let report = last.insert(take());
            is_expected(report).then_some(())
        });
        match (found, last) {
            (Some(()), Some(report)) => report,
            (_, last) => panic!("no report is as expected; the last one: {last:?}"),
        }
    }

    /// How many sockets of a kind were examined; `None` if it was not selected.
    pub(crate) fn sockets(&self, kind: &str) -> Option<usize> {
        let mut kinds = self.kinds.iter();
        kinds.find(|one| one.kind == kind).map(|one| one.total)
    }

    /// The findings of one rule.
    pub(crate) fn findings_of(&self, id: &str) -> Vec<&Finding> {
        self.findings
            .iter()
            .filter(|found| found.id == id)
            .collect()
    }

    /// The only finding of one rule.
    #[track_caller]
    pub(crate) fn finding(&self, id: &str) -> &Finding {
        match self.findings_of(id)[..] {
            [finding] => finding,
            _ => panic!("not one {id}: {self:?}"),
        }
    }

    /// The reason why a rule was not applied, if it was not.
    pub(crate) fn not_examined(&self, id: &str) -> Option<&str> {
        let not = self.not_examined.iter().find(|not| not.id == id)?;
        Some(&not.reason)
    }
}
