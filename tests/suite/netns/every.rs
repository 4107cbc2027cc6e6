//! `-N all`: every namespace that is found, each once. The scripts see their own processes only; other
//! namespaces of the machine may be mounted besides.

use std::process::Stdio;

use rustix::thread::UnshareFlags;

use super::{Named, make_directory};
use crate::mounts::run_in_pid_namespace;
use crate::namespace::in_namespace;
use crate::program::Ran;

/// A process in blue, and two more mounts of it.
const TWICE: &str = "mount -t proc proc /proc || exit 99
    touch /run/one /run/other
    mount --bind /run/netns/blue /run/one && mount --bind /run/netns/blue /run/other
    nsenter --net=/run/netns/blue sleep 600 & unshare --net sleep 600 &
    until grep -qs sleep /proc/$!/comm; do sleep 0.01; done\n";

pub(crate) fn run_script(script: &str) -> Ran {
    run_in_pid_namespace(&format!("{TWICE}{script}"), Stdio::null(), |_| {})
}

/// How many lines of the standard output hold this word.
fn lines_with(ran: &Ran, word: &str) -> usize {
    let mut lines = ran.stdout.lines();
    let words = |line: &str| line.split_whitespace().any(|one| one == word);
    lines.by_ref().filter(|line| words(line)).count()
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn every_namespace_is_listed_once_however_many_files_lead_to_it() {
        make_directory();
        let named = ["blue", "red"].map(|name| Named::with_connections(name, 2));
        let own = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = |listener: &std::net::TcpListener| listener.local_addr().unwrap().to_string();
        let mut listeners = vec![address(&own)];
        listeners.extend(named.iter().map(|one| address(&one.open.listener)));
        for options in [
            "",
            "-l",
            "--source netlink",
            "--source proc",
            "--sort state",
        ] {
            let ran = run_script(&format!("$PROGRAM list -H -N all {options}"));
            // Processes of other pid namespaces are not visible.
            assert_eq!(ran.status, 3, "{ran:?}");
            for listener in &listeners {
                assert_eq!(
                    lines_with(&ran, listener),
                    match options {
                        // Both ends of each connection have the address, too.
                        "-l" => 1,
                        _ if *listener == listeners[0] => 1,
                        _ => 5,
                    },
                    "{options}: {listener}: {ran:?}"
                );
            }
        }
        let plan = run_script("$PROGRAM -v -N all 2>&1 >/dev/null");
        let all = plan
            .stdout
            .lines()
            .find(|line| line.contains("plan: "))
            .unwrap();
        assert_eq!(all.matches("blue").count(), 1, "{plan:?}");
        assert!(
            all.contains("red: list the selected sockets in one dump"),
            "{plan:?}"
        );
        assert!(
            all.contains("/sleep: list nothing: the kernel's counters show no such socket"),
            "{plan:?}"
        );
        assert!(
            plan.stdout
                .contains("more network namespaces may exist: /proc shows one pid namespace"),
            "{plan:?}"
        );
        let explained = run_script("$PROGRAM --explain -N all");
        assert_eq!(lines_with(&explained, "blue"), 1, "{explained:?}");
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn without_privilege_namespaces_with_processes_are_read_and_the_others_named() {
        make_directory();
        let blue = Named::with_connections("blue", 2);
        let red = Named::with_connections("red", 0);
        let listener = blue.open.listener.local_addr().unwrap().to_string();
        let unprivileged = "setpriv --bounding-set=-sys_admin,-sys_ptrace --inh-caps=-all $PROGRAM";
        let ran = run_script(&format!("{unprivileged} list -H -N all"));
        assert_eq!(ran.status, 3, "{ran:?}");
        assert_eq!(lines_with(&ran, &listener), 5, "{ran:?}");
        let unseen = ran
            .stderr
            .lines()
            .find(|line| line.contains(" may be missing "))
            .unwrap();
        assert!(
            unseen.contains("red") && unseen.contains("CAP_SYS_ADMIN"),
            "{ran:?}"
        );
        assert_eq!(
            ran.stderr.matches("read PID/net of processes in ").count(),
            1,
            "{ran:?}"
        );
        // Entered by its mount, and the same as that of a process whose link cannot be read.
        let once = "setpriv --bounding-set=-sys_ptrace --inh-caps=-all $PROGRAM";
        let ran = run_script(&format!("{once} list -H -N all"));
        assert_eq!(lines_with(&ran, &listener), 5, "{ran:?}");
        // What only netlink reports is not half reported.
        let rtt = run_script(&format!("{unprivileged} list -H -N all --columns rtt"));
        assert_eq!(lines_with(&rtt, &listener), 0, "{rtt:?}");
        assert!(
            rtt.stderr.contains("has no `rtt`; only netlink does"),
            "{rtt:?}"
        );
        drop(red);
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_name_that_is_printed_selects_its_namespace() {
        make_directory();
        let blue = Named::with_connections("blue", 2);
        let script = "names=$($PROGRAM --explain -N all | awk '$1 == \"netns\" { print $2 }')
            for name in $names; do
                $PROGRAM -N $name --json | sed \"s|^|$name |\"
            done";
        let ran = run_script(script);
        assert!(ran.stdout.contains("blue {"), "{ran:?}");
        assert!(ran.stdout.contains("/sleep {"), "{ran:?}");
        for line in ran.stdout.lines() {
            assert!(line.contains(" {\"version\":1"), "{line}: {ran:?}");
            let is_blue = line.starts_with("blue ");
            assert_eq!(line.contains("\"total\":5,"), is_blue, "{line}");
        }
        drop(blue);
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_namespace_that_only_process_1_has_mounted_is_entered_through_its_root_directory() {
        make_directory();
        let red = Named::with_connections("red", 2);
        let listener = red.open.listener.local_addr().unwrap().to_string();
        let script = "mount -t proc proc /proc || exit 99
            unshare --mount sh -c 'umount /run/netns/red && mount -t tmpfs none /run/netns
                $PROGRAM list -H -N all; $PROGRAM list -H -N red'";
        let ran = run_in_pid_namespace(script, Stdio::null(), |_| {});
        assert_eq!(lines_with(&ran, &listener), 10, "{ran:?}");
        assert!(lines_with(&ran, "red") >= 5, "{ran:?}");
    }
);
