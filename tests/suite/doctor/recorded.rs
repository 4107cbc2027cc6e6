//! Situations that no test can create, from copied trees: memory and tracked connections around
//! their limits; and files that are missing from a tree.

use std::fs;
use std::path::Path;

use super::report::Report;
use crate::namespace::in_namespace;
use crate::program::run;

/// The report on a tree with an empty table and these files.
fn report(files: &[(&str, &str)]) -> Report {
    let root = tempfile::tempdir().unwrap();
    write(
        root.path(),
        "net/tcp",
        "  sl  local_address rem_address   st\n",
    );
    for (name, text) in files {
        write(root.path(), name, text);
    }
    let root = root.path().to_str().unwrap();
    Report::of(&run([
        "doctor",
        "--json",
        "--window=0.05",
        "--proc-root",
        root,
    ]))
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
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
        assert_eq!(report.not_examined("conntrack"), None);
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
        ("retransmission", "copied tree"),
        ("conntrack", "host's table is not visible"),
    ] {
        let reason = report.not_examined(id).unwrap();
        assert!(reason.contains(lacks), "{id}: {reason}");
    }
}

in_namespace!(
    fn host_wide_limits_are_not_visible_from_a_namespace() {
        let report = Report::after("0.1");
        let memory = report.not_examined("memory").unwrap();
        assert!(
            memory.contains("that of the whole host: net.ipv4.tcp_mem"),
            "{memory}"
        );
        let conntrack = report.not_examined("conntrack").unwrap();
        assert!(
            conntrack.contains("host's table is not visible"),
            "{conntrack}"
        );
    }
);
