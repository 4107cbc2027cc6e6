//! Owners that cannot be found: hidden by mount options of proc, in other pid namespaces, and not in
//! copied trees.
//!
//! Every mount is in a mount namespace of its own and shows a pid namespace of its own: the
//! machine's proc file system does not change. proc(5).

use std::fs;
use std::os::fd::AsFd;
use std::process::Stdio;

use super::holder::{Holder, listener};
use crate::answer::Owners;
use crate::list::row::Listed;
use crate::mounts::{CANNOT_MOUNT, run_in_pid_namespace};
use crate::namespace::in_namespace;
use crate::program::{Ran, run};

/// Runs the program in new pid and mount namespaces, whose process 1 is a shell that holds `socket`
/// as its standard input, with a proc file system mounted by `options`; as another user where there
/// is one, else without privileges.
fn run_hidden(options: &str, socket: impl AsFd, arguments: &str) -> Ran {
    let script = format!(
        "mount -t proc -o {options} proc /proc || {CANNOT_MOUNT}
        exec 9<\"$PROGRAM\"
        if setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null
        then as='--reuid=65534 --regid=65534 --clear-groups'
        else as='--bounding-set=-all --inh-caps=-all'
        fi
        setpriv $as /proc/self/fd/9 {arguments} </dev/null
        exit $?"
    );
    let input = Stdio::from(socket.as_fd().try_clone_to_owned().unwrap());
    run_in_pid_namespace(&script, input, |_| {})
}

in_namespace!(
    fn hidden_processes_are_distinguished_from_unreadable_ones() {
        let listener = listener();
        for (options, is_hidden, mentioned) in [
            ("hidepid=0", false, ""),
            ("hidepid=1", false, "hidepid=noaccess"),
            ("hidepid=2", true, "hidepid=invisible"),
            ("hidepid=ptraceable", true, "hidepid=ptraceable"),
            ("subset=pid", false, ""),
        ] {
            let ran = run_hidden(options, &listener, "list -p --json");
            let (sockets, summary) = Listed::all(&ran);
            assert_eq!(ran.status, 0, "{options} {ran:?}");
            assert_eq!(sockets[0].processes.as_deref(), Some(&[][..]));
            let (no_permission, hidden) = if is_hidden { (0, 1) } else { (1, 0) };
            let owners = Owners {
                no_permission,
                hidden,
                ..Owners::default()
            };
            assert_eq!(summary.owners, Some(owners), "{options} {ran:?}");
            assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
            assert!(ran.stderr.contains(mentioned), "{options} {ran:?}");
            let is_unreadable = ran.stderr.contains("no permission to read /proc/PID/fd");
            assert_eq!(is_unreadable, !is_hidden, "{options} {ran:?}");
            let serve = run_hidden(options, &listener, "serve --once --by process");
            let processes = "tcpstates_complete{part=\"processes\"} 0\n";
            assert_eq!(serve.status, 3, "{options} {serve:?}");
            assert!(serve.stdout.contains(processes), "{options} {serve:?}");
            assert!(
                serve.stderr.contains("owner unknown"),
                "{options} {serve:?}"
            );
            let doctor = run_hidden(options, &listener, "doctor --window=0.05");
            let unknown = "whether other network namespaces have TCP sockets is unknown";
            let is_unknown = doctor
                .stdout
                .replace("\n            ", " ")
                .contains(unknown);
            assert_eq!(is_unknown, !mentioned.is_empty(), "{doctor:?}");
        }
    }
);

in_namespace!(
    fn a_check_does_not_claim_that_a_hidden_process_does_not_exist() {
        let listener = listener();
        for (options, expected) in [
            (
                "hidepid=2",
                "UNKNOWN - no visible process called sh; the proc file system is mounted with \
                 hidepid=invisible, which may hide some: nothing was judged|",
            ),
            ("hidepid=1", "UNKNOWN - incomplete: the sockets of "),
        ] {
            let check = "check -w close-wait=10 'process = sh'";
            let ran = run_hidden(options, &listener, check);
            assert_eq!(ran.status, 3, "{options} {ran:?}");
            assert!(ran.stdout.contains(expected), "{options} {ran:?}");
        }
    }
);

in_namespace!(
    fn an_owner_in_an_outer_pid_namespace_is_reported_as_hidden() {
        let listener = listener();
        let script = format!(
            "mount -t proc proc /proc || {CANNOT_MOUNT}
            exec \"$PROGRAM\" list -p --json </dev/null"
        );
        let inside = run_in_pid_namespace(&script, Stdio::null(), |_| {});
        let (_, summary) = Listed::all(&inside);
        assert_eq!(summary.owners.unwrap().hidden, 1, "{inside:?}");
        assert!(
            inside
                .stderr
                .contains("not open in any process that was read"),
            "{inside:?}"
        );
        assert_eq!(inside.status, 0);
        drop(listener);
    }
);

in_namespace!(
    fn owners_are_searched_in_the_given_proc_root() {
        let listener = listener();
        let host = tempfile::tempdir().unwrap();
        // Process 1 there is the shell, the only owner of the socket.
        let script = format!(
            "mount -t proc proc \"$HOST\" || {CANNOT_MOUNT}
            \"$PROGRAM\" list -p --json --proc-root \"$HOST\" </dev/null
            exit $?"
        );
        let inside = run_in_pid_namespace(&script, Stdio::from(listener), |command| {
            command.env("HOST", host.path());
        });
        let (sockets, summary) = Listed::all(&inside);
        assert_eq!(summary.source, "proc");
        let [holder] = sockets[0].processes.as_deref().unwrap() else {
            panic!("{inside:?}");
        };
        assert_eq!(holder.pid, 1, "{inside:?}");
    }
);

in_namespace!(
    fn a_copied_tree_without_processes_is_noted_once() {
        let socket = listener();
        let _holder = Holder::of(&socket);
        let copy = tempfile::tempdir().unwrap();
        fs::create_dir(copy.path().join("net")).unwrap();
        let table = fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
        fs::write(copy.path().join("net/tcp"), table).unwrap();
        let root = copy.path().to_str().unwrap();
        for options in [["list", "-p"], ["--by", "process"]] {
            let ran = run([options[0], options[1], "--proc-root", root]);
            assert_eq!(ran.status, 0, "{ran:?}");
            let note = "owner unknown for 1 socket: ";
            assert_eq!(ran.stderr.matches(note).count(), 1, "{ran:?}");
            assert!(ran.stderr.contains(" shows no processes\n"), "{ran:?}");
        }
        let ran = run(["check", "-c=total=2", "--proc-root", root, "process = web"]);
        assert_eq!(ran.status, 3, "{ran:?}");
        let why = format!(
            " - no visible process called web; {root} shows no processes: nothing was judged|"
        );
        assert!(ran.stdout.contains(&why), "{ran:?}");
    }
);
