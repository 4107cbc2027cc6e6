//! The rule on hosts made up for it.

use super::*;
use crate::diagnose::testing::{assert_names_settings, facts, service, socket};
use crate::model::{ProcessName, State};

fn orphans(number: u64, limit: &str, resets: (u64, u64)) -> Facts {
    facts()
        .with_setting(Setting::MaxOrphans, limit)
        .with_growth(Counter::Orphans, 0, number)
        .with_growth(Counter::AbortOnMemory, resets.0, resets.1)
}

fn judged(facts: &Facts) -> Examined {
    let (before, seen) = (Before::default(), Orphans::default());
    examine(&before, &seen, facts, &Holders::default())
}

#[test]
fn orphans_warn_at_a_quarter_of_their_limit_and_are_critical_at_it() {
    let severity = |number| {
        let examined = judged(&orphans(number, "100", (0, 0)));
        assert_eq!(examined.lacking, None);
        examined.findings.first().map(|found| found.severity)
    };
    assert_eq!(severity(24), None);
    assert_eq!(severity(25), Some(Severity::Warning));
    assert_eq!(severity(99), Some(Severity::Warning));
    assert_eq!(severity(100), Some(Severity::Critical));
}

#[test]
fn remedies_name_settings_that_help_against_what_the_kernel_counts() {
    let told = |timeout: &str, retries: &str| {
        let facts = orphans(100, "100", (0, 0))
            .with_setting(Setting::FinTimeout, timeout)
            .with_setting(Setting::OrphanRetries, retries);
        let finding = judged(&facts).findings.remove(0);
        assert_names_settings(&finding);
        finding.remedy.join(" ")
    };
    // Up to 60 s FIN_WAIT2 without a process is none of them.
    assert!(!told("60", "0").contains("tcp_fin_timeout"));
    assert!(told("61", "0").contains("Set net.ipv4.tcp_fin_timeout to 60 or less"));
    assert!(told("60", "0").contains("tcp_orphan_retries to less than 8, but not to 0"));
    assert!(told("60", "5").contains("tcp_orphan_retries to less than 5."));
}

#[test]
fn those_that_are_counted_here_are_told_without_what_a_process_holds() {
    let mut seen = Orphans::default();
    let mut closing = socket(State::LastAck, "192.0.2.9:80", "192.0.2.1:5000");
    seen.add_closing(&closing);
    closing.inode = 5;
    seen.add_closing(&closing);
    let facts = orphans(50, "100", (0, 0));
    let found = examine(&Before::default(), &seen, &facts, &Holders::default());
    assert!(
        found.findings[0].evidence[2].contains("namespace 1 in FIN_WAIT1, CLOSING and LAST_ACK")
    );
}

#[test]
fn a_reset_in_the_window_is_critical_also_where_the_limit_is_not_told() {
    assert_eq!(
        judged(&orphans(1, "100", (5, 6))).findings[0].severity,
        Severity::Critical
    );
    let child =
        facts()
            .with_growth(Counter::Orphans, 0, 1)
            .with_growth(Counter::AbortOnMemory, 5, 6);
    let examined = judged(&child);
    assert_eq!(examined.findings[0].severity, Severity::Critical);
    assert!(examined.lacking.unwrap().contains("tcp_max_orphans"));
    let reset = judged(&orphans(1, "100", (6, 0)));
    assert!(reset.findings.is_empty());
    assert!(reset.lacking.unwrap().contains("went back"));
}

#[test]
fn held_ones_warn_from_100_that_stay_and_their_process_is_named() {
    let found = |number: u64, inode: u64| {
        let (mut before, mut seen) = (Before::default(), Orphans::default());
        let mut holders = Holders::default();
        for cookie in 1..=number {
            let mut one = socket(State::FinWait2, "192.0.2.9:40000", "192.0.2.1:80");
            (one.cookie, one.inode) = (Some(cookie), cookie * inode);
            holders.set(one.inode, ProcessName::new(b"half"), 7);
            before.add(&one);
            seen.add(&one, service(&one, &facts()));
        }
        let facts = orphans(0, "100", (0, 0));
        examine(&before, &seen, &facts, &holders).findings
    };
    assert!(found(99, 1).is_empty());
    let held = found(100, 1);
    assert_eq!((held.len(), held[0].severity), (1, Severity::Warning));
    assert_eq!(
        (held[0].processes[0].pid, held[0].processes[0].sockets),
        (7, 100)
    );
    assert!(found(1000, 0).is_empty(), "no process holds these");
}
