//! Changes per second, while sockets are opened or closed and while they are not.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use super::answer::Checked;
use super::perfdata::of;
use super::read_as;
use crate::child::Start;
use crate::namespace::in_namespace;
use crate::program::{Ran, command, ran, run};
use crate::wait::wait_for;
use crate::zoo::special::listeners;

/// Runs a check, and calls `change` between its two samples, while one of its threads sleeps.
pub(super) fn with_a_change_between(arguments: &[&str], change: impl FnOnce()) -> Ran {
    let running = command(arguments).start().unwrap();
    let tasks = format!("/proc/{}/task", running.id());
    wait_for("the pause between two samples", || {
        let mut tasks = fs::read_dir(&tasks).unwrap();
        tasks
            .any(|task| sleeps(&task.unwrap().path()))
            .then_some(())
    });
    change();
    ran(running.finish())
}

/// Whether a thread is in clock_nanosleep(2). The first word is the system call, proc(5).
fn sleeps(task: &Path) -> bool {
    let call = fs::read_to_string(task.join("syscall")).unwrap_or_default();
    let number = call
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok());
    number == Some(libc::SYS_clock_nanosleep)
}

in_namespace!(
    fn new_sockets_give_a_positive_rate_beside_count_thresholds() {
        let _before = listeners::dual_stack(1);
        let mut opened = Vec::new();
        let mut with_more = |arguments: &[&str]| {
            with_a_change_between(arguments, || opened.push(listeners::dual_stack(6)))
        };
        let window = "--window=2";
        let ran = with_more(&["check", window, "-c=listen=~:0/s", "-w=listen=1:"]);
        let (text, data) = read_as(&ran, 2);
        assert!(text.starts_with("LISTEN +"), "{text}");
        assert!(text.contains("/s (> 0/s)"), "{text}");
        let rate = of(&data, "LISTEN_rate");
        assert!(rate.value.unwrap() > 0.0, "{data:?}");
        assert_eq!((&*rate.critical, &*rate.unit), ("~:0", ""));
        assert_eq!((rate.least, rate.most), (None, None));

        let arguments = ["check", window, "-c=total=~:0/s", "--by=state", "--json"];
        let checked = Checked::of(&with_more(&arguments));
        let groups = checked.groups.unwrap();
        assert_eq!(groups[0].key["state"], "LISTEN");
        assert!(groups[0].metrics[0].value > 0.0);
        assert_eq!(groups[0].metrics[0].kind, "rate");
    }
);

in_namespace!(
    fn unchanged_sockets_give_a_rate_of_0() {
        let _extra = listeners::dual_stack(7);
        let arguments = [
            "check",
            "--window=0.05",
            "-c=listen=0:0/s",
            "-w=total=-1/s:",
        ];
        let (text, data) = read_as(&run(arguments), 0);
        assert_eq!(text, "total 0/s, LISTEN 0/s");
        assert_eq!(of(&data, "LISTEN_rate").value, Some(0.0));
        assert_eq!(of(&data, "LISTEN").value, Some(7.0));
        let (text, _) = read_as(&run(["check", "--window=0.05", "-c=listen=1/s:"]), 2);
        assert_eq!(text, "LISTEN 0/s (< 1/s)");
    }
);

in_namespace!(
    fn closed_sockets_give_a_negative_rate_per_elapsed_second() {
        let kept = listeners::dual_stack(4);
        let closed = listeners::dual_stack(6);
        let arguments = ["check", "--window=2", "-c=listen=-1/s:", "-w=listen=9:"];
        let ran = with_a_change_between(&arguments, || drop(closed));
        let (text, data) = read_as(&ran, 2);
        assert!(text.starts_with("LISTEN -"), "{text}");
        assert!(
            text.ends_with("/s (< -1/s), warning: LISTEN 4 (< 9)"),
            "{text}"
        );
        // Six in two seconds or a little more.
        let rate = of(&data, "LISTEN_rate").value.unwrap();
        assert!((-3.0..-1.0).contains(&rate), "{rate}");
        drop(kept);
    }
);

in_namespace!(
    fn a_group_that_disappears_between_samples_counts_as_empty() {
        let kept = TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = closed.local_addr().unwrap().port();
        let arguments = ["check", "--by=local-port", "--window=2", "-c=listen=0/s:"];
        let ran = with_a_change_between(&arguments, || drop(closed));
        let (text, data) = read_as(&ran, 2);
        assert!(
            text.starts_with(&format!("local-port {port}: LISTEN -0.")),
            "{text}"
        );
        assert_eq!(of(&data, "groups_critical").value, Some(1.0));
        drop(kept);
    }
);

in_namespace!(
    fn the_only_group_still_counts_after_it_disappears() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = closed.local_addr().unwrap().port();
        let arguments = ["check", "--by=local-port", "--window=1", "-w=listen=-9/s:"];
        let ran = with_a_change_between(&arguments, || drop(closed));
        let (text, data) = read_as(&ran, 0);
        let start = format!("1 group by local-port, at worst local-port {port}: LISTEN -");
        assert!(text.starts_with(&start), "{text}");
        assert_eq!(of(&data, "groups").value, Some(1.0));
    }
);
