//! Diagnoses of copied trees: memory and tracked connections around their limits, which no test can
//! create; and files that are missing or malformed.

use std::fs;

use super::report::Report;
use crate::namespace::in_namespace;
use crate::program::{Ran, run};

/// The report on a tree with an empty table and these files.
#[track_caller]
fn report(files: &[(&str, &str)]) -> Report {
    let root = tempfile::tempdir().unwrap();
    let table = ("net/tcp", "  sl  local_address rem_address   st\n");
    for (name, text) in [&table].into_iter().chain(files) {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Report::of(&run_on(root.path().to_str().unwrap()))
}

fn run_on(root: &str) -> Ran {
    let doctor = ["doctor", "--json", "--window=0.05", "--quiet"];
    run(doctor.into_iter().chain(["--proc-root", root]))
}

fn severity(report: &Report, id: &str) -> Option<String> {
    let found = report.findings_of(id);
    assert!(found.len() < 2, "{report:?}");
    found.first().map(|finding| finding.severity.clone())
}

#[test]
fn tcp_memory_warns_at_the_pressure_mark_and_is_critical_at_the_limit() {
    for (pages, expected) in [
        (383_869, None),
        (383_870, Some("WARNING")),
        (575_801, Some("WARNING")),
        (575_802, Some("CRITICAL")),
    ] {
        let sockstat = format!("TCP: inuse 1 orphan 0 tw 0 alloc 9 mem {pages}\n");
        let report = report(&[
            ("net/sockstat", &sockstat),
            ("sys/net/ipv4/tcp_mem", "287901\t383870\t575802\n"),
        ]);
        assert_eq!(severity(&report, "memory").as_deref(), expected, "{pages}");
        // But for the growth of counters.
        let reason = report.not_examined("memory").unwrap();
        assert_eq!(reason, "counters do not grow in a copied tree");
    }
}

#[test]
fn udp_memory_warns_near_its_first_number_and_is_critical_from_there_on() {
    for (pages, expected) in [
        (460_641, None),
        (460_642, Some("WARNING")),
        (575_801, Some("WARNING")),
        (575_802, Some("CRITICAL")),
    ] {
        let sockstat = format!("TCP: inuse 1 mem 3\nUDP: inuse 9 mem {pages}\n");
        let report = report(&[
            ("net/udp", "   sl  local_address rem_address   st\n"),
            ("net/sockstat", &sockstat),
            ("sys/net/ipv4/udp_mem", "575802\t767736\t1151604\n"),
        ]);
        let found = severity(&report, "udp-memory");
        assert_eq!(found.as_deref(), expected, "{pages}");
        assert_eq!(report.not_examined("udp-memory"), None);
    }
}

#[test]
fn tracked_connections_are_reported_before_the_conntrack_table_is_full() {
    for (count, expected) in [
        ("209715", None),
        ("209716", Some("WARNING")),
        ("249036", Some("WARNING")),
        ("249037", Some("CRITICAL")),
        ("262144", Some("CRITICAL")),
    ] {
        let report = report(&[
            ("sys/net/ipv4/tcp_mem", "287901\t383870\t575802\n"),
            ("sys/net/netfilter/nf_conntrack_count", count),
            ("sys/net/netfilter/nf_conntrack_max", "262144\n"),
        ]);
        assert_eq!(
            severity(&report, "conntrack").as_deref(),
            expected,
            "{count}"
        );
        let reason = report.not_examined("conntrack").unwrap();
        let expected = "dropped packets are unknown: counters do not grow in a copied tree";
        assert_eq!(reason, expected);
    }
}

#[test]
fn a_tree_without_counters_and_settings_reports_what_is_missing() {
    let report = report(&[]);
    assert!(report.findings.is_empty(), "{report:?}");
    for (id, lacks) in [
        ("ephemeral-ports", "ip_local_port_range"),
        ("time-wait", "tcp_max_tw_buckets"),
        ("close-wait", "copied tree"),
        ("orphans", "tcp_max_orphans"),
        ("half-open", "tcp_syncookies"),
        ("accept-queue", "copied tree"),
        ("stuck-peers", "copied tree"),
        ("memory", "net/sockstat"),
        ("udp-memory", "net/sockstat"),
        ("retransmission", "copied tree"),
        ("conntrack", "host's table is not visible"),
    ] {
        let reason = report.not_examined(id).unwrap();
        assert!(reason.contains(lacks), "{id}: {reason}");
    }
}

#[test]
fn a_rule_without_its_limit_is_not_examined() {
    let report = report(&[]);
    assert!(report.findings.is_empty(), "{report:?}");
    assert_eq!(report.source, "proc");
    let reason = report.not_examined("time-wait").unwrap();
    assert!(
        reason.contains("tcp_max_tw_buckets is not in the copied tree"),
        "{reason}"
    );
    assert!(!report.examined.contains(&"time-wait".to_owned()));
}

#[test]
fn a_copied_tree_is_diagnosed_by_its_own_limits() {
    let unchanged = report(&[("sys/net/ipv4/tcp_max_tw_buckets", "1\n")]);
    // Except for the growth of a counter.
    let reason = unchanged.not_examined("time-wait").unwrap();
    assert_eq!(reason, "counters do not grow in a copied tree");
    let full = report(&[("sys/net/ipv4/tcp_max_tw_buckets", "0\n")]);
    assert_eq!(full.finding("time-wait").severity, "CRITICAL");
}

#[test]
fn limits_of_this_host_are_not_applied_to_another_host() {
    let ran = run_on("/proc");
    // Where process 1 is hidden, `/proc` cannot be read as a host's.
    if ran.status == 1 {
        assert!(ran.stderr.contains("--proc-root"), "{ran:?}");
        return;
    }
    let report = Report::of(&ran);
    let reason = report.not_examined("time-wait").unwrap();
    assert!(
        reason.contains("of another network namespace cannot be read from here"),
        "{reason}"
    );
}

#[test]
fn a_table_with_an_unreadable_row_is_diagnosed_as_incomplete() {
    let limit = ("sys/net/ipv4/tcp_max_tw_buckets", "1\n");
    let report = report(&[("net/tcp", "  sl  local_address\n0: broken\n"), limit]);
    assert!(!report.complete && report.warnings.len() == 1, "{report:?}");
}

in_namespace!(
    fn host_wide_limits_are_not_visible_from_a_namespace() {
        let report = Report::after("0.1");
        let memory = report.not_examined("memory").unwrap();
        assert!(
            memory.contains("that of the whole host: net.ipv4.tcp_mem"),
            "{memory}"
        );
        let udp = report.not_examined("udp-memory").unwrap();
        let whole = "UDP's memory is that of the whole host: net.ipv4.udp_mem";
        assert!(udp.contains(whole), "{udp}");
        let conntrack = report.not_examined("conntrack").unwrap();
        assert!(
            conntrack.contains("host's table is not visible"),
            "{conntrack}"
        );
    }
);

#[test]
fn sockets_in_unknown_states_are_not_examined() {
    let row = "   0: 0100007F:1F90 00000000:0000 0E 00000000:00000000 00:00000000 00000000  1000        0 4242 1 ffff 100 0 0 10 0\n";
    let header = "  sl  local_address rem_address   st\n";
    let report = report(&[("net/tcp", &format!("{header}{row}"))]);
    assert_eq!(
        report.not_examined("states"),
        Some("1 socket is in states that this program does not know")
    );
}
