//! What holds of every diagnosis: a healthy host, its one line, what is not examined.

use super::report::Report;
use crate::namespace::in_namespace;
use crate::program::run;

in_namespace!(
    fn a_healthy_host_gets_one_line_that_says_what_was_looked_at() {
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
