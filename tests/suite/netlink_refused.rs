//! Refused netlink: the source used instead, and the notes and errors about it.
//!
//! A seccomp filter in the child refuses it, as container profiles, gVisor, WSL 1 and systemd's
//! RestrictAddressFamilies= do, each with an errno of its own.

use rustix::io::Errno;
use rustix::thread::UnshareFlags;

use crate::answer::Answer;
use crate::mounts::cover_proc;
use crate::namespace::in_namespace;
use crate::program::{Ran, command, run_command};
use crate::seccomp::{Denied, deny};
use crate::zoo::special::listeners;
use crate::zoo::{Family, SocketCounts, Zoo};

const REFUSALS: [Errno; 5] = [
    Errno::PERM,
    Errno::ACCESS,
    Errno::PROTONOSUPPORT,
    Errno::AFNOSUPPORT,
    Errno::NOSYS,
];

/// Runs the program under a filter that fails the denied call with `errno`.
fn run_without(denied: Denied, errno: Errno, arguments: &[&str]) -> Ran {
    let mut command = command(arguments);
    deny(&mut command, denied, errno);
    run_command(&mut command)
}

in_namespace!(
    fn refused_netlink_falls_back_to_exact_counts_with_one_note() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        for errno in REFUSALS {
            for denied in [Denied::NetlinkSocket, Denied::SendTo] {
                let ran = run_without(denied, errno, &["--json"]);
                assert_eq!(ran.status, 0, "{ran:?}");
                Answer::of(&ran).assert_holds("proc", zoo.expected());
                assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
                let start =
                    "tcpstates: note: /proc/thread-self/net answered, because netlink did not: ";
                assert!(ran.stderr.starts_with(start), "{ran:?}");
                let cause = std::io::Error::from(errno).to_string();
                assert!(ran.stderr.contains(&cause), "{ran:?}");
            }
        }
    }
);

#[test]
fn the_fallback_note_is_printed_once_and_quiet_omits_it() {
    let arguments = ["--watch=0.05", "--samples=3", "--json"];
    let noted = run_without(Denied::NetlinkSocket, Errno::PERM, &arguments);
    assert_eq!(
        (noted.status, noted.stderr.lines().count()),
        (0, 1),
        "{noted:?}"
    );
    assert_eq!(Answer::all(&noted).len(), 3);
    let quiet = run_without(Denied::NetlinkSocket, Errno::PERM, &["-q", "--json"]);
    assert_eq!((quiet.status, quiet.stderr.as_str()), (0, ""));
}

#[test]
fn requested_but_refused_netlink_names_the_remedy() {
    for (errno, remedy) in [
        (Errno::PERM, "allow NETLINK_SOCK_DIAG"),
        (Errno::ACCESS, "allow NETLINK_SOCK_DIAG"),
        (
            Errno::AFNOSUPPORT,
            "add AF_NETLINK to RestrictAddressFamilies=",
        ),
        (Errno::PROTONOSUPPORT, "no NETLINK_SOCK_DIAG"),
    ] {
        let ran = run_without(Denied::NetlinkSocket, errno, &["--source", "netlink"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        assert!(ran.stderr.contains(remedy), "{ran:?}");
        assert!(ran.stderr.contains("--source auto"), "{ran:?}");
    }
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn without_netlink_and_proc_both_causes_are_named() {
        cover_proc();
        let ran = run_without(Denied::NetlinkSocket, Errno::ACCESS, &[]);
        assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        assert!(ran.stderr.contains("NETLINK_SOCK_DIAG"), "{ran:?}");
        let second = "/proc did not answer either: cannot read /proc/thread-self/net/tcp: ";
        assert!(ran.stderr.contains(second), "{ran:?}");
    }
);

#[test]
fn resource_shortages_do_not_cause_a_fallback() {
    for errno in [Errno::MFILE, Errno::NOBUFS, Errno::INVAL] {
        let ran = run_without(Denied::NetlinkSocket, errno, &[]);
        assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
    }
}

in_namespace!(
    fn bound_sockets_without_netlink_are_an_error() {
        let _extra = listeners::bound_only(Family::V4, 3);
        let arguments = ["--state", "bound"];
        let ran = run_without(Denied::NetlinkSocket, Errno::PERM, &arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
        assert!(
            ran.stderr.contains("does not list bound sockets"),
            "{ran:?}"
        );
        assert!(ran.stderr.contains("Operation not permitted"), "{ran:?}");
    }
);

#[test]
fn a_receive_that_fails_before_the_first_socket_is_an_error() {
    let ran = run_without(Denied::RecvFrom, Errno::NOMEM, &[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert!(ran.stderr.contains("recvfrom"), "{ran:?}");
}
