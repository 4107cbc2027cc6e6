//! The results of several network namespaces as one: each finding names its namespace, and what is
//! about the host comes from one of them.

use super::rank::rank;
use super::rules::is_about_host;
use super::{Examination, NotExamined};
use crate::model::{Scope, counted};

/// The most namespaces that are named where one reason holds for several.
const MOST_NAMED: usize = 5;

/// A rule that was not applied, or not completely, for the same reason in these namespaces.
struct Lacking {
    rule: NotExamined,
    names: Vec<String>,
}

impl Examination {
    /// Those of network namespaces, which have names where there are several, as one. What is about
    /// the host is taken from the first.
    pub fn join(
        examinations: impl IntoIterator<Item = (Option<String>, Examination)>,
    ) -> Examination {
        let mut all: Option<Examination> = None;
        let mut lacking: Vec<Lacking> = Vec::new();
        for (name, mut one) in examinations {
            let Some(name) = name else { return one };
            for finding in &mut one.findings {
                finding.netns = (finding.scope != Scope::Host).then(|| name.clone());
            }
            let not_examined = std::mem::take(&mut one.not_examined);
            let is_first = all.is_none();
            for rule in not_examined {
                match lacking.iter_mut().find(|other| other.rule == rule) {
                    Some(same) => same.names.push(name.clone()),
                    None if is_first || !is_about_host(rule.id) => lacking.push(Lacking {
                        names: vec![name.clone()],
                        rule,
                    }),
                    None => {}
                }
            }
            match &mut all {
                None => all = Some(one),
                Some(all) => {
                    one.findings.retain(|finding| finding.scope != Scope::Host);
                    all.findings.append(&mut one.findings);
                }
            }
        }
        let mut all = all.unwrap_or_default();
        let is_lacking = |id: &&str| lacking.iter().any(|other| other.rule.id == *id);
        all.examined.retain(|id| !is_lacking(id));
        all.findings = rank(all.findings);
        all.not_examined = lacking.into_iter().map(Lacking::named).collect();
        all
    }
}

impl Lacking {
    /// With the names of the namespaces in the reason, unless it is about the host.
    fn named(self) -> NotExamined {
        let NotExamined { id, reason } = self.rule;
        if is_about_host(id) {
            return NotExamined { id, reason };
        }
        let (shown, others) = self.names.split_at(self.names.len().min(MOST_NAMED));
        let mut names = shown.join(", ");
        if !others.is_empty() {
            let others = counted(others.len() as u64, "other", "others");
            names = format!("{names} and {others}");
        }
        NotExamined {
            id,
            reason: format!("{reason} (netns {names})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::finding;
    use crate::model::Finding;

    fn examined(findings: Vec<Finding>, lacking: &[(&'static str, &str)]) -> Examination {
        let not_examined = lacking.iter().map(|(id, reason)| NotExamined {
            id,
            reason: (*reason).to_owned(),
        });
        Examination {
            findings,
            examined: vec!["half-open", "memory", "orphans"],
            not_examined: not_examined.collect(),
            ..Examination::default()
        }
    }

    #[test]
    fn findings_name_their_namespace_and_those_about_the_host_are_reported_once() {
        let memory = || finding("memory").with_scope(Scope::Host);
        let named = |name: &str, one| (Some(name.to_owned()), one);
        let all = Examination::join([
            named("host", examined(vec![memory(), finding("half-open")], &[])),
            named("blue", examined(vec![memory(), finding("half-open")], &[])),
        ]);
        let found: Vec<(&str, Option<&str>)> = all
            .findings
            .iter()
            .map(|finding| (finding.id, finding.netns.as_deref()))
            .collect();
        assert_eq!(
            found,
            [
                ("memory", None),
                ("half-open", Some("host")),
                ("half-open", Some("blue"))
            ]
        );
    }

    #[test]
    fn a_reason_that_holds_in_several_namespaces_is_given_once() {
        let named = |name: &str, one| (Some(name.to_owned()), one);
        let all = Examination::join([
            named("host", examined(Vec::new(), &[])),
            named(
                "blue",
                examined(Vec::new(), &[("half-open", "why"), ("orphans", "none")]),
            ),
            named("red", examined(Vec::new(), &[("half-open", "why")])),
        ]);
        assert_eq!(all.examined, ["memory", "orphans"]);
        let reasons: Vec<(&str, &str)> = all
            .not_examined
            .iter()
            .map(|not| (not.id, &*not.reason))
            .collect();
        assert_eq!(reasons, [("half-open", "why (netns blue, red)")]);
    }
}
