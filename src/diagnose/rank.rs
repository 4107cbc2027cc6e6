//! In which order findings are told: worst first, but a cause before what follows from it.

use crate::model::Finding;

/// Orders findings. Each stands right behind its cause, if that was found too, and a cause is as
/// urgent as the worst that follows from it; else the order of the rules remains.
pub(super) fn rank(findings: Vec<Finding>) -> Vec<Finding> {
    let (followers, mut roots): (Vec<_>, Vec<_>) = findings
        .iter()
        .cloned()
        .partition(|finding| cause_of(finding, &findings).is_some());
    let urgency = |root: &Finding| {
        let followers = followers.iter();
        let follows = followers.filter(|follower| follower.causes.contains(&root.id));
        let severities = follows.map(|follower| follower.severity);
        severities.chain([root.severity]).max()
    };
    roots.sort_by_key(|root| std::cmp::Reverse((urgency(root), root.severity)));
    let mut left: Vec<Finding> = followers.clone();
    let mut ranked = Vec::with_capacity(findings.len());
    let last_of_rule = |roots: &[Finding], at: usize| {
        let id = roots.get(at).map(|root| root.id);
        !roots.iter().skip(at + 1).any(|root| Some(root.id) == id)
    };
    for at in 0..roots.len() {
        let Some(root) = roots.get(at) else { break };
        ranked.push(root.clone());
        if last_of_rule(&roots, at) {
            let (mut follow, others): (Vec<_>, Vec<_>) = left
                .into_iter()
                .partition(|follower| follower.causes.contains(&root.id));
            follow.sort_by_key(|follower| std::cmp::Reverse(follower.severity));
            ranked.extend(follow);
            left = others;
        }
    }
    // Causes that are themselves caused by each other.
    ranked.extend(left);
    ranked
}

/// The finding among `others` that causes this one.
fn cause_of<'a>(finding: &Finding, others: &'a [Finding]) -> Option<&'a Finding> {
    others
        .iter()
        .find(|other| other.id != finding.id && finding.causes.contains(&other.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::finding;
    use crate::model::Severity::{Critical, Warning};

    fn ranked(
        findings: &[(
            &'static str,
            crate::model::Severity,
            &'static [&'static str],
        )],
    ) -> Vec<&'static str> {
        let findings = findings.iter().map(|(id, severity, causes)| Finding {
            severity: *severity,
            causes,
            ..finding(id)
        });
        rank(findings.collect())
            .iter()
            .map(|found| found.id)
            .collect()
    }

    #[test]
    fn the_worst_come_first_and_equals_keep_the_order_of_the_rules() {
        let order = ranked(&[
            ("a", Warning, &[]),
            ("b", Critical, &[]),
            ("c", Warning, &[]),
        ]);
        assert_eq!(order, ["b", "a", "c"]);
    }

    #[test]
    fn a_cause_comes_before_what_follows_from_it_and_is_as_urgent() {
        let order = ranked(&[
            ("other", Critical, &[]),
            ("half-open", Critical, &["queue"]),
            ("minor", Warning, &[]),
            ("queue", Warning, &[]),
        ]);
        assert_eq!(order, ["other", "queue", "half-open", "minor"]);
    }

    #[test]
    fn what_could_follow_from_something_that_was_not_found_stands_alone() {
        assert_eq!(ranked(&[("half-open", Warning, &["queue"])]), ["half-open"]);
        let circle = ranked(&[("a", Warning, &["b"]), ("b", Warning, &["a"])]);
        assert_eq!(circle.len(), 2);
    }
}
