//! What came of one rule.

use crate::model::Finding;

/// The findings of a rule, and what kept it from finding more.
#[derive(Debug, Default)]
pub(super) struct Examined {
    /// What is wrong.
    pub(super) findings: Vec<Finding>,
    /// Why the rule was not applied, or not in full: a sentence without a full stop.
    pub(super) lacking: Option<String>,
}

impl Examined {
    /// The rule was applied.
    pub(super) fn found(findings: impl IntoIterator<Item = Finding>) -> Examined {
        Examined {
            findings: findings.into_iter().collect(),
            lacking: None,
        }
    }

    /// The rule could not be applied.
    pub(super) fn lacking(reason: impl Into<String>) -> Examined {
        Examined {
            findings: Vec::new(),
            lacking: Some(reason.into()),
        }
    }
}

/// From a rule written with `?`: what it needs and lacks is its error.
impl<F: IntoIterator<Item = Finding>> From<Result<F, String>> for Examined {
    fn from(result: Result<F, String>) -> Examined {
        match result {
            Ok(findings) => Examined::found(findings),
            Err(reason) => Examined::lacking(reason),
        }
    }
}
