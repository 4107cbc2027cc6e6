//! Proc file systems that hide processes, read by somebody they are hidden from; other pid
//! namespaces; copied trees.
//!
//! Every mount is made in a mount namespace of its own, and shows a pid namespace of its own: the
//! machine's proc file system stays as it is.

use std::fs;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use super::holder::{Holder, listener, wait_for};
use crate::answer::Owners;
use crate::list::row::Listed;
use crate::namespace::in_namespace;
use crate::program::{PROGRAM, Ran, ran, run};
use crate::skip::{skip, skip_or_fail};

/// Runs the program in pid and mount namespaces of its own, whose process 1 is a shell that holds
/// `socket` as its standard input, with a proc file system mounted by `options`; as another user
/// where there is one, else as one without privileges.
fn run_hidden(options: &str, socket: impl AsFd, arguments: &str) -> Ran {
    let script = format!(
        "mount -t proc -o {options} proc /proc || exit 99
        exec 9<\"$PROGRAM\"
        if setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null
        then as='--reuid=65534 --regid=65534 --clear-groups'
        else as='--bounding-set=-all --inh-caps=-all'
        fi
        setpriv $as /proc/self/fd/9 {arguments} </dev/null
        exit $?"
    );
    let output = Command::new("unshare")
        .args(["--pid", "--fork", "--mount", "sh", "-c", &script])
        .env("PROGRAM", PROGRAM)
        .stdin(Stdio::from(socket.as_fd().try_clone_to_owned().unwrap()))
        .output()
        .unwrap_or_else(|error| skip_or_fail("unshare", &error));
    let told = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(99) {
        skip(format!("cannot mount a proc file system here: {told}"));
    }
    ran(output)
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
            let told = ran.stderr.contains("may not be looked into");
            assert_eq!(told, !is_hidden, "{options} {ran:?}");
        }
    }
);

in_namespace!(
    fn an_owner_in_an_outer_pid_namespace_is_reported_as_hidden() {
        let listener = listener();
        let script = "mount -t proc proc /proc || exit 99
            exec \"$PROGRAM\" list -p --json </dev/null";
        let output = Command::new("unshare")
            .args(["--pid", "--fork", "--mount", "sh", "-c", script])
            .env("PROGRAM", PROGRAM)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| skip_or_fail("unshare", &error));
        if output.status.code() == Some(99) {
            skip("cannot mount a proc file system here");
        }
        let inside = ran(output);
        let (_, summary) = Listed::all(&inside);
        assert_eq!(summary.owners.unwrap().hidden, 1, "{inside:?}");
        assert!(
            inside.stderr.contains("another pid namespace"),
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
        // Process 1 there is the shell, and it alone holds the socket.
        let script = "mount -t proc proc \"$HOST\" || exit 99
            \"$PROGRAM\" list -p --json --proc-root \"$HOST\" </dev/null
            exit $?";
        let output = Command::new("unshare")
            .args(["--pid", "--fork", "--mount", "sh", "-c", script])
            .env("HOST", host.path())
            .env("PROGRAM", PROGRAM)
            .stdin(Stdio::from(listener))
            .output()
            .unwrap_or_else(|error| skip_or_fail("unshare", &error));
        if output.status.code() == Some(99) {
            skip("cannot mount a proc file system here");
        }
        let inside = ran(output);
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
        let table = wait_for("the table", || {
            fs::read_to_string("/proc/thread-self/net/tcp").ok()
        });
        fs::write(copy.path().join("net/tcp"), table).unwrap();
        let root = copy.path().to_str().unwrap();
        for options in [["list", "-p"], ["--by", "process"]] {
            let ran = run([options[0], options[1], "--proc-root", root]);
            assert_eq!(ran.status, 0, "{ran:?}");
            let told = "no holder was found of 1 socket: ";
            assert_eq!(ran.stderr.matches(told).count(), 1, "{ran:?}");
            assert!(ran.stderr.contains(" shows no processes\n"), "{ran:?}");
        }
    }
);
