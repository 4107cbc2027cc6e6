//! The program's counts of known sockets, from both sources and in all formats, and compared with
//! the shell one-liners it replaces.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::answer::Answer;
use crate::child::{Start, command, run_tool};
use crate::namespace::in_namespace;
use crate::program::{PROGRAM, run};
use crate::skip::skip_or_fail;
use crate::trace::has_bpf;
use crate::zoo::special::{ExtraSockets, fast_open, incoming, listeners, mapped, mptcp, orphans};
use crate::zoo::sysctl::disable_ipv6;
use crate::zoo::{Family, Peer, SocketCounts, State, Zoo};

/// Asserts the counts from every source, of both families together and of each.
#[track_caller]
fn assert_counted(sockets: &SocketCounts) {
    let bpf = has_bpf().then_some("bpf");
    for source in ["netlink", "proc"].into_iter().chain(bpf) {
        for (option, family) in [("-4", Some(Family::V4)), ("-6", Some(Family::V6))] {
            let expected = family.map_or(sockets.clone(), |family| sockets.clone().only(family));
            let ran = run(["--json", "--source", source, option]).succeeded();
            Answer::of(&ran).assert_holds(source, &expected);
        }
        let ran = run(["--json", "--source", source]).succeeded();
        Answer::of(&ran).assert_holds(source, sockets);
    }
}

in_namespace!(
    fn sockets_in_every_state_are_counted_exactly_from_every_source() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        assert_counted(zoo.expected());
    }
);

in_namespace!(
    fn the_table_lists_states_in_lifecycle_order_and_the_total() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        let sockets = zoo.expected();
        let mut expected: Vec<(String, usize)> = State::ALL
            .iter()
            .map(|state| (state.name().to_owned(), sockets.by_state()[state.name()]))
            .collect();
        expected.push(("TOTAL".to_owned(), sockets.total()));
        assert_eq!(run(["--zeros"]).succeeded().table(), expected);
        expected.retain(|(_, count)| *count > 0);
        for source in ["auto", "netlink", "proc"] {
            let table = run(["--source", source]).succeeded().table();
            assert_eq!(table, expected, "{source}");
        }
    }
);

in_namespace!(
    fn csv_has_one_header_and_one_row_per_state_and_sample() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        let options = ["--format=csv", "--watch=0.05", "--samples=2"];
        let ran = run(options).succeeded();
        let mut lines = ran.stdout.lines().map(|line| line.trim_end_matches('\r'));
        assert_eq!(
            lines.next(),
            Some("time,source,complete,state,sockets,spread")
        );
        let expected: Vec<_> = State::ALL
            .iter()
            .map(|state| {
                let sockets = zoo.expected().by_state()[state.name()];
                format!("netlink,true,{},{sockets},0", state.name())
            })
            .collect();
        let rows: Vec<_> = lines.map(|line| line.split_once(',').unwrap().1).collect();
        assert_eq!(rows, [expected.clone(), expected].concat());
    }
);

in_namespace!(
    fn an_empty_namespace_counts_0() {
        assert_counted(&SocketCounts::none());
        assert_eq!(run([]).succeeded().table(), [("TOTAL".to_owned(), 0)]);
    }
);

in_namespace!(
    fn special_sockets_are_counted_exactly_from_every_source() {
        let peer = Peer::open();
        let extra: Vec<ExtraSockets> = vec![
            orphans::full_fin_wait2(&peer, Family::V4, 2),
            orphans::fin_wait2_minisockets(&peer, Family::V6, 3),
            fast_open::unaccepted(&peer, Family::V4, 4),
            fast_open::accepted(&peer, Family::V6, 5),
            incoming::half_open(&peer, Family::V4, 6),
            incoming::unaccepted(&peer, Family::V6, 7),
            incoming::unaccepted_close_wait(&peer, Family::V4, 8),
            mapped::connected(&peer, State::CloseWait, 9),
            mapped::accepted(&peer, 10),
            listeners::dual_stack(11),
            listeners::reuse_port(Family::V6, 12),
            listeners::bound_only(Family::V4, 13),
            mptcp::connections(Family::V4, 14),
        ];
        let expected = extra
            .iter()
            .fold(SocketCounts::none(), |sum, extra| sum + extra.added());
        assert_counted(&expected);
    }
);

in_namespace!(
    fn without_ipv6_the_ipv4_sockets_are_counted_completely() {
        disable_ipv6();
        let wanted = SocketCounts::none()
            .with(Family::V4, State::Established, 3)
            .with(Family::V4, State::TimeWait, 2);
        let zoo = Zoo::open(&wanted);
        assert_counted(zoo.expected());
    }
);

in_namespace!(
    fn ss_and_netstat_one_liners_count_the_same() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        let ours = run([]).succeeded();
        let ss = one_liner(
            "ss",
            "ss -tanH | awk '{s[$1]++} END{for (i in s) print i, s[i]}'",
        );
        let netstat = one_liner(
            "netstat",
            "netstat -tan | grep ^tcp | awk '{s[$6]++} END{for (i in s) print i, s[i]}'",
        );
        for (name, count) in ours.table() {
            if name == "TOTAL" {
                assert_eq!(count, zoo.expected().total());
                continue;
            }
            let in_ss = match name.as_str() {
                "ESTABLISHED" => "ESTAB".to_owned(),
                "FIN_WAIT1" => "FIN-WAIT-1".to_owned(),
                "FIN_WAIT2" => "FIN-WAIT-2".to_owned(),
                name => name.replace('_', "-"),
            };
            assert_eq!(ss[&in_ss], count, "{name}");
            assert_eq!(netstat[&name], count, "{name}");
        }
        assert_eq!(ss.len(), 10);
        assert_eq!(netstat.len(), 10);
    }
);

/// The counts of a shell one-liner that uses `tool`, by the tool's own state names.
fn one_liner(tool: &str, line: &str) -> BTreeMap<String, usize> {
    if let Err(error) = command(tool).arg("--version").run_to_end() {
        skip_or_fail(tool, &error);
    }
    run_tool("sh", ["-c", line])
        .lines()
        .map(|line| {
            let (name, count) = line.split_once(' ').unwrap();
            (name.to_owned(), count.parse().unwrap())
        })
        .collect()
}

in_namespace!(
    fn an_ordinary_user_gets_the_same_counts() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        // A copy, because other users may not have access to the program's path.
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let copy = folder.path().join("tcpstates");
        std::fs::copy(PROGRAM, &copy).unwrap();
        for path in [folder.path(), &copy] {
            rustix::fs::chmod(path, rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        }
        for source in ["netlink", "proc"] {
            let output = unprivileged(&copy)
                .args(["--json", "--source", source])
                .run_to_end()
                .unwrap_or_else(|error| skip_or_fail("setpriv", &error));
            let ran = crate::program::ran(output).succeeded();
            Answer::of(&ran).assert_holds(source, zoo.expected());
        }
    }
);

/// A program without privileges: as another user, or in a user namespace with a single user as that
/// user without capabilities.
fn unprivileged(program: &Path) -> Command {
    let users = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    let has_one = users.split_whitespace().nth(2) == Some("1");
    let mut command = command("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all"]);
    if !has_one {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    command.arg(program).current_dir("/");
    command
}
