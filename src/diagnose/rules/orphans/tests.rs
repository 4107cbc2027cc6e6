//! The rule on hosts made for it.

use super::*;
use crate::diagnose::testing::{assert_names_settings, host, socket};
use crate::model::{Setting, Socket, Timer};

fn orphans(number: u64, limit: &str, resets: (u64, u64)) -> Host {
    host()
        .with_setting(Setting::MaxOrphans, limit)
        .with_growth(Counter::Orphans, 0, number)
        .with_growth(Counter::AbortOnMemory, resets.0, resets.1)
}

/// On a host with this number of orphans in this network namespace.
fn examined(here: u64, host: &Host) -> Examined {
    let closing = socket(State::LastAck, "192.0.2.9:80", "192.0.2.1:5000");
    let mut rule: Orphans = host.read(&[], &[]);
    (0..here).for_each(|_| host.add(&mut rule, &closing));
    host.examine(&rule)
}

#[test]
fn orphans_warn_at_a_quarter_of_their_limit_and_are_critical_at_it() {
    let severity = |number| {
        let examined = examined(number, &orphans(number, "100", (0, 0)));
        assert!(examined.lacking.is_empty());
        examined.findings.first().map(|found| found.severity)
    };
    assert_eq!(severity(24), None);
    assert_eq!(severity(25), Some(Severity::Warning));
    assert_eq!(severity(99), Some(Severity::Warning));
    assert_eq!(severity(100), Some(Severity::Critical));
}

#[test]
fn orphans_in_other_network_namespaces_are_reported_as_not_examined() {
    for (here, host_wide, expected) in [
        (0, 10, None),
        (0, 11, Some("11 of the host's 11 orphans are")),
        (200, 220, None),
        (200, 221, Some("21 of the host's 221 orphans are")),
        (5, 0, None),
    ] {
        let lacking = examined(here, &orphans(host_wide, "10000", (0, 0))).lacking;
        let text = expected.map(|text| format!("{text} not in the network namespace examined"));
        assert_eq!(lacking.first(), text.as_ref());
    }
}

#[test]
fn remedies_name_settings_that_help_against_what_the_kernel_counts() {
    let remedy = |timeout: &str, retries: &str| {
        let host = orphans(100, "100", (0, 0))
            .with_setting(Setting::FinTimeout, timeout)
            .with_setting(Setting::OrphanRetries, retries);
        let finding = examined(100, &host).findings.remove(0);
        assert_names_settings(&finding);
        finding.remedy.join(" ")
    };
    // Up to 60 s FIN_WAIT2 without a process is not counted.
    assert!(!remedy("60", "0").contains("tcp_fin_timeout"));
    assert!(remedy("61", "0").contains("Set net.ipv4.tcp_fin_timeout to 60 or less"));
    assert!(remedy("60", "0").contains("tcp_orphan_retries to less than 8, but not to 0"));
    assert!(remedy("60", "5").contains("tcp_orphan_retries to less than 5."));
}

#[test]
fn orphans_of_this_namespace_are_counted_as_the_kernel_counts_them() {
    let with = |state, inode, kind: Option<TimerKind>| Socket {
        inode,
        timer: kind.map(|kind| Timer {
            kind,
            remaining: std::time::Duration::from_secs(1),
        }),
        ..socket(state, "192.0.2.9:80", "192.0.2.1:5000")
    };
    let host = orphans(50, "100", (0, 0));
    let rule: Orphans = host.read(
        &[],
        &[
            with(State::LastAck, 0, None),
            with(State::LastAck, 5, None),
            with(State::FinWait2, 0, Some(TimerKind::TimeWait)),
            with(State::FinWait2, 0, Some(TimerKind::KeepAlive)),
        ],
    );
    let evidence = &host.examine(&rule).findings[0].evidence;
    assert_eq!(evidence[2], "orphans in the network namespace examined: 2");
}

#[test]
fn a_reset_in_the_window_is_critical_even_if_the_limit_is_unknown() {
    let found = examined(1, &orphans(1, "100", (5, 6))).findings;
    assert_eq!(found[0].severity, Severity::Critical);
    let child =
        host()
            .with_growth(Counter::Orphans, 0, 1)
            .with_growth(Counter::AbortOnMemory, 5, 6);
    let examined_child = examined(1, &child);
    assert_eq!(examined_child.findings[0].severity, Severity::Critical);
    assert!(examined_child.lacking[0].contains("tcp_max_orphans"));
    let reset = examined(1, &orphans(1, "100", (6, 0)));
    assert!(reset.findings.is_empty());
    assert!(reset.lacking[0].contains("went back"));
}
