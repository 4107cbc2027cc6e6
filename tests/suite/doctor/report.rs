//! The JSON of `doctor`, as somebody else would read it: no key is accepted that is not known.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::program::{Ran, run};

/// Far more than anything takes; reached only when something is wrong.
const DEADLINE: Duration = Duration::from_secs(20);

/// A diagnosis, version 1.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    pub(crate) version: u32,
    pub(crate) time: String,
    pub(crate) source: String,
    pub(crate) complete: bool,
    pub(crate) total: usize,
    pub(crate) window_s: f64,
    pub(crate) findings: Vec<Finding>,
    pub(crate) examined: Vec<String>,
    pub(crate) not_examined: Vec<NotExamined>,
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finding {
    pub(crate) id: String,
    pub(crate) severity: String,
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
    /// What one run said; its exit status must fit its findings.
    #[track_caller]
    pub(crate) fn of(ran: &Ran) -> Report {
        let report: Report =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        assert_eq!(report.version, 1);
        let severities = report.findings.iter().map(|found| found.severity.as_str());
        let expected = match severities.min() {
            Some("CRITICAL") => 5,
            Some("WARNING") => 4,
            None if report.complete => 0,
            None => 3,
            Some(other) => panic!("severity {other}"),
        };
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

    /// What `doctor` says here, after a window of `seconds`.
    #[track_caller]
    pub(crate) fn after(seconds: &str) -> Report {
        Report::of(&run(["doctor", "--json", "--window", seconds]))
    }

    /// The first diagnosis that is as `expected`: what the kernel does between two ends takes time.
    #[track_caller]
    pub(crate) fn until(expected: impl Fn(&Report) -> bool) -> Report {
        let start = Instant::now();
        loop {
            let report = Report::after("0.1");
            if expected(&report) {
                return report;
            }
            assert!(start.elapsed() < DEADLINE, "{report:?}");
        }
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

    /// Why a rule was not applied, if it was not.
    pub(crate) fn not_examined(&self, id: &str) -> Option<&str> {
        let not = self.not_examined.iter().find(|not| not.id == id)?;
        Some(&not.reason)
    }
}
