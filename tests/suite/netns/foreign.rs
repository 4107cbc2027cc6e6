//! `--proc-root DIR` with `--netns`: the namespaces of a host's processes, from a container.

use std::process::Stdio;

use rustix::thread::UnshareFlags;

use super::{Named, make_directory};
use crate::answer::Answer;
use crate::mounts::run_in_pid_namespace;
use crate::namespace::in_namespace;
use crate::program::{Ran, run};

/// A host with its proc file system at $HOST and a process in blue, $1 in the container, which runs a
/// script in namespaces of its own.
fn in_container(script: &str) -> Ran {
    let host = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t proc proc $HOST && mount -t proc proc /proc || exit 99
        nsenter --net=/run/netns/blue sleep 600 &
        until grep -qs sleep /proc/$!/comm; do sleep 0.01; done
        unshare --net --pid --fork --mount sh -c 'mount -t proc proc /proc || exit 99
            {script}' sh $!"
    );
    run_in_pid_namespace(&script, Stdio::null(), |command| {
        command.env("HOST", host.path());
    })
}

/// Without any capability.
const UNPRIVILEGED: &str = "setpriv --bounding-set=-all --inh-caps=-all $PROGRAM --proc-root $HOST";

in_namespace!(
    UnshareFlags::NEWNS,
    fn the_namespaces_of_a_hosts_processes_are_counted_from_a_container() {
        make_directory();
        let blue = Named::with_connections("blue", 2);
        let own = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let privileged = "$PROGRAM --proc-root $HOST";
        for (program, source) in [(privileged, "netlink"), (UNPRIVILEGED, "proc")] {
            let ran = in_container(&format!(
                "{program} --json --by netns; {program} --json -N $1; {program} --json -N host"
            ));
            let answers = Answer::all(&ran);
            let [grouped, one, host] = &answers[..] else {
                panic!("{ran:?}");
            };
            assert_eq!((one.total, &*one.source), (5, source), "{ran:?}");
            assert_eq!((host.total, &*host.source), (1, source), "{ran:?}");
            let is_blue = |total: usize| total == 5;
            let group = grouped.groups.iter().find(|group| is_blue(group.total));
            let known = group.and_then(|group| group.namespace.as_ref()).unwrap();
            assert_eq!(
                (&*known.source, known.processes),
                (source, Some(1)),
                "{ran:?}"
            );
            if source == "netlink" {
                assert_eq!(known.inode, Some(blue.neighbour.inode), "{ran:?}");
                assert_eq!(group.unwrap().key["netns"], "blue", "{ran:?}");
            }
        }
        drop(own);
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn what_is_printed_about_a_foreign_namespace_selects_it_again() {
        make_directory();
        let blue = Named::with_connections("blue", 1);
        let ran = in_container(
            "$PROGRAM list -H -p -N blue --proc-root $HOST
            $PROGRAM -N all --explain --proc-root $HOST
            $PROGRAM check --proc-root $HOST -N blue -w total=1",
        );
        let listener = blue.open.listener.local_addr().unwrap().to_string();
        assert_eq!(ran.stdout.matches(&listener).count(), 3, "{ran:?}");
        assert!(ran.stdout.contains("netns     blue\n"), "{ran:?}");
        assert!(ran.stdout.contains("WARNING - total 3"), "{ran:?}");
        let elsewhere = in_container("$PROGRAM list -N $1 --proc-root /proc");
        assert_eq!(elsewhere.status, 2, "{elsewhere:?}");
        assert!(
            elsewhere.stderr.contains("there is no process"),
            "{elsewhere:?}"
        );
    }
);

in_namespace!(
    fn a_copy_and_the_directory_of_a_process_have_no_other_namespaces() {
        let copy = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(copy.path().join("1/net")).unwrap();
        std::fs::write(copy.path().join("1/net/tcp"), "  sl  local_address\n").unwrap();
        for root in [copy.path().to_str().unwrap(), "/proc/self"] {
            for words in [["-N", "all"], ["--by", "netns"], ["-N", "1"]] {
                let ran = run([&["--proc-root", root][..], &words].concat());
                assert_eq!(ran.status, 2, "{ran:?}");
                let why = "--netns needs the processes of a mounted proc file system: ";
                assert!(ran.stderr.contains(why), "{ran:?}");
            }
        }
        let walked = run(["--proc-root", "/proc", "-N", "all", "--source", "bpf"]);
        assert_eq!(walked.status, 2, "{walked:?}");
    }
);
