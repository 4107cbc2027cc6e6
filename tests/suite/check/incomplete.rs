//! Incomplete samples: UNKNOWN, unless the sockets that were read are too many already.

use std::fs;
use std::path::Path;

use super::answer::Checked;
use super::perfdata::of;
use super::rates::with_a_change_between;
use super::read_as;
use crate::program::run;

/// A table with three ESTABLISHED and a malformed row.
fn broken_tree() -> tempfile::TempDir {
    let copy = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/proc/net/tcp");
    let table = fs::read_to_string(Path::new(copy)).unwrap();
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("net")).unwrap();
    fs::write(root.path().join("net/tcp"), table + "   9: what?\n").unwrap();
    root
}

#[test]
fn an_incomplete_sample_can_only_prove_an_exceeded_maximum() {
    let root = broken_tree();
    let root = format!("--proc-root={}", root.path().display());
    for (threshold, status, start) in [
        (
            "-c=established=2",
            2,
            "ESTABLISHED at least 3 (> 2), incomplete: 1 record",
        ),
        (
            "-c=established=@3:",
            2,
            "ESTABLISHED at least 3 (>= 3), incomplete:",
        ),
        (
            "-c=established=3",
            3,
            "incomplete: 1 record could not be read",
        ),
        ("-w=established=2", 3, "incomplete:"),
        ("-c=established=4:", 3, "incomplete:"),
        ("-c=established=@3:5", 3, "incomplete:"),
        ("-c=established=10%", 3, "incomplete:"),
        ("-c=established=1/s:", 3, "incomplete:"),
        ("-w=total=100", 3, "incomplete:"),
    ] {
        let ran = run(["check", threshold, "--window=0.05", &root]);
        let ran = if threshold.contains("/s") {
            ran
        } else {
            run(["check", threshold, &root])
        };
        let (text, data) = read_as(&ran, status);
        assert!(text.starts_with(start), "{threshold}: {text}");
        assert_eq!(of(&data, "ESTABLISHED").value, None, "{threshold}");
        assert!(
            ran.stdout.lines().nth(1).unwrap().ends_with(", incomplete"),
            "{ran:?}"
        );
    }
    let (text, data) = read_as(&run(["check", "--by=local-port", "-c=total=0", &root]), 2);
    assert!(text.contains("total at least "), "{text}");
    let found = ["groups", "groups_critical", "total_worst"].map(|label| of(&data, label).value);
    assert_eq!(found, [None; 3]);
    read_as(&run(["check", &root]), 3);
}

#[test]
fn an_incomplete_first_sample_makes_the_rate_unknown() {
    let tree = broken_tree();
    let root = format!("--proc-root={}", tree.path().display());
    let table = tree.path().join("net/tcp");
    for (count, status) in [("established=3", 3), ("established=2", 2)] {
        let broken = fs::read_to_string(&table).unwrap();
        let arguments = ["check", "-w=total=~:5/s", "-c", count, "--window=1", &root];
        let ran = with_a_change_between(&arguments, || {
            fs::write(&table, broken.replace("   9: what?\n", "")).unwrap();
        });
        let (text, data) = read_as(&ran, status);
        assert!(text.contains("incomplete: 1 record"), "{text}");
        assert_eq!(of(&data, "total_rate").value, None);
        // The last sample is complete.
        assert_eq!(
            text.starts_with("ESTABLISHED 3 (> 2), "),
            status == 2,
            "{text}"
        );
        fs::write(&table, broken).unwrap();
    }
}

#[test]
fn json_reports_an_incomplete_sample_with_its_warning() {
    let root = broken_tree();
    let root = format!("--proc-root={}", root.path().display());
    let checked = Checked::of(&run(["check", "--json", "-c=established=2", &root]));
    assert_eq!((checked.complete, &*checked.status), (false, "CRITICAL"));
    assert_eq!(checked.warnings.len(), 1, "{checked:?}");
    let checked = Checked::of(&run(["check", "--json", "-c=established=3", &root]));
    assert_eq!(
        checked.metric("ESTABLISHED").status.as_deref(),
        Some("UNKNOWN")
    );
}

#[test]
fn an_unreadable_source_is_unknown() {
    let nowhere = "--proc-root=/nowhere";
    let ran = run(["check", "-c=established=2", nowhere]);
    let (text, data) = read_as(&ran, 3);
    assert!(
        text.contains("--proc-root: /nowhere: No such file"),
        "{text}"
    );
    assert!(data.is_empty());
    let checked = Checked::of(&run(["check", "--json", nowhere]));
    assert_eq!((checked.source, checked.total), (None, None));
    assert!(checked.metrics.is_empty());
}
