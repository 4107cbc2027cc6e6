//! Every diagnosis: the line of a healthy host, rules that are not examined, invalid arguments.

use super::report::Report;
use crate::namespace::in_namespace;
use crate::program::run;

in_namespace!(
    fn a_healthy_host_gets_one_line_listing_what_was_examined() {
        let report = Report::after("0.1");
        assert!(report.findings.is_empty(), "{report:?}");
        assert!(report.window_s >= 0.1 && report.window_s < 10.0);
        assert!(report.complete && report.warnings.is_empty());
        assert_eq!(report.source, "netlink");
        assert_eq!(report.total, 0);
        assert!(report.time.ends_with('Z'));
        for not in &report.not_examined {
            assert!(!not.reason.is_empty(), "{}", not.id);
        }
        let ran = run(["doctor", "--window=0.1"]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let first = ran.stdout.lines().next().unwrap();
        assert!(first.starts_with("OK"), "{ran:?}");
        for id in &report.examined {
            assert!(first.contains(id.as_str()), "{id}: {first}");
        }
    }
);

/// A copied tree with an empty table and these files.
fn copied(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let table = "  sl  local_address rem_address   st\n";
    for (name, text) in [("net/tcp", table)].iter().chain(files) {
        let path = root.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    root
}

fn report_on(root: &tempfile::TempDir) -> Report {
    let root = root.path().to_str().unwrap();
    let ran = run([
        "doctor",
        "--json",
        "--window=0.05",
        "--quiet",
        "--proc-root",
        root,
    ]);
    Report::of(&ran)
}

#[test]
fn a_rule_without_its_limit_is_not_examined() {
    let report = report_on(&copied(&[]));
    assert!(report.findings.is_empty(), "{report:?}");
    assert_eq!(report.source, "proc");
    let reason = report.not_examined("time-wait").unwrap();
    assert!(
        reason.contains("tcp_max_tw_buckets does not exist"),
        "{reason}"
    );
    assert!(!report.examined.contains(&"time-wait".to_owned()));
}

#[test]
fn a_copied_tree_is_diagnosed_by_its_own_limits() {
    let limit = [("sys/net/ipv4/tcp_max_tw_buckets", "1\n")];
    let report = report_on(&copied(&limit));
    // But for the growth of a counter.
    let reason = report.not_examined("time-wait").unwrap();
    assert_eq!(reason, "counters do not grow in a copied tree");
    let limit = [("sys/net/ipv4/tcp_max_tw_buckets", "0\n")];
    let report = report_on(&copied(&limit));
    assert_eq!(report.finding("time-wait").severity, "CRITICAL");
}

#[test]
fn limits_of_this_host_are_not_applied_to_another_host() {
    let ran = run([
        "doctor",
        "--json",
        "--window=0.05",
        "--quiet",
        "--proc-root",
        "/proc",
    ]);
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
    let root = copied(&[("net/tcp", "  sl  local_address\n0: broken\n"), limit]);
    let report = report_on(&root);
    assert!(!report.complete && report.warnings.len() == 1, "{report:?}");
}

#[test]
fn invalid_doctor_arguments_are_refused_in_one_line() {
    for (words, message) in [
        (
            ["doctor", "--window=0"],
            "--window: `0`: allowed are 0.05 to 86400 seconds",
        ),
        (
            ["doctor", "--windw=1"],
            "--windw: no such option; did you mean --window?",
        ),
        (
            ["doctor", "close-wait"],
            "close-wait: nothing more is expected here",
        ),
        (
            ["--watch=1", "doctor"],
            "`doctor` is a command and comes first",
        ),
    ] {
        let ran = run(words);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.contains(message), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
}
