//! Thresholds on counts, totals and shares of a zoo.

use super::answer::Checked;
use super::perfdata::of;
use super::{NOT_JUDGED, read, read_as};
use crate::namespace::in_namespace;
use crate::program::run;
use crate::zoo::special::mptcp;
use crate::zoo::{Family, SocketCounts, State, Zoo};

/// 30 CLOSE_WAIT and 90 others.
fn sockets() -> SocketCounts {
    SocketCounts::none()
        .with(Family::V4, State::CloseWait, 10)
        .with(Family::V6, State::CloseWait, 20)
        .with(Family::V4, State::Established, 50)
        .with(Family::V6, State::TimeWait, 40)
}

in_namespace!(
    fn every_kind_of_range_alerts_exactly_outside_its_bounds() {
        let _zoo = Zoo::open(&sockets());
        for (range, alerts) in [
            ("29", true),
            ("30", false),
            ("31", false),
            ("29:", false),
            ("30:", false),
            ("31:", true),
            ("~:29", true),
            ("~:30", false),
            ("10:29", true),
            ("30:40", false),
            ("31:40", true),
            ("@29", false),
            ("@30", true),
            ("@30:", true),
            ("@31:", false),
            ("@10:30", true),
            ("@10:29", false),
            ("@31:40", false),
            // Exactly a quarter.
            ("24.999999%", true),
            ("25%", false),
            ("25%:", false),
            ("25.000001%:", true),
            ("@25%", true),
            ("@24%:26%", true),
            ("@25.1%:", false),
        ] {
            let threshold = format!("close-wait={range}");
            for (option, status) in [("-w", 1), ("-c", 2)] {
                let ran = run(["check", option, &threshold]);
                let status = if alerts { status } else { 0 };
                assert_eq!(ran.status, status, "{option} {threshold}: {ran:?}");
                read(&ran);
            }
        }
    }
);

in_namespace!(
    fn every_status_prints_the_reason_first_and_all_perfdata_after_it() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        let by_state = zoo.expected().by_state();
        let total = zoo.expected().total();
        let close_wait = by_state["CLOSE_WAIT"];
        let above = format!("close-wait={}", close_wait - 1);
        let far = format!("close-wait={}", close_wait + 1);
        for (warning, critical, status, text) in [
            (&far, &far, 0, format!("CLOSE_WAIT {close_wait}")),
            (
                &above,
                &far,
                1,
                format!("CLOSE_WAIT {close_wait} (> {})", close_wait - 1),
            ),
            (
                &above,
                &above,
                2,
                format!("CLOSE_WAIT {close_wait} (> {})", close_wait - 1),
            ),
        ] {
            let ran = run(["check", "-w", warning, "-c", critical]);
            let (found, data) = read_as(&ran, status);
            assert_eq!(found, text);
            let mut names: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
            names.extend(["total", "spread"]);
            let labels: Vec<&str> = data.iter().map(|datum| &*datum.label).collect();
            assert_eq!(labels, names);
            for datum in &data {
                let expected = match &*datum.label {
                    "total" => total,
                    "spread" => 0,
                    state => by_state[state],
                };
                assert_eq!(datum.value.unwrap().to_string(), expected.to_string());
                assert_eq!(
                    (datum.least, datum.most, &*datum.unit),
                    (Some(0.0), None, "")
                );
            }
            let judged = of(&data, "CLOSE_WAIT");
            assert_eq!(format!("close-wait={}", judged.warning), *warning);
            assert_eq!(format!("close-wait={}", judged.critical), *critical);
        }
        let (text, data) = read_as(&run(["check"]), 0);
        assert_eq!(text, format!("{total} TCP sockets{NOT_JUDGED}"));
        assert_eq!(data.len(), 13);
    }
);

in_namespace!(
    fn several_thresholds_are_reported_worst_first() {
        let _zoo = Zoo::open(&sockets());
        let ran = run([
            "check",
            "-w=close-wait=10,established=40:",
            "-w=total=100",
            "-c=close-wait=20%",
            "-c=total=~:119",
        ]);
        let (text, data) = read_as(&ran, 2);
        assert_eq!(
            text,
            "total 120 (> 119), CLOSE_WAIT 25% (> 20%; 30 of 120), warning: CLOSE_WAIT 30 (> 10)"
        );
        let share = of(&data, "CLOSE_WAIT_share");
        assert_eq!((share.value, &*share.unit), (Some(25.0), "%"));
        assert_eq!((share.least, share.most), (Some(0.0), Some(100.0)));
        assert_eq!((&*share.warning, &*share.critical), ("", "20"));
        assert_eq!(of(&data, "total").critical, "~:119");
        assert_eq!(of(&data, "ESTABLISHED").warning, "40:");
        let long = ran.stdout.lines().nth(1).unwrap();
        assert_eq!(
            long,
            "ESTABLISHED 50, CLOSE_WAIT 30, TIME_WAIT 40, total 120"
        );
    }
);

in_namespace!(
    fn filters_and_states_narrow_the_counts_and_the_base_of_shares() {
        let _zoo = Zoo::open(&sockets());
        for (narrow, share) in [
            (&["-4"][..], "16.67% (10 of 60)"),
            (&["--state", "close-wait,time-wait"], "42.86% (30 of 70)"),
            (
                &["state close-wait or state established"],
                "37.5% (30 of 80)",
            ),
            (&["family = ipv6 and state = close-wait"], "100% (20 of 20)"),
        ] {
            let ran = run([&["check", "-w", "close-wait=100%"], narrow].concat());
            let (text, data) = read_as(&ran, 0);
            assert_eq!(text, format!("CLOSE_WAIT {share}"));
            let has_listen = data.iter().any(|datum| datum.label == "LISTEN");
            assert_eq!(has_listen, narrow == ["-4"]);
        }
    }
);

in_namespace!(
    fn without_sockets_every_count_and_share_is_0() {
        let (text, _) = read_as(&run(["check", "-w", "close-wait=50%"]), 0);
        assert_eq!(text, "CLOSE_WAIT 0% (0 of 0)");
        read_as(&run(["check", "-c", "established=1:"]), 2);
        read_as(&run(["check", "-c", "total=@0"]), 2);
    }
);

in_namespace!(
    fn json_agrees_with_the_status_line() {
        let _zoo = Zoo::open(&sockets());
        let arguments = [
            "check",
            "-w=close-wait=10",
            "-c=close-wait=20%,established=10:",
        ];
        let (text, _) = read_as(&run(arguments), 2);
        let ran = run([&arguments[..], &["--json"]].concat());
        let checked = Checked::of(&ran);
        assert_eq!(checked.reasons.join(", "), text);
        assert_eq!(checked.source.as_deref(), Some("netlink"));
        assert_eq!((checked.complete, checked.total), (true, Some(120)));
        let close_wait = checked.metric("CLOSE_WAIT");
        assert_eq!((close_wait.value, &*close_wait.kind), (30.0, "count"));
        assert_eq!(close_wait.status.as_deref(), Some("WARNING"));
        assert_eq!(close_wait.warning.as_deref(), Some("10"));
        assert_eq!(close_wait.critical, None);
        let share = checked.metric("CLOSE_WAIT_share");
        assert_eq!(
            (share.value, share.sockets, share.of),
            (25.0, Some(30), Some(120))
        );
        assert_eq!(share.status.as_deref(), Some("CRITICAL"));
        assert_eq!(checked.metric("LISTEN").status, None);
        assert_eq!(checked.metric("ESTABLISHED").status.as_deref(), Some("OK"));
        assert_eq!(checked.metrics.len(), 13);
        assert_eq!((checked.judged, checked.groups), (None, None));
        assert!(checked.warnings.is_empty());
    }
);

in_namespace!(
    fn derived_and_proc_counts_are_checked_too() {
        let _zoo = Zoo::open(&sockets());
        let ran = run(["check", "--source=netlink+counters", "-c=established=49"]);
        let (text, _) = read_as(&ran, 2);
        assert_eq!(text, "ESTABLISHED 50 (> 49)");
        let ran = run(["check", "--source=proc", "-c=established=50", "-v"]);
        let (text, _) = read_as(&ran, 0);
        assert_eq!(text, "ESTABLISHED 50");
        assert!(ran.stdout.contains("\nplan: read every row"), "{ran:?}");
    }
);

in_namespace!(
    fn a_process_that_does_not_exist_leaves_nothing_to_judge() {
        let none = "there is no process called nosuchprogram";
        let missing = format!("{none}: nothing was judged");
        let filter = ["process", "=", "nosuchprogram"];
        for (threshold, status, expected) in [
            ("-w=close-wait=10", 3, missing.clone()),
            ("-w=accept-queue=80%", 3, missing.clone()),
            ("-w=total=1:", 1, format!("total 0 (< 1), {none}")),
            ("-c=total=1:", 2, format!("total 0 (< 1), {none}")),
        ] {
            let arguments = [&["check", threshold][..], &filter].concat();
            let ran = run(arguments);
            let (text, _) = read_as(&ran, status);
            assert_eq!(text, expected, "{threshold}");
        }
        let ran = run([&["check", "--json", "-w=close-wait=10"][..], &filter].concat());
        let checked = Checked::of(&ran);
        let metric = checked.metric("CLOSE_WAIT");
        assert_eq!(metric.status.as_deref(), Some("UNKNOWN"), "{ran:?}");
        let by = ["check", "--by=state", "-w=close-wait=10"];
        let ran = run([&by[..], &filter].concat());
        assert_eq!(read_as(&ran, 3).0, missing);
        // Other sockets match these, or may.
        for filter in [
            "not process = nosuchprogram",
            "process = nosuchprogram or sport = :80",
        ] {
            read_as(&run(["check", "-w=close-wait=10", filter]), 0);
        }
    }
);

in_namespace!(
    fn mptcp_sockets_are_in_the_long_text() {
        let ran = run(["check", "-w=close-wait=10"]);
        assert!(!ran.stdout.contains("MPTCP"), "{ran:?}");
        let connections = mptcp::connections(Family::V4, 2);
        let ran = run(["check", "-w=close-wait=10"]);
        let note = "\nnote: CLOSE_WAIT of MPTCP sockets is not counted (5 exist)";
        assert!(ran.stdout.contains(note), "{ran:?}");
        read_as(&ran, 0);
        // Not where these are counted.
        let ran = run(["check", "-A", "tcp,mptcp", "-w=close-wait=10"]);
        assert!(ran.status == 0 && !ran.stdout.contains("note:"), "{ran:?}");
        drop(connections);
    }
);
