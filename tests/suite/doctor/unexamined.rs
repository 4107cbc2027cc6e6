//! Sockets that exist and are not examined (MPTCP, other network namespaces, orphans elsewhere), and
//! what each rule lacks with /proc.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use super::report::Report;
use crate::mounts::{CANNOT_MOUNT, run_in_pid_namespace};
use crate::namespace::in_namespace;
use crate::program::{Ran, run};
use crate::syscall;
use crate::wait;
use crate::zoo::Family;
use crate::zoo::special::mptcp;

in_namespace!(
    fn with_mptcp_sockets_rules_that_need_their_states_are_not_examined() {
        let report = Report::after("0.1");
        assert_eq!(report.not_examined("close-wait"), None);
        assert_eq!(report.not_examined("stuck-peers"), None);
        let leaked = mptcp::connections(Family::V4, 12);
        let report = Report::after("0.1");
        assert!(report.findings.is_empty(), "{report:?}");
        assert_eq!(report.not_examined("close-wait"), None);
        for id in ["fin-wait-2", "stuck-peers"] {
            let reason = report.not_examined(id).unwrap();
            // Both ends of each, and the listener.
            let expected = "25 MPTCP sockets are not in the TCP table";
            assert!(reason.contains(expected), "{id}: {reason}");
        }
        let ran = run(["doctor", "--window=0.1"]);
        let first = ran.stdout.lines().next().unwrap();
        let sockets = "25 TCP sockets, 25 MPTCP sockets of this network namespace over ";
        assert!(first.contains(sockets), "{first}");
        assert!(!first.contains("stuck-peers"), "{first}");
        // Only netlink reports the sockets themselves.
        let ran = run(["doctor", "--json", "--window=0.1", "--source=proc"]);
        let report = Report::of(&ran);
        let reason = report.not_examined("close-wait").unwrap();
        let expected = "MPTCP sockets were not read: /proc/thread-self/net has no table";
        assert!(reason.contains(expected), "{reason}");
        assert_eq!(report.sockets("mptcp"), Some(0));
        drop(leaked);
    }
);

/// Runs `doctor` in pid and mount namespaces of its own, in a proc file system with two more processes:
/// one in a new network namespace, one in the network namespace of the standard input.
fn run_beside(network: File) -> Ran {
    let mount = format!("mount -t proc proc /proc || {CANNOT_MOUNT}");
    let doctor = "
        own=$(stat -c %i /proc/self/net/tcp)
        begin() {
            \"$@\" sleep 60 </dev/null >/dev/null 2>&1 &
            while [ \"$(stat -c %i /proc/$!/net/tcp)\" = \"$own\" ]; do sleep 0.01; done
        }
        exec 9<&0
        begin unshare --net
        begin nsenter --net=/proc/self/fd/9
        \"$PROGRAM\" doctor --window=0.1 </dev/null";
    run_in_pid_namespace(&(mount + doctor), Stdio::from(network), |_| {})
}

in_namespace!(
    fn other_network_namespaces_with_tcp_sockets_are_counted_and_empty_ones_are_not() {
        let from_another = || {
            let here = File::open("/proc/thread-self/ns/net").unwrap();
            let thread = std::thread::spawn(move || {
                syscall::enter_new_network().unwrap();
                run_beside(here)
            });
            wait::join("a run in another network namespace", thread)
        };
        let ran = from_another();
        assert!(!ran.stdout.contains("other network namespace"), "{ran:?}");
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ran = from_another();
        let line = "unexamined  1 other network namespace has TCP sockets\n";
        assert!(ran.stdout.contains(line), "{ran:?}");
    }
);

in_namespace!(
    fn without_netlink_each_rule_reports_what_it_lacks() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let pairs = (0..12).map(|_| {
            let client = TcpStream::connect(address).unwrap();
            (client, listener.accept().unwrap().0)
        });
        // The servers stay in CLOSE_WAIT.
        let _servers: Vec<TcpStream> = pairs.map(|(_, server)| server).collect();
        let words = ["doctor", "--json", "--window=0.1", "--source=proc"];
        let over_proc = || Report::of(&run(words));
        let report = Report::until_from(over_proc, |report| {
            !report.findings_of("close-wait").is_empty()
        });
        for (id, lacks) in [
            ("ephemeral-ports", "sockets that are only bound are unknown"),
            ("close-wait", "/proc does not report whether"),
            ("accept-queue", "/proc reports neither the limits"),
        ] {
            let reason = report.not_examined(id).unwrap();
            assert!(reason.contains(lacks), "{id}: {reason}");
        }
        let [finding] = &report.findings_of("close-wait")[..] else {
            panic!("{report:?}");
        };
        let doubt = "/proc does not report whether these connections still send";
        assert!(finding.evidence.iter().any(|one| one.starts_with(doubt)));
        for id in ["time-wait", "vanished-peers", "half-open", "no-answer"] {
            assert_eq!(report.not_examined(id), None);
            assert!(report.examined.contains(&id.to_owned()));
        }
    }
);
