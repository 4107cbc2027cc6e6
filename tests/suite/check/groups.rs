//! `check --by`: thresholds on each group, the worst named first.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::answer::Checked;
use super::perfdata::of;
use super::{read, read_as};
use crate::namespace::in_namespace;
use crate::owners::holder::{Holder, listener};
use crate::program::run;
use crate::zoo::special::listeners;
use crate::zoo::{Family, SocketCounts, State, Zoo};

in_namespace!(
    fn the_worst_group_sets_the_status_and_the_others_are_listed() {
        let _zoo = Zoo::open(
            &SocketCounts::none()
                .with(Family::V4, State::CloseWait, 5)
                .with(Family::V6, State::CloseWait, 7)
                .with(Family::V6, State::Established, 7)
                .with(Family::V4, State::TimeWait, 3),
        );
        let by = |threshold: &str, more: &str| run(["check", "--by=family", threshold, more]);
        let (text, data) = read_as(&by("-c=close-wait=6", "-w=close-wait=4"), 2);
        assert_eq!(text, "family ipv6: CLOSE_WAIT 7 (> 6) and 1 more group");
        let found = [
            "groups",
            "groups_warning",
            "groups_critical",
            "CLOSE_WAIT_worst",
        ]
        .map(|label| of(&data, label).value);
        assert_eq!(found, [Some(2.0), Some(1.0), Some(1.0), Some(7.0)]);
        assert_eq!(of(&data, "CLOSE_WAIT_worst").critical, "6");
        // Thresholds apply to groups, not to their sum.
        assert_eq!(of(&data, "CLOSE_WAIT").critical, "");
        assert_eq!(of(&data, "CLOSE_WAIT").value, Some(12.0));

        let ran = by("-c=close-wait=6", "-w=close-wait=4");
        let long: Vec<&str> = ran.stdout.lines().skip(2).collect();
        assert_eq!(long, ["WARNING family ipv4: CLOSE_WAIT 5 (> 4)"]);
        let ran = by("-w=total=1", "--top=1");
        assert!(
            ran.stdout.ends_with("\nand 1 more group (--top)\n"),
            "{ran:?}"
        );

        // A share is of the group's own sockets.
        let (text, _) = read_as(&by("-c=close-wait=60%", "-w=total=1:"), 2);
        assert_eq!(text, "family ipv4: CLOSE_WAIT 62.5% (> 60%; 5 of 8)");
        let (text, _) = read_as(&by("-c=close-wait=6:", "-w=total=1:"), 2);
        assert_eq!(text, "family ipv4: CLOSE_WAIT 5 (< 6)");
        let (text, _) = read_as(&by("-c=close-wait=7", "-4"), 0);
        assert_eq!(
            text,
            "1 group by family, at worst family ipv4: CLOSE_WAIT 5"
        );
    }
);

in_namespace!(
    fn json_lists_the_worst_groups_with_their_keys() {
        let _zoo = Zoo::open(
            &SocketCounts::none()
                .with(Family::V4, State::CloseWait, 5)
                .with(Family::V6, State::Established, 7),
        );
        let ran = run(["check", "--by=state", "-w=total=4", "-c=total=6", "--json"]);
        let checked = Checked::of(&ran);
        assert_eq!(ran.status, 2);
        let judged = checked.judged.as_ref().unwrap();
        assert_eq!((judged.groups, judged.warning, judged.critical), (2, 1, 1));
        let groups = checked.groups.as_ref().unwrap();
        let found: Vec<_> = groups
            .iter()
            .map(|group| {
                let metric = &group.metrics[0];
                (
                    group.key["state"].as_str().unwrap(),
                    &*group.status,
                    metric.value,
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                ("ESTABLISHED", "CRITICAL", 7.0),
                ("CLOSE_WAIT", "WARNING", 5.0)
            ]
        );
    }
);

in_namespace!(
    fn a_minimum_fails_when_there_are_no_groups() {
        let (text, _) = read_as(&run(["check", "--by=local-port", "-c=listen=1:"]), 2);
        assert_eq!(text, "no sockets: LISTEN 0 (< 1)");
        let (_, data) = read_as(&run(["check", "--by=local-port", "-c=listen=1"]), 0);
        assert_eq!(of(&data, "groups").value, Some(0.0));
        let _extra = listeners::dual_stack(1);
        read_as(&run(["check", "--by=local-port", "-c=listen=1:"]), 0);
    }
);

in_namespace!(
    fn hostile_process_names_do_not_break_the_line_or_the_perfdata() {
        for name in [
            &b"a|'x'=1;0;0"[..],
            b"two\nlines",
            b"\x1b[31mred",
            b"\xff|",
            b"q'u=o",
        ] {
            let listener = listener();
            let _holder = Holder::named(OsStr::from_bytes(name), &listener);
            drop(listener);
            for threshold in ["-c=total=0", "-w=total=5"] {
                let ran = run(["check", "--by=process,pid", threshold]);
                assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
                let (text, data) = read(&ran);
                assert!(text.contains("process "), "{text}");
                assert_eq!(data.len(), 16, "{data:?}");
                assert_eq!(ran.stdout.lines().count(), 2, "{ran:?}");
            }
        }
    }
);
