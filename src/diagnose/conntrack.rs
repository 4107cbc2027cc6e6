//! The table of tracked connections against its maximum.
//!
//! Each network namespace has a table of its own; the maximum is that of the initial one, which caps
//! all others (`__nf_conntrack_alloc`, net/netfilter/nf_conntrack_core.c). From a child namespace
//! the table of the host, which its packets may cross as well, cannot be seen.

use super::facts::Facts;
use super::rule::Examined;
use crate::model::{Finding, Setting, Severity, thousands};

/// The rule's name.
pub(super) const ID: &str = "conntrack";

/// From this part of the maximum on it warns.
const WARNING_SHARE: f64 = 0.8;

/// From this part on the kernel ends tracked connections before their time, once the table has been
/// full (`nf_conntrack_max95` in `gc_worker`, net/netfilter/nf_conntrack_core.c).
const CRITICAL_SHARE: f64 = 0.95;

const WHY: &str = "When the table is full, a new connection takes the place of one that was never established; where the kernel finds none, its first packet is dropped, and the log says `nf_conntrack: table full, dropping packet`.";

/// Compares the entries with the most there may be.
pub(super) fn examine(facts: &Facts) -> Examined {
    let count = facts.settings.number(Setting::ConntrackCount);
    let max = facts.settings.number(Setting::ConntrackMax);
    // Only the initial network namespace has it.
    let is_initial = facts.settings.numbers::<3>(Setting::Mem).is_ok();
    let (finding, absent) = match (count, max) {
        (Ok(count), Ok(max)) => (judge(count, max), None),
        (Err(reason), _) | (_, Err(reason)) => (None, Some(reason)),
    };
    let lacking = match (is_initial, absent) {
        (true, None) => None,
        (true, Some(reason)) => Some(format!(
            "{reason}; where nothing is tracked there is no table"
        )),
        (false, None) => Some(
            "the host's table is not visible from this network namespace; its own is examined"
                .to_owned(),
        ),
        (false, Some(reason)) => Some(format!(
            "the host's table is not visible from here: {reason}"
        )),
    };
    Examined {
        findings: finding.into_iter().collect(),
        lacking,
    }
}

fn judge(count: u64, max: u64) -> Option<Finding> {
    let share = count as f64 / max as f64;
    let severity = match share {
        // No maximum.
        _ if max == 0 => return None,
        share if share >= CRITICAL_SHARE => Severity::Critical,
        share if share >= WARNING_SHARE => Severity::Warning,
        _ => return None,
    };
    let (count_name, max_name) = (Setting::ConntrackCount.name(), Setting::ConntrackMax.name());
    Some(Finding {
        id: ID,
        severity,
        title: format!(
            "{} connections are tracked, of {} that {max_name} allows",
            thousands(count),
            thousands(max)
        ),
        subject: Vec::new(),
        value: Some(count as f64),
        limit: Some(max as f64),
        evidence: vec![format!(
            "{count_name} is {:.1} % of {max_name}; from 95 % on the kernel ends entries before their time, once the table has been full",
            share * 100.0
        )],
        processes: Vec::new(),
        commands: vec!["tcpstates --by service --top 10".to_owned()],
        why: WHY,
        remedy: vec![
            "Keep connections open and use them again: every new one takes an entry, and keeps it for minutes after it ends.".to_owned(),
            "Do not track what needs no tracking: `notrack` in the raw hook of nftables for loopback and busy services.".to_owned(),
            format!("Raise {max_name} in the initial network namespace; an entry takes some 300 bytes."),
            format!(
                "Lower {} from its five days to above the longest idle time of your connections.",
                Setting::ConntrackEstablished.name()
            ),
        ],
        // An entry outlives its connection, as TIME_WAIT does.
        causes: &["time-wait"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{assert_names_settings, facts};

    fn table(count: &str, max: &str) -> Facts {
        facts()
            .with_setting(Setting::ConntrackCount, count)
            .with_setting(Setting::ConntrackMax, max)
    }

    #[test]
    fn it_warns_at_four_fifths_and_is_critical_from_where_entries_are_ended() {
        for (count, severity) in [
            ("799", None),
            ("800", Some(Severity::Warning)),
            ("949", Some(Severity::Warning)),
            ("950", Some(Severity::Critical)),
            ("1000", Some(Severity::Critical)),
        ] {
            let facts = table(count, "1000").with_setting(Setting::Mem, "1 2 3");
            let examined = examine(&facts);
            let found = examined.findings.first().map(|finding| finding.severity);
            assert_eq!((found, examined.lacking), (severity, None), "{count}");
            examined.findings.iter().for_each(assert_names_settings);
        }
    }

    #[test]
    fn a_maximum_of_0_is_none() {
        assert!(examine(&table("0", "0")).findings.is_empty());
        assert!(examine(&table("5", "0")).findings.is_empty());
    }

    #[test]
    fn a_child_namespace_judges_its_own_table_and_says_that_there_is_another() {
        let child = examine(&table("950", "1000"));
        assert_eq!(child.findings.len(), 1);
        assert!(
            child
                .lacking
                .unwrap()
                .contains("host's table is not visible")
        );
        let without = examine(&facts());
        assert!(without.findings.is_empty());
        assert!(
            without
                .lacking
                .unwrap()
                .contains("not visible from here: net.netfilter")
        );
        let unloaded = examine(&facts().with_setting(Setting::Mem, "1 2 3"));
        assert!(unloaded.lacking.unwrap().contains("nf_conntrack_count"));
    }
}
