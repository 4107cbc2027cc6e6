//! `--columns`, `--sort`, `--limit`, repeated samples, and columns that a source does not have.

use std::path::Path;

use rustix::io::Errno;

use super::row::Listed;
use crate::namespace::in_namespace;
use crate::program::{command, run, run_command};
use crate::seccomp::{Denied, deny};
use crate::zoo::{Family, SocketCounts, State, Zoo};

/// Every column of /proc, and of netlink.
const IN_PROC: &str = "family,uid,user,timer,retransmits,inode";
const ALL: &str = "family,interface,uid,user,cgroup,drops,timer,retransmits,inode,cookie,mark";

in_namespace!(
    fn every_column_has_a_value_or_null_according_to_the_state() {
        let _zoo = Zoo::open(&SocketCounts::all_different());
        let netlink = run(["list", "--json", "--columns", ALL]).succeeded();
        let (sockets, _) = Listed::all(&netlink);
        let me = rustix::process::geteuid().as_raw();
        for socket in &sockets {
            let is_held = socket.inode.is_some();
            assert_eq!(
                (socket.uid.is_some(), socket.user.is_some()),
                (is_held, is_held)
            );
            assert!(socket.uid.is_none_or(|uid| uid == me), "{socket:?}");
            assert!(socket.cookie.is_some(), "{socket:?}");
            assert_eq!(socket.interface, None);
            let is_full = !matches!(&*socket.state, "TIME_WAIT" | "SYN_RECV");
            assert_eq!(socket.drops, is_full.then_some(0), "{socket:?}");
            match &*socket.state {
                "LISTEN" | "ESTABLISHED" => {
                    assert!(is_held && socket.mark == Some(0), "{socket:?}");
                    assert_is_own_cgroup(socket.cgroup.as_deref().unwrap());
                }
                "TIME_WAIT" => {
                    assert!(!is_held && socket.cgroup.is_none());
                    assert_eq!(socket.timer.as_deref(), Some("timewait"));
                    assert!((1..=60_000).contains(&socket.timer_remaining_ms.unwrap()));
                }
                "SYN_SENT" => assert_eq!(socket.timer.as_deref(), Some("on")),
                _ => assert!(socket.retransmits.is_some()),
            }
        }
        let proc = run(["list", "--json", "--source=proc", "--columns", IN_PROC]).succeeded();
        let key = |s: &Listed| (s.row(), s.uid, s.user.clone(), s.inode, s.timer.clone());
        let mut both = [sockets, Listed::all(&proc).0]
            .map(|sockets| sockets.iter().map(key).collect::<Vec<_>>());
        both.iter_mut().for_each(|keys| {
            keys.iter_mut()
                .filter(|key| key.0[0] == "LISTEN")
                .for_each(|key| key.0[2].clear());
            keys.sort();
        });
        assert_eq!(both[0], both[1]);
    }
);

/// Asserts that it is the control group of this process, where cgroup2 is mounted.
#[track_caller]
fn assert_is_own_cgroup(path: &str) {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = own.lines().find_map(|line| line.strip_prefix("0::"));
    let is_mounted = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    match own {
        // `/..` starts a path outside the mounted part of the tree.
        Some(own) if is_mounted && !own.starts_with("/..") => assert_eq!(path, own),
        _ => assert!(path.starts_with('/') || path.starts_with("id:"), "{path}"),
    }
}

in_namespace!(
    fn table_and_csv_columns_keep_the_requested_order() {
        let wanted = SocketCounts::none().with(Family::V4, State::TimeWait, 1);
        let _zoo = Zoo::open(&wanted);
        let columns = ["--columns=inode,timer", "--columns=user,inode"];
        let table = run(["list", columns[0], columns[1]]).succeeded().stdout;
        let lines: Vec<Vec<_>> = table
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        assert_eq!(lines[0][6..], ["INODE", "TIMER", "USER"]);
        assert_eq!((lines[1][6], lines[1][8]), ("-", "-"));
        assert!(lines[1][7].starts_with("timewait:5"), "{table}");
        let csv = run(["list", "--format=csv", columns[0], columns[1]]).succeeded();
        let (header, row) = csv.stdout.split_once('\n').unwrap();
        assert!(
            header.ends_with(",inode,timer,timer_remaining_ms,user"),
            "{header}"
        );
        assert!(
            row.contains(",,timewait,5") && row.trim_end().ends_with(','),
            "{row}"
        );
    }
);

in_namespace!(
    fn a_limited_sort_equals_the_start_of_a_full_sort() {
        let _zoo = Zoo::open(&SocketCounts::all_different());
        let ports = |arguments: &[&str]| {
            let ran = run([&["list", "--json"], arguments].concat()).succeeded();
            let sockets = Listed::all(&ran).0;
            sockets
                .iter()
                .map(|s| (s.local_port, s.remote_port))
                .collect::<Vec<_>>()
        };
        let mut sorted = ports(&[]);
        sorted.sort();
        assert_eq!(ports(&["--sort", "sport,dport"]), sorted);
        for limit in [1, 20, 10_000] {
            let options = ["--sort=local-port", "--sort=remote-port:asc"];
            let ours = ports(&[options[0], options[1], "--limit", &limit.to_string()]);
            assert_eq!(ours, sorted[..limit.min(sorted.len())]);
        }
        sorted.reverse();
        assert_eq!(ports(&["--sort=local-port:desc,dport:desc"]), sorted);
        assert_eq!(ports(&["--limit", "5"]).len(), 5);
    }
);

in_namespace!(
    fn repeated_samples_have_their_times_and_one_csv_header() {
        let wanted = SocketCounts::none().with(Family::V4, State::Listen, 2);
        let _zoo = Zoo::open(&wanted);
        let twice = |format| run(["list", "--watch=0.05", "--samples=2", "--format", format]);
        let json = twice("json").succeeded().stdout;
        let kinds: Vec<_> = json
            .lines()
            .map(|line| line.contains("\"summary\""))
            .collect();
        assert_eq!(kinds, [false, false, true, false, false, true]);
        let table = twice("table").succeeded().stdout;
        let first: Vec<_> = table
            .lines()
            .map(|line| line.split(' ').next().unwrap())
            .collect();
        assert!(
            first[0].ends_with('Z') && first[5].ends_with('Z'),
            "{table}"
        );
        assert_eq!(first[1..5], ["STATE", "LISTEN", "LISTEN", ""]);
        let csv = twice("csv").succeeded().stdout;
        assert_eq!(
            csv.lines().filter(|line| line.starts_with("time,")).count(),
            1
        );
        assert_eq!(csv.lines().count(), 5);
    }
);

#[test]
fn a_column_missing_from_proc_is_an_error() {
    for field in ["interface", "cgroup", "cookie", "mark"] {
        let ran = run(["list", "--source=proc", "--columns", field]);
        assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
        let end = format!("has no `{field}`; only netlink does\n");
        assert!(ran.stderr.ends_with(&end), "{ran:?}");
    }
    let ran = run(["list", "--source=proc", "--sort=accept-limit"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
}

#[test]
fn with_netlink_refused_a_missing_column_names_both_causes() {
    let mut refused = command(["list", "--columns=cgroup"]);
    deny(&mut refused, Denied::NetlinkSocket, Errno::ACCESS);
    let ran = run_command(&mut refused);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    let causes = ["NETLINK_SOCK_DIAG", "has no `cgroup`"];
    assert!(
        causes.iter().all(|cause| ran.stderr.contains(cause)),
        "{ran:?}"
    );
}
