//! `--by`: groups compared with the sockets listed by ss, in every format and from both sources,
//! and their sums.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;

use crate::answer::Answer;
use crate::child::{Start, run_tool};
use crate::namespace::in_namespace;
use crate::program::{command, run};
use crate::wait::wait_for;
use crate::zoo::special::{incoming, listeners, mapped};
use crate::zoo::{Family, SocketCounts, State, Zoo};

/// A socket as `ss -Htane` lists it.
struct Row {
    state: String,
    local: (IpAddr, u16),
    /// `None` for a listener.
    remote: Option<(IpAddr, u16)>,
    has_owner: bool,
}

impl Row {
    /// The remote address and port as JSON spells them.
    fn peer(&self) -> (String, String) {
        let null = || "null".to_owned();
        self.remote.map_or_else(
            || (null(), null()),
            |(address, port)| (address.to_string(), port.to_string()),
        )
    }
}

/// Every socket listed by ss, with the program's names.
fn rows() -> Vec<Row> {
    run_tool("ss", ["-Htane"]).lines().map(row).collect()
}

fn row(line: &str) -> Row {
    let words: Vec<_> = line.split_whitespace().collect();
    Row {
        state: match words[0] {
            "ESTAB" => "ESTABLISHED".to_owned(),
            "FIN-WAIT-1" => "FIN_WAIT1".to_owned(),
            "FIN-WAIT-2" => "FIN_WAIT2".to_owned(),
            state => state.replace('-', "_"),
        },
        local: endpoint(words[3]),
        remote: Some(endpoint(words[4])).filter(|(_, port)| *port != 0),
        has_owner: !words.contains(&"ino:0"),
    }
}

/// In ss `*` is the unspecified address of both families, and port 0.
fn endpoint(text: &str) -> (IpAddr, u16) {
    let (address, port) = text.rsplit_once(':').unwrap();
    let address = match address.trim_matches(['[', ']']) {
        "*" => "::",
        address => address.split('%').next().unwrap(),
    };
    let address: IpAddr = address.parse().unwrap();
    (address.to_canonical(), port.parse().unwrap_or(0))
}

/// The number of sockets of each key, by ss.
fn groups_of(rows: &[Row], key: impl Fn(&Row) -> String) -> BTreeMap<String, usize> {
    let mut groups = BTreeMap::new();
    for row in rows {
        *groups.entry(key(row)).or_default() += 1;
    }
    groups
}

/// The number of sockets of each key, by the program; values other than text are in JSON syntax.
#[track_caller]
fn groups(answer: &Answer) -> BTreeMap<String, usize> {
    let sum: usize = answer.groups.iter().map(|group| group.total).sum();
    assert_eq!(sum, answer.total);
    let sizes: Vec<_> = answer.groups.iter().map(|group| group.total).collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    answer
        .groups
        .iter()
        .map(|group| {
            assert_eq!(group.total, group.states.values().sum::<usize>());
            let words: Vec<_> = group.key.values().map(word).collect();
            (words.join(" "), group.total)
        })
        .collect()
}

fn word(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A zoo and some special sockets.
fn open_sockets() -> (Zoo, Vec<crate::zoo::special::ExtraSockets>) {
    let zoo = Zoo::open(&SocketCounts::all_different());
    let extra = vec![
        mapped::connected(zoo.peer(), State::Established, 5),
        mapped::accepted(zoo.peer(), 3),
        incoming::unaccepted(zoo.peer(), Family::V4, 4),
        listeners::dual_stack(3),
        listeners::reuse_port(Family::V4, 2),
    ];
    (zoo, extra)
}

in_namespace!(
    fn every_key_groups_the_sockets_listed_by_ss() {
        let _sockets = open_sockets();
        let rows = rows();
        for source in ["netlink", "proc"] {
            for (key, of_row) in [
                ("state", (|row| row.state.clone()) as fn(&Row) -> String),
                ("local-addr", |row| row.local.0.to_string()),
                ("local-port", |row| row.local.1.to_string()),
                ("remote-addr", |row| row.peer().0),
                ("remote-port", |row| row.peer().1),
                ("remote-addr,state", |row| {
                    format!("{} {}", row.peer().0, row.state)
                }),
                ("sport,state", |row| {
                    format!("{} {}", row.local.1, row.state)
                }),
                ("remote-addr/0,/0", |row| match row.remote {
                    None => "null".to_owned(),
                    Some((IpAddr::V4(_), _)) => "0.0.0.0/0".to_owned(),
                    Some((IpAddr::V6(_), _)) => "::/0".to_owned(),
                }),
            ] {
                let ran = run(["--json", "--by", key, "--source", source]).succeeded();
                let answer = Answer::of(&ran);
                assert_eq!(
                    groups(&answer),
                    groups_of(&rows, of_row),
                    "{key} from {source}"
                );
                assert_eq!(answer.source, source);
            }
        }
    }
);

in_namespace!(
    fn sockets_without_an_owner_are_not_counted_as_root() {
        let _sockets = open_sockets();
        let rows = rows();
        let uid = rustix::process::geteuid().as_raw().to_string();
        let held = |row: &Row| {
            if row.has_owner {
                uid.clone()
            } else {
                "null".to_owned()
            }
        };
        for source in ["netlink", "proc"] {
            let ran = run(["--json", "--by", "uid", "--source", source]).succeeded();
            assert_eq!(
                groups(&Answer::of(&ran)),
                groups_of(&rows, held),
                "{source}"
            );
        }
    }
);

in_namespace!(
    fn families_are_ipv4_ipv6_and_v4_mapped() {
        let (zoo, extra) = open_sockets();
        let mut all = zoo.expected().clone();
        for sockets in &extra {
            all += sockets.added();
        }
        let mapped = rows().iter().filter(|row| row.local.0.is_ipv4()).count();
        let ipv4 = all.clone().only(Family::V4).total();
        let expected = BTreeMap::from([
            ("ipv4".to_owned(), ipv4),
            ("v4-mapped".to_owned(), mapped - ipv4),
            ("ipv6".to_owned(), all.total() - mapped),
        ]);
        let ran = run(["--json", "--by", "family"]).succeeded();
        assert_eq!(groups(&Answer::of(&ran)), expected);
    }
);

in_namespace!(
    fn top_groups_and_the_rest_add_up_to_the_summary() {
        let _sockets = open_sockets();
        let summary = Answer::of(&run(["--json"]).succeeded());
        let all = Answer::of(&run(["--json", "--by", "remote-addr,sport"]).succeeded());
        assert_eq!((all.total, &all.states), (summary.total, &summary.states));
        assert!(all.other.is_none());
        for top in [1, 2, 7, all.groups.len() - 1, all.groups.len(), 10_000] {
            let top_n = top.to_string();
            let cut = run(["--json", "--by", "remote-addr,sport", "--top", &top_n]).succeeded();
            let cut = Answer::of(&cut);
            assert_eq!(cut.groups[..], all.groups[..top.min(all.groups.len())]);
            let shown: usize = cut.groups.iter().map(|group| group.total).sum();
            let others = cut.other.as_ref().map_or((0, 0), |o| (o.groups, o.total));
            assert_eq!(shown + others.1, summary.total);
            assert_eq!(cut.groups.len() + others.0, all.groups.len());
            assert_eq!(cut.states, summary.states);
        }
    }
);

in_namespace!(
    fn table_and_csv_show_the_same_groups_as_json() {
        let _sockets = open_sockets();
        let top_6 = |options: &[&'static str]| {
            run([&["--by", "remote-addr,state", "--top", "6"], options].concat()).succeeded()
        };
        let json = Answer::of(&top_6(&["--json"]));
        let table = top_6(&["--zeros"]).stdout;
        let csv = top_6(&["--format", "csv"]).stdout;
        let mut csv_rows = csv.lines().skip(1);
        let mut table_rows = table.lines().skip(1);
        for group in &json.groups {
            let [address, state] = ["remote_addr", "state"].map(|key| word(&group.key[key]));
            let in_csv = address.replace("null", "");
            let head = format!("netlink,true,group,{in_csv},{state},{},", group.total);
            let row = csv_rows.next().unwrap();
            assert!(row.contains(&head), "{row} {head}");
            let words: Vec<_> = table_rows.next().unwrap().split_whitespace().collect();
            let in_table = address.replace("null", "-");
            assert_eq!(words[..3], [&in_table, &state, &group.total.to_string()]);
            assert_eq!(words.len(), 3 + 11);
        }
        let other = json.other.unwrap();
        let row = csv_rows.next().unwrap();
        assert!(
            row.contains(&format!("netlink,true,other,,,{},", other.total)),
            "{row}"
        );
        let words: Vec<_> = table_rows.next().unwrap().split_whitespace().collect();
        assert_eq!(words[0], format!("OTHER({})", other.groups));
        assert_eq!(csv_rows.next(), None);
    }
);

in_namespace!(
    fn direction_is_in_at_listening_ports_and_out_elsewhere() {
        let web = TcpListener::bind("127.0.0.1:8080").unwrap();
        let both = TcpListener::bind("[::]:8081").unwrap();
        let connect = |address: &str| TcpStream::connect(address.parse::<SocketAddr>().unwrap());
        let _clients = [
            connect("127.0.0.1:8080").unwrap(),
            connect("127.0.0.1:8080").unwrap(),
            connect("127.0.0.1:8081").unwrap(),
            connect("[::1]:8081").unwrap(),
        ];
        let _accepted = [
            web.accept().unwrap(),
            web.accept().unwrap(),
            both.accept().unwrap(),
            both.accept().unwrap(),
        ];
        for source in ["netlink", "proc"] {
            let direction = run(["--json", "--by", "direction", "--source", source]).succeeded();
            let expected = [("in", 6), ("out", 4)].map(|(word, n)| (word.to_owned(), n));
            assert_eq!(groups(&Answer::of(&direction)), expected.into(), "{source}");
            let service = run(["--json", "--by", "service", "--source", source]).succeeded();
            let expected = [
                (":8080", 3),
                (":8081", 3),
                ("127.0.0.1:8080", 2),
                ("127.0.0.1:8081", 1),
                ("[::1]:8081", 1),
            ];
            let expected = expected.map(|(word, n)| (word.to_owned(), n));
            assert_eq!(groups(&Answer::of(&service)), expected.into(), "{source}");
        }
    }
);

in_namespace!(
    fn watched_groups_show_their_change_and_their_end() {
        let first = TcpListener::bind("127.0.0.1:8080").unwrap();
        let mut watch = command(["--json", "--by=sport", "--watch=0.05"]);
        let mut watch = watch.start().unwrap();
        let mut next = || serde_json::from_str::<Answer>(&watch.next_line().unwrap()).unwrap();
        let seen = |answer: &Answer| -> Vec<(String, usize, Option<i64>)> {
            let groups = answer.groups.iter();
            groups
                .map(|g| (word(&g.key["local_port"]), g.total, g.change))
                .collect()
        };
        assert_eq!(seen(&next()), [("8080".to_owned(), 1, None)]);
        let _second = TcpListener::bind("127.0.0.1:8081").unwrap();
        drop(first);
        let ended = ("8080".to_owned(), 0, Some(-1));
        wait_for("the end of a group", || {
            seen(&next()).contains(&ended).then_some(())
        });
        wait_for("the remaining group", || {
            (seen(&next()) == [("8081".to_owned(), 1, Some(0))]).then_some(())
        });
    }
);

#[test]
fn grouping_by_a_field_missing_from_proc_is_an_error() {
    for key in ["interface", "cgroup"] {
        let ran = run(["--by", key, "--source", "proc"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
        assert!(ran.stderr.contains(&format!("has no `{key}`")), "{ran:?}");
    }
}

#[test]
fn sockets_are_grouped_by_what_their_holders_belong_to() {
    let tree = tempfile::tempdir().unwrap();
    let id = "0123456789abcdef".repeat(4);
    let mut table =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
        uid  timeout inode\n"
            .to_owned();
    for (pid, cgroup) in [
        (7, format!("/system.slice/web.service/docker-{id}.scope")),
        (
            8,
            "/kubepods/pod0f9a3f0e-1c2b-4d5e-8f90-a1b2c3d4e5f6".to_owned(),
        ),
        (9, "/".to_owned()),
    ] {
        let home = tree.path().join(pid.to_string());
        fs::create_dir_all(home.join("fd")).unwrap();
        fs::write(home.join("comm"), "web\n").unwrap();
        fs::write(home.join("cgroup"), format!("0::{cgroup}\n")).unwrap();
        symlink(format!("socket:[{pid}]"), home.join("fd/3")).unwrap();
        table += &format!(
            "   {pid}: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     \
             0        0 {pid} 1 0000000000000000 100 0 0 10 0\n"
        );
    }
    fs::create_dir_all(tree.path().join("1/net")).unwrap();
    fs::write(tree.path().join("1/net/tcp"), table).unwrap();
    let root = tree.path().to_str().unwrap();
    let keys = "container,pod,unit";
    let ran = run(["--json", "--by", keys, "--proc-root", root]);
    let answer = Answer::of(&ran);
    let unit = format!("docker-{id}.scope");
    let groups: BTreeSet<String> = answer
        .groups
        .iter()
        .map(|group| serde_json::to_string(&group.key).unwrap())
        .collect();
    let expected = [
        format!(r#"{{"container":"0123456789ab","pod":null,"unit":"{unit}"}}"#),
        r#"{"container":null,"pod":"0f9a3f0e-1c2","unit":null}"#.to_owned(),
        r#"{"container":null,"pod":null,"unit":null}"#.to_owned(),
    ];
    assert_eq!(groups, BTreeSet::from(expected), "{ran:?}");
}
