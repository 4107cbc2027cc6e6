//! Every diagnosis: the line of a healthy host, and invalid arguments.

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

#[test]
fn invalid_doctor_arguments_are_refused_in_one_line() {
    for (words, message) in [
        (
            ["doctor", "--window=0"],
            "--window: `0`: allowed are 0.05s to 24h",
        ),
        (
            ["doctor", "--windw=1"],
            "--windw: no such option; did you mean --window?",
        ),
        (
            ["doctor", "close-wat"],
            "`close-wat`: no such word; did you mean close-wait",
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
